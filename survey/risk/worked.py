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
m + NB(a_g + found + m, (b + 1 - nu_g) / (b + 1)). Groups no longer have one rate, so the number of all groups is the
product of their generating functions, taken back by a Fourier transform.

One level v, uniform in 0..1, says how good the work of a hectare was: q_wg is its v-quantile for every work and group,
so what one crew missed another mostly misses too. Recall and level are integrated by quadrature.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from survey.risk.belief import Belief
from survey.risk.cells import CellEvidence
from survey.risk.facts import CellFacts, facts_of
from survey.risk.groups import UNIDENTIFIED
from survey.risk.mixture import Posterior
from survey.risk.polynomials import log_product, log_symmetric
from survey.risk.posterior import CELL_HA
from survey.risk.prior import PriorField
from survey.risk.work import LEVELS, NOTHING, Remaining, Taught, Work, quality_levels

_TAIL = 20.0
"""A number of items is followed until its probability has fallen by exp(-20)."""
_UNLIKELY = 1e-9
"""Nodes of less weight, by that of the heaviest, are left out of the numbers of items, and count in means only."""
_MOST_ITEMS = 1 << 14
_SLACK = 1e-9
"""Rounding of a sum of probabilities that should reach a quantile exactly."""
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
        for name, values in cell.summary(None if counts is None else counts[cells[row]]).items():
            out[name][row] = values
    told = (out.pop("at_most"), out.pop("below")) if counts is not None else (None, None)
    return Remaining(cells, Posterior(**{name: out[name] for name in Posterior.__slots__}), *told)


