"""Sightings of no group on several kinds of worked ground of a cell, as if they lay on one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from survey.risk.belief import Belief
from survey.risk.facts import CellFacts
from survey.risk.groups import UNIDENTIFIED

_SHARED = 2
"""Sightings of no group off the kind of ground where most of them lie that are dealt out one by one."""
_ROUNDS = 50
"""Rounds towards the most likely densities, which need not be exact."""
_LEAST = 1e-12
_LARGEST = 300.0

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Untold:
    """Sightings of no group that may be of any.

    Sighting k is an item with weight p r_k sum_g x_g lam_g, or none with weight phi.
    """

    log_x: Array
    """(levels, groups) log x_g."""
    log_ratio: Array
    """(levels, K) log r_k."""
    confirmed: NDArray[np.bool_]
    """(K,)."""
    dealt: list[tuple[tuple[int, ...], Array]]
    """Ways to deal out further sightings: how many are items of each group, and log weight of lam_g^n, (levels,)."""


def on_one_kind(facts: CellFacts, belief: Belief, *, left: Array, start: Array, rate: Array, alarms: Array) -> Untold:
    """Return the sightings of no group of a cell as if on one kind of ground.

    On kind z an item of group g is left with chance u_zg, so a sighting's weight is p r_k sum_g u_zg lam_g. If all but
    a few lie on one kind, those few are dealt to the groups in all ways, which is exact. Else u_zg is replaced by
    c_z x_g, with which the likelihood has the value and the gradient that it has at the most likely densities: exact
    where work leaves all groups alike, or where all that may be items lie on one kind.

    Args:
        facts: What is known of the cell.
        belief: Recall and false alarms.
        left: (kinds, levels, groups) u_zg.
        start: (groups,) shapes of the densities before the sightings.
        rate: (levels, groups) their rates.
        alarms: (marks,) shapes of the false alarms.
    """
    own = facts.mark == UNIDENTIFIED
    kind, confirmed = facts.kind[own], facts.confirmed[own]
    log_ratio = np.where(confirmed, 0.0, facts.log_ratio[own] + np.log(belief.untold))
    most = int(np.bincount(kind, minlength=1).argmax())
    here, log_left = kind == most, np.log(left)
    if np.count_nonzero(~here) <= _SHARED:
        log_item = log_ratio[~here, None, None] + log_left[kind[~here]]
        repeated = np.tile(log_ratio[here], (left.shape[1], 1))
        return Untold(log_left[most], repeated, confirmed[here], _dealt(log_item, confirmed[~here]))
    density, chance = _most_likely(facts, belief, left=left, start=start, rate=rate, alarms=alarms)
    whole = (left * density).sum(axis=2)
    items = np.stack([chance[own][kind == z].sum(axis=0) for z in range(len(left))]) + _LEAST
    x = (items[:, :, None] * left / whole[:, :, None]).sum(axis=0)
    scale = np.log(whole) - np.log((x * density).sum(axis=1))
    return Untold(np.log(x), (log_ratio[:, None] + scale[kind]).T, confirmed, _dealt(left[:0], confirmed[:0]))


def _most_likely(
    facts: CellFacts, belief: Belief, *, left: Array, start: Array, rate: Array, alarms: Array
) -> tuple[Array, Array]:
    """Return densities (levels, groups), and the chance that each sighting is an item, (sightings, levels)."""
    f = facts
    may = (f.mark[:, None] == np.arange(UNIDENTIFIED)) | (f.mark[:, None] == UNIDENTIFIED)
    share = left[f.kind] * may[:, None]
    marked = np.where(f.mark == UNIDENTIFIED, belief.untold, 1 - belief.untold) * (f.weight @ f.p)
    ratio = (marked * np.exp(np.minimum(f.log_ratio, _LARGEST)))[:, None]
    is_mark = (f.mark[:, None] == np.arange(UNIDENTIFIED + 1)).astype(np.float64)
    area = belief.area_ha + f.unresolved_ha
    density, false = start / rate, np.tile((alarms + is_mark.sum(axis=0)) / area, (len(rate), 1))
    chance = np.ones(share.shape[:2])
    for _ in range(_ROUNDS):
        by_group = share * density
        whole = by_group.sum(axis=2)
        odds = ratio * whole
        chance = np.where(f.confirmed[:, None], 1.0, odds / (odds + (is_mark @ false.T)))
        density = (start + (by_group * (chance / whole)[:, :, None]).sum(axis=0)) / rate
        false = (alarms + (1 - chance).T @ is_mark) / area
    return density, chance


def _dealt(log_item: Array, confirmed: NDArray[np.bool_]) -> list[tuple[tuple[int, ...], Array]]:
    """Return all ways to deal sightings, of log weights (K, levels, groups), to the groups or to none."""
    table = {(0,) * UNIDENTIFIED: [np.zeros(log_item.shape[1])]}
    for item, certain in zip(log_item, confirmed, strict=True):
        grown: dict[tuple[int, ...], list[Array]] = {}
        for key, values in table.items():
            value = np.asarray(logsumexp(values, axis=0))
            if not certain:
                grown.setdefault(key, []).append(value)
            for g in range(UNIDENTIFIED):
                grown.setdefault((*key[:g], key[g] + 1, *key[g + 1 :]), []).append(value + item[:, g])
        table = grown
    return [(key, np.asarray(logsumexp(values, axis=0))) for key, values in table.items()]
