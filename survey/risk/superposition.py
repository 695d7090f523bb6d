r"""Posterior of the items of each ordnance group in each hectare, with recall and false alarms as distributions.

A cell of A hectares, of which S are searched; groups g with densities lam_g ~ Gamma(a_g, rate b), b common, so that
their sum lam ~ Gamma(a, b), a = sum a_g. With recall R ~ Beta, views worth m looks and a share v of the items for which
recall holds, an item is detected with probability P = S v (1 - (1 - R)^m). Detections are a superposition of marked,
thinned Poisson processes: detection k with score s_k and mark g comes from the items of g or from false alarms
phi_g ~ Gamma(alpha_g, beta) per searched hectare; one whose group is not told (mark u) comes from the items of any
group or from false alarms phi_u. Up to factors that no unknown enters, with rho_k = f1(s_k) / f0(s_k) and p = P / S,

    L = exp(-lam P) prod_g prod_{k in g} (lam_g p rho_k + phi_g) prod_{k in u} (lam p rho_k + phi_u)
        exp(-S (sum_g phi_g + phi_u)).

A confirmed detection has the first term only; a rejected one is left out and counts in alpha. Every product is expanded
in the number m of its detections that are items: sum_m e_m(rho) (lam_g p)^m phi_g^(K_g - m). Then

- every phi is integrated out exactly: Gamma(alpha_g + K_g - m) (beta + S)^m up to a constant;
- every lam is too: given m_g items among the detections of each group and u among those of no group, lam^u is shared
  out by the multinomial theorem, and lam_g is Gamma(a_g + m_g + u_g, b + P);
- what depends on R is p^n (b + P)^-(a + n) with n = sum m_g + u alone: one-dimensional Gauss-Jacobi quadrature.

So the joint weight of (n, recall node q) is one matrix a cell, the number of items of any group is a mixture of
t + NB(a_g + t, (b + P_q) / (b + A)) over (t, q), and groups add up to the total: in expectation exactly.

A cell is judged by its own detections and by what was reviewed. Unreviewed detections of other cells do not teach
recall or false alarms: a wrong prior would rewrite them, and no cell could be checked by itself.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.risk.belief import UNIDENTIFIED_SHARE, Belief
from survey.risk.groups import UNIDENTIFIED
from survey.risk.looks import recall_after
from survey.risk.mixture import CountMixture, Posterior
from survey.risk.polynomials import log_product, log_rising, log_symmetric
from survey.risk.posterior import CELL_HA
from survey.risk.prior import PriorField
from survey.values import ORDNANCE_GROUPS

MOST_UNIDENTIFIED = 8
"""Detections of no group that are shared out exactly in a cell. Further ones, the least likely, are dealt to the groups
in proportion to the prior: the exact sum grows with the square of their number."""
_NODES = 8
"""Least number of recall nodes; detections add half a node each, for the integrand has their number as a power."""
_MOST_NODES = 64
_NEGLIGIBLE = 1e-17
"""Weight of numbers of items, none larger in any cell of a block, that are left out: it is lost in rounding anyway."""
_CHUNK = 1 << 17
"""Cells x found x nodes held at once: 1 MB of float64, which stays in a core's cache."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CellEvidence:
    """What a search says about each cell."""

    searched_ha: Array
    """(cells,) hectares that were searched, 0..1."""
    log_ratio: Array
    """(K,) log f1 / f0 of each detection's score: log odds of its probability less those it was calibrated at."""
    cell: NDArray[np.intp]
    """(K,) cell of each detection."""
    mark: NDArray[np.intp]
    """(K,) place in `ORDNANCE_GROUPS`, or `UNIDENTIFIED`."""
    confirmed: NDArray[np.bool_]
    """(K,) True: review says that it is an item; its score no longer counts."""
    looks: Array | None = None
    """(cells,) effective number of looks at the searched ground (`effective_looks`); one where absent."""
    visible: Array | None = None
    """(cells,) share of items on searched ground that recall holds for; 1 where absent."""

    def __post_init__(self) -> None:
        cells, count = len(self.searched_ha), len(self.log_ratio)
        if not np.all((self.searched_ha >= 0) & (self.searched_ha <= CELL_HA)):
            msg = f"searched area must lie within 0..{CELL_HA} ha in every cell"
            raise ValueError(msg)
        given = (len(self.cell), len(self.mark), len(self.confirmed))
        if given != (count,) * 3:
            msg = "{} detections have {} cells, {} marks, {} verdicts".format(count, *given)
            raise ValueError(msg)
        if count and not (self.cell.min() >= 0 and self.cell.max() < cells):
            msg = f"cells of detections must lie within 0..{cells - 1}, got {self.cell.min()}..{self.cell.max()}"
            raise ValueError(msg)
        if count and not (self.mark.min() >= 0 and self.mark.max() <= UNIDENTIFIED):
            msg = f"marks of detections must lie within 0..{UNIDENTIFIED}, got {self.mark.min()}..{self.mark.max()}"
            raise ValueError(msg)
        for name, most in (("looks", np.inf), ("visible", 1.0)):
            values = getattr(self, name)
            if values is not None and not (len(values) == cells and np.all((values >= 0) & (values <= most))):
                msg = f"{name} has one value within 0..{most} for each of {cells} cells"
                raise ValueError(msg)


