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
class CountMixture:
    """Of `offset` + t items found and as many more as NB(size_t, keep_q) says, with probability weight (t, q)."""

    weight: Array
    """(cells, T, Q), adding up to 1 over (t, q)."""
    size: Array
    """(cells, T) sizes of the negative binomials of undetected items."""
    keep: Array
    """(cells, Q) their success probabilities: (b + P) / (b + A)."""
    offset: Array
    """(cells,) items known for certain."""

    def summary(self) -> Posterior:
        """Return mean, probabilities and quantiles of each cell."""
        log_keep = np.log(self.keep)
        none_unseen = np.exp(self.size[:, :, None] * log_keep[:, None, :])
        kept = self.weight * none_unseen
        unseen = 1 - kept.sum(axis=(1, 2))
        nothing = np.where(self.offset == 0, kept[:, 0].sum(axis=1), 0.0)
        low, high = self._quantiles(kept)
        values = (self.mean(), 1 - nothing, unseen, low, high)
        return Posterior(*(np.maximum(v, 0.0) for v in values))

    def mean(self) -> Array:
        """Return the expected number of items of each cell."""
        found = np.arange(self.weight.shape[1])
        by_size: Array = np.einsum("itq,iq->it", self.weight, (1 - self.keep) / self.keep)
        known: Array = self.weight.sum(axis=2) @ found
        mean: Array = self.offset + known + np.einsum("it,it->i", by_size, self.size)
        return mean

    def at_most(self, n: Array) -> Array:
        """Return P(items <= n) of each cell, n (cells,)."""
        return self._cdf(np.arange(len(n)), n - self.offset)

    def _quantiles(self, start: Array) -> tuple[Array, Array]:
        """Return the 5 % and the 95 % quantile; `start` is (cells, T, Q), the weighted P(no undetected item)."""
        cells = len(self.offset)
        out = np.full((2, cells), -1.0)
        smallest = self.size.max(axis=1) * np.log(self.keep.min(axis=1))
        rows = np.flatnonzero(smallest > _LEAST_LOG)
        term, size, lose = start[rows], self.size[rows], 1 - self.keep[rows]
        reached = np.zeros(len(rows))
        for n in range(_STEPS):
            if not rows.size:
                break
            seen = min(n + 1, term.shape[1])
            reached += term[:, :seen].sum(axis=(1, 2))
            for level, found in zip((0.05, 0.95), out, strict=True):
                found[rows[(reached >= level - _SLACK) & (found[rows] < 0)]] = n
            going = out[1, rows] < 0
            if np.count_nonzero(going) < 0.7 * len(rows):
                rows, term, size, lose, reached = rows[going], term[going], size[going], lose[going], reached[going]
            more = n - np.arange(seen)
            ratio = (size[:, :seen] + more) / (more + 1)
            term[:, :seen] *= ratio[:, :, None] * lose[:, None, :]
        for level, found in zip((0.05, 0.95), out, strict=True):
            left = np.flatnonzero(found < 0)
            if left.size:
                found[left] = self._bisected(left, level=level)
        return self.offset + out[0], self.offset + out[1]

    def _bisected(self, rows: NDArray[np.intp], *, level: float) -> Array:
        """Return the smallest n with P(items - offset <= n) >= level, by bisection of whole numbers.

        Cantelli's inequality brackets the quantile, so the search takes log2 of a few standard deviations.
        """
        weight, size, keep = self.weight[rows], self.size[rows][:, :, None], self.keep[rows][:, None, :]
        odds = (1 - keep) / keep
        each = np.arange(weight.shape[1])[None, :, None] + size * odds
        mean = (weight * each).sum(axis=(1, 2))
        spread = size * odds / keep + (each - mean[:, None, None]) ** 2
        sd = np.sqrt((weight * spread).sum(axis=(1, 2)))
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
        weight = self.weight[rows]
        unseen = n[:, None] - np.arange(weight.shape[1])
        matters = (unseen >= 0)[:, :, None] & (weight > _SLACK / (10 * weight[0].size))
        row, t, q = np.nonzero(matters)
        share = betainc(self.size[rows[row], t], unseen[row, t] + 1, self.keep[rows[row], q])
        return np.bincount(row, weight[row, t, q] * share, minlength=len(rows)).astype(np.float64)
