"""How the detections of cells divide into false alarms and items of each group, at nodes of recall.

Arrays end in (cells, nodes); what runs before, such as a number of items, is short. With x_g = p / (b_g + P), what
a cell's items of group g and its detections contribute, if m of those of mark g and v of mark u are items of g, is

    c_g(m, v) = e_m (a_g)_(m + v) x_g^(m + v) / v!

with the coefficient e_m of lam_g^m in the likelihood and the rising factorial (a)_n. Given that u detections of mark u
are items, those numbers v add up to u: the groups' sequences in v are convolved, and weighed with u! times the
coefficient of the u-th power. So each group is known by its own sums over m, and costs as much as its own detections.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from survey.counts.polynomials import convolved, correlated, log_rising

_NEGLIGIBLE = 1e-17
"""Weight of numbers of items, none larger in any cell of a block, that are left out: it is lost in rounding anyway."""
_HARDLY = 1e-10
"""Probability of a number of items of mark u that is left out of what tells quantiles."""
_LARGEST = 500.0
"""Logarithm of the largest number in a convolution."""
_MANY = 8
"""Of more detections of a mark it is worth to look how many can be items."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """Weights of all ways to divide the detections of some cells."""

    shape: Array
    """(groups, cells, 1) a_g."""
    told: Array
    """(groups, M + 1, cells, nodes) c_g(m, 0), the largest of each node 1."""
    ratio: Array
    """(groups, cells, nodes) x_g by an x of all groups, powers of which are in `pool`: as a rule the largest."""
    pool: Array
    """(U + 1, cells, nodes) weight of u items among the detections of mark u; the largest of each node is 1."""
    weight: Array
    """(cells, nodes) what a node's weights are to be multiplied by, so that all of a cell add up to 1."""
    node: Array
    """(cells, nodes) P(node)."""
    most: NDArray[np.intp]
    """(cells,) detections of mark u that may be items with more than hardly any probability."""

    @classmethod
    def of(cls, log_told: Array, log_untold: Array, *, shape: Array, log_seen: Array, log_node: Array) -> Self:
        """Divide detections.

        Args:
            log_told: (groups, M + 1, cells, nodes) log e_m x^m of the detections of each group.
            log_untold: (U + 1, cells, nodes or 1) log coefficients of (sum of lam_g)^u from those of no group.
            shape: (cells, groups) a_g.
            log_seen: (groups, cells, nodes) log x_g of the detections of no group.
            log_node: (cells, nodes) log weight of a node with no item detected.
        """
        u = np.arange(len(log_untold))[:, None, None]
        log_told = log_told + log_rising(shape, log_told.shape[1] - 1).transpose(1, 2, 0)[..., None]
        log_pool = log_untold + gammaln(u + 1)
        top = log_told.max(axis=1)
        told = np.exp(log_told - top[:, None])
        log_x = log_seen.max(axis=0)
        if len(u) > _MANY:
            log_x = log_x + _damping(told, shape)
        log_pool = log_pool + u * log_x
        high = log_pool.max(axis=0)
        log_weight = log_node + top.sum(axis=0) + high
        weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
        ratio, pool = np.exp(log_seen - log_x), np.exp(log_pool - high)
        new: Self = cls(shape.T[:, :, None], told, ratio, pool, weight, weight, np.zeros(len(shape), np.intp))
        if len(u) > _MANY:
            new = replace(new, pool=new.pool[: new.reach()])
        by_untold = new.by_untold()
        by_untold /= (total := by_untold.sum(axis=(0, 2))[:, None])
        most = (u[: len(by_untold), :, 0] * (by_untold.sum(axis=2) > _HARDLY)).max(axis=0)
        pool = new.pool[: _length(by_untold)]
        return replace(new, pool=pool, weight=weight / total, node=by_untold.sum(axis=0), most=most)

    def by_untold(self) -> Array:
        """Return the weight of u items among the detections of mark u, (U + 1, cells, nodes)."""
        whole = [self.whole(g) for g in range(len(self.told))]
        weight: Array = self.pool * convolved(convolved(whole[0], whole[1]), convolved(whole[2], whole[3]))
        return weight * self.weight

    def reach(self) -> int:
        """Return how many numbers of items of mark u may count, by a bound that takes no convolution of long series.

        Were all groups' x the largest, they would add up to one group; and a cell's weights add up to no less than
        those of its likeliest node.
        """
        named, size = _named(self.told), self.shape.sum(axis=0)
        u, m = np.arange(len(self.pool)), np.arange(len(named))
        log_ratio = np.log(self.ratio.max(axis=(0, 2)))[:, None, None]  # a cell's own: another's may be too large
        log_grown = log_rising(size + m, len(u) - 1) - gammaln(u + 1) + u * log_ratio
        there = (named.max(axis=2) > 0).T[:, :, None]  # a cell may have fewer detections than its neighbours
        grown = np.exp(np.where(there, log_grown, -np.inf))
        whole = np.matmul(grown.transpose(0, 2, 1), named.swapaxes(0, 1)).swapaxes(0, 1)
        most = self.pool * whole * self.weight
        best = np.zeros(self.node.shape[1], bool)
        best[most.sum(axis=0).argmax(axis=1)] = True
        return _length(most / self.at(best).by_untold().sum(axis=(0, 2))[:, None])

    def without_many(self) -> Self:
        """Return it without numbers of items that no cell can be thought to have among the detections of a group."""
        by_told = [
            sum((c * r for c, r in zip(self.taken(g), rest, strict=True)), np.zeros(1)) for g, rest in self._rests()
        ]
        return replace(self, told=self.told[:, : max(_length(weight) for weight in by_told)])

    def take(self, rows: NDArray[np.intp]) -> "Division":
        """Return some of the cells, without numbers of items of mark u that have hardly any probability."""
        return Division(
            self.shape[:, rows],
            self.told[:, :, rows],
            self.ratio[:, rows],
            self.pool[: self.most[rows].max(initial=0) + 1, rows],
            self.weight[rows],
            self.node[rows],
            self.most[rows],
        )

    def at(self, nodes: NDArray[np.bool_]) -> "Division":
        """Return it at some of the nodes."""
        return Division(
            self.shape,
            self.told[..., nodes],
            self.ratio[..., nodes],
            self.pool[..., nodes],
            self.weight[:, nodes],
            self.node[:, nodes],
            self.most,
        )

    def taken(self, g: int) -> Iterator[Array]:
        """Yield c_g(m, v), (M + 1, cells, nodes), of v = 0, 1, ..., U, without the power of the x of all groups."""
        yield from _grown(self.told[g], self.shape[g], ratio=self.ratio[g], most=len(self.pool) - 1)

    def whole(self, g: int) -> Array:
        """Return the sum of c_g(m, v) over m, (U + 1, cells, nodes)."""
        return np.stack([c.sum(axis=0) for c in self.taken(g)])

    def pooled(self, sequences: list[Array]) -> Array:
        """Return the sum of products of four sequences in v, weighed with `pool`, (cells, nodes)."""
        left, right = convolved(sequences[0], sequences[1]), convolved(sequences[2], sequences[3])
        out: Array = np.sum(left * correlated(self.pool, right), axis=0)
        return out

    def groups(self) -> Iterator[Array]:
        """Yield P(t detections are items of the group, node), (T, cells, nodes), of each group."""
        for g, rest in self._rests():
            out = np.zeros((self.told.shape[1] + len(rest) - 1, *self.weight.shape))
            for v, c in enumerate(self.taken(g)):
                out[v : v + len(c)] += c * rest[v]
            yield out[: _length(out)]

    def together(self) -> Array:
        """Return P(t detections are items, node), (T, cells, nodes), of groups that have one x: they add up to one."""
        named = _named(self.told)
        out = np.zeros((len(named) + len(self.pool) - 1, *self.node.shape))
        for u, c in enumerate(_grown(named, self.shape.sum(axis=0), ratio=self.ratio[0], most=len(self.pool) - 1)):
            out[u : u + len(c)] += c * (self.pool[u] * self.weight)
        return out[: _length(out)]

    def _rests(self) -> Iterator[tuple[int, Array]]:
        """Yield each group and the weight of all else that makes v items of mark u its own, (U + 1, cells, nodes)."""
        whole = [self.whole(g) for g in range(len(self.told))]
        left, right = convolved(whole[0], whole[1]), convolved(whole[2], whole[3])
        for g in range(len(self.told)):
            others = convolved(whole[1 - g], right) if g < 2 else convolved(whole[5 - g], left)
            yield g, correlated(self.pool, others) * self.weight