@dataclass(frozen=True, slots=True, eq=False)
class Inference:
    """Posterior of every cell, and what prior, search and detections each made of it."""

    total: Posterior
    """Arrays (cells,)."""
    groups: Posterior
    """Arrays (cells, groups), in the order of `ORDNANCE_GROUPS`."""
    prior_expected: Array
    """(cells, 1 + groups) expected items before the search: in total, then of each group."""
    searched_expected: Array
    """The same after the search, had it detected nothing."""
    prior_p: Array
    """(cells, 1 + groups) P(at least one item) before the search."""
    searched_p: Array
    """The same after the search, had it detected nothing."""
    at_most: Array | None = None
    """(cells, 1 + groups) P(items <= `counts`), where those were given."""
    below: Array | None = None
    """The same of P(items < `counts`)."""


def infer(
    evidence: CellEvidence,
    *,
    prior: PriorField,
    belief: Belief,
    threads: int = 1,
    counts: NDArray[np.integer] | None = None,
) -> Inference:
    """Compute the posterior of every cell.

    Args:
        evidence: What was searched and detected.
        prior: Densities of items before the search.
        belief: Recall and false alarms.
        threads: Threads; they do not change the result.
        counts: (cells, 1 + groups) numbers of items to tell the cumulative probability of, such as the true ones.

    Raises:
        ValueError: The prior is not one of these cells.
    """
    cells, groups = len(evidence.searched_ha), len(ORDNANCE_GROUPS)
    if len(prior.rate_ha) != cells:
        msg = f"a prior of {len(prior.rate_ha)} cells does not fit a search of {cells}"
        raise ValueError(msg)
    detections = _Sorted(evidence, prior=prior)
    names = ("searched_p", "searched_expected") + (("at_most", "below") if counts is not None else ())
    out = {name: np.empty((cells, 1 + groups)) for name in (*Posterior.__slots__, *names)}

    def work(part: tuple[NDArray[np.intp], int, int]) -> None:
        rows, told, untold = part
        block = _Block(rows, evidence=evidence, prior=prior, belief=belief, detections=detections)
        for name, values in block.infer(told, untold, None if counts is None else counts[rows]).items():
            out[name][rows] = values

    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, detections.parts()))
    else:
        for part in detections.parts():
            work(part)
    total, by_group = (
        Posterior(*(out[name][:, chosen] for name in Posterior.__slots__)) for chosen in (0, slice(1, None))
    )
    shape = np.column_stack([prior.shape.sum(axis=1), prior.shape])
    rate = prior.rate_ha[:, None]
    prior_p = -np.expm1(shape * np.log(rate / (rate + CELL_HA)))
    return Inference(
        total,
        by_group,
        shape / rate * CELL_HA,
        out["searched_expected"],
        prior_p,
        out["searched_p"],
        out.get("at_most"),
        out.get("below"),
    )


