"""Numbers of items as mixtures of negative binomials, one mixture a cell."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

_SLACK = 1e-12
"""Rounding of a sum of weights that should reach a quantile exactly."""
_STEPS = 64
"""Counts that are walked through one by one; beyond, the incomplete Beta function is bisected."""
_LEAST_LOG = -600.0
"""Logarithm of a probability that a walk may start from; smaller ones underflow."""
LEVELS = (0.05, 0.95)
"""Of the quantiles that are told."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """One value per cell; every array is float64 of shape (cells,), or (cells, groups) where groups are told apart."""

    expected_items: Array
    """Expected number of items, detected and not."""
    p_at_least_one: Array
    """P(at least one item)."""
    p_unseen: Array
    """P(at least one item that was not detected)."""
    q05: Array
    """Smallest n with P(items <= n) >= 5 %."""
    q95: Array
    """Smallest n with P(items <= n) >= 95 %."""


@dataclass(frozen=True, slots=True, eq=False)
class Odds:
    """Success probability of negative binomials and its complement, (cells, Q): both keep their digits near 0."""

    keep: Array
    """(b + P) / (b + A)."""
    lose: Array
    """(A - P) / (b + A)."""
    log_keep: Array

    @classmethod
    def of(cls, rate: Array, effective: Array, area: float) -> "Odds":
        """Return those of items left after `effective` of `area` hectares was searched, by Gamma rate."""
        keep, lose = (rate + effective) / (rate + area), (area - effective) / (rate + area)
        return cls(keep, lose, np.where(lose < 0.5, np.log1p(-lose), np.log(keep)))

    def take(self, rows: NDArray[np.intp]) -> "Odds":
        """Return those of some cells."""
        return Odds(self.keep[rows], self.lose[rows], self.log_keep[rows])

    def at(self, nodes: NDArray[np.bool_]) -> "Odds":
        """Return those at some nodes."""
        return Odds(self.keep[:, nodes], self.lose[:, nodes], self.log_keep[:, nodes])


@dataclass(frozen=True, slots=True, eq=False)
class CountMixture:
    """Of `offset` + t items found and as many more as NB(size_t, keep_q) says, with probability weight (t, q)."""

    weight: Array
    """(T, cells, Q), adding up to 1 over (t, q)."""
    size: Array
    """(cells,) size of the negative binomial where t = 0; it grows by one with each item found."""
    odds: Odds
    """(cells, Q)."""
    offset: Array
    """(cells,) items known for certain."""

    def summary(self) -> Posterior:
        """Return mean, probabilities and quantiles of each cell."""
        log_none = self._sizes()[:, :, None] * self.odds.log_keep
        some = self.weight * -np.expm1(log_none)
        known = self.weight[1:].sum(axis=(0, 2))
        present = np.where(self.offset == 0, known + some[0].sum(axis=1), 1.0)
        low, high = self._quantiles(self.weight * np.exp(log_none))
        return Posterior(self.mean(), np.clip(present, 0, 1), np.clip(some.sum(axis=(0, 2)), 0, 1), low, high)

    def mean(self) -> Array:
        """Return the expected number of items of each cell."""
        by_size: Array = (self.weight * (self.odds.lose / self.odds.keep)).sum(axis=2)
        known: Array = np.arange(len(self.weight)) @ self.weight.sum(axis=2)
        mean: Array = self.offset + known + (by_size * self._sizes()).sum(axis=0)
        return mean

    def at_most(self, n: Array) -> Array:
        """Return P(items <= n) of each cell, n (cells,)."""
        return self._cdf(np.arange(len(n)), n - self.offset)

    def _sizes(self) -> Array:
        """Return (T, cells)."""
        sizes: Array = self.size + np.arange(len(self.weight))[:, None]
        return sizes

    def _quantiles(self, start: Array) -> tuple[Array, Array]:
        """Return the quantiles; `start` is (T, cells, Q), the weighted P(no undetected item)."""
        out = np.full((2, len(self.offset)), -1.0)
        smallest = (self.size + len(self.weight) - 1) * self.odds.log_keep.min(axis=1)
        rows = np.flatnonzero(smallest > _LEAST_LOG)
        term, size, lose = start[:, rows], self._sizes()[:, rows], self.odds.lose[rows]
        reached = np.zeros(len(rows))
        for n in range(_STEPS):
            if not rows.size:
                break
            seen = min(n + 1, len(term))
            reached += term[:seen].sum(axis=(0, 2))
            for level, found in zip(LEVELS, out, strict=True):
                found[rows[(reached >= level - _SLACK) & (found[rows] < 0)]] = n
            going = out[1, rows] < 0
            if np.count_nonzero(going) < 0.7 * len(rows):
                rows, term, size, lose = rows[going], term[:, going], size[:, going], lose[going]
                reached = reached[going]
            more = n - np.arange(seen)[:, None]
            ratio = (size[:seen] + more) / (more + 1)
            term[:seen] *= ratio[:, :, None] * lose
        for level, found in zip(LEVELS, out, strict=True):
            left = np.flatnonzero(found < 0)
            if left.size:
                found[left] = self._bisected(left, level=level)
        return self.offset + out[0], self.offset + out[1]

    def _bisected(self, rows: NDArray[np.intp], *, level: float) -> Array:
        """Return the smallest n with P(items - offset <= n) >= level, by bisection of whole numbers.

        Cantelli's inequality brackets the quantile, so the search takes log2 of a few standard deviations.
        """
        weight, size = self.weight[:, rows], self._sizes()[:, rows, None]
        keep = self.odds.keep[rows]
        odds = self.odds.lose[rows] / keep
        each = np.arange(len(weight))[:, None, None] + size * odds
        mean = (weight * each).sum(axis=(0, 2))
        spread = size * odds / keep + (each - mean[:, None]) ** 2
        sd = np.sqrt((weight * spread).sum(axis=(0, 2)))
        low = np.floor(np.maximum(mean - sd * np.sqrt((1 - level) / level), 0)) - 1  # P(items <= low) < level
        high: Array = np.ceil(mean + sd * np.sqrt(level / (1 - level))) + 1  # P(items <= high) >= level
        while (active := np.flatnonzero(high - low > 1)).size:
            middle = np.floor((low[active] + high[active]) / 2)
            reached = self._cdf(rows[active], middle) >= level - _SLACK
            high[active[reached]] = middle[reached]
            low[active[~reached]] = middle[~reached]
        return high

    def _cdf(self, rows: NDArray[np.intp], n: Array) -> Array:
        """Return P(items - offset <= n) for some cells."""
        weight = self.weight[:, rows]
        unseen = n - np.arange(len(weight))[:, None]
        matters = (unseen >= 0)[:, :, None] & (weight > _SLACK / (10 * len(weight) * weight.shape[2]))
        t, row, q = np.nonzero(matters)
        share = betainc(self.size[rows[row]] + t, unseen[t, row] + 1, self.odds.keep[rows[row], q])
        return np.bincount(row, weight[t, row, q] * share, minlength=len(rows)).astype(np.float64)
