"""The posterior against simpler maps of risk: raw counts, kernel density and distance, on the same campaigns."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from survey.worlds.world import Campaigns

BANDWIDTH_M = 75.0
"""Of the kernel density: three quarters of a hectare's edge, so that neighbours count and far ones do not."""
TOP = (0.1, 0.25)
"""Shares of the area that is ranked first, within each campaign."""
ROUNDS = 500
RELIABILITY_BINS = 10
LEAST = 1e-9

Array = NDArray[np.float64]


def maps(found: Campaigns, *, posterior: Array, expected: Array) -> dict[str, tuple[Array, Array]]:
    """Return (P(at least one), what hectares are ranked by) of each method on the second half of the campaigns.

    The posterior says a probability by itself. The others are turned into one by a logistic curve that is fitted to
    the truth of the first half: more than they would have in the field.

    Args:
        found: The campaigns.
        posterior: (cells,) P(at least one item).
        expected: (cells,) expected items, which hectares are ranked by.
    """
    count = np.bincount(found.evidence.cell, minlength=len(found.campaign)).astype(np.float64)
    present, fit = found.items.sum(axis=1) > 0, ~scored(found)
    out = {"posterior": (posterior[~fit], expected[~fit])}
    for name, value in (("raw count", count), ("kernel density", _density(found)), ("distance only", -found.line_m)):
        told = logistic(term_of(value), fit=fit, present=present)
        out[name] = (told[~fit], value[~fit])
    return out


def scored(found: Campaigns) -> NDArray[np.bool_]:
    """Return which hectares are scored: those of the second half of the campaigns."""
    second: NDArray[np.bool_] = found.campaign >= (int(found.campaign[-1]) + 1) // 2
    return second


def score(found: Campaigns, told: Mapping[str, tuple[Array, Array]], *, rng: np.random.Generator) -> dict[str, Any]:
    """Return Brier score, log score and recall at area of each method with 95 % bootstrap intervals over campaigns.

    Differences from the posterior are drawn on the same campaigns; an interval that holds 0 tells nothing apart.
    """
    chosen = scored(found)
    campaign = found.campaign[chosen] - found.campaign[chosen][0]
    items = found.items[chosen].sum(axis=1)
    sums = {name: _sums(items, campaign=campaign, p=p, rank=rank) for name, (p, rank) in told.items()}
    campaigns = int(campaign[-1]) + 1
    times = np.array([np.bincount(rng.integers(campaigns, size=campaigns), minlength=campaigns) for _ in range(ROUNDS)])
    whole = np.ones((1, campaigns))
    base = {key: (_ratio(part, whole), _ratio(part, times)) for key, part in sums["posterior"].items()}
    out: dict[str, Any] = {}
    for name, parts in sums.items():
        out[name] = {}
        for key, part in parts.items():
            value, drawn = _ratio(part, whole), _ratio(part, times)
            out[name][key] = _interval(value, drawn)
            if name != "posterior":
                out[name][key]["less_posterior"] = _interval(value - base[key][0], drawn - base[key][1])
    return out


def reliability(p: Array, present: NDArray[np.bool_]) -> dict[str, Any]:
    """Return bins of the probability told with the share that came true, and the expected calibration error."""
    bins = np.minimum((p * RELIABILITY_BINS).astype(np.intp), RELIABILITY_BINS - 1)
    rows = [
        {"told": float(p[bins == b].mean()), "true": int(present[bins == b].sum()), "of": int((bins == b).sum())}
        for b in range(RELIABILITY_BINS)
        if (bins == b).any()
    ]
    error = sum(r["of"] * abs(r["told"] - r["true"] / r["of"]) for r in rows) / len(p)
    return {"bins": rows, "ece": float(error)}


def _sums(items: NDArray[np.intp], *, campaign: NDArray[np.intp], p: Array, rank: Array) -> dict[str, Array]:
    """Return (2, campaigns) numerators and denominators of each score."""
    present = items > 0
    p = np.clip(p, LEAST, 1 - LEAST)
    cells = np.bincount(campaign).astype(np.float64)
    brier = np.bincount(campaign, (p - present) ** 2)
    log = np.bincount(campaign, -np.log(np.where(present, p, 1 - p)))
    out = {"brier": np.stack([brier, cells]), "log_score": np.stack([log, cells])}
    total = np.bincount(campaign, items).astype(np.float64)
    for share in TOP:
        out[f"recall_at_{share:.0%}"] = np.stack([_in_top(items, campaign=campaign, rank=rank, share=share), total])
    return out


def _in_top(items: NDArray[np.intp], *, campaign: NDArray[np.intp], rank: Array, share: float) -> Array:
    """Return the items of each campaign in the first `share` of its hectares; hectares that tie share what is left."""
    order = np.lexsort((-rank, campaign))
    out = np.zeros(int(campaign[-1]) + 1)
    per = len(order) // len(out)
    for number, cells in enumerate(order.reshape(-1, per)):
        most = max(1, round(share * per))
        last = rank[cells[most - 1]]
        above, tied = rank[cells] > last, rank[cells] == last
        out[number] = items[cells[above]].sum() + items[cells[tied]].mean() * (most - np.count_nonzero(above))
    return out


def _ratio(part: Array, times: NDArray[Any]) -> Array:
    """Return the ratio of sums for each row of campaign multiplicities."""
    ratio: Array = (times @ part[0]) / np.maximum(times @ part[1], LEAST)
    return ratio


def _interval(value: Array, drawn: Array) -> dict[str, Any]:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {"value": float(value[0]), "low": float(low), "high": float(high)}


def _density(found: Campaigns) -> Array:
    """Return the Gaussian kernel density of each campaign's detections at the centres of its hectares, per hectare."""
    out = np.zeros(len(found.campaign))
    of = found.campaign[found.evidence.cell]
    order = np.argsort(of, kind="stable")
    ends = np.searchsorted(of[order], np.arange(found.campaign[-1] + 2))
    cells = np.searchsorted(found.campaign, np.arange(found.campaign[-1] + 2))
    for number in range(found.campaign[-1] + 1):
        here, there = order[ends[number] : ends[number + 1]], slice(cells[number], cells[number + 1])
        away = (found.centre[there, 0, None] - found.x[here]) ** 2 + (found.centre[there, 1, None] - found.y[here]) ** 2
        out[there] = np.exp(-away / (2 * BANDWIDTH_M**2)).sum(axis=1) * 10_000 / (2 * np.pi * BANDWIDTH_M**2)
    return out


def term_of(value: Array) -> Array:
    """Return a map on a scale that a logistic curve fits: the logarithm of what is counted, standardised."""
    term = np.log1p(value) if value.min() >= 0 else value
    spread = term.std()
    scaled: Array = (term - term.mean()) / (spread or 1.0)
    return scaled


def logistic(term: Array, *, fit: NDArray[np.bool_], present: NDArray[np.bool_]) -> Array:
    """Return probabilities of a quadratic logistic curve, fitted with a weak ridge."""
    terms = np.column_stack([np.ones_like(term), term, term**2])
    x, y = terms[fit], present[fit]

    def loss(c: Array) -> tuple[float, Array]:
        value = x @ c
        slope: Array = x.T @ (expit(value) - y) + 1e-3 * c
        return float(np.sum(np.logaddexp(0, value) - y * value) + 5e-4 * c @ c), slope

    told: Array = expit(terms @ minimize(loss, np.zeros(3), jac=True).x)
    return told
