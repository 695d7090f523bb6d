"""Scores of maps of risk on whole flights: the posterior against raw counts, kernel density and distance."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from survey.evaluate import recall_rate
from survey.risk import Inference
from survey.worlds.compare import BANDWIDTH_M, LEAST, ROUNDS, TOP, logistic, reliability, term_of
from survey.worlds.flown import Flown
from survey.worlds.ranks import NAMES, chance_inside, ranks

RANK_BINS = 10
FAR_M = 1000.0
"""Distance that is taken on flights on which nothing was detected."""

Array = NDArray[np.float64]


def calibration_of(told: Inference, flown: Sequence[Flown], *, rng: np.random.Generator) -> dict[str, Any]:
    """Return how often 90 % intervals hold the true number, in total and by group.

    Each has the exact interval of hectares taken as independent, and one by drawing flights: hectares of one flight
    share its light and ground. `inside` breaks ties of ranks by one draw, `inside_over_ties` is its mean over all.
    """
    assert told.at_most is not None
    assert told.below is not None
    flight = _flight(flown)
    out: dict[str, Any] = {}
    for place, name in enumerate(NAMES):
        rank = ranks(told.below[:, place], told.at_most[:, place], rng=rng)
        inside = (rank >= 0.05) & (rank <= 0.95)
        exact = recall_rate(int(inside.sum()), len(inside))
        drawn = _drawn(inside.astype(np.float64), np.ones(len(inside)), flight, len(flown), rng)
        expected = told.total.expected_items if place == 0 else told.groups.expected_items[:, place - 1]
        truth = np.concatenate([f.truth for f in flown])
        out[name] = {
            "coverage_90": exact.value,
            "hectares": len(inside),
            "inside": int(inside.sum()),
            "inside_over_ties": float(chance_inside(told.below[:, place], told.at_most[:, place]).sum()),
            "interval_exact": [exact.low, exact.high],
            "interval_by_flights": drawn,
            "rank_p": float(stats.kstest(rank, "uniform").pvalue),
            "rank_counts": np.histogram(rank, RANK_BINS, (0, 1))[0].tolist(),
            "items": int(truth.sum() if place == 0 else truth[:, place - 1].sum()),
            "expected_items": float(expected.sum()),
        }
    return out


def baselines(fit: Sequence[Flown], flown: Sequence[Flown]) -> dict[str, tuple[Array, Array]]:
    """Return (P(at least one), what hectares are ranked by) of simpler maps, their curves fitted on other flights."""
    both = [*fit, *flown]
    chosen = np.arange(sum(len(f.truth) for f in both)) < sum(len(f.truth) for f in fit)
    present = np.concatenate([f.truth.sum(axis=1) for f in both]) > 0
    count = np.concatenate([np.bincount(f.cell, minlength=len(f.truth)) for f in both]).astype(np.float64)
    near = np.concatenate([_nearest(f) for f in both])
    density = np.concatenate([_density(f) for f in both])
    values = {"raw count": count, "kernel density": density, "distance only": -near}
    return {
        name: (logistic(term_of(value), fit=chosen, present=present)[~chosen], value[~chosen])
        for name, value in values.items()
    }


def compare_flights(
    told: Mapping[str, tuple[Array, Array]], flown: Sequence[Flown], *, base: str, rng: np.random.Generator
) -> dict[str, Any]:
    """Return Brier score, log score, recall at area and reliability of each map, with intervals over flights.

    Args:
        told: (P(at least one), what hectares are ranked by) of each map.
        flown: Flights.
        base: Map that the others are compared with, on the same drawn flights.
        rng: Draws flights.
    """
    items = np.concatenate([f.truth.sum(axis=1) for f in flown]).astype(np.float64)
    flight, count = _flight(flown), len(flown)
    times = np.array([np.bincount(rng.integers(count, size=count), minlength=count) for _ in range(ROUNDS)])
    weight = np.concatenate([np.ones((1, len(items))), times[:, flight]])
    drawn = {name: _scores(p, rank, items, weight) for name, (p, rank) in told.items()}
    out: dict[str, Any] = {}
    for name, scores in drawn.items():
        out[name] = {}
        for key, values in scores.items():
            out[name][key] = _ends(values)
            if name != base:
                out[name][key]["less_base"] = _ends(values - drawn[base][key])
        out[name]["reliability"] = reliability(np.clip(told[name][0], 0, 1), items > 0)
    return out


def _scores(p: Array, rank: Array, items: Array, weight: Array) -> dict[str, Array]:
    """Return each score for every row of weights of hectares."""
    present, p = items > 0, np.clip(p, LEAST, 1 - LEAST)
    whole = weight.sum(axis=1)
    out = {
        "brier": weight @ (p - present) ** 2 / whole,
        "log_score": weight @ -np.log(np.where(present, p, 1 - p)) / whole,
    }
    for share in TOP:
        out[f"recall_at_{share:.0%}"] = np.array([_in_top(items, rank, w, share) for w in weight])
    return out


def _in_top(items: Array, rank: Array, weight: Array, share: float) -> float:
    """Return the share of all items in the hectares ranked first; hectares that tie share what is left of the area."""
    most, total = share * weight.sum(), float(weight @ items)
    levels, level = np.unique(-rank, return_inverse=True)
    area = np.bincount(level, weight, minlength=len(levels))
    held = np.bincount(level, weight * items, minlength=len(levels))
    before = np.cumsum(area) - area
    part = np.clip((most - before) / np.maximum(area, LEAST), 0, 1)
    return float(held @ part / max(total, LEAST))


def _drawn(part: Array, of: Array, flight: NDArray[np.intp], count: int, rng: np.random.Generator) -> list[float]:
    """Return the 95 % interval of a ratio of sums when flights are drawn again and again."""
    times = np.array([np.bincount(rng.integers(count, size=count), minlength=count) for _ in range(ROUNDS)])
    sums = times @ np.bincount(flight, part, minlength=count), times @ np.bincount(flight, of, minlength=count)
    return [float(v) for v in np.quantile(sums[0] / np.maximum(sums[1], LEAST), [0.025, 0.975])]


def _ends(values: Array) -> dict[str, Any]:
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return {"value": float(values[0]), "low": float(low), "high": float(high)}


def _flight(flown: Sequence[Flown]) -> NDArray[np.intp]:
    return np.repeat(np.arange(len(flown)), [len(f.truth) for f in flown])


def _nearest(flown: Flown) -> Array:
    """Return the distance from each hectare's centre to the nearest detection."""
    if not len(flown.place):
        return np.full(len(flown.centre), FAR_M)
    away = flown.centre[:, None] - flown.place
    return np.asarray(np.hypot(away[..., 0], away[..., 1]).min(axis=1), np.float64)


def _density(flown: Flown) -> Array:
    """Return the Gaussian kernel density of detections at each hectare's centre, per hectare."""
    away = ((flown.centre[:, None] - flown.place) ** 2).sum(axis=2)
    density: Array = np.exp(-away / (2 * BANDWIDTH_M**2)).sum(axis=1) * 10_000 / (2 * np.pi * BANDWIDTH_M**2)
    return density
