"""Recall and classes by what the items and the pictures are like."""

from collections.abc import Iterator
from dataclasses import asdict
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.evaluate.intervals import recall_rate
from survey.evaluate.scores import Scores

SIZES_PX = (8.0, 16.0, 32.0, 64.0)
GSDS_M = (0.005, 0.01, 0.015, 0.02, 0.03)
GREENS = (0.1, 0.5)
TEXTURES = (5.0, 10.0, 20.0)
"""Grey levels. Sand and mown grass lie below 10; dry grass and stubble above."""


def strata(scores: Scores, *, least_score: float) -> dict[str, list[dict[str, Any]]]:
    """Return recall at the operating point by class, size at the model's GSD, GSD of the picture, and cover.

    Each is a list of {stratum, value, low, high, count, of}, with the exact interval; empty strata are left out.
    """
    items, found = scores.items, found_items(scores, least_score=least_score)
    names = [scores.labels[n] for n in items.label]
    by_class = [(label, np.array([name == label for name in names])) for label in scores.labels]
    by_site = [(site, np.array([scores.stretches.sites[n] == site for n in items.stretch])) for site in scores.sites]
    sized = _bins(items.size_m / scores.gsd_m, SIZES_PX, "px")
    cm = _bins(items.gsd_m * 100, tuple(100 * g for g in GSDS_M), "cm")
    return {
        "class": _rates(iter(by_class), found),
        "site": _rates(iter(by_site), found),
        "size_at_model_gsd": _rates(sized, found),
        "gsd": _rates(cm, found),
        "green_cover": _rates(_bins(items.green, GREENS, "of the ground around is green"), found),
        "texture": _rates(_bins(items.texture, TEXTURES, "grey levels within 5 cm"), found),
    }


def found_items(scores: Scores, *, least_score: float) -> NDArray[np.bool_]:
    """Return (M,) which items a sighting of this score or above found."""
    seen = scores.sightings
    found = np.zeros(len(scores.items.x), bool)
    found[seen.item[seen.true & (seen.score >= least_score)]] = True
    return found


def confusion(scores: Scores, *, least_score: float) -> dict[str, Any]:
    """Return how often each label class was given each of the model's classes.

    The last column counts items that were not found; the last row counts false alarms.
    """
    seen = scores.sightings
    above = seen.score >= least_score
    table = np.zeros((len(scores.labels) + 1, len(scores.classes) + 1), int)
    true = above & seen.true
    np.add.at(table, (scores.items.label[seen.item[true]], seen.class_index[true]), 1)
    np.add.at(table[-1], seen.class_index[above & ~seen.true], 1)
    missed = scores.items.label[~found_items(scores, least_score=least_score)]
    np.add.at(table[:, -1], missed, 1)
    named = [
        (scores.labels[label], scores.classes[predicted])
        for label, predicted in zip(scores.items.label[seen.item[true]], seen.class_index[true], strict=True)
    ]
    known = [(label, predicted) for label, predicted in named if label in scores.classes]
    right = sum(label == predicted for label, predicted in known)
    return {
        "rows": [*scores.labels, "(no item)"],
        "columns": [*scores.classes, "(not found)"],
        "counts": table.tolist(),
        "class_right": asdict(recall_rate(right, len(known))) if known else None,
    }


def _rates(parts: Iterator[tuple[str, NDArray[np.bool_]]], found: NDArray[np.bool_]) -> list[dict[str, Any]]:
    return [
        {"stratum": name, **asdict(recall_rate(int((found & part).sum()), int(part.sum())))}
        for name, part in parts
        if part.any()
    ]


def _bins(values: NDArray[np.float64], edges: tuple[float, ...], unit: str) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield the half-open bins between the edges; what is not known comes last."""
    ends = (-np.inf, *edges, np.inf)
    for low, high in pairwise(ends):
        if low == -np.inf:
            name = f"< {high:g} {unit}"
        elif high == np.inf:
            name = f">= {low:g} {unit}"
        else:
            name = f"{low:g} to {high:g} {unit}"
        yield name, (values >= low) & (values < high)
    yield "not known", np.isnan(values)
