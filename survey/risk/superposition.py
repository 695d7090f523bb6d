r"""Posterior of the items of each ordnance group in each hectare, with recall and false alarms as distributions.

A cell of A hectares, of which S are searched; groups g with densities lam_g ~ Gamma(a_g, rate b), b common, so that
their sum lam ~ Gamma(a, b), a = sum a_g. With recall R ~ Beta, views worth m looks and a share v of the items for which
recall holds, an item is detected with probability P = S v (1 - (1 - R)^m). Detections are a superposition of marked,
thinned Poisson processes: detection k with score s_k and mark g comes from the items of g or from false alarms
phi_g ~ Gamma(alpha_g, beta) per searched hectare; one whose group is not told (mark u) comes from the items of any
group or from false alarms phi_u. A share q of the items detected is of mark u. Up to factors that no unknown enters,
with rho_k = f1(s_k) / f0(s_k) among detections of k's mark and p = P / S,

    L = exp(-lam P) prod_g prod_{k in g} (lam_g p (1 - q) rho_k + phi_g) prod_{k in u} (lam p q rho_k + phi_u)
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

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from survey.risk.arranged import Arranged, Part
from survey.risk.belief import Belief
from survey.risk.cells import CellEvidence, Inference
from survey.risk.division import Division
from survey.risk.groups import UNIDENTIFIED
from survey.risk.mixture import CountMixture, Posterior
from survey.risk.polynomials import log_rising, log_symmetric
from survey.risk.posterior import CELL_HA
from survey.risk.prior import PriorField
from survey.values import ORDNANCE_GROUPS

_NODES = 8
"""Least number of recall nodes; detections add half a node each, for the integrand has their number as a power."""
_MOST_NODES = 64
_AGREED = 1e-4
"""Relative difference between `_NODES` and twice as many nodes, of what is expected to be unseen, that is let pass."""
_CELLS = 1 << 16
_NEGLIGIBLE = 1e-17
"""Weight of numbers of items, none larger in any cell of a block, that are left out: it is lost in rounding anyway."""

Array = NDArray[np.float64]


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
    detections = Arranged(evidence)
    names = ("searched_p", "searched_expected") + (("at_most", "below") if counts is not None else ())
    out = {name: np.empty((cells, 1 + groups)) for name in (*Posterior.__slots__, *names)}

    def work(part: Part) -> None:
        block = _Block(part, evidence=evidence, prior=prior, belief=belief, detections=detections)
        for name, values in block.infer(None if counts is None else counts[part.rows]).items():
            out[name][part.rows] = values

    parts = detections.parts(steep(evidence, prior, belief))
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, parts))
    else:
        for part in parts:
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


def steep(evidence: CellEvidence, prior: PriorField, belief: Belief) -> NDArray[np.bool_]:
    """Return where few nodes do not integrate 1 / (b + P), which the expected number of unseen items goes with.

    A prior of a small rate b (most cells hold nothing, some hold many items) and a recall that may be next to nothing
    make it rise steeply towards a recall of 0.
    """
    steep = np.empty(len(prior.rate_ha), bool)
    for first in range(0, len(steep), _CELLS):
        rows = slice(first, first + _CELLS)
        few, many = (
            (1 / (prior.rate_ha[rows, None] + evidence.detected(rows, recall) * evidence.searched_ha[rows, None])) @ w
            for recall, w in (belief.nodes(_NODES), belief.nodes(2 * _NODES))
        )
        steep[rows] = np.abs(few - many) > _AGREED * many
    return steep


class _Block:
    """Some cells with about equally many detections."""

    def __init__(
        self,
        part: Part,
        *,
        evidence: CellEvidence,
        prior: PriorField,
        belief: Belief,
        detections: Arranged,
    ) -> None:
        self.part, self.rows, self.belief = part, part.rows, belief
        self.evidence, self.detections = evidence, detections
        self.searched = evidence.searched_ha[self.rows]
        self.shape, self.rate = prior.shape[self.rows], prior.rate_ha[self.rows]
        self.size = self.shape.sum(axis=1)
        self.count = detections.count[self.rows]

    def infer(self, counts: NDArray[np.integer] | None) -> dict[str, Array]:
        """Return (cells, 1 + groups) of each output."""
        most = int(self.count.sum(axis=1).max())
        if self.part.graded:
            recall, weight = self.belief.graded_nodes(min(_NODES + most // 4, _MOST_NODES))
        else:
            recall, weight = self.belief.nodes(min(_NODES + (most + 1) // 2, _MOST_NODES))
        p = self.evidence.detected(self.rows, recall)
        self.keep_rate = self.rate[:, None] + p * self.searched[:, None]
        keep = self.keep_rate / (self.rate[:, None] + CELL_HA)
        node = np.log(weight) - self.size[:, None] * np.log(self.keep_rate)
        nothing = _normalised(node[:, None, :])
        out = self._steps(nothing, keep)
        if not most:
            return out | self._summaries([nothing] * (1 + self.shape.shape[1]), keep, counts)
        log_group, log_untold = self._likelihoods(self.part.told, self.part.untold)
        shared = Division(self.shape, log_group, log_untold)
        power = np.arange(shared.joint.shape[1])[None, :, None] * np.log(p / self.keep_rate)[:, None, :]
        total = _normalised(shared.joint[:, :, None] + power + node[:, None, :])
        last = int(np.flatnonzero(total.max(axis=(0, 2)) > _NEGLIGIBLE)[-1])
        total = total[:, : last + 1]
        return out | self._summaries([total, *(np.matmul(s, total) for s in shared.splits(last))], keep, counts)

    def _likelihoods(self, told: int, untold: int) -> tuple[Array, Array]:
        """Return log coefficients of lam_g^m, (cells, groups, told + 1), and of lam^u, (cells, untold + 1)."""
        self.alarms = self.belief.alarms_in(self.shape)
        index, local = self.detections.of(self.rows)
        mark, place = self.detections.mark[index], self.detections.place[index]
        confirmed, ratio = self.detections.confirmed[index], self.detections.log_ratio[index]
        named = mark < UNIDENTIFIED
        share = np.where(named, 1 - self.belief.untold, self.belief.untold)
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
        alarms = self.alarms[:, marks]
        left = np.maximum(self.count[:, marks, None] - np.arange(width + 1), 0)
        rising = log_rising(alarms, int(left.max(initial=0)))
        area = np.log(self.belief.area_ha + self.searched)[:, None, None]
        value: Array = np.take_along_axis(rising, left, axis=2) + np.arange(width + 1) * area
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


def _normalised(log_weight: Array) -> Array:
    """Return weights (cells, found, nodes) that add up to 1 in each cell."""
    weight: Array = np.exp(log_weight - log_weight.max(axis=(1, 2), keepdims=True))
    weight /= weight.sum(axis=(1, 2), keepdims=True)
    return weight
