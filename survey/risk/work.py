"""Work on the ground after a flight, as the posterior takes it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_legendre
from scipy.stats import beta as beta_distribution

from survey.counts.mixture import Posterior
from survey.risk.groups import UNIDENTIFIED

LEVELS = 12
"""Levels of the quality of work."""

Array = NDArray[np.float64]


def quality_levels() -> tuple[Array, Array]:
    """Return the levels in 0..1 at which quality is asked for, and their weights, which add up to 1."""
    x, weight = roots_legendre(LEVELS)
    return (x + 1) / 2, weight / 2


def quality_at(mean: float, strength: float, level: Array) -> Array:
    """Return the quantiles of Beta(mean * strength, (1 - mean) * strength): recall of work at levels of quality."""
    return np.asarray(beta_distribution.ppf(level, mean * strength, (1 - mean) * strength), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """What people did and found on the ground after the flight.

    Kind 0 is ground on which nobody worked; `left` has a row for it too.
    """

    left: Array
    """(kinds, `LEVELS`, groups) probability that an item there is left, at each level of quality."""
    cell: NDArray[np.intp]
    """(A,) cell of each piece of worked ground."""
    kind: NDArray[np.intp]
    """(A,) its kind, 1 or more."""
    area_ha: Array
    """(A,) its area."""
    searched_ha: Array
    """(A,) how much of it the flight searched."""
    at: NDArray[np.intp]
    """(K,) kind of the ground under each sighting that was not found."""
    find_cell: NDArray[np.intp]
    """(F,) cell of each item that is known for certain."""
    find_mark: NDArray[np.intp]
    """(F,) place of its group in `ORDNANCE_GROUPS`."""
    find_kind: NDArray[np.intp]
    """(F,) kind of the ground it lay on; 0: found without any work on the area, such as at a single sighting."""
    find_seen: NDArray[np.int8]
    """(F,) 1 the flight had sighted it; 0 it lay on searched ground and was not sighted; -1 not on searched ground."""
    find_removed: NDArray[np.bool_]
    """(F,) False: it is known, and still there."""

    def __post_init__(self) -> None:
        if self.left.shape[1:] != (LEVELS, UNIDENTIFIED) or not np.all((self.left >= 0) & (self.left <= 1)):
            msg = f"work leaves shares within 0..1 of (kinds, {LEVELS}, {UNIDENTIFIED}), got {self.left.shape}"
            raise ValueError(msg)
        if not np.all(self.left[0] == 1):
            msg = "kind 0 is ground on which nobody worked: all is left there"
            raise ValueError(msg)
        if len(self.find_mark) and not 0 <= self.find_mark.min() <= self.find_mark.max() < UNIDENTIFIED:
            msg = "an item that was found is of a known group"
            raise ValueError(msg)
        if np.any(self.searched_ha > self.area_ha + 1e-9):
            msg = "more worked ground is searched than there is"
            raise ValueError(msg)

    @property
    def cells(self) -> NDArray[np.intp]:
        """Cells that anything is known of."""
        return np.unique(np.concatenate([self.cell, self.find_cell]))


@dataclass(frozen=True, slots=True, eq=False)
class Remaining:
    """Posterior of the items that remain in the cells of a `Work`."""

    cell: NDArray[np.intp]
    """(W,)."""
    posterior: Posterior
    """Arrays (W, 1 + groups): in total, then by group. `p_unseen` is of items that are neither sighted nor found."""
    at_most: Array | None = None
    """(W, 1 + groups) P(remaining <= `counts`), where those were given."""
    below: Array | None = None
    """The same of P(remaining < `counts`)."""


@dataclass(frozen=True, slots=True)
class Taught:
    """What of the work the belief has learnt already, for all hectares of a site share recall and false alarms."""

    recall: bool = False
    """Whether finds on worked ground, sighted or not, are in its recall."""
    kinds: tuple[int, ...] = ()
    """Kinds of ground whose unresolved sightings, and searched area, are in its false alarms."""


NOTHING = Taught()
"""The belief knows nothing of the work."""
