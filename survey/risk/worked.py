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
from survey.risk.polynomials import Values, convolved, correlated, log_symmetric
from survey.risk.prior import CELL_HA, PriorField
from survey.risk.work import NOTHING, Remaining, Taught, Work, quality_levels

_TAIL = 20.0
"""A number of items is followed until its probability has fallen by exp(-20)."""
_UNLIKELY = 1e-9
"""Nodes of less weight, by that of the heaviest, are left out of the numbers of items, and count in means only."""
_MOST_ITEMS = 1 << 14
_POINTS = 1 << 18
"""Ways to share sightings x likely nodes x points held at once: 4 MB of complex numbers."""
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
        self.alarms = belief.alarms_in((facts.shape / facts.rate)[None])[0]
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
        self.tilt = -np.log(self.rate.min(axis=2))
        self.untold = facts.mark == UNIDENTIFIED
        self.kinds = np.unique(facts.kind[self.untold])
        self.log_pool = self._log_pool()

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

    def log_named(self, g: int) -> Array:
        """Return log coefficients of lam_g^m from the sightings of a group, (nodes, levels, M + 1)."""
        f, own = self.facts, self.facts.mark == g
        log_r = np.where(f.confirmed[own], 0.0, f.log_ratio[own] + np.log(1 - self.belief.untold))
        log_r = log_r + self.log_left[f.kind[own], :, g].T
        log_c = np.broadcast_to(np.where(f.confirmed[own], -np.inf, 0.0), log_r.shape)
        return log_symmetric(log_r, log_c) + self._log_seen(own, alarms=self.alarms[g])

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

    def _log_pool(self) -> Array:
        """Return the log weight of u_z items among the sightings of no group on each kind of ground z.

        Of shape (K_1 + 1, K_2 + 1, ..., nodes, levels), with an axis for each of `kinds`.
        """
        f, log_pool = self.facts, np.zeros(())
        for kind in self.kinds:
            own = self.untold & (f.kind == kind)
            log_r = np.where(f.confirmed[own], 0.0, f.log_ratio[own] + np.log(self.belief.untold))
            log_e = log_symmetric(log_r, np.where(f.confirmed[own], -np.inf, 0.0))
            log_pool = np.add.outer(log_pool, log_e + gammaln(np.arange(len(log_e)) + 1))
        items = _sums(log_pool.shape)
        seen = np.moveaxis(self._log_seen(self.untold, alarms=float(self.alarms[UNIDENTIFIED])), -1, 0)
        value: Array = log_pool[..., None, None] + seen[items] + items[..., None, None] * self.tilt
        return value

    def summary(self, counts: NDArray[np.integer] | None) -> dict[str, Array]:
        """Return (1 + groups,) of each output."""
        groups = [_Group(self, g) for g in range(UNIDENTIFIED)]
        kinds = len(self.kinds)
        axes = tuple(range(kinds))
        most = self.log_pool.max(axis=axes)
        log_weight = self.log_weight + most + sum(group.top for group in groups)
        pool = np.exp(self.log_pool - most) * np.exp(log_weight - log_weight.max())
        whole = [group.spread(group.whole) for group in groups]
        left, right = convolved(whole[0], whole[1], kinds), convolved(whole[2], whole[3], kinds)
        everything = (pool * convolved(left, right, kinds)).sum(axis=axes)
        pool /= everything.sum()
        likely = everything > _UNLIKELY * everything.max()
        others = [
            convolved(whole[1 - g], right, kinds) if g < 2 else convolved(whole[5 - g], left, kinds) for g in range(4)
        ]
        rest = [group.gathered(correlated(pool, o, kinds)) for group, o in zip(groups, others, strict=True)]
        unseen = [group.spread(group.unseen) for group in groups]
        both = convolved(unseen[0], unseen[1], kinds), convolved(unseen[2], unseen[3], kinds)
        none = [float((pool * convolved(*both, kinds)).sum())]
        none += [float((r * group.unseen).sum()) for group, r in zip(groups, rest, strict=True)]
        mean = [float((r * group.mean).sum()) for group, r in zip(groups, rest, strict=True)]
        length = _length(groups, likely)
        z = np.exp(-2j * np.pi * np.arange(length // 2 + 1) / length)
        each = max(1, int(_POINTS // (np.count_nonzero(likely) * int(np.prod(pool.shape[:kinds])))))
        pgf = [self._generated(groups, pool, rest, z=z[i : i + each], likely=likely) for i in range(0, len(z), each)]
        pmf = np.maximum(np.fft.irfft(np.concatenate(pgf, axis=1), length, axis=1), 0.0)
        known = np.array([self.facts.known.sum(), *self.facts.known])
        return _told(pmf, known=known, mean=np.array([sum(mean), *mean]), none=np.array(none), counts=counts)

    def _generated(
        self,
        groups: list["_Group"],
        pool: Array,
        rest: list[Array],
        *,
        z: NDArray[np.complex128],
        likely: NDArray[np.bool_],
    ) -> NDArray[np.complex128]:
        """Return the generating functions of what remains at z, (1 + groups, points), from the likely nodes."""
        kinds = len(self.kinds)
        curves = [group.curves(z, likely) for group in groups]
        spread = [group.spread(curve, likely) for group, curve in zip(groups, curves, strict=True)]
        left, right = convolved(spread[0], spread[1], kinds), convolved(spread[2], spread[3], kinds)
        total = np.tensordot(pool[..., likely], convolved(left, right, kinds), kinds + 1)
        own = [np.tensordot(r[:, likely], curve, 2) for r, curve in zip(rest, curves, strict=True)]
        return np.stack([total, *own])


class _Group:
    """Numbers of one group given recall and quality, by how many sightings n of no group are its items.

    Arrays are (n, nodes, levels); those `spread` have an axis for each kind of ground under such sightings instead.
    """

    def __init__(self, cell: _Cell, g: int) -> None:
        self.keep, nu, rate = cell.keep[..., g], cell.nu[..., g], cell.rate[..., g]
        named = cell.log_named(g)
        self.items = _sums(cell.log_pool.shape[:-2])
        m, n = np.arange(named.shape[-1]), np.arange(self.items.max() + 1)[:, None, None, None]
        self.size = cell.start[g] + m + n
        log_h = named + gammaln(self.size) - self.size * np.log(rate)[..., None] - n * cell.tilt[..., None]
        self.top = log_h.max(axis=(0, 3))
        self.h = np.exp(log_h - self.top[..., None])
        """(n, nodes, levels, M + 1)."""
        self.whole = self.h.sum(axis=-1)
        self.mean = (self.h * (m + n + self.size * (nu / rate)[..., None])).sum(axis=-1)
        self.unseen = (self.h * np.exp(self.size * np.log(self.keep)[..., None])).sum(axis=-1)
        taken = np.indices(self.items.shape)
        log_left = np.tensordot(taken, cell.log_left[cell.kinds, :, g], (0, 0))
        self.factor = np.exp(log_left - gammaln(taken + 1).sum(axis=0)[..., None])[..., None, :]
        """Of (v_1, v_2, ...) of them on the kinds of ground: what is left by work there, by the factorials of v."""

    def spread(self, values: Values, likely: NDArray[np.bool_] | None = None) -> Values:
        """Return values by n for each (v_1, v_2, ...) that adds up to n."""
        factor = self.factor
        if likely is not None:
            everywhere = np.broadcast_to(factor, self.items.shape + likely.shape)
            factor = everywhere[..., likely][..., None]
        spread: Values = values[self.items] * factor
        return spread

    def gathered(self, weight: Array) -> Array:
        """Return the weight of each n from those of (v_1, v_2, ...)."""
        out: Array = np.zeros_like(self.whole)
        np.add.at(out, self.items, weight * self.factor)
        return out

    def curves(self, z: NDArray[np.complex128], likely: NDArray[np.bool_]) -> NDArray[np.complex128]:
        """Return the generating function of what remains at z, (n, likely nodes, points), times its weight."""
        keep = self.keep[likely][:, None]
        base = keep / (1 - (1 - keep) * z)
        powers = [np.exp(self.size.flat[0] * np.log(base))]
        for _ in range(self.h.shape[0] + self.h.shape[-1] - 2):
            powers.append(powers[-1] * base * z)
        return np.stack(
            [
                sum((h[likely][:, m, None] * powers[m + n] for m in range(h.shape[-1])), np.zeros(1, complex))
                for n, h in enumerate(self.h)
            ]
        )


def _sums(shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Return the sum of the indices at every place of an array."""
    return np.asarray(np.indices(shape).sum(axis=0), np.intp).reshape(shape)


def _length(groups: list[_Group], likely: NDArray[np.bool_]) -> int:
    """Return how many numbers of items to follow: a power of 2 beyond which next to nothing lies."""
    lose = [float(1 - group.keep[likely].min()) for group in groups]
    size = [float(group.size.max()) for group in groups]
    reach = sum(s / (1 - q) for s, q in zip(size, lose, strict=True)) + 8
    reach += _TAIL / -np.log(max(*lose, _SLACK))
    length: int = min(1 << int(np.ceil(np.log2(reach))), _MOST_ITEMS)
    return length


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
