"""How well probabilities rank and how true they are, with intervals over blocks of ground."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Truth = NDArray[np.bool_]

BINS = 10
ROUNDS = 2000
"""Resamplings of a bootstrap: the ends of a 95 % interval are then steady to a few per cent of its width."""
MEASURES = ("auc_pr", "auc_roc", "brier", "ece")


def auc_pr(score: Array, label: Truth, weight: Array | None = None) -> float:
    """Return the average precision: the sum of precision × gain in recall over falling scores; NaN without positives.

    Args:
        score: (N,); equal scores are passed together.
        label: (N,).
        weight: (N,), or None for ones.
    """
    hits, misses = _steps(score, label, weight)
    if not hits.size or hits[-1] == 0:
        return float("nan")
    precision = hits / np.maximum(hits + misses, np.finfo(float).tiny)
    return float(np.sum(np.diff(hits, prepend=0.0) * precision) / hits[-1])


def auc_roc(score: Array, label: Truth, weight: Array | None = None) -> float:
    """Return the chance that a positive scores above a negative, ties by half; NaN where there is one kind only."""
    hits, misses = _steps(score, label, weight)
    if not hits.size or hits[-1] == 0 or misses[-1] == 0:
        return float("nan")
    return float(np.trapezoid(np.append(0, hits), np.append(0, misses)) / hits[-1] / misses[-1])


def _steps(score: Array, label: Truth, weight: Array | None) -> tuple[Array, Array]:
    """Return positives and negatives at or above each distinct score, from the highest down."""
    order = np.argsort(-score, kind="stable")
    w = np.ones(len(score)) if weight is None else weight[order]
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True)) if len(score) else np.empty(0, np.intp)
    true = label[order]
    return np.cumsum(w * true)[last], np.cumsum(w * ~true)[last]


def brier(probability: Array, label: Truth, weight: Array | None = None) -> float:
    """Return the mean squared difference of probability and truth."""
    return float(np.average((probability - label) ** 2, weights=weight))


def reliability(probability: Array, label: Truth, weight: Array | None = None) -> list[dict[str, float]]:
    """Return mean probability, share of positives and weight of the cells of each tenth of probability that has any."""
    w = np.ones(len(label)) if weight is None else weight
    place = np.minimum((probability * BINS).astype(np.intp), BINS - 1)
    total = np.bincount(place, w, BINS)
    stated, true = np.bincount(place, w * probability, BINS), np.bincount(place, w * label, BINS)
    return [
        {"probability": float(stated[n] / total[n]), "share": float(true[n] / total[n]), "cells": float(total[n])}
        for n in np.flatnonzero(total)
    ]


def ece(probability: Array, label: Truth, weight: Array | None = None) -> float:
    """Return the expected calibration error: the mean gap of probability and share over `reliability`'s tenths."""
    bins = reliability(probability, label, weight)
    cells = sum(b["cells"] for b in bins)
    return float(sum(b["cells"] * abs(b["probability"] - b["share"]) for b in bins) / cells)


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """N probabilities and what was the case."""

    probability: Array
    label: Truth

    def measures(self, weight: Array | None = None) -> dict[str, float]:
        """Return each of `MEASURES`."""
        p, t = self.probability, self.label
        values = (auc_pr(p, t, weight), auc_roc(p, t, weight), brier(p, t, weight), ece(p, t, weight))
        return dict(zip(MEASURES, values, strict=True))


def compare(model: Forecast, baseline: Forecast, *, blocks: NDArray[np.str_], seed: int = 0) -> dict[str, Any]:
    """Measure a model and a baseline on the same cells, with 95 % percentile bootstraps over whole blocks.

    Both are measured on the same draws, so that the interval of their AUC-PR's ratio is that of the comparison.

    Args:
        model: Of N cells.
        baseline: Of the same cells.
        blocks: (N,) block of each cell.
        seed: Of the draws.
    """
    names, block = np.unique(blocks, return_inverse=True)
    rng = np.random.default_rng(seed)
    drawn: list[list[float]] = []
    for _ in range(ROUNDS if len(names) > 1 else 0):
        weight = np.bincount(rng.integers(len(names), size=len(names)), minlength=len(names))[block].astype(np.float64)
        if not (weight @ model.label and weight @ ~model.label):
            continue
        a, b = model.measures(weight), baseline.measures(weight)
        drawn.append([*a.values(), *b.values(), a["auc_pr"] / b["auc_pr"]])
    ends = np.quantile(drawn, [0.025, 0.975], axis=0).T.tolist() if drawn else None
    points = (*(f.measures() for f in (model, baseline)),)
    flat = [*points[0].values(), *points[1].values(), points[0]["auc_pr"] / points[1]["auc_pr"]]
    rates = [
        {"value": value, "interval": ends[n] if ends is not None else None}
        for n, value in enumerate(v if np.isfinite(v) else None for v in flat)
    ]
    width = len(MEASURES)
    return {
        "cells": len(model.label),
        "contaminated": int(model.label.sum()),
        "prevalence": float(model.label.mean()),
        "blocks": len(names),
        "interval": f"95 %, bootstrap over {len(names)} blocks" if drawn else "none: too few blocks",
        "model": dict(zip(MEASURES, rates[:width], strict=True)) | {"reliability": _bins(model)},
        "baseline": dict(zip(MEASURES, rates[width : 2 * width], strict=True)) | {"reliability": _bins(baseline)},
        "auc_pr_ratio": rates[-1],
    }


def _bins(forecast: Forecast) -> list[dict[str, float]]:
    return reliability(forecast.probability, forecast.label)
