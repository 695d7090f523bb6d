"""The guard band along seams: two tiles must not both report one item. What it merges is counted."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from survey.networks import HEAT_STRIDE

GUARD_CELLS = 2
"""Two peaks of one tile are never this close; two of neighbouring tiles this close are one item."""


def merge_across_seams(
    row: NDArray[np.float64], col: NDArray[np.float64], score: NDArray[np.float32], tile_index: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """Return which sightings of one image to keep.

    Ownership by integer cell leaves nothing to merge unless rounding moved a peak across a seam, so
    the number dropped is a measure of how exact the tiling is.

    Args:
        row: (N,) working pixels.
        col: (N,) working pixels.
        score: (N,) of two that are one, the better stays.
        tile_index: (N,) sightings of one tile are never merged.
    """
    keep = np.ones(len(score), bool)
    if len(score) < 2:
        return keep
    pairs = cKDTree(np.column_stack([row, col])).query_pairs(GUARD_CELLS * HEAT_STRIDE, output_type="ndarray")
    for first, second in pairs[tile_index[pairs[:, 0]] != tile_index[pairs[:, 1]]]:
        if keep[first] and keep[second]:
            keep[first if score[first] < score[second] else second] = False
    return keep