def _named(told: Array) -> Array:
    """Return the weight of m items among the detections of all groups, (4 M + 1, cells, nodes), from those of each."""
    whole = np.concatenate([told, np.zeros((len(told), 3 * (told.shape[1] - 1), *told.shape[2:]))], axis=1)
    return convolved(convolved(whole[0], whole[1]), convolved(whole[2], whole[3]))


def _grown(told: Array, shape: Array, *, ratio: Array, most: int) -> Iterator[Array]:
    """Yield c(m, v) of v = 0, 1, ..., `most` from those of v = 0."""
    now, size = told, shape + np.arange(len(told))[:, None, None]
    yield now
    for v in range(most):
        now = now * ((size + v) / (v + 1)) * ratio
        yield now


def _length(weight: Array) -> int:
    """Return how many of the first terms (terms, cells, nodes) there are up to the last that counts in any cell."""
    return int(np.flatnonzero(weight.max(axis=(1, 2)) > _NEGLIGIBLE)[-1]) + 1


def _damping(told: Array, shape: Array) -> Array:
    """Return log of what x of all groups is to be multiplied by, (cells, 1), lest convolutions overflow.

    They grow up to (a + M)_u / u! with M detections told, and of a series in y with these coefficients,
    (1 - y)^-(a + M), no term is larger than the whole.
    """
    size = shape.sum(axis=1) + ((told > 0).any(axis=3).sum(axis=1) - 1).sum(axis=0)
    damping: Array = -np.log(-np.expm1(-_LARGEST / size))[:, None]
    return damping
