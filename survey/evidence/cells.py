"""Values of the few cells of a grid that a layer touches."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.values import HECTARE_EDGE_M, HectareGrid

Array = NDArray[np.float64]
_EDGES = (256, 64, 16, 4, 1)
"""Edges of the blocks, in cells, through which polygons are cut down to cells."""
_WHOLE = 1 - 1e-9
"""A block covered to this share is covered."""


@dataclass(frozen=True, slots=True)
class CellWindow:
    """A rectangle of cells of a grid; it may reach beyond the grid."""

    row: int
    col: int
    rows: int
    cols: int

    def grown(self, cells: int) -> "CellWindow":
        """Return the window with so many cells more on every side."""
        return CellWindow(self.row - cells, self.col - cells, self.rows + 2 * cells, self.cols + 2 * cells)


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """Sparse values over a grid and its surroundings, sorted by row; other cells are 0."""

    row: NDArray[np.int32]
    col: NDArray[np.int32]
    value: NDArray[np.float32]

    @classmethod
    def adding_up(cls, row: NDArray[np.intp], col: NDArray[np.intp], value: Array) -> "Cells":
        """Return cells whose values are the sums over equal (row, col)."""
        place = np.stack([row, col], axis=1).reshape(-1, 2)
        unique, index = np.unique(place, axis=0, return_inverse=True)
        total = np.bincount(index.ravel(), weights=value, minlength=len(unique))
        return cls(unique[:, 0].astype(np.int32), unique[:, 1].astype(np.int32), total.astype(np.float32))

    def within(self, window: CellWindow) -> Array | None:
        """Return the window's values, (rows, cols); None if all are 0."""
        first, last = np.searchsorted(self.row, [window.row, window.row + window.rows])
        row, col, value = self.row[first:last], self.col[first:last], self.value[first:last]
        inside = (col >= window.col) & (col < window.col + window.cols)
        if not inside.any():
            return None
        dense = np.zeros((window.rows, window.cols))
        dense[row[inside] - window.row, col[inside] - window.col] = value[inside]
        return dense


def count_points(points: NDArray[np.object_], *, grid: HectareGrid, weights: Array | None = None) -> Cells:
    """Return the number of points (N,), or the sum of their weights, in each cell."""
    xy = shapely.get_coordinates(points)
    row, col = grid.cells_of(xy[:, 0], xy[:, 1])
    return Cells.adding_up(row, col, np.ones(len(xy)) if weights is None else weights)


def cover(polygons: NDArray[np.object_], *, grid: HectareGrid, margin: int) -> Cells:
    """Return the share of each cell that lies in any of the polygons, exactly.

    Polygons are cut by blocks of 256 cells, those by blocks of 64 and so on; a block that is covered whole is not cut
    further, so the work goes with the length of the boundaries.

    Args:
        polygons: (N,) valid polygons in the grid's CRS; they may overlap.
        grid: Gives rows and columns.
        margin: Cells around the grid that are wanted too.
    """
    pieces = shapely.get_parts(shapely.union_all(polygons))
    row, col = np.zeros(len(pieces), np.intp), np.zeros(len(pieces), np.intp)
    row -= margin
    col -= margin
    size = np.stack([np.full(len(pieces), grid.rows + 2 * margin), np.full(len(pieces), grid.cols + 2 * margin)])
    found: list[tuple[NDArray[np.intp], NDArray[np.intp], Array]] = []
    for edge in _EDGES:
        pieces, row, col, size = _cut(pieces, row, col, size, edge=edge, grid=grid)
        share = shapely.area(pieces) / (size[0] * size[1] * HECTARE_EDGE_M**2)
        whole = (share >= _WHOLE) | (edge == 1)
        found.append(_spread(row[whole], col[whole], size[:, whole], np.minimum(share[whole], 1)))
        rest = ~whole
        pieces, row, col, size = pieces[rest], row[rest], col[rest], size[:, rest]
    rows, cols, shares = (np.concatenate(part) for part in zip(*found, strict=True))
    summed = Cells.adding_up(rows, cols, shares)
    return Cells(summed.row, summed.col, np.minimum(summed.value, 1))


def _cut(
    pieces: NDArray[np.object_],
    row: NDArray[np.intp],
    col: NDArray[np.intp],
    size: NDArray[np.intp],
    *,
    edge: int,
    grid: HectareGrid,
) -> tuple[NDArray[np.object_], NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Cut pieces, each inside the block (row, col, size), by the smaller blocks of `edge` cells that they touch."""
    box = shapely.bounds(pieces).reshape(-1, 4)
    metres = edge * HECTARE_EDGE_M
    top, left = grid.y_max - row * HECTARE_EDGE_M, grid.x_min + col * HECTARE_EDGE_M
    limit = -(-size // edge) - 1
    first = [np.floor((top - box[:, 3]) / metres), np.floor((box[:, 0] - left) / metres)]
    last = [np.floor((top - box[:, 1]) / metres), np.floor((box[:, 2] - left) / metres)]
    low = [np.maximum(f, 0).astype(np.intp) for f in first]
    high = [np.minimum(f, most).astype(np.intp) for f, most in zip(last, limit, strict=True)]
    many = [np.maximum(h - n + 1, 0) for n, h in zip(low, high, strict=True)]
    count = many[0] * many[1]
    parent = np.repeat(np.arange(len(pieces)), count)
    number = np.arange(len(parent)) - np.repeat(np.cumsum(count) - count, count)
    down = low[0][parent] + number // np.maximum(many[1][parent], 1)
    right = low[1][parent] + number % np.maximum(many[1][parent], 1)
    new = np.stack([np.minimum(edge, size[0][parent] - down * edge), np.minimum(edge, size[1][parent] - right * edge)])
    row, col = row[parent] + down * edge, col[parent] + right * edge
    north, west = grid.y_max - row * HECTARE_EDGE_M, grid.x_min + col * HECTARE_EDGE_M
    blocks = shapely.box(west, north - new[0] * HECTARE_EDGE_M, west + new[1] * HECTARE_EDGE_M, north)
    cut = shapely.intersection(pieces[parent], blocks)
    kept = shapely.area(cut) > 0
    return cut[kept], row[kept], col[kept], new[:, kept]


def _spread(
    row: NDArray[np.intp], col: NDArray[np.intp], size: NDArray[np.intp], share: Array
) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
    """Return every cell of blocks with their share."""
    count = size[0] * size[1]
    block = np.repeat(np.arange(len(row)), count)
    number = np.arange(len(block)) - np.repeat(np.cumsum(count) - count, count)
    return row[block] + number // size[1][block], col[block] + number % size[1][block], share[block]
