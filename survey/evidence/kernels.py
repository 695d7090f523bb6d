"""How evidence fades with distance, and what an error of location does to it.

Influence halves every `half_distance_m`: 2^(-d / half). Beyond ten half-distances (less than a thousandth) it is 0, so
that a window of the grid needs to know only its surroundings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, pi

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import convolve1d, uniform_filter
from scipy.signal import oaconvolve
from scipy.spatial import cKDTree
from scipy.special import ndtr

from survey.evidence.cells import CellWindow
from survey.values import HECTARE_EDGE_M, HectareGrid

Array = NDArray[np.float64]
REACH = 10
"""Half-distances after which influence counts as 0."""
_SIGMAS = 4
"""Standard deviations after which a location error counts as impossible."""
_FINE_M = 20.0
_STEP_M = 10.0
"""Distance of the points that stand for a line: distances are at most 5 m too long, at the line itself."""
_NEAR_M = 300.0
"""Closer cells take the mean over 4 x 4 points inside them."""
_NOISE = 1e-12
"""Below this, the result of a Fourier transform is rounding."""


def reach_cells(*, half_distance_m: float = 0.0, location_error_m: float = 0.0) -> int:
    """Return how many cells away evidence still counts."""
    reach_m = REACH * half_distance_m + _SIGMAS * location_error_m
    return ceil(reach_m / HECTARE_EDGE_M) + 2 if reach_m else 0


def error_weights(location_error_m: float) -> Array:
    """Return the 1-D weights (2n + 1,) by which ground of one cell comes to lie in others.

    The place inside the cell is uniform, the error normal: the weight of k cells is the integral of the normal
    density over displacements, times the triangle 1 - |k - d| that says which share of a cell moved by d lies k away.
    """
    n = ceil(_SIGMAS * location_error_m / HECTARE_EDGE_M) + 1
    sigma = max(location_error_m, 1e-6) / HECTARE_EDGE_M
    edge = np.arange(-n - 1, n + 2, dtype=np.float64)
    ramp = edge * ndtr(edge / sigma) + sigma * np.exp(-((edge / sigma) ** 2) / 2) / np.sqrt(2 * pi)
    weights = ramp[2:] - 2 * ramp[1:-1] + ramp[:-2]
    return np.asarray(weights / weights.sum())


def blurred(values: Array, location_error_m: float) -> Array:
    """Return the mean of a field over the location error; beyond its edges it is taken as 0."""
    if location_error_m == 0:
        return values
    weights = error_weights(location_error_m)
    across = convolve1d(values, weights, axis=1, mode="constant")
    return np.asarray(convolve1d(across, weights, axis=0, mode="constant"))


def displaced(values: Array, location_error_m: float, levels: Sequence[float]) -> list[Array]:
    """Return how likely a field, displaced as a whole by the location error, has each level in each cell.

    A value between two levels counts as either, with the probabilities that keep its mean; what is missing to 1 is the
    probability of 0. Displacements lie on half cells, where the field is the mean of its neighbours.

    Args:
        values: (rows, cols), between 0 and the last level.
        location_error_m: Standard deviation along each axis.
        levels: Ascending, above 0.
    """
    n = ceil(_SIGMAS * location_error_m / HECTARE_EDGE_M) + 1
    sigma = location_error_m / HECTARE_EDGE_M
    steps = np.arange(-n, n + 1)
    likely = [np.zeros_like(values) for _ in levels]
    for down, across in ((0.0, 0.0), (0.0, 0.5), (0.5, 0.0), (0.5, 0.5)):
        by_row, by_col = (ndtr((steps + u + 0.25) / sigma) - ndtr((steps + u - 0.25) / sigma) for u in (down, across))
        moved = values
        for axis, half in ((0, down), (1, across)):
            if half:
                moved = convolve1d(moved, [0.0, 0.5, 0.5], axis=axis, mode="constant")
        for total, hat in zip(likely, _hats(moved, levels), strict=True):
            if hat.any():
                wide = convolve1d(hat, by_col, axis=1, mode="constant")
                total += convolve1d(wide, by_row, axis=0, mode="constant")  # noqa: PLW2901 - in place
    return likely


def _hats(values: Array, levels: Sequence[float]) -> list[Array]:
    """Split values among the levels around them; the sum of level times share is the value."""
    edges = [0.0, *levels]
    place = np.interp(values, edges, np.arange(len(edges)))
    return [np.maximum(1 - np.abs(place - number), 0) for number in range(1, len(edges))]


def decay_kernel(half_distance_m: float) -> Array:
    """Return the share of what starts in a cell and comes to lie in each other; (2n + 1, 2n + 1), adding up to 1.

    Density 2^(-d / half) about a place that is uniform in its cell, integrated over cells from points 20 m apart.
    """
    n = reach_cells(half_distance_m=half_distance_m)
    per_cell = int(HECTARE_EDGE_M / _FINE_M) if half_distance_m < 10 * HECTARE_EDGE_M else 1
    step = HECTARE_EDGE_M / per_cell
    offset = np.arange(-n * per_cell, n * per_cell + 1) * step
    distance = np.hypot(*np.meshgrid(offset, offset, indexing="ij"))
    fine = np.where(distance <= REACH * half_distance_m, np.exp2(-distance / half_distance_m), 0)
    for _ in range(2 * (per_cell > 1)):  # once for the place in its cell, once for the cell that it comes to
        fine = uniform_filter(fine, per_cell, mode="constant")
    kernel = fine[::per_cell, ::per_cell]
    return np.asarray(kernel / kernel.sum())


def spread(values: Array, kernel: Array) -> Array:
    """Return values laid out by a kernel, on the same cells; what lies beyond the edges is taken as 0."""
    laid = oaconvolve(values, kernel, mode="same")
    return np.where(laid > _NOISE, laid, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Boundary:
    """Lines, or outlines of areas, that influence fades away from."""

    tree: cKDTree
    half_distance_m: float

    @classmethod
    def of(cls, geometry: NDArray[np.object_], *, half_distance_m: float) -> "Boundary":
        """Return the lines of geometries (N,), or the outlines of those with an area."""
        area = shapely.get_dimensions(geometry) == 2
        lines = np.where(area, shapely.boundary(geometry), geometry)
        return cls(cKDTree(shapely.get_coordinates(shapely.segmentize(lines, _STEP_M))), half_distance_m)

    def influence(self, window: CellWindow, *, grid: HectareGrid) -> Array | None:
        """Return the mean of 2^(-d / half) over each cell of a window, (rows, cols); None if it is 0 throughout."""
        x = grid.x_min + (window.col + np.arange(window.cols) + 0.5) * HECTARE_EDGE_M
        y = grid.y_max - (window.row + np.arange(window.rows) + 0.5) * HECTARE_EDGE_M
        centre = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        if not self._touches(centre):
            return None
        influence, distance = self._fading(centre)
        near = np.flatnonzero(distance < max(_NEAR_M, HECTARE_EDGE_M))
        if not near.size and not influence.any():
            return None
        inside = (np.arange(4) + 0.5) / 4 - 0.5
        shift = np.stack(np.meshgrid(inside, inside), axis=-1).reshape(-1, 2) * HECTARE_EDGE_M
        influence[near] = self._fading((centre[near, None] + shift).reshape(-1, 2))[0].reshape(-1, 16).mean(axis=1)
        return influence.reshape(window.rows, window.cols)

    def _touches(self, centre: Array) -> bool:
        """Say whether the window can be reached at all, by boxes."""
        reach = REACH * self.half_distance_m + HECTARE_EDGE_M
        low, high = centre.min(axis=0) - reach, centre.max(axis=0) + reach
        return bool((self.tree.maxes >= low).all() and (self.tree.mins <= high).all())

    def _fading(self, points: Array) -> tuple[Array, Array]:
        """Return influence and distance at points (N, 2); the distance is infinite beyond reach."""
        distance, _ = self.tree.query(points, distance_upper_bound=REACH * self.half_distance_m)
        return np.exp2(-distance / self.half_distance_m), distance
