"""What unreviewed sightings stand for together, by what the run itself believes of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from survey.candidates.inputs import Inputs

Array = NDArray[np.float64]
CHANGE = "detection_change"
"""Band of the risk: how the sightings of a hectare change its expected items."""
_STEPS = 60
"""Halvings of the range that a hectare's factor is sought in: e^-40 to e^40."""
_CHUNK = 2048


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """Of each of the run's K items, what the unreviewed sightings around it stand for; 0 for judged ones."""

    items: Array
    """(K,) expected items among them."""
    sightings: NDArray[np.intp]
    """(K,) how many they are, with itself."""

    def enough(self, *, items: float, sightings: int) -> NDArray[np.bool_]:
        """Return (K,) where enough lie together."""
        return np.asarray((self.items >= items) & (self.sightings >= sightings))


def together(inputs: Inputs, radius_m: float) -> Together:
    """Return what unreviewed sightings within a radius of each one stand for."""
    waiting = np.flatnonzero(~inputs.confirmed)
    items, count = np.zeros(len(inputs.place)), np.zeros(len(inputs.place), np.intp)
    if not waiting.size:
        return Together(items, count)
    each, tree = among_sightings(inputs)[waiting], KDTree(inputs.place[waiting])
    for start in range(0, len(waiting), _CHUNK):
        part = waiting[start : start + _CHUNK]
        near = tree.query_ball_point(inputs.place[part], radius_m, return_sorted=True)
        count[part] = [len(own) for own in near]
        items[part] = [each[own].sum() for own in near]
    return Together(items, count)


def among_sightings(inputs: Inputs) -> Array:
    """Return (K,) the expected number of items that each unreviewed sighting stands for, 0 to 1; 0 for judged ones.

    The risk says how many items the sightings of a hectare add, with the run's belief about recall and false alarms in
    it; confirmed ones add one each. The rest is shared out by the sightings' calibrated odds o as s o / (1 + s o), the
    form of an item's posterior, with the one s that arrives at the hectare's number.
    """
    row, col = inputs.grid.cells_of(*inputs.place.T)
    inside = (row >= 0) & (row < inputs.grid.rows) & (col >= 0) & (col < inputs.grid.cols)
    cell = np.where(inside, row * inputs.grid.cols + col, 0)
    change = (
        np.nan_to_num(inputs.risk[CHANGE]).ravel() if CHANGE in inputs.risk else np.zeros(np.prod(inputs.grid.shape))
    )
    waiting = inside & ~inputs.confirmed
    size = len(change)
    sure = np.bincount(cell[inside & inputs.confirmed], minlength=size)
    many = np.bincount(cell[waiting], minlength=size)
    wanted = np.clip(change - sure, 0, many * (1 - 1e-9))
    p = np.clip(inputs.probability, 1e-9, 1 - 1e-9)
    log_odds = np.log(p) - np.log1p(-p)
    low, high = np.full(size, -40.0), np.full(size, 40.0)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        reached = np.bincount(cell[waiting], _share(log_odds + middle[cell])[waiting], minlength=size)
        low, high = np.where(reached < wanted, middle, low), np.where(reached < wanted, high, middle)
    return np.where(waiting & (wanted[cell] > 0), _share(log_odds + low[cell]), 0.0)


def _share(log: Array) -> Array:
    """Return x / (1 + x) of x = exp(log)."""
    return np.asarray(1 / (1 + np.exp(-log)))
