"""Rasters of probability on the hectare grid."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import RasterioIOError
from rasterio.warp import Resampling, reproject, transform_bounds
from rasterio.windows import Window, from_bounds

from survey.errors import ConfigError, InputError
from survey.evidence.cells import CellWindow
from survey.evidence.config import LearntPrior
from survey.evidence.fields import Node
from survey.evidence.vectors import VectorReport
from survey.values import HECTARE_EDGE_M, HectareGrid

Array = NDArray[np.float64]
_NOTHING = 1e-6
"""Share of a hectare below which a raster says nothing of it."""
_SLACK = 1e-6
"""Of a probability above 1, for float32."""


@dataclass(frozen=True, slots=True, eq=False)
class ChanceField:
    """A hectare is contaminated with a probability, in the share of it that the raster speaks of."""

    chance: NDArray[np.float32]
    """(rows, cols) of the grid."""
    share: NDArray[np.float32]

    def nodes(self, window: CellWindow) -> tuple[Node, ...]:
        """Return the probability and the share of a window's cells."""
        here = np.s_[window.row : window.row + window.rows, window.col : window.col + window.cols]
        chance, share = self.chance[here].astype(np.float64), self.share[here].astype(np.float64)
        return (Node(chance, share),) if (chance * share).any() else ()


def read_chance(entry: LearntPrior, grid: HectareGrid) -> tuple[ChanceField, VectorReport]:
    """Return a layer's probability on a grid, times its weight, and what became of the raster's cells.

    A hectare takes the mean of the raster's cells by the area that they share with it. Nodata is no statement: it adds
    nothing, and is no 0 in a mean.

    Raises:
        InputError: There is no such raster, it has no CRS, or it is rotated.
        ConfigError: It has no such band.
    """
    path = Path(entry.path)
    try:
        with rasterio.open(path) as dataset:
            band = _band(dataset, entry)
            if dataset.crs is None:
                msg = f"{path}: has no CRS; layer '{entry.name}' needs a raster that has"
                raise InputError(msg)
            if dataset.transform.b or dataset.transform.d or dataset.transform.e >= 0:
                msg = f"{path}: is not north up; warp it first (gdalwarp)"
                raise InputError(msg)
            window = _window_over(dataset, grid)
            if window.height * window.width:
                values = dataset.read(band, window=window, masked=True).astype(np.float64)
            else:
                values = np.ma.masked_array(np.empty((window.height, window.width)))
            crs, transform, cells = dataset.crs, dataset.window_transform(window), dataset.width * dataset.height
    except RasterioIOError as error:
        msg = f"{path}: cannot be read as a raster ({error}); layer '{entry.name}' names it, relative to the YAML"
        raise InputError(msg) from error
    unsaid = np.ma.getmaskarray(values) | np.isnan(values.filled(np.nan))
    known = ~unsaid & (values.filled(-1) >= 0) & (values.filled(2) <= 1 + _SLACK)
    reasons = {"without a value, which is no statement": unsaid, "that are no probability": ~unsaid & ~known}
    report = VectorReport(rows=cells, used=int(known.sum()), outside=cells - values.size)
    report.set_aside |= {reason: int(where.sum()) for reason, where in reasons.items() if where.any()}
    if not known.any():
        nothing = np.zeros(grid.shape, np.float32)
        return ChanceField(nothing, nothing), report
    chance = np.where(known, np.minimum(values.filled(0), 1), np.nan)
    mean = _mean(chance, crs, transform, grid=grid, nodata=np.nan)
    share = _mean(np.pad(known.astype(np.float64), 1), crs, transform * Affine.translation(-1, -1), grid=grid)
    spoken = np.isfinite(mean) & (share > _NOTHING)
    return ChanceField(
        np.where(spoken, entry.weight * mean, 0).astype(np.float32), np.where(spoken, share, 0).astype(np.float32)
    ), report


def _band(dataset: Any, entry: LearntPrior) -> int:
    names = list(dataset.descriptions)
    if isinstance(entry.band, int):
        if entry.band <= dataset.count:
            return entry.band
    elif entry.band in names:
        return names.index(entry.band) + 1
    msg = (
        f"{entry.path}: has no band {entry.band!r}, only {', '.join(str(n) for n in names)} (1 to {dataset.count}); "
        f"set 'band' of layer '{entry.name}'"
    )
    raise ConfigError(msg)


def _window_over(dataset: Any, grid: HectareGrid) -> Window:
    """Return whole cells of a raster that cover a grid and one hectare around it, as far as there are any."""
    east, south = grid.x_min + grid.cols * HECTARE_EDGE_M, grid.y_max - grid.rows * HECTARE_EDGE_M
    more = HECTARE_EDGE_M
    bounds = transform_bounds(
        grid.crs, dataset.crs, grid.x_min - more, south - more, east + more, grid.y_max + more, densify_pts=51
    )
    wanted = from_bounds(*bounds, transform=dataset.transform)
    row, col = max(0, int(np.floor(wanted.row_off)) - 1), max(0, int(np.floor(wanted.col_off)) - 1)
    row_end = min(dataset.height, int(np.ceil(wanted.row_off + wanted.height)) + 1)
    col_end = min(dataset.width, int(np.ceil(wanted.col_off + wanted.width)) + 1)
    return Window(col, row, max(0, col_end - col), max(0, row_end - row))


def _mean(values: Array, crs: Any, transform: Affine, *, grid: HectareGrid, nodata: float | None = None) -> Array:
    """Return the mean over each hectare, by area; NaN where there is nothing but nodata."""
    out = np.full(grid.shape, np.nan if nodata is not None else 0.0)
    reproject(
        values,
        out,
        src_transform=transform,
        src_crs=crs,
        src_nodata=nodata,
        dst_transform=grid.transform,
        dst_crs=grid.crs,
        dst_nodata=nodata,
        resampling=Resampling.average,
        init_dest_nodata=nodata is not None,
        num_threads=1,
    )
    return out
