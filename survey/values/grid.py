"""The 100 m grid that every run shares, and the fine ground grid inside it."""

from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from affine import Affine
from numpy.typing import NDArray

HECTARE_EDGE_M = 100
"""Edge of a cell in metres; cell edges lie on whole multiples of it, so that runs share cells."""


@dataclass(frozen=True, slots=True)
class HectareGrid:
    """Cells of 100 m x 100 m, north up, in a projected CRS with metres (normally UTM)."""

    crs: str
    """As an authority code, for instance 'EPSG:32638'."""
    x_min: int
    """West edge in metres, a multiple of 100."""
    y_max: int
    """North edge in metres, a multiple of 100."""
    rows: int
    cols: int

    def __post_init__(self) -> None:
        if self.x_min % HECTARE_EDGE_M or self.y_max % HECTARE_EDGE_M:
            msg = f"hectare cells lie on whole multiples of 100 m, got ({self.x_min}, {self.y_max})"
            raise ValueError(msg)
        if self.rows <= 0 or self.cols <= 0:
            msg = f"a grid needs cells, got {self.rows} x {self.cols}"
            raise ValueError(msg)

    @classmethod
    def covering(cls, *, crs: str, bounds: tuple[float, float, float, float]) -> "HectareGrid":
        """Return the smallest grid over (x_min, y_min, x_max, y_max) in metres of `crs`."""
        west, south = floor(bounds[0] / HECTARE_EDGE_M), floor(bounds[1] / HECTARE_EDGE_M)
        east, north = ceil(bounds[2] / HECTARE_EDGE_M), ceil(bounds[3] / HECTARE_EDGE_M)
        rows, cols = max(1, north - south), max(1, east - west)
        return cls(crs, west * HECTARE_EDGE_M, north * HECTARE_EDGE_M, rows, cols)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, cols)."""
        return (self.rows, self.cols)

    @property
    def transform(self) -> Affine:
        """Maps (col, row) on cell edges to (x, y)."""
        return Affine(HECTARE_EDGE_M, 0, self.x_min, 0, -HECTARE_EDGE_M, self.y_max)

    def cells_of(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return (row, col) of the cells that hold the points; may lie outside the grid."""
        row = np.floor((self.y_max - y) / HECTARE_EDGE_M).astype(np.intp)
        col = np.floor((x - self.x_min) / HECTARE_EDGE_M).astype(np.intp)
        return row, col


@dataclass(frozen=True, slots=True)
class GroundGrid:
    """Square ground pixels that divide a hectare grid's cells evenly: where search is accounted for."""

    hectares: HectareGrid
    per_edge: int
    """Ground pixels along a hectare cell's edge (1000 means 0.1 m)."""

    @property
    def gsd_m(self) -> float:
        """Edge of a ground pixel in metres."""
        return HECTARE_EDGE_M / self.per_edge

    @property
    def height(self) -> int:
        """Rows of ground pixels."""
        return self.hectares.rows * self.per_edge

    @property
    def width(self) -> int:
        """Columns of ground pixels."""
        return self.hectares.cols * self.per_edge

    @property
    def transform(self) -> Affine:
        """Maps (col, row) on ground pixel edges to (x, y)."""
        return Affine(self.gsd_m, 0, self.hectares.x_min, 0, -self.gsd_m, self.hectares.y_max)
