"""The number of items of all groups together in a cell with many detections of no group."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, gammaln, pdtr
from scipy.stats.qmc import Sobol

from survey.counts.division import Division
from survey.counts.mixture import Odds
from survey.counts.polynomials import convolved

_LOG2_POINTS = 12
"""Of 4096 points."""
_SLACK = 1e-12
_TOGETHER = 1 << 10

Array = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Number of items as `detected` + Poisson(`undetected`), (points,), every point of the same weight."""

    detected: Index
    undetected: Array

    @classmethod
    def of(cls, division: Division, odds: tuple[Odds, ...]) -> Self:
        """Return the points of a single cell.

        They are quantiles at the points of a Sobol sequence, the same every time: of node and items of mark u, of how
        those divide among the groups, of the items among the detections of each group, and of its density. So the work
        goes with the number of detections, and not with its third power.
        """
        d, groups = division, len(odds)
        uniform = (Sobol(4 + 2 * groups, scramble=False).random_base2(_LOG2_POINTS) + 0.5 / (1 << _LOG2_POINTS)).T
        whole = [d.whole(g)[:, 0] for g in range(groups)]
        left, right = convolved(whole[0], whole[1]), convolved(whole[2], whole[3])
        reached = (d.pool[:, 0] * convolved(left, right) * d.weight[0]).T.cumsum()
        both = np.searchsorted(reached, uniform[0] * reached[-1], side="right")
        node, untold = np.divmod(both, len(left))
        first = _shared(left, right, node=node, total=untold, uniform=uniform[1])
        one, three = (
            _shared(whole[g], whole[g + 1], node=node, total=total, uniform=uniform[2 + g // 2])
            for g, total in ((0, first), (2, untold - first))
        )
        detected, undetected = untold.copy(), np.zeros(len(node))
        for g, v in enumerate((one, first - one, three, untold - first - three)):
            named = _named(d, g, node=node, taken=v, uniform=uniform[4 + 2 * g])
            density = gammaincinv(d.shape[g, 0] + named + v, uniform[5 + 2 * g])
            detected += named
            undetected += density * (odds[g].lose / odds[g].keep)[0, node]
        return cls(detected, undetected)

    def at_most(self, n: float) -> float:
        """Return P(items <= n)."""
        left = n - self.detected
        return float(np.where(left >= 0, pdtr(np.maximum(left, 0), self.undetected), 0.0).mean())

    def quantile(self, level: float) -> int:
        """Return the smallest n with P(items <= n) >= level."""
        low, high = -1, int((self.detected + self.undetected).max()) + 1
        while self.at_most(high) < level - _SLACK:
            high *= 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.at_most(middle) >= level - _SLACK else (middle, high)
        return high


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