class _Sorted:
    """Detections by cell and mark, and cells by how many of them they hold."""

    def __init__(self, evidence: CellEvidence, *, prior: PriorField) -> None:
        self.cells = len(evidence.searched_ha)
        rank = np.where(evidence.confirmed, np.inf, evidence.log_ratio)
        shares = prior.shape.mean(axis=0) if self.cells else np.ones(UNIDENTIFIED)
        mark = deal(rank, evidence.mark, most=MOST_UNIDENTIFIED, shares=shares, cell=evidence.cell)
        order = np.lexsort((-rank, mark, evidence.cell))
        self.cell, self.mark = evidence.cell[order], mark[order]
        self.confirmed = evidence.confirmed[order]
        self.log_ratio = evidence.log_ratio[order]
        self.place = _rank_within(self.cell * (UNIDENTIFIED + 1) + self.mark)
        self.start = np.searchsorted(self.cell, np.arange(self.cells + 1))
        count = np.zeros((self.cells, UNIDENTIFIED + 1), np.intp)
        np.add.at(count, (self.cell, self.mark), 1)
        self.count = count

    def parts(self) -> Iterator[tuple[NDArray[np.intp], int, int]]:
        """Yield (cells, most detections of one group, most of no group), cells of like numbers together."""
        told = _level(self.count[:, :UNIDENTIFIED].max(axis=1, initial=0))
        untold = _level(self.count[:, UNIDENTIFIED])
        key = told * (MOST_UNIDENTIFIED + 1) + untold
        order = np.argsort(key, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(key[order])) + 1):
            if not len(members):
                continue
            w, u = int(told[members[0]]), int(untold[members[0]])
            found = len(ORDNANCE_GROUPS) * w + u + 1
            step = max(1, _CHUNK // (found * max(_NODES, w + u + 1)))
            for first in range(0, len(members), step):
                yield members[first : first + step], w, u

    def of(self, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return (detection, place in `rows` of its cell) of every detection of some cells."""
        each = self.start[rows + 1] - self.start[rows]
        local = np.repeat(np.arange(len(rows)), each)
        first = np.repeat(self.start[rows] - np.concatenate([[0], np.cumsum(each)[:-1]]), each)
        return np.arange(len(local)) + first, local


class _Block:
    """Some cells with about equally many detections."""

    def __init__(
        self,
        rows: NDArray[np.intp],
        *,
        evidence: CellEvidence,
        prior: PriorField,
        belief: Belief,
        detections: _Sorted,
    ) -> None:
        self.rows, self.belief, self.detections = rows, belief, detections
        self.searched = evidence.searched_ha[rows]
        self.looks = None if evidence.looks is None else evidence.looks[rows]
        self.visible = None if evidence.visible is None else evidence.visible[rows]
        self.shape, self.rate = prior.shape[rows], prior.rate_ha[rows]
        self.size = self.shape.sum(axis=1)
        self.count = detections.count[rows]

    def infer(self, told: int, untold: int, counts: NDArray[np.integer] | None) -> dict[str, Array]:
        """Return (cells, 1 + groups) of each output."""
        most = int(self.count.sum(axis=1).max())
        recall, weight = self.belief.nodes(min(_NODES + (most + 1) // 2, _MOST_NODES))
        p = self._detected(recall)
        self.keep_rate = self.rate[:, None] + p * self.searched[:, None]
        keep = self.keep_rate / (self.rate[:, None] + CELL_HA)
        node = np.log(weight) - self.size[:, None] * np.log(self.keep_rate)
        nothing = _normalised(node[:, None, :])
        out = self._steps(nothing, keep)
        if not most:
            return out | self._summaries([nothing] * (1 + self.shape.shape[1]), keep, counts)
        log_group, log_untold = self._likelihoods(told, untold)
        shared = _Shared(self.shape, log_group, log_untold)
        power = np.arange(shared.joint.shape[1])[None, :, None] * np.log(p / self.keep_rate)[:, None, :]
        total = _normalised(shared.joint[:, :, None] + power + node[:, None, :])
        last = int(np.flatnonzero(total.max(axis=(0, 2)) > _NEGLIGIBLE)[-1])
        total = total[:, : last + 1]
        return out | self._summaries([total, *(np.matmul(s, total) for s in shared.splits(last))], keep, counts)

    def _detected(self, recall: Array) -> Array:
        """Return (cells, nodes) the probability that an item on searched ground is detected."""
        p = np.broadcast_to(recall, (len(self.rows), len(recall)))
        if self.looks is not None:
            p = recall_after(p, self.looks[:, None])
        if self.visible is not None:
            p = p * self.visible[:, None]
        return np.maximum(p, 1e-12)  # a detection where nothing can be seen is unlikely, not impossible

    def _likelihoods(self, told: int, untold: int) -> tuple[Array, Array]:
        """Return log coefficients of lam_g^m, (cells, groups, told + 1), and of lam^u, (cells, untold + 1)."""
        index, local = self.detections.of(self.rows)
        mark, place = self.detections.mark[index], self.detections.place[index]
        confirmed, ratio = self.detections.confirmed[index], self.detections.log_ratio[index]
        named = mark < UNIDENTIFIED
        share = np.where(named, 1 - UNIDENTIFIED_SHARE, UNIDENTIFIED_SHARE)
        log_r = np.where(confirmed, 0.0, ratio + np.log(share))
        log_c = np.where(confirmed, -np.inf, 0.0)
        tables = []
        for chosen, width, marks in ((named, told, UNIDENTIFIED), (~named, untold, 1)):
            ratios = np.full((len(self.rows), marks, width), -np.inf)
            constants = np.zeros_like(ratios)
            where = (local[chosen], mark[chosen] if marks > 1 else 0, place[chosen])
            ratios[where], constants[where] = log_r[chosen], log_c[chosen]
            tables.append(log_symmetric(ratios, constants))
        group = tables[0] + self._false_alarms(slice(0, UNIDENTIFIED), told)
        return group, (tables[1] + self._false_alarms(slice(UNIDENTIFIED, None), untold))[:, 0]

    def _false_alarms(self, marks: slice, width: int) -> Array:
        """Return log Gamma(alpha + K - m) (beta + S)^m / Gamma(alpha), (cells, marks, width + 1)."""
        alarms = np.array(self.belief.alarms)[marks]
        left = np.maximum(self.count[:, marks, None] - np.arange(width + 1), 0)
        rising = log_rising(alarms, int(left.max(initial=0)))
        area = np.log(self.belief.area_ha + self.searched)[:, None, None]
        value: Array = rising[np.arange(len(alarms))[:, None], left] + np.arange(width + 1) * area
        return value

    def _steps(self, nothing: Array, keep: Array) -> dict[str, Array]:
        """Return what the search alone made of the prior."""
        sizes = np.column_stack([self.size, self.shape])
        none = np.exp(sizes[:, :, None] * np.log(keep)[:, None, :])
        mean = (nothing[:, 0] * (1 - keep) / keep).sum(axis=1)
        return {
            "searched_p": 1 - np.einsum("iq,igq->ig", nothing[:, 0], none),
            "searched_expected": sizes * mean[:, None],
        }

    def _summaries(self, weights: list[Array], keep: Array, counts: NDArray[np.integer] | None) -> dict[str, Array]:
        """Return the posterior of the total and of each group from their weights (cells, found, nodes)."""
        starts = [self.size, *self.shape.T]
        none = np.zeros(len(self.rows))
        mixtures = [
            CountMixture(weight, start[:, None] + np.arange(weight.shape[1]), keep, none)
            for weight, start in zip(weights, starts, strict=True)
        ]
        found = [mixture.summary() for mixture in mixtures]
        out = {name: np.column_stack([getattr(f, name) for f in found]) for name in Posterior.__slots__}
        if counts is not None:
            for name, n in (("at_most", counts), ("below", counts - 1)):
                out[name] = np.column_stack([m.at_most(n[:, k].astype(np.float64)) for k, m in enumerate(mixtures)])
        return out


class _Shared:
    """How items among the detections divide among the groups, given how many they are."""

    def __init__(self, shape: Array, log_group: Array, log_untold: Array) -> None:
        self.shape, self.log_untold = shape, log_untold
        self.width = log_group.shape[2] - 1
        self.rising = log_rising(shape, self.width)
        self.group = log_group  # without the rising factorials
        named = [log_group[:, g] + self.rising[:, g] for g in range(shape.shape[1])]
        left, right = log_product(named[0], named[1]), log_product(named[2], named[3])
        self.rest = [log_product(named[1 - g], right) if g < 2 else log_product(named[5 - g], left) for g in range(4)]
        whole = log_product(left, right)
        size = shape.sum(axis=1)
        even = whole - log_rising(size, whole.shape[1] - 1)
        joint = log_product(even, log_untold)
        self.joint = joint + log_rising(size, joint.shape[1] - 1)
        """(cells, N + 1) log coefficient of n items among all detections."""

    def splits(self, last: int) -> Iterator[Array]:
        """Yield P(t items of the group | n items), (cells, T, last + 1), of each group, n = 0..last."""
        for g in range(self.shape.shape[1]):
            group, rest = self.group[:, g, : last + 1], self.rest[g][:, : last + 1]
            yield self._split(group, rest, own=self.shape[:, g], last=last)

    def _split(self, group: Array, rest: Array, *, own: Array, last: int) -> Array:
        untold = min(self.log_untold.shape[1] - 1, last)
        joint = self.joint[:, : last + 1]
        other = self.shape.sum(axis=1) - own
        even = rest - log_rising(other, rest.shape[1] - 1)
        table = np.full((len(own), min(group.shape[1] + untold, last + 1), last + 1), -np.inf)  # t, n
        for u in range(untold + 1):
            chance = np.zeros(1)
            if u:
                chance = log_rising(np.ones(1), u)[0]  # log i!
                chance = chance[-1] - chance - chance[::-1]
            for j in range(u + 1):
                part = self.log_untold[:, u, None] + chance[j] + even
                for t in range(min(group.shape[1], last + 1 - u)):
                    row = table[:, t + j, t + u : t + u + part.shape[1]]
                    np.logaddexp(row, group[:, t, None] + part[:, : row.shape[1]], out=row)
        rising, others = log_rising(own, table.shape[1] - 1), log_rising(other, last)
        left = np.maximum(np.arange(last + 1) - np.arange(table.shape[1])[:, None], 0)
        known = np.where(np.isfinite(joint), joint, 0.0)
        log_share = table + rising[:, :, None] + others[:, left] - known[:, None, :]
        share: Array = np.exp(np.minimum(log_share, 0.0))
        return share


def _normalised(log_weight: Array) -> Array:
    """Return weights (cells, found, nodes) that add up to 1 in each cell."""
    weight: Array = np.exp(log_weight - log_weight.max(axis=(1, 2), keepdims=True))
    weight /= weight.sum(axis=(1, 2), keepdims=True)
    return weight


def deal(
    rank: Array, mark: NDArray[np.intp], *, most: int, shares: Array, cell: NDArray[np.intp] | None = None
) -> NDArray[np.intp]:
    """Return marks, those of detections of no group beyond `most` in a cell dealt to groups, likely items last.

    Args:
        rank: (K,) what detections are ranked by.
        mark: (K,).
        most: Detections of no group that a cell may keep.
        shares: Of the groups, which are dealt to in proportion.
        cell: (K,); one cell for all where absent.
    """
    mark = mark.copy()
    untold = np.flatnonzero(mark == UNIDENTIFIED)
    of = np.zeros(len(mark), np.intp) if cell is None else cell
    order = untold[np.lexsort((-rank[untold], of[untold]))]
    place = _rank_within(of[order]) - most
    if (over := place >= 0).any():
        dealt, given = [], np.zeros(len(shares))
        for n in range(int(place.max()) + 1):
            dealt.append(int(np.argmax(shares / shares.sum() * (n + 1) - given)))
            given[dealt[-1]] += 1
        mark[order[over]] = np.array(dealt, np.intp)[place[over]]
    return mark


def _rank_within(key: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the place of each element among those of its key; like keys stand together."""
    new = np.flatnonzero(np.diff(key, prepend=-1))
    return np.arange(len(key)) - np.repeat(new, np.diff(np.append(new, len(key))))


def _level(count: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return counts rounded up to 0, 1, 2, 3, 4, 6, 8, 12, 16, 24, ..., so that few shapes of arrays are needed."""
    half = 2 ** np.ceil(np.log2(np.maximum(count, 1) / 3)).astype(np.intp).clip(0) * 3
    whole = 2 ** np.ceil(np.log2(np.maximum(count, 1))).astype(np.intp)
    return np.where(count <= 3, count, np.minimum(np.where(half >= count, half, whole), whole))
