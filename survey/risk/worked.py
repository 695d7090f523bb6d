r"""Posterior of what remains in hectares on which people worked after the flight.

Work on the ground is a second search. A hectare divides into kinds of ground z of A_z hectares, S_z of them searched
from the air; on kind z an item of group g is left with probability u_zg = prod_w (1 - q_wg) over all work w done there.
Densities are lam_g ~ Gamma(a_g, rate b), and p(R) is the probability to sight an item on searched ground. Of a group's
items these are independent Poisson numbers:

    found on the ground     lam_g (1 - u_zg) A_z; each sighted with probability p if it lies on searched ground
    sighted, not found      lam_g p S_z u_zg
    neither                 lam_g nu_g,  nu_g = beta_g - p alpha_g,  beta_g = sum_z A_z u_zg,  alpha_g = sum_z S_z u_zg

Up to factors without an unknown the likelihood is, times exp(-false alarms),

    prod_g exp(-lam_g (1 - nu_g)) prod_finds lam_g (1 - u_zg) [p if sighted, 1 - p if searched and not sighted]
           prod_sightings not found (lam_g p u_zg rho_k + phi_g)

and the false alarms integrate out as without work. Given recall R and the quality of the work, lam_g is a mixture of
Gamma(a_g + found + m, b + 1 - nu_g) over the number m of sightings that are items, and what remains is
m + NB(a_g + found + m, (b + 1 - nu_g) / (b + 1)): what the flight alone gives, with other numbers.

One level v, uniform in 0..1, says how good the work of a hectare was: q_wg is its v-quantile for every work and group,
so what one crew missed another mostly misses too. Recall and level are integrated by quadrature: pairs of both are the
nodes of a `Division`.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from survey.counts.division import Division
from survey.counts.mixture import Odds, Posterior
from survey.counts.polynomials import log_symmetric
from survey.counts.summaries import summarised
from survey.risk.belief import Belief
from survey.risk.cells import CellEvidence
from survey.risk.facts import CellFacts, facts_of
from survey.risk.groups import UNIDENTIFIED
from survey.risk.kinds import on_one_kind
from survey.risk.prior import CELL_HA, PriorField
from survey.risk.work import NOTHING, Remaining, Taught, Work, quality_levels

_TINY = 1e-300

Array = NDArray[np.float64]


def infer_worked(
    work: Work,
    evidence: CellEvidence,
    *,
    prior: PriorField,
    belief: Belief,
    taught: Taught = NOTHING,
    counts: NDArray[np.integer] | None = None,
) -> Remaining:
    """Compute the posterior of what remains in every cell that was worked on or in which something was found.

    Args:
        work: What was done and found.
        evidence: What the flight searched, and its sightings without those that were found to be items.
        prior: Densities of items before the flight.
        belief: Recall and false alarms.
        taught: What of the work is in the belief already; it is then not counted again in the cell that it is from.
        counts: (cells, 1 + groups) numbers to tell the cumulative probability of.

    Raises:
        ValueError: The work does not fit the evidence.
    """
    if work.at.shape != evidence.cell.shape:
        msg = f"{len(work.at)} kinds of ground do not fit {len(evidence.cell)} sightings"
        raise ValueError(msg)
    cells = work.cells
    out = {name: np.empty((len(cells), 1 + UNIDENTIFIED)) for name in (*Posterior.__slots__, "at_most", "below")}
    for row, facts in enumerate(facts_of(work, evidence, prior=prior, belief=belief, cells=cells, taught=taught)):
        cell = _Cell(facts, belief=belief, work=work, taught=taught)
        for name, values in cell.summary(None if counts is None else counts[cells[[row]]]).items():
            out[name][row] = values[0]
    told = (out.pop("at_most"), out.pop("below")) if counts is not None else (None, None)
    return Remaining(cells, Posterior(**{name: out[name] for name in Posterior.__slots__}), *told)


class _Cell:
    """One cell; arrays are (recall nodes, levels of quality)."""

    def __init__(self, facts: CellFacts, *, belief: Belief, work: Work, taught: Taught) -> None:
        self.facts, self.belief, self.taught = facts, belief, taught
        self.left = np.maximum(work.left, _TINY)
        self.alarms = belief.alarms_in((facts.shape / facts.rate)[None])[0]
        self.p = facts.p
        kind, area, searched = facts.pieces
        rest = max(CELL_HA - float(area.sum()), 0.0), max(facts.searched - float(searched.sum()), 0.0)
        beta, alpha = (r + np.tensordot(a, work.left[kind], 1) for r, a in zip(rest, (area, searched), strict=True))
        self.nu = np.maximum(beta - self.p[:, None, None] * alpha, 0.0)
        self.rate = facts.rate + CELL_HA - self.nu
        self.log_weight = np.log(facts.weight)[:, None] + np.log(quality_levels()[1]) + self._log_finds(work)
        self.start = facts.shape + np.bincount(facts.find_mark, minlength=UNIDENTIFIED)

    def _log_finds(self, work: Work) -> Array:
        """Return the log likelihood of what the finds say about recall and the quality of the work."""
        f, on_worked = self.facts, self.facts.find_kind > 0
        found = 1 - work.left[f.find_kind[on_worked], :, f.find_mark[on_worked]]
        log_found = np.log(np.maximum(found, _TINY)).sum(axis=0)[None, :]
        tells = ~on_worked if self.taught.recall else np.ones(len(on_worked), bool)
        sighted = np.count_nonzero(tells & (f.find_seen == 1))
        missed = np.count_nonzero(tells & on_worked & (f.find_seen == 0))
        log_recall = sighted * np.log(self.p) + missed * np.log1p(-np.minimum(self.p, 1 - 1e-12))
        value: Array = log_found + log_recall[:, None]
        return value

    def _log_false(self, mark: int) -> Array:
        """Return log Gamma(alpha + K - m) (area + S)^m / Gamma(alpha) of m = 0..K items among sightings of a mark.

        K counts only sightings that are not in the belief's alpha yet; a confirmed one never is.
        """
        own, alarms = self.facts.mark == mark, float(self.alarms[mark])
        m = np.arange(np.count_nonzero(own) + 1)
        resolved = np.isin(self.facts.kind, self.taught.kinds) & ~self.facts.confirmed
        known = np.count_nonzero(own & ~resolved)
        area = np.log(self.belief.area_ha + self.facts.unresolved_ha)
        value: Array = gammaln(alarms + known - m) - gammaln(alarms) + m * area
        return value

    def _log_named(self, g: int) -> Array:
        """Return log coefficients of (lam_g p)^m from the sightings of a group, (levels, M + 1)."""
        f, own = self.facts, self.facts.mark == g
        log_r = np.where(f.confirmed[own], 0.0, f.log_ratio[own] + np.log(1 - self.belief.untold))
        log_r = log_r + np.log(self.left)[f.kind[own], :, g].T
        value: Array = log_symmetric(log_r, _log_constant(f.confirmed[own], log_r)) + self._log_false(g)
        return value

    def division(self) -> tuple[Division, tuple[Odds, ...]]:
        """Return how sightings divide, at nodes that are (ways to deal some out, recalls, levels), and the odds."""
        untold = on_one_kind(
            self.facts,
            self.belief,
            left=self.left,
            start=self.start,
            rate=np.tensordot(self.facts.weight, self.rate, 1),
            alarms=self.alarms,
        )
        ways = len(untold.dealt)
        log_seen = np.log(self.p)[:, None, None] - np.log(self.rate)
        named = [self._log_named(g) for g in range(UNIDENTIFIED)]
        width = max(n.shape[1] for n in named) + max(max(key) for key, _ in untold.dealt)
        log_told = np.full((UNIDENTIFIED, width, ways, *self.log_weight.shape), -np.inf)
        log_pool = np.empty((untold.log_ratio.shape[1] + 1, ways, *self.log_weight.shape))
        shared = log_symmetric(untold.log_ratio, _log_constant(untold.confirmed, untold.log_ratio))
        false = self._log_false(UNIDENTIFIED)
        for way, (key, _) in enumerate(untold.dealt):
            for g, (items, log_e) in enumerate(zip(key, named, strict=True)):
                m = np.arange(items, items + log_e.shape[1])[:, None, None]
                log_told[g, m.ravel(), way] = log_e.T[:, None] + m * log_seen[..., g]
            log_pool[:, way] = (shared + false[sum(key) :][: shared.shape[1]]).T[:, None]
        log_way = np.stack([value for _, value in untold.dealt])[:, None]
        log_node = log_way + self.log_weight - np.log(self.rate) @ self.start
        division = Division.of(
            log_told.reshape(UNIDENTIFIED, width, 1, -1),
            log_pool.reshape(len(log_pool), 1, -1),
            shape=self.start[None],
            log_seen=_over(np.moveaxis(log_seen + untold.log_x, -1, 0), ways),
            log_node=log_node.reshape(1, -1),
        )
        unseen = _over(np.moveaxis(self.nu, -1, 0), ways)
        odds = tuple(Odds.of(rate, CELL_HA - nu, CELL_HA) for rate, nu in zip(self.facts.rate, unseen, strict=True))
        return division, odds

    def summary(self, counts: NDArray[np.integer] | None) -> dict[str, Array]:
        """Return (1, 1 + groups) of each output."""
        division, odds = self.division()
        return summarised(division, odds, known=self.facts.known[None].astype(np.float64), counts=counts)


def _log_constant(confirmed: NDArray[np.bool_], log_ratio: Array) -> Array:
    """Return the logarithm of the weight of no item: none for what is confirmed."""
    return np.broadcast_to(np.where(confirmed, -np.inf, 0.0), log_ratio.shape)


def _over(values: Array, ways: int) -> Array:
    """Return (groups, recalls, levels) as (groups, 1, nodes), the same for all ways."""
    return np.tile(values.reshape(len(values), 1, -1), ways)
