"""Fit calibration curves to sightings of held-out sites, and choose among their kinds by cross-validation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from scipy.special import logit

from survey.calibration import Curve, CurveKind

KINDS = (CurveKind.TEMPERATURE, CurveKind.PLATT, CurveKind.BETA, CurveKind.ISOTONIC)
"""Candidates beside the constant one; the first of equally good ones is taken, so simple ones stand first."""
FOLDS = 5
LEAST_OF_EACH = 20
"""True and false sightings that a class needs for a curve of its own."""
LEAST_TO_FIT = {CurveKind.TEMPERATURE: 5, CurveKind.PLATT: 5, CurveKind.BETA: 10, CurveKind.ISOTONIC: 50}
"""True and as many false sightings below which a kind is no candidate: it would follow chance."""
LEAST_GAIN = 1e-3
"""Log loss in nats a sighting by which a richer curve must be better."""
LEAST_CLASS_GAIN = 5e-3
"""The same for a class's own curve: chance alone gives the best of several kinds about 2e-3 on 2,000 sightings."""

Logits = NDArray[np.float64]
Truth = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Choice:
    """A fitted curve, and what cross-validation said of every candidate."""

    curve: Curve
    log_loss: dict[str, float]
    """Mean log loss in nats by kind; empty where nothing could be left out."""


def fit_curve(kind: CurveKind, logits: Logits, true: Truth) -> Curve:
    """Fit one curve by the greatest likelihood.

    Platt's smoothed targets, (n + 1) / (n + 2) and 1 / (n + 2), keep it finite where true and false do not
    overlap. Where all sightings are of one kind, the curve is the constant one (Laplace's rule).

    Args:
        kind: Form of the curve.
        logits: (N,).
        true: (N,).
    """
    count, total = int(true.sum()), len(true)
    if kind is CurveKind.CONSTANT or not 0 < count < total:
        return Curve(kind=CurveKind.CONSTANT, parameters=(float(logit((count + 1) / (total + 2))),))
    target = np.where(true, (count + 1) / (count + 2), 1 / (total - count + 2))
    if kind is CurveKind.ISOTONIC:
        return _isotonic(logits, target)
    log_s, log_r, one = -np.logaddexp(0, -logits), np.logaddexp(0, logits), np.ones(total)
    columns, bounded = {
        CurveKind.TEMPERATURE: ([logits], 1),
        CurveKind.PLATT: ([logits, one], 1),
        CurveKind.BETA: ([log_s, log_r, one], 2),
    }[kind]
    weights = _logistic(np.column_stack(columns), target, bounded=bounded)
    if not any(weights[:bounded]):  # higher scores are not true more often: then the share says all there is
        return fit_curve(CurveKind.CONSTANT, logits, true)
    return Curve(kind=kind, parameters=weights)


def _logistic(x: NDArray[np.float64], target: NDArray[np.float64], *, bounded: int) -> tuple[float, ...]:
    """Return the weights of a logistic regression whose first `bounded` weights are at least 0."""

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = x @ weights
        value = float(np.mean(np.logaddexp(0, z) - target * z))
        share = np.exp(-np.logaddexp(0, -z))
        return value, x.T @ (share - target) / len(target)

    start = np.zeros(x.shape[1])
    start[:bounded] = 1.0
    limits = [(0.0, None)] * bounded + [(None, None)] * (x.shape[1] - bounded)
    best = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=limits, options={"ftol": 1e-12})
    return tuple(float(w) for w in best.x)


def _isotonic(logits: Logits, target: NDArray[np.float64]) -> Curve:
    """Return the best rising steps, joined by straight lines from the middle of one step to the next."""
    order = np.argsort(logits, kind="stable")
    values, first, count = np.unique(logits[order], return_index=True, return_counts=True)
    mean = np.add.reduceat(target[order], first) / count
    level = optimize.isotonic_regression(mean, weights=count.astype(np.float64)).x
    steps, start = np.unique(level, return_index=True)
    ends = np.append(start[1:], len(values))
    middle = [float(np.average(values[a:b], weights=count[a:b])) for a, b in zip(start, ends, strict=True)]
    return Curve(kind=CurveKind.ISOTONIC, parameters=(*middle, *(float(s) for s in steps)))


def log_loss(probability: NDArray[np.float64], true: Truth) -> float:
    """Return the mean of -ln of the probability given to what is the case, in nats."""
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    return float(-np.mean(np.where(true, np.log(p), np.log1p(-p)))) if len(true) else float("nan")


def folds(groups: NDArray[np.str_], *, most: int = FOLDS) -> NDArray[np.intp]:
    """Return the fold of each sighting; a group lies in one fold whole. Larger groups are dealt out first."""
    names, group, size = np.unique(groups, return_inverse=True, return_counts=True)
    fold, load = np.empty(len(names), np.intp), np.zeros(max(1, min(most, len(names))))
    for n in np.argsort(-size, kind="stable"):
        fold[n] = np.argmin(load)
        load[fold[n]] += size[n]
    return np.asarray(fold[group], np.intp)


def cross_fitted(
    fit: Callable[[NDArray[np.bool_]], Callable[[NDArray[np.bool_]], NDArray[np.float64]]], groups: NDArray[np.str_]
) -> NDArray[np.float64]:
    """Return the probability of each sighting by a fit that its group had no part in; NaN for a single group.

    Args:
        fit: Fits to the sightings of a mask and returns a function from a mask to its probabilities.
        groups: (N,) site or picture of each sighting.
    """
    fold = folds(groups)
    probability = np.full(len(groups), np.nan)
    if len(np.unique(fold)) < 2:
        return probability
    for n in np.unique(fold):
        probability[fold == n] = fit(fold != n)(fold == n)
    return probability


def choose_curve(
    logits: Logits, true: Truth, groups: NDArray[np.str_], *, kinds: Sequence[CurveKind] = KINDS
) -> Choice:
    """Fit the kind of curve with the least log loss on groups left out.

    The constant curve is always a candidate, and a richer one must beat it: where the score does not rank,
    every sighting gets the share of true ones.

    Args:
        logits: (N,).
        true: (N,).
        groups: (N,) site or picture of each sighting.
        kinds: Candidates, simple ones first.
    """
    fewest = min(int(true.sum()), int((~true).sum()))
    kinds = [kind for kind in kinds if fewest >= LEAST_TO_FIT.get(kind, 0)]
    losses: dict[str, float] = {}
    best, least = CurveKind.CONSTANT, np.inf
    for kind in (CurveKind.CONSTANT, *(k for k in kinds if k is not CurveKind.CONSTANT)):
        held_out = left_out(kind, logits, true, groups)
        if np.isnan(held_out).any() or not len(held_out):
            break
        losses[str(kind)] = log_loss(held_out, true)
        if losses[str(kind)] < least - LEAST_GAIN:
            best, least = kind, losses[str(kind)]
    if not losses:  # one group: nothing can be left out, and two parameters are all that is believed
        best = CurveKind.PLATT if CurveKind.PLATT in kinds else CurveKind.CONSTANT
    return Choice(fit_curve(best, logits, true), losses)


def left_out(kind: CurveKind, logits: Logits, true: Truth, groups: NDArray[np.str_]) -> NDArray[np.float64]:
    """Return the probability of each sighting by a curve of this kind that its group had no part in."""

    def fit(inside: NDArray[np.bool_]) -> Callable[[NDArray[np.bool_]], NDArray[np.float64]]:
        curve = fit_curve(kind, logits[inside], true[inside])
        return lambda asked: curve.probability(logits[asked])

    return cross_fitted(fit, groups)
