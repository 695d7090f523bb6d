"""Numbers of items of all groups together: sums of negative binomials whose success probabilities differ."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.counts.crowded import Points
from survey.counts.division import Division
from survey.counts.mixture import LEVELS, Odds, Posterior
from survey.counts.polynomials import convolved

_SLACK = 1e-12
"""Rounding of a sum of probabilities that should reach a quantile exactly."""
_DIRECT = 16
"""Numbers of items up to here come from products of power series, more from their values on a circle."""
_STAGES = ((3, 1), (5, 1), (8, 1), (_DIRECT, 1), (64, 1), (512, 1))
"""(numbers followed, items from one to the next): a cell goes on to the next stage until its quantiles are reached."""
_COARSER = 4
"""Beyond the stages numbers are so much farther apart from one stage to the next."""
_BLUR, _MARGIN = 2.5, 20
"""Numbers on such steps are blurred by a Gaussian of 2.5 steps, so that few points on the circle tell them, and begin
20 steps before 0."""
_DAMPED = 1e-8
"""Numbers beyond those that are followed come back on the circle; its radius makes so much of them."""
_CROWDED = 24
"""Detections of no group that may be items, beyond which a cell's total comes from points (`crowded.py`)."""
_POINTS = 1 << 20
"""Points x cells x nodes x numbers of detections held at once: 8 MB of complex numbers."""

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True, slots=True, eq=False)
class Totals:
    """The number of items of all groups in some cells."""

    division: Division
    odds: tuple[Odds, ...]
    """Of each group."""
    offset: Array
    """(cells,) items known for certain."""
    expected: Array
    """(cells,) expected number: the sum of the groups' own."""

    def summary(self) -> Posterior:
        """Return mean, probabilities and quantiles of each cell."""
        low, high = self.quantiles()
        present = np.where(self.offset == 0, self.present(), 1.0)
        return Posterior(self.expected, present, self.unseen(), self.offset + low, self.offset + high)

    @property
    def crowded(self) -> NDArray[np.bool_]:
        """(cells,) whether numbers come from points, for so many detections of no group may be items."""
        crowded: NDArray[np.bool_] = self.division.most > _CROWDED
        return crowded

    def _points(self, row: int) -> Points:
        one = np.array([row])
        return Points.of(self.division.take(one), tuple(odds.take(one) for odds in self.odds))

    def present(self) -> Array:
        """Return P(at least one item), (cells,)."""
        d = self.division
        none = d.weight * d.pool[0] * d.told[:, 0].prod(axis=0)  # no detection is an item
        log_keep = sum((a * o.log_keep for a, o in zip(d.shape, self.odds, strict=True)), np.zeros(1))
        some: Array = (1 - none.sum(axis=1)) - (none * np.expm1(log_keep)).sum(axis=1)
        clipped: Array = np.clip(some, 0, 1)
        return clipped

    def unseen(self) -> Array:
        """Return P(at least one item that was not detected), (cells,)."""
        d, none = self.division, []
        for g, odds in enumerate(self.odds):
            power = np.exp(d.shape[g] * odds.log_keep) * odds.keep ** np.arange(d.told.shape[1])[:, None, None]
            taken = [(c * power).sum(axis=0) for c in d.taken(g)]
            none.append(np.stack([c * odds.keep**v for v, c in enumerate(taken)]))
        unseen: Array = np.clip(1 - (d.weight * d.pooled(none)).sum(axis=1), 0, 1)
        return unseen

    def quantiles(self) -> Array:
        """Return the quantiles of `LEVELS`, (2, cells)."""
        out = np.where(1 - self.present() >= np.array(LEVELS)[:, None] - _SLACK, 0.0, -1.0)
        rows = np.flatnonzero(out[1] < 0)
        for count, step in _stages():
            for row in rows[self.crowded[rows]] if count > _DIRECT else ():
                points = self._points(int(row))
                out[:, row] = [points.quantile(level) for level in LEVELS]
            rows = rows[out[1, rows] < 0]
            if not rows.size:
                break
            reached = self._cdf(rows, count, step)
            for level, found in zip(LEVELS, out, strict=True):
                new = (reached[-1] >= level - _SLACK) & (found[rows] < 0)
                found[rows[new]] = step * np.argmax(reached[:, new] >= level - _SLACK, axis=0)
            rows = rows[out[1, rows] < 0]
        return out

    def at_most(self, n: Array) -> Array:
        """Return P(items <= n) of each cell, n (cells,)."""
        n = n - self.offset
        out = np.zeros(len(n))
        rows = np.flatnonzero((n >= 0) & ~self.crowded)
        for row in np.flatnonzero((n >= 0) & self.crowded):
            out[row] = self._points(int(row)).at_most(n[row])
        for count, step in _stages():
            if not rows.size:
                break
            now = n[rows] < (count - _MARGIN) * step
            reached = self._cdf(rows[now], count, step)
            out[rows[now]] = reached[(n[rows[now]] // step).astype(np.intp), np.arange(np.count_nonzero(now))]
            rows = rows[~now]
        return out

    def _cdf(self, rows: NDArray[np.intp], count: int, step: int) -> Array:
        """Return P(items <= n) of some cells for n = 0, step, 2 step, ..., (numbers, rows).

        Where the step is not 1, hundreds of items are more, and n is right to about a step.
        """
        if count <= _DIRECT:
            return np.cumsum(self._from_series(rows, count), axis=0)
        d = self.division
        each = max(1, _POINTS // (count * d.weight.shape[1] * (d.told.shape[1] + len(d.pool))))
        parts = [self._from_circle(rows[i : i + each], count, step) for i in range(0, len(rows), each)]
        reached = np.cumsum(np.concatenate([np.zeros((count, 0)), *parts], axis=1), axis=0)
        return reached if step == 1 else reached[_MARGIN:]

    def _from_series(self, rows: NDArray[np.intp], count: int) -> Array:
        """Return P(items = n), (count, rows): the groups' power series in items and in v are multiplied."""
        d = self.division.take(rows)
        series = [_series(d, g, odds.take(rows), count) for g, odds in enumerate(self.odds)]
        left, right = _product(series[0], series[1]), _product(series[2], series[3])
        out = np.zeros(left.shape[1:])
        for v in range(len(left)):
            rest = np.sum(d.pool[v : len(right), None] * right[: len(right) - v], axis=0)
            out += convolved(left[v], rest)
        chance: Array = np.sum(out * d.weight, axis=2)
        return chance

    def _from_circle(self, rows: NDArray[np.intp], count: int, step: int) -> Array:
        """Return P(items = n), (count, rows), from the generating function on a circle a little below 1."""
        d = self.division.take(rows)
        radius = _DAMPED ** (1 / count)
        log_z = (np.log(radius) - 2j * np.pi * np.arange(count // 2 + 1) / count) / step
        z, blur = np.exp(log_z), np.ones(1)
        if step > 1:
            blur = np.exp((_BLUR * step * log_z) ** 2 / 2 + _MARGIN * step * log_z)
        whole: list[Complex] = []
        for g, odds in enumerate(self.odds):
            o = odds.take(rows)
            log_base = np.log(o.keep[:, :, None] / (1 - o.lose[:, :, None] * z))
            base = np.exp(log_base) * z
            taken = np.stack(list(d.taken(g))).transpose(2, 3, 0, 1)  # cells, nodes, v, m
            power = _powers(base, max(taken.shape[2:]))
            named = np.matmul(taken, power[:, :, : taken.shape[3]].view(np.float64)).view(np.complex128)
            start = np.exp(d.shape[g][:, :, None] * log_base)[:, :, None]
            whole.append(np.moveaxis(named * start * power[:, :, : taken.shape[2]], 2, 0))
        left, right = convolved(whole[0], whole[1]), convolved(whole[2], whole[3])
        own = np.zeros(left.shape[1:], complex)
        for v in range(len(left)):
            own += left[v] * np.einsum("wiq,wiqp->iqp", d.pool[v:], right[: len(right) - v])
        found = np.fft.irfft(np.einsum("iqp,iq->pi", own * blur, d.weight), count, axis=0)
        chance: Array = np.maximum(found, 0) * radius ** -np.arange(count)[:, None]
        return chance


def _powers(base: Complex, count: int) -> Complex:
    """Return powers 0, 1, ... of values (cells, nodes, points), (cells, nodes, count, points)."""
    out = np.ones((*base.shape[:2], count, base.shape[2]), complex)
    for n in range(1, count):
        np.multiply(out[:, :, n - 1], base, out=out[:, :, n])
    return out


def _stages() -> Iterator[tuple[int, int]]:
    yield from _STAGES
    count, step = _STAGES[-1]
    while True:
        step *= _COARSER
        yield count, step


def _series(d: Division, g: int, odds: Odds, count: int) -> Array:
    """Return weights of n items of a group and v of mark u among them, (V + 1, count, cells, nodes)."""
    most = min(d.told.shape[1] + len(d.pool) - 1, count)
    detected = np.arange(most)[:, None, None]
    chance = np.exp(d.shape[g] * odds.log_keep) * odds.keep**detected  # that no item is undetected
    taken = [c for _, c in zip(range(min(len(d.pool), count)), d.taken(g), strict=False)]
    out = np.zeros((len(taken), count, *d.weight.shape))
    for undetected in range(count):
        for v, c in enumerate(taken):
            width = min(len(c), count - undetected - v)
            if width > 0:
                out[v, undetected + v : undetected + v + width] += c[:width] * chance[v : v + width]
        left = min(most, count - undetected - 1)
        ratio = (d.shape[g] + detected[:left] + undetected) / (undetected + 1)
        chance = chance[:left] * ratio * odds.lose
    return out


def _product(first: Array, second: Array) -> Array:
    """Return the product of two power series in v and n; the number n is never below v."""
    out = np.zeros_like(first)
    count = first.shape[1]
    for v in range(len(first)):
        for w in range(len(first) - v):
            for n in range(v, count - w):
                out[v + w, n + w :] += first[v, n] * second[w, w : count - n]
    return out
