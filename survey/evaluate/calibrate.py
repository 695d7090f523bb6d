"""Probabilities by class: fitted on held-out sites, and measured on sites that the fit did not see."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from survey.calibration import Calibration, Curve, CurveKind
from survey.evaluate.fitting import (
    KINDS,
    LEAST_CLASS_GAIN,
    LEAST_OF_EACH,
    Choice,
    choose_curve,
    cross_fitted,
    left_out,
    log_loss,
)
from survey.evaluate.scores import Scores

BINS = 10
LEAST_IN_BIN = 10
"""Fewer sightings give fewer bins: the share of true ones among three tells nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """Sightings at and above the operating point, to fit and measure probabilities on. Arrays of shape (N,)."""

    logit: NDArray[np.float64]
    true: NDArray[np.bool_]
    class_index: NDArray[np.intp]
    group: NDArray[np.str_]
    """Site of each sighting, or its picture where no two sites have true ones."""
    grouped_by: str
    classes: tuple[str, ...]

    @classmethod
    def above(cls, scores: Scores, *, least_score: float) -> "Sample":
        """Take the sightings of this score and above.

        Sites are left out where true sightings lie on two or more. Else a fit without the one that has them knows of no
        item, and tells nothing about curves: pictures are left out then, which flatters.
        """
        seen, ground = scores.sightings, scores.stretches
        chosen = seen.score >= least_score
        by_site = len(set(np.array(ground.sites, dtype=np.str_)[seen.stretch[chosen & seen.true]])) > 1
        names = np.array(ground.sites if by_site else [f"{n}" for n in range(len(ground.names))], dtype=np.str_)
        return cls(
            seen.logit[chosen],
            seen.true[chosen],
            seen.class_index[chosen],
            names[seen.stretch[chosen]],
            "site" if by_site else ground.kind,
            scores.classes,
        )

    def take(self, mask: NDArray[np.bool_]) -> "Sample":
        """Return the sightings of a mask."""
        arrays = {name: getattr(self, name)[mask] for name in ("logit", "true", "class_index", "group")}
        return replace(self, **arrays)


@dataclass(frozen=True, slots=True)
class Fit:
    """Curves, and how they were chosen."""

    calibration: Calibration
    choices: dict[str, Choice]
    """By class; 'shared' for the curve of all others."""


def fit_calibration(sample: Sample, *, kinds: Sequence[CurveKind] = KINDS, fitted_on: str = "") -> Fit:
    """Fit the shared curve, and one for each class with sightings enough.

    A class has a curve of its own where it has `LEAST_OF_EACH` true and as many false sightings, and where
    that curve is better than the shared one on groups left out.

    Args:
        sample: Sightings of sites that training never saw.
        kinds: Candidates for the form of the curves.
        fitted_on: What the sightings are from, in words.
    """
    shared = choose_curve(sample.logit, sample.true, sample.group, kinds=kinds)
    choices = {"shared": shared}
    others = left_out(shared.curve.kind, sample.logit, sample.true, sample.group)
    for index, name in enumerate(sample.classes):
        part = sample.take(sample.class_index == index)
        if min(int(part.true.sum()), int((~part.true).sum())) < LEAST_OF_EACH:
            continue
        own = choose_curve(part.logit, part.true, part.group, kinds=kinds)
        rival = log_loss(others[sample.class_index == index], part.true)
        if own.log_loss and min(own.log_loss.values()) < rival - LEAST_CLASS_GAIN:
            choices[name] = own
    share = float((sample.true.sum() + 1) / (len(sample.true) + 2))
    exact = float(sample.true.mean()) if 0 < sample.true.sum() < len(sample.true) else share
    calibration = Calibration(
        kind=shared.curve.kind,
        parameters=shared.curve.parameters,
        prevalence=exact,
        fitted_on=fitted_on,
        classes={name: choice.curve for name, choice in choices.items() if name != "shared"},
    )
    return Fit(calibration, choices)


def before_and_after(
    sample: Sample, *, kinds: Sequence[CurveKind] = KINDS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (N,) the raw score, and (N,) the probability by a fit that the sighting's group had no part in.

    The second is NaN where there is one group only.
    """

    def fit(inside: NDArray[np.bool_]) -> Callable[[NDArray[np.bool_]], NDArray[np.float64]]:
        calibration = fit_calibration(sample.take(inside), kinds=kinds).calibration

        def probability(asked: NDArray[np.bool_]) -> NDArray[np.float64]:
            part = sample.take(asked)
            return calibration.by_class(part.logit, part.class_index, classes=part.classes).astype(np.float64)

        return probability

    return np.asarray(expit(sample.logit), np.float64), cross_fitted(fit, sample.group)


def calibration_error(probability: NDArray[np.float64], true: NDArray[np.bool_], *, bins: int | None = None) -> float:
    """Return the expected calibration error over bins of equally many sightings."""
    gaps = [len(p) * abs(probability[p].mean() - true[p].mean()) for p in _parts(probability, bins)]
    return float(sum(gaps) / max(1, len(probability)))


def reliability(
    probability: NDArray[np.float64], true: NDArray[np.bool_], *, bins: int | None = None
) -> list[dict[str, Any]]:
    """Return the points of a reliability diagram: mean probability, true and all sightings, bin by bin."""
    return [
        {"probability": float(probability[p].mean()), "true": int(true[p].sum()), "of": len(p)}
        for p in _parts(probability, bins)
    ]


def quality(probability: NDArray[np.float64], true: NDArray[np.bool_]) -> dict[str, float | None]:
    """Return calibration error, Brier score and log loss; None where nothing could be left out."""
    if not len(true) or np.isnan(probability).any():
        return {"ece": None, "brier": None, "log_loss": None}
    return {
        "ece": calibration_error(probability, true),
        "brier": float(np.mean((probability - true) ** 2)),
        "log_loss": log_loss(probability, true),
    }


def curve_card(curve: Curve) -> dict[str, Any]:
    """Return a curve as `model.yaml` states it."""
    return {"kind": str(curve.kind), "parameters": list(curve.parameters)}


def _parts(probability: NDArray[np.float64], bins: int | None) -> list[NDArray[np.intp]]:
    """Return the sightings of each bin; `BINS` bins, or as many as can hold `LEAST_IN_BIN`, if None."""
    order = np.argsort(probability, kind="stable")
    wanted = bins if bins is not None else min(BINS, len(order) // LEAST_IN_BIN)
    return [part for part in np.array_split(order, max(1, wanted)) if len(part)]
