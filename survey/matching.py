"""Which sightings found which items: one to one, best sighting first."""

import numpy as np
from numpy.typing import NDArray

MATCH_M = 0.3
"""A sighting finds an item when their centres are this close (or half the item's size, if that is more)."""


def match(
    found: NDArray[np.float64], truth: NDArray[np.float64], *, reach: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Give each sighting the nearest item still free within its reach.

    Args:
        found: (N, 2) places of the sightings, best first.
        truth: (M, 2) places of the items.
        reach: (M,) farthest distance at which an item counts as found.

    Returns:
        (N,) index of the item that each sighting found, -1 for a false alarm (a second sighting of
        an item is one), and (N,) the distance to it, NaN for false alarms.
    """
    item, distance = np.full(len(found), -1, np.intp), np.full(len(found), np.nan)
    free = np.ones(len(truth), bool)
    for n, place in enumerate(found):
        apart = np.hypot(*(truth - place).T)
        within = np.flatnonzero(free & (apart <= reach))
        if len(within):
            best = within[np.argmin(apart[within])]
            free[best], item[n], distance[n] = False, best, apart[best]
    return item, distance
