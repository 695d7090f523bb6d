"""How far a cell lies from ground that is known to be contaminated."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Array = NDArray[np.float64]
HISTORY = "distance to known contaminated ground"
"""Name of the feature: ln(1 + kilometres)."""


def history(places_km: Array, known_km: Array) -> Array:
    """Return ln(1 + distance in km) of (N, 2) places to the nearest of (M, 2) known ones; NaN where there is none."""
    out = np.full(len(places_km), np.nan)
    placed = np.isfinite(places_km).all(axis=1)
    if len(known_km) and placed.any():
        out[placed] = np.log1p(cKDTree(known_km).query(places_km[placed])[0])
    return out


def history_by_fold(places_km: Array, contaminated: NDArray[np.bool_], fold: NDArray[np.intp]) -> Array:
    """Return `history` of each cell to the contaminated ones outside its own fold.

    So a cell of the training knows no more of its surroundings than a cell of ground that was left out, or a model
    would learn to look up its own label.

    Args:
        places_km: (N, 2).
        contaminated: (N,) what is known; False for cells that are left out too.
        fold: (N,).
    """
    out = np.full(len(places_km), np.nan)
    for n in np.unique(fold):
        out[fold == n] = history(places_km[fold == n], places_km[contaminated & (fold != n)])
    return out
