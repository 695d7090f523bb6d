"""The hectares of a plan: those of the risk, or also others that the evidence speaks of."""

from pathlib import Path

import numpy as np
import pyproj
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.errors import RasterioIOError

from survey.errors import GeoreferenceError, InputError
from survey.priority.vectors import read_features
from survey.values import HECTARE_EDGE_M, HectareGrid

MOST_HECTARES = 2_000_000
"""That a plan takes with `extent: evidence`. A million took 327 s of one processor, 1.9 GB and 0.65 GB of files
(`benchmarks/extent.py`); more was not measured."""


def grid_of(path: Path) -> HectareGrid:
    """Return the hectare grid of a raster.

    Raises:
        GeoreferenceError: It has no CRS in metres, or its cells are not hectares on whole multiples of 100 m.
        InputError: It cannot be read.
    """
    try:
        with rasterio.open(path) as dataset:
            transform, rows, cols = dataset.transform, dataset.height, dataset.width
            crs = dataset.crs.to_string() if dataset.crs else ""
    except RasterioIOError as error:
        msg = f"{path}: cannot be read as a raster ({error})"
        raise InputError(msg) from error
    edge = HECTARE_EDGE_M
    units = {axis.unit_name for axis in pyproj.CRS.from_user_input(crs).axis_info} if crs else set()
    if units != {"metre"}:
        msg = f"{path}: has no projected CRS in metres; bring it to UTM: gdalwarp -t_srs EPSG:326NN -tr 100 100 -tap"
        raise GeoreferenceError(msg)
    if transform[:2] != (edge, 0) or transform[3:5] != (0, -edge) or transform[2] % edge or transform[5] % edge:
        msg = f"{path}: its cells are not hectares on whole multiples of 100 m: gdalwarp -tr 100 100 -tap -r average"
        raise GeoreferenceError(msg)
    return HectareGrid(crs, int(transform[2]), int(transform[5]), rows, cols)


def with_evidence(risk: HectareGrid, evidence: HectareGrid, *, area: Path | None) -> HectareGrid:
    """Return the hectares of the risk and of the evidence, or those of them that an area reaches.

    Args:
        risk: Grid of the risk.
        evidence: Grid of the evidence, in the same CRS.
        area: Polygons; None is everywhere.

    Raises:
        InputError: The area cannot be read, neither risk nor evidence reaches it, or it is too large to plan for.
        GeoreferenceError: The area has no CRS.
    """
    (west, south, east, north), other = _bounds(risk), _bounds(evidence)
    west, south, east, north = min(west, other[0]), min(south, other[1]), max(east, other[2]), max(north, other[3])
    if area is not None:
        own = shapely.total_bounds(read_features(area, layer=None, crs=risk.crs).geometry).tolist()
        west, south = max(west, own[0]), max(south, own[1])
        east, north = min(east, own[2]), min(north, own[3])
        if west >= east or south >= north:
            msg = f"{area}: neither the risk nor the evidence reaches it"
            raise InputError(msg)
    grid = HectareGrid.covering(crs=risk.crs, bounds=(west, south, east, north))
    if (count := grid.rows * grid.cols) > MOST_HECTARES:
        where = "around risk and evidence" if area is None else f"of risk and evidence inside {area}"
        msg = (
            f"extent: {count} hectares {where}; a plan takes up to {MOST_HECTARES}: set `area` to polygons of the "
            "districts that the teams can reach"
        )
        raise InputError(msg)
    return grid


def common(one: HectareGrid, other: HectareGrid) -> HectareGrid | None:
    """Return the hectares that two grids of one CRS share; None if there are none."""
    (west, south, east, north), own = _bounds(one), _bounds(other)
    west, south, east, north = max(west, own[0]), max(south, own[1]), min(east, own[2]), min(north, own[3])
    if west >= east or south >= north:
        return None
    return HectareGrid.covering(crs=other.crs, bounds=(west, south, east, north))


def placed(values: NDArray[np.float64], own: HectareGrid, grid: HectareGrid) -> NDArray[np.float64]:
    """Return the values of one grid on another one with the same CRS, NaN where they do not reach."""
    out = np.full(grid.shape, np.nan)
    if (part := common(own, grid)) is not None:
        out[_window(part, grid)] = values[_window(part, own)]
    return out


def _window(part: HectareGrid, grid: HectareGrid) -> tuple[slice, slice]:
    """Return where the cells of a part lie in a grid."""
    row, col = (grid.y_max - part.y_max) // HECTARE_EDGE_M, (part.x_min - grid.x_min) // HECTARE_EDGE_M
    return slice(row, row + part.rows), slice(col, col + part.cols)


def _bounds(grid: HectareGrid) -> tuple[float, float, float, float]:
    """Return west, south, east, north in metres."""
    edge = HECTARE_EDGE_M
    return grid.x_min, grid.y_max - grid.rows * edge, grid.x_min + grid.cols * edge, grid.y_max