class _Cell:
    """One cell; arrays are (recall nodes, levels of quality)."""

    def __init__(self, facts: CellFacts, *, belief: Belief, work: Work, taught: Taught) -> None:
        self.facts, self.belief, self.taught = facts, belief, taught
        self.log_left = np.log(np.maximum(work.left, _TINY))
        self.alarms = belief.alarms_in(facts.shape[None])[0]
        self.p = facts.p
        kind, area, searched = facts.pieces
        rest = max(CELL_HA - float(area.sum()), 0.0), max(facts.searched - float(searched.sum()), 0.0)
        beta, alpha = (r + np.tensordot(a, work.left[kind], 1) for r, a in zip(rest, (area, searched), strict=True))
        self.nu = np.maximum(beta - self.p[:, None, None] * alpha, 0.0)
        self.rate = facts.rate + CELL_HA - self.nu
        self.keep = self.rate / (facts.rate + CELL_HA)
        self.log_weight = np.log(facts.weight)[:, None] + np.log(quality_levels()[1]) + self._log_finds(work)
        found = np.bincount(facts.find_mark, minlength=UNIDENTIFIED)
        self.start = facts.shape + found
        self.named = [self._log_named(g) for g in range(UNIDENTIFIED)]
        self.shared = self._log_shared()

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

    def _log_named(self, g: int) -> Array:
        """Return log coefficients of lam_g^m from the sightings of a group, (nodes, levels, M + 1).

        Of sightings of no group a part is dealt to the group, and as large a part of their false alarms with them.
        """
        f, untold = self.facts, self.facts.mark == UNIDENTIFIED
        named = self._log_part(g, f.mark == g, share=1 - self.belief.untold, alarms=self.alarms[g])
        dealt = untold & (f.dealt == g)
        if not dealt.any():
            return named
        part = float(self.alarms[UNIDENTIFIED] * f.shape[g] / f.shape.sum())
        return log_product(named, self._log_part(g, dealt, share=self.belief.untold, alarms=part))

    def _log_part(self, g: int, own: NDArray[np.bool_], *, share: float, alarms: float) -> Array:
        f = self.facts
        log_r = np.where(f.confirmed[own], 0.0, f.log_ratio[own] + np.log(share))
        log_r = log_r + self.log_left[f.kind[own], :, g].T
        log_c = np.broadcast_to(np.where(f.confirmed[own], -np.inf, 0.0), log_r.shape)
        return log_symmetric(log_r, log_c) + self._log_seen(own, alarms=alarms)

    def _log_seen(self, own: NDArray[np.bool_], *, alarms: float) -> Array:
        """Return log p^m Gamma(alpha + K - m) (area + S)^m / Gamma(alpha), (nodes, 1, K + 1).

        K counts only sightings that are not in the belief's alpha yet; a confirmed one never is.
        """
        m = np.arange(np.count_nonzero(own) + 1)
        resolved = np.isin(self.facts.kind, self.taught.kinds) & ~self.facts.confirmed
        known = np.count_nonzero(own & ~resolved)
        area = np.log(self.belief.area_ha + self.facts.unresolved_ha)
        log_false = gammaln(alarms + known - m) - gammaln(alarms) + m * area
        value: Array = m * np.log(self.p)[:, None, None] + log_false
        return value

    def _log_shared(self) -> dict[tuple[int, ...], Array]:
        """Return the log weight, (nodes, levels), of each way to share sightings of no group among the groups."""
        f, own = self.facts, self.facts.dealt == UNIDENTIFIED
        table: dict[tuple[int, ...], Array] = {(0,) * UNIDENTIFIED: np.zeros(LEVELS)}
        for k in np.flatnonzero(own):
            log_r = 0.0 if f.confirmed[k] else f.log_ratio[k] + np.log(self.belief.untold)
            grown: dict[tuple[int, ...], Array] = {}
            for key, value in table.items():
                if not f.confirmed[k]:
                    grown[key] = np.logaddexp(grown.get(key, -np.inf), value)
                for g in range(UNIDENTIFIED):
                    more = (*key[:g], key[g] + 1, *key[g + 1 :])
                    item = value + log_r + self.log_left[f.kind[k], :, g]
                    grown[more] = np.logaddexp(grown.get(more, -np.inf), item)
            table = grown
        seen = self._log_seen(own, alarms=float(self.alarms[UNIDENTIFIED]))
        return {key: value + seen[..., sum(key)] for key, value in table.items()}

    def summary(self, counts: NDArray[np.integer] | None) -> dict[str, Array]:
        """Return (1 + groups,) of each output."""
        most = [max(key[g] for key in self.shared) for g in range(UNIDENTIFIED)]
        groups = [_Group(self, g, most=most[g]) for g in range(UNIDENTIFIED)]
        log_weight = {key: self.log_weight + value for key, value in self.shared.items()}
        top = max(float(value.max()) for value in log_weight.values())
        terms = []
        for key, value in log_weight.items():
            own = [group.whole[n] for group, n in zip(groups, key, strict=True)]
            terms.append((key, np.exp(value - top), own))
        everything = sum((weight * np.prod(own, axis=0) for _, weight, own in terms), np.zeros(1))
        norm = float(everything.sum())
        likely = everything > _UNLIKELY * everything.max()
        length = _length(groups, likely)
        z = np.exp(-2j * np.pi * np.arange(length // 2 + 1) / length)
        curves = [group.curves(z, likely) for group in groups]
        pgf = np.zeros((1 + UNIDENTIFIED, len(z)), complex)
        mean, none = np.zeros(1 + UNIDENTIFIED), np.zeros(1 + UNIDENTIFIED)
        for key, weight, own in terms:
            curve = [c[n] for c, n in zip(curves, key, strict=True)]
            pgf[0] += weight[likely] @ (curve[0] * curve[1] * curve[2] * curve[3])
            unseen = [group.unseen[n] for group, n in zip(groups, key, strict=True)]
            none[0] += (weight * np.prod(unseen, axis=0)).sum()
            for g, n in enumerate(key):
                others = weight * np.prod(own[:g] + own[g + 1 :], axis=0)
                pgf[1 + g] += others[likely] @ curve[g]
                mean[1 + g] += (others * groups[g].mean[n]).sum()
                none[1 + g] += (others * unseen[g]).sum()
        mean[0] = mean[1:].sum()
        pmf = np.maximum(np.fft.irfft(pgf / norm, length, axis=1), 0.0)
        known = np.array([self.facts.known.sum(), *self.facts.known])
        return _told(pmf, known=known, mean=mean / norm, none=none / norm, counts=counts)


class _Group:
    """Numbers of one group given recall and quality, by how many sightings of no group it takes."""

    def __init__(self, cell: _Cell, g: int, *, most: int) -> None:
        self.keep, self.nu, rate = cell.keep[..., g], cell.nu[..., g], cell.rate[..., g]
        named = cell.named[g]
        m = np.arange(named.shape[-1])
        self.size = cell.start[g] + m + np.arange(most + 1)[:, None]
        log_h = [named + gammaln(s) - s * np.log(rate)[..., None] for s in self.size]
        top = max(float(h.max()) for h in log_h)
        self.h = [np.exp(h - top) for h in log_h]
        """(nodes, levels, M + 1) for each number taken."""
        self.whole = [h.sum(axis=-1) for h in self.h]
        odds = (self.nu / rate)[..., None]
        self.mean = [
            (h * (m + n + s * odds)).sum(axis=-1) for n, (h, s) in enumerate(zip(self.h, self.size, strict=True))
        ]
        log_keep = np.log(self.keep)[..., None]
        self.unseen = [(h * np.exp(s * log_keep)).sum(axis=-1) for h, s in zip(self.h, self.size, strict=True)]

    def curves(self, z: NDArray[np.complex128], likely: NDArray[np.bool_]) -> list[NDArray[np.complex128]]:
        """Return the generating function of what remains at z, (likely nodes, points), times its weight."""
        keep = self.keep[likely][:, None]
        base = keep / (1 - (1 - keep) * z)
        powers = [np.exp(self.size[0, 0] * np.log(base))]
        for _ in range(int(self.size.shape[0] + self.size.shape[1] - 2)):
            powers.append(powers[-1] * base * z)
        return [
            sum((h[likely][:, m, None] * powers[m + n] for m in range(h.shape[-1])), np.zeros(1, complex))
            for n, h in enumerate(self.h)
        ]


def _length(groups: list[_Group], likely: NDArray[np.bool_]) -> int:
    """Return how many numbers of items to follow: a power of 2 beyond which next to nothing lies."""
    lose = [float(1 - group.keep[likely].min()) for group in groups]
    size = [float(group.size.max()) for group in groups]
    reach = sum(s / (1 - q) for s, q in zip(size, lose, strict=True)) + 8
    reach += _TAIL / -np.log(max(*lose, _SLACK))
    return min(1 << int(np.ceil(np.log2(reach))), _MOST_ITEMS)


def _told(
    pmf: Array, *, known: NDArray[np.intp], mean: Array, none: Array, counts: NDArray[np.integer] | None
) -> dict[str, Array]:
    """Return mean, probabilities and quantiles from probabilities (1 + groups, numbers) of what is not known."""
    reached = np.cumsum(pmf, axis=1)
    low, high = ((reached < level - _SLACK).sum(axis=1).astype(np.float64) for level in (0.05, 0.95))
    out = {
        "expected_items": mean + known,
        "p_at_least_one": np.where(known > 0, 1.0, np.clip(1 - pmf[:, 0], 0, 1)),
        "p_unseen": np.clip(1 - none, 0, 1),
        "q05": low + known,
        "q95": high + known,
    }
    if counts is not None:
        rows = np.arange(len(pmf))
        for name, n in (("at_most", counts - known), ("below", counts - known - 1)):
            out[name] = np.where(n >= 0, reached[rows, np.clip(n, 0, pmf.shape[1] - 1)], 0.0)
    return out
