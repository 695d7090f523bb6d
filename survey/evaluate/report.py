"""Everything measured, ready for JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.calibration import CurveKind
from survey.detect.detector import Detector
from survey.errors import TrainingError
from survey.evaluate.calibrate import Sample, before_and_after, curve_card, fit_calibration, quality, reliability
from survey.evaluate.coco import coco_ap
from survey.evaluate.curves import (
    RATES,
    RECALLS,
    average_precision,
    chance_recall,
    curve,
    operating_points,
    recall_at,
    score_for_recall,
)
from survey.evaluate.fitting import KINDS
from survey.evaluate.scores import LEAST_SCORE, LabelledPicture, Scores, score_pictures
from survey.evaluate.strata import confusion, strata

FORMAT = 2
"""Of evaluation.json. Format 1 had no `format` and no strata; what a model card takes stands where it did."""


def evaluation(scores: Scores, *, least_score: float, kinds: Sequence[CurveKind] = KINDS) -> dict[str, Any]:
    """Return everything measured at the operating point and along the curve.

    Where there was no item to find, recall and all that follows from it are None: what is measured then
    is false alarms.

    Args:
        scores: Sightings down to a low score, matched.
        least_score: Operating point.
        kinds: Candidates for the calibration's curves.
    """
    seen, items = scores.sightings, len(scores.items.x)
    point = operating_points(scores, [least_score])[0]
    errors = seen.error_m[seen.true & (seen.score >= least_score)]
    sites = {site: _of_site(scores.of_site(site), least_score=least_score) for site in scores.sites}
    above = seen.score >= least_score
    return {
        "format": FORMAT,
        "least_score": least_score,
        "items": items,
        "area_ha": scores.area_ha,
        "stretches": {"kind": scores.stretches.kind, "count": len(scores.stretches.names)},
        "recall": asdict(point.recall),
        "false_alarms_per_ha": asdict(point.alarms),
        "false_alarms_by_class": called(scores, above & ~seen.true),
        "found_by_class": called(scores, above & seen.true),
        "alarms_beside_found_items": int((above & seen.again).sum()),
        "false_alarms_per_ha_by_site": {name: site["false_alarms_per_ha"] for name, site in sites.items()},
        "by_site": sites,
        "centre_ap": average_precision(scores) if items else None,
        "coco": coco_ap(scores),
        "froc": froc(scores),
        "alarms_at_recall": alarms_at_recall(scores),
        "curve": _curve(scores),
        "position_error_m": float(np.sqrt(np.mean(errors**2))) if len(errors) else None,
        "strata": strata(scores, least_score=least_score),
        "confusion": confusion(scores, least_score=least_score),
        **_calibration(scores, least_score=least_score, kinds=kinds),
    }


def evaluate(detector: Detector, pictures: Sequence[LabelledPicture], *, least_score: float) -> dict[str, Any]:
    """Score the detector on pictures, down to a score of 0.02, and report at its operating point.

    Raises:
        TrainingError: There was no item to find.
    """
    scores = score_pictures(probing(detector), pictures)
    if not len(scores.items.x):
        msg = "hold_out: the held-out frames hold no labelled item; hold out a site that has some"
        raise TrainingError(msg)
    return evaluation(scores, least_score=least_score)


def probing(detector: Detector) -> Detector:
    """Return the detector as evaluations use it: down to a low score, and on pictures of any GSD."""
    return detector.with_threshold(LEAST_SCORE).at_any_gsd()


def froc(scores: Scores) -> list[dict[str, Any]]:
    """Return recall at each of `RATES`, with intervals on recall and on the false alarms there.

    `resolved` is False where the ground is too small for the rate: one false alarm on it is already more,
    so the recall is that before the first one.
    """
    at = [recall_at(scores, rate) for rate in RATES]
    points = operating_points(scores, [np.inf if score == 1.0 and not recall else score for recall, score in at])
    return [
        {
            "per_ha": rate,
            "recall": recall if len(scores.items.x) else None,
            "score": score,
            "recall_interval": [point.recall.low, point.recall.high],
            "found": point.recall.count,
            "chance": chance_recall(scores, rate),
            "false_alarms": asdict(point.alarms),
            "resolved": rate * scores.area_ha >= 1,
        }
        for rate, (recall, score), point in zip(RATES, at, points, strict=True)
    ]


def alarms_at_recall(scores: Scores) -> list[dict[str, Any]]:
    """Return false alarms per hectare at each of `RECALLS`; None where no threshold reaches it."""
    at = {recall: score_for_recall(scores, recall) for recall in RECALLS}
    reached = [score for score in at.values() if score is not None]
    points = dict(zip(reached, operating_points(scores, reached), strict=True))
    return [
        {
            "recall": recall,
            "score": score,
            "false_alarms_per_ha": asdict(points[score].alarms) if score is not None else None,
        }
        for recall, score in at.items()
    ]


def called(scores: Scores, chosen: NDArray[np.bool_]) -> dict[str, int]:
    """Return how many of the chosen sightings were given each of the model's classes."""
    counts = np.bincount(scores.sightings.class_index[chosen], minlength=len(scores.classes))
    return dict(zip(scores.classes, counts.tolist(), strict=True))


def _of_site(scores: Scores, *, least_score: float) -> dict[str, Any]:
    point = operating_points(scores, [least_score])[0]
    items = len(scores.items.x)
    return {
        "items": items,
        "area_ha": scores.area_ha,
        "recall": asdict(point.recall),
        "false_alarms_per_ha": asdict(point.alarms),
        "centre_ap": average_precision(scores) if items else None,
        "froc": froc(scores),
    }


def _curve(scores: Scores) -> dict[str, list[float]]:
    """Return the whole curve at its corners: every threshold that finds an item more, and the last one."""
    points = curve(scores)
    if not len(points.score):
        return {"score": [], "found": [], "false_alarms": []}
    corner = np.append(np.diff(points.found, prepend=0)[:-1] > 0, True)
    return {
        "score": points.score[corner].tolist(),
        "found": points.found[corner].tolist(),
        "false_alarms": points.alarms[corner].tolist(),
    }


def _calibration(scores: Scores, *, least_score: float, kinds: Sequence[CurveKind]) -> dict[str, Any]:
    """Return the curves for the model card, and how good they are on groups they were not fitted on."""
    sample = Sample.above(scores, least_score=least_score)
    fit = fit_calibration(sample, kinds=kinds)
    before, after = before_and_after(sample, kinds=kinds)
    told, better = quality(before, sample.true), quality(after, sample.true)
    shown = better["ece"] is not None
    return {
        "calibration": {
            **curve_card(fit.calibration),
            "prevalence": fit.calibration.prevalence,
            "classes": {name: curve_card(own) for name, own in fit.calibration.classes.items()},
        },
        "calibration_choice": {name: choice.log_loss for name, choice in fit.choices.items()},
        "calibration_quality": {
            "sightings": len(sample.true),
            "grouped_by": sample.grouped_by,
            "before": told,
            "after_cross_fitted": better,
        },
        "ece_before": told["ece"],
        "ece_after": better["ece"],
        "reliability": {
            "before": reliability(before, sample.true),
            "after": reliability(after, sample.true) if shown else [],
        },
    }
