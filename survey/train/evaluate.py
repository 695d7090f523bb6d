"""Object-level evaluation on pictures of sites that training never saw: recall against false alarms per hectare."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.special import expit, logit

from survey.detect.detector import Detector
from survey.errors import TrainingError
from survey.matching import match
from survey.train.sources import Picture

MATCH_M = 0.3
"""A sighting finds an item when their centres are this close (or half the item's size, if that is more)."""
RATES = (1.0, 10.0, 100.0, 1000.0)
"""False alarms per hectare at which recall is reported."""


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """All sightings of a set of pictures, and how much there was to find."""

    logit: NDArray[np.float64]
    true: NDArray[np.bool_]
    """Sighting n is the best one of an item."""
    error_m: NDArray[np.float64]
    """Distance to the item's centre; NaN for false alarms."""
    site: NDArray[np.str_]
    items: int
    area_ha: dict[str, float]
    """Hectares looked at, by site; ground seen in several frames counts each time."""


def score_pictures(detector: Detector, pictures: Sequence[Picture]) -> Scores:
    """Run the detector over pictures and match what it sees to what is there.

    The detector should have a low score threshold. Each item is found by at most one sighting, the
    best within reach; further sightings of it are false alarms.
    """
    logits, true, errors, sites = [], [], [], []
    items, area = 0, dict.fromkeys((p.site for p in pictures), 0.0)
    for picture in pictures:
        found = detector.detect(picture.rgb, gsd_m=picture.gsd_m)
        order = np.argsort(-found.score, kind="stable")
        items_px = np.column_stack([picture.items.row, picture.items.col])
        reach = np.maximum(MATCH_M, picture.items.size_px * picture.gsd_m / 2)
        places_px = np.column_stack([found.row, found.col])[order]
        item, distance = match(places_px * picture.gsd_m, items_px * picture.gsd_m, reach=reach)
        logits.append(logit(np.clip(found.score[order].astype(np.float64), 1e-7, 1 - 1e-7)))
        true.append(item >= 0)
        errors.append(distance)
        sites.extend([picture.site] * len(found))
        items += len(picture.items.row)
        area[picture.site] += picture.rgb.shape[0] * picture.rgb.shape[1] * picture.gsd_m**2 / 1e4
    return Scores(np.concatenate(logits), np.concatenate(true), np.concatenate(errors), np.array(sites), items, area)


@dataclass(frozen=True, slots=True)
class Rate:
    """An estimate with its 95 % interval and what it was counted from."""

    value: float
    low: float
    high: float
    count: int
    of: float


def recall_rate(found: int, items: int) -> Rate:
    """Return a share with its Clopper-Pearson interval."""
    low = float(stats.beta.ppf(0.025, found, items - found + 1)) if found else 0.0
    high = float(stats.beta.ppf(0.975, found + 1, items - found)) if found < items else 1.0
    return Rate(found / items if items else float("nan"), low, high, found, items)


def alarm_rate(alarms: int, area_ha: float) -> Rate:
    """Return false alarms per hectare with the exact Poisson interval."""
    low = float(stats.chi2.ppf(0.025, 2 * alarms) / 2) if alarms else 0.0
    high = float(stats.chi2.ppf(0.975, 2 * alarms + 2) / 2)
    return Rate(alarms / area_ha, low / area_ha, high / area_ha, alarms, area_ha)


def average_precision(scores: Scores) -> float:
    """Return the area under precision over recall by centre distance (every point, no interpolation)."""
    if not scores.items:
        return float("nan")
    order = np.argsort(-scores.logit, kind="stable")
    hits = np.cumsum(scores.true[order])
    precision = hits / np.arange(1, len(hits) + 1)
    return float((precision * scores.true[order]).sum() / scores.items)


def recall_at(scores: Scores, alarms_per_ha: float) -> tuple[float, float]:
    """Return (recall, score threshold) at the lowest threshold with at most this many false alarms per hectare."""
    order = np.argsort(-scores.logit, kind="stable")
    alarms = np.cumsum(~scores.true[order]) / sum(scores.area_ha.values())
    within = np.flatnonzero(alarms <= alarms_per_ha)
    if not len(within):
        return 0.0, 1.0
    last = within[-1]
    return float(scores.true[order][: last + 1].sum() / scores.items), float(expit(scores.logit[order][last]))


@dataclass(frozen=True, slots=True)
class Fit:
    """probability = sigmoid(scale * logit + offset)."""

    scale: float
    offset: float
    prevalence: float


def fit_calibration(scores: Scores, *, least_score: float) -> Fit:
    """Fit a logistic curve (Platt 1999) to the sightings above the operating threshold.

    Where all sightings are true, or all are false, or higher scores are true less often, the score
    tells nothing: the share of true ones, with one more of either kind (Laplace), is then the
    probability of every sighting.
    """
    above = scores.logit >= logit(least_score)
    x, y = scores.logit[above], scores.true[above].astype(float)
    share = float((y.sum() + 1) / (len(y) + 2))
    flat = Fit(0.0, float(logit(share)), share)
    if not 0 < y.sum() < len(y):
        return flat
    # Platt's smoothed targets keep the fit finite where true and false do not overlap.
    target = np.where(y > 0, (y.sum() + 1) / (y.sum() + 2), 1 / (len(y) - y.sum() + 2))

    def deviance(parameters: NDArray[np.float64]) -> float:
        z = parameters[0] * x + parameters[1]
        return float(np.sum(np.logaddexp(0, z) - target * z))

    scale, offset = optimize.minimize(deviance, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return Fit(float(scale), float(offset), float(y.mean())) if scale > 0 else flat


def calibration_error(probability: NDArray[np.float64], true: NDArray[np.bool_], *, bins: int = 10) -> float:
    """Return the expected calibration error over equal-count bins."""
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, min(bins, max(1, len(order))))
    gaps = [len(p) * abs(probability[p].mean() - true[p].mean()) for p in parts if len(p)]
    return float(sum(gaps) / max(1, len(order)))


def evaluation(scores: Scores, *, least_score: float) -> dict[str, Any]:
    """Return everything measured, ready for JSON: operating point, FROC points, calibration, by site.

    Raises:
        TrainingError: There was no item to find.
    """
    if not scores.items:
        msg = "hold_out: the held-out frames hold no labelled item; hold out a site that has some"
        raise TrainingError(msg)
    above = scores.logit >= logit(least_score)
    fit = fit_calibration(scores, least_score=least_score)
    x, y = scores.logit[above], scores.true[above]
    errors = scores.error_m[above & scores.true]
    total = sum(scores.area_ha.values())
    by_site = {
        site: asdict(alarm_rate(int((above & ~scores.true & (scores.site == site)).sum()), area))
        for site, area in scores.area_ha.items()
    }
    return {
        "least_score": least_score,
        "recall": asdict(recall_rate(int((above & scores.true).sum()), scores.items)),
        "false_alarms_per_ha": asdict(alarm_rate(int((above & ~scores.true).sum()), total)),
        "false_alarms_per_ha_by_site": by_site,
        "centre_ap": average_precision(scores),
        "froc": [dict(zip(("recall", "score"), recall_at(scores, r), strict=True), per_ha=r) for r in RATES],
        "position_error_m": float(np.sqrt(np.mean(errors**2))) if len(errors) else None,
        "calibration": asdict(fit),
        "ece_before": calibration_error(expit(x), y),
        "ece_after": calibration_error(expit(fit.scale * x + fit.offset), y),
    }


def evaluate(detector: Detector, pictures: Sequence[Picture], *, least_score: float) -> dict[str, Any]:
    """Score the detector on pictures, down to a score of 0.02, and report at its operating point."""
    probe = detector.with_threshold(0.02)
    card = probe.card.model_copy(update={"max_gsd_m": float("inf")})
    probe = Detector(card, probe.runtime, sha256=probe.sha256, core_px=probe.core_px)
    return evaluation(score_pictures(probe, pictures), least_score=least_score)
