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

A confirmed detection has the first term only; a rejected one is left out, and counts in alpha where all on a known area
are judged: else the unjudged ones of its cell are believed too much rather than too little. Every product is expanded
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

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from survey.counts.division import Division
from survey.counts.mixture import Odds, Posterior
from survey.counts.polynomials import log_rising, log_symmetric
from survey.counts.summaries import summarised
from survey.risk.arranged import Arranged, Part
from survey.risk.belief import Belief
from survey.risk.cells import CellEvidence, Inference
from survey.risk.groups import UNIDENTIFIED
from survey.risk.prior import CELL_HA, PriorField
from survey.values import ORDNANCE_GROUPS

_NODES = 8
"""Least number of recall nodes; detections add half a node each, for the integrand has their number as a power."""
_MOST_NODES = 64
_AGREED = 1e-4
"""Relative difference between `_NODES` and twice as many nodes, of what is expected to be unseen, that is let pass."""
_CELLS = 1 << 16

Array = NDArray[np.float64]


def infer(
    evidence: CellEvidence,
    *,
    prior: PriorField,
    belief: Belief,
    threads: int = 0,
    counts: NDArray[np.integer] | None = None,
) -> Inference:
    """Compute the posterior of every cell.

    Args:
        evidence: What was searched and detected.
        prior: Densities of items before the search.
        belief: Recall and false alarms.
        threads: Threads, which do not change the result; 0: as many as there are cores.
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
    if (workers := threads or os.cpu_count() or 1) > 1:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, parts))
    else:
        for part in parts:
            work(part)
    total, by_group = (
        Posterior(*(out[name][:, chosen] for name in Posterior.__slots__)) for chosen in (0, slice(1, None))
    )
    return Inference(
        total,
        by_group,
        prior.expected(),
        out["searched_expected"],
        prior.present(),
        out["searched_p"],
        out.get("at_most"),
        out.get("below"),
    )


def steep(evidence: CellEvidence, prior: PriorField, belief: Belief) -> NDArray[np.bool_]:
    """Return where few nodes do not integrate 1 / (b + P), which the expected number of unseen items goes with.

    A prior of a small rate b (most cells hold nothing, some hold many items) and a recall that may be next to nothing
    make it rise steeply towards a recall of 0: the more, the smaller b is, so the least of a cell's groups decides.
    """
    steep, rate = np.empty(len(prior.rate_ha), bool), prior.rate_ha.min(axis=1)
    for first in range(0, len(steep), _CELLS):
        rows = slice(first, first + _CELLS)
        few, many = (
            (1 / (rate[rows, None] + evidence.detected(rows, recall) * evidence.searched_ha[rows, None])) @ w
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
        self.alarms = belief.alarms_in(prior.mean_ha[self.rows])
        self.count = detections.count[self.rows]

    def infer(self, counts: NDArray[np.integer] | None) -> dict[str, Array]:
        """Return (cells, 1 + groups) of each output."""
        most = int(self.count.sum(axis=1).max())
        if self.part.graded:
            recall, weight = self.belief.graded_nodes(min(_NODES + most // 4, _MOST_NODES))
        else:
            recall, weight = self.belief.nodes(min(_NODES + (most + 1) // 2, _MOST_NODES))
        p = self.evidence.detected(self.rows, recall)
        effective = p * self.searched[:, None]
        log_rate = [np.log(rate[:, None] + effective) for rate in self.rate.T]
        log_node = np.log(weight) - sum(a[:, None] * r for a, r in zip(self.shape.T, log_rate, strict=True))
        odds = tuple(Odds.of(rate[:, None], effective, CELL_HA) for rate in self.rate.T)
        out = self._steps(log_node, odds)
        log_group, log_untold = self._likelihoods(self.part.told, self.part.untold)
        log_seen = np.log(p) - np.stack(log_rate)
        division = Division.of(
            log_group.transpose(1, 2, 0)[..., None] + np.arange(log_group.shape[2])[:, None, None] * log_seen[:, None],
            log_untold.T[:, :, None],
            shape=self.shape,
            log_seen=log_seen,
            log_node=log_node,
        )
        known = np.zeros((len(self.rows), len(odds)))
        return out | summarised(division, odds, known=known, counts=counts)

    def _likelihoods(self, told: int, untold: int) -> tuple[Array, Array]:
        """Return log coefficients of lam_g^m, (cells, groups, told + 1), and of lam^u, (cells, untold + 1)."""
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

    def _steps(self, log_node: Array, odds: tuple[Odds, ...]) -> dict[str, Array]:
        """Return what the search alone made of the prior."""
        node = np.exp(log_node - log_node.max(axis=1, keepdims=True))
        node /= node.sum(axis=1, keepdims=True)
        none = [a[:, None] * o.log_keep for a, o in zip(self.shape.T, odds, strict=True)]
        some = [-(node * np.expm1(log_none)).sum(axis=1) for log_none in (sum(none, np.zeros(1)), *none)]
        mean = self.shape * np.column_stack([(node * (o.lose / o.keep)).sum(axis=1) for o in odds])
        return {
            "searched_p": np.column_stack(some),
            "searched_expected": np.column_stack([mean.sum(axis=1), mean]),
        }
