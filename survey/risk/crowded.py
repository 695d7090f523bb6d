"""Numbers of items of all groups together in a cell with many detections of no group."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import nbinom
from scipy.stats.qmc import Sobol

from survey.risk.division import Division
from survey.risk.mixture import Odds
from survey.risk.polynomials import convolved

_LOG2_POINTS = 13
"""Of 8192 points probabilities are right to about 0.001 (`tests/risk/test_crowded.py`)."""
_TOGETHER = 1 << 10

Array = NDArray[np.float64]
Index = NDArray[np.intp]


def sums(division: Division, odds: tuple[Odds, ...]) -> Array:
    """Return numbers of items of a single cell in order, each of the same weight.

    They are quantiles of its distribution at the points of a Sobol sequence, which is the same every time: of node and
    items of mark u, of how those divide among the groups, of the items among the detections of each group, and of its
    undetected ones. So the work goes with the number of detections, and not with its third power.
    """
    d, groups = division, len(odds)
    uniform = (Sobol(4 + 2 * groups, scramble=False).random_base2(_LOG2_POINTS) + 0.5 / (1 << _LOG2_POINTS)).T
    whole = [d.whole(g)[:, 0] for g in range(groups)]
    left, right = convolved(whole[0], whole[1]), convolved(whole[2], whole[3])
    by_node = (d.pool[:, 0] * convolved(left, right) * d.weight[0]).T
    reached = by_node.cumsum()
    node, untold = np.divmod(np.searchsorted(reached, uniform[0] * reached[-1], side="right"), by_node.shape[1])
    first = _shared(left, right, node=node, total=untold, uniform=uniform[1])
    taken = [_shared(whole[0], whole[1], node=node, total=first, uniform=uniform[2])]
    taken.append(first - taken[0])
    taken.append(_shared(whole[2], whole[3], node=node, total=untold - first, uniform=uniform[3]))
    taken.append(untold - first - taken[2])
    items = np.zeros(len(node))
    for g, (v, own) in enumerate(zip(taken, odds, strict=True)):
        detected = v + _named(d, g, node=node, taken=v, uniform=uniform[4 + 2 * g])
        items += detected + nbinom.ppf(uniform[5 + 2 * g], d.shape[g, 0] + detected, own.keep[0, node])
    return np.sort(items)


def _shared(first: Array, second: Array, *, node: Index, total: Index, uniform: Array) -> Index:
    """Return how many of `total` are the first's, of weight first(v) second(total - v), (numbers, nodes)."""
    out, v = np.empty_like(total), np.arange(len(first))
    for at in range(0, len(total), _TOGETHER):
        now = slice(at, at + _TOGETHER)
        rest = total[now, None] - v
        weight = first.T[node[now]] * np.where(rest >= 0, second[rest.clip(0), node[now, None]], 0.0)
        out[now] = _drawn(weight, uniform[now])
    return out


def _named(d: Division, g: int, *, node: Index, taken: Index, uniform: Array) -> Index:
    """Return how many detections of a group are items where it has taken so many of mark u."""
    size = d.shape[g, 0] + np.arange(d.told.shape[1])
    grown = gammaln(size + taken[:, None]) - gammaln(size)
    return _drawn(d.told[g, :, 0].T[node] * np.exp(grown - grown[:, -1:]), uniform)


def _drawn(weight: Array, uniform: Array) -> Index:
    """Return the quantiles of the numbers 0, 1, ... with weights (points, numbers)."""
    reached = weight.cumsum(axis=1)
    drawn: Index = (reached <= uniform[:, None] * reached[:, -1:]).sum(axis=1)
    return drawn.clip(max=weight.shape[1] - 1)
