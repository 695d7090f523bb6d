"""Layers brought to the hectare grid: exposure with distance decay, conditions of the ground, polygons."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyogrio
import rasterio
import rasterio.warp
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataSourceError
from rasterio.errors import RasterioIOError
from scipy.ndimage import distance_transform_edt

from survey.errors import GeoreferenceError, InputError
from survey.priority.config import Condition, ExposureLayer
from survey.priority.vectors import read_features
from survey.values import HECTARE_EDGE_M, HectareGrid

STEP = 0.02
"""Strengths below full exposure are rounded up to whole steps, each of which is measured from once."""
TOUCH_M = 0.001
"""Of a hectare that a polygon only touches from outside, the polygon is not inside."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Exposed:
    """One exposure layer on the grid."""

    share: Array
    """0 to 1 in every hectare: how far its danger reaches the layer."""
    distance_m: Array
    """From the hectare to the nearest feature, 0 inside it; infinite if there is none."""
    notes: tuple[str, ...]


def exposure_on(grid: HectareGrid, layer: ExposureLayer, *, path: Path) -> Exposed:
    """Return how far each hectare's danger reaches the features of a layer.

    The share is the greatest over the features: strength (column or raster over `full_at`, at most 1) times the decay
    at the distance from the hectare's edge.

    Raises:
        InputError: The file cannot be read or a value is negative.
        GeoreferenceError: It has no CRS.
    """
    decay = _decay(layer)
    if is_raster(path):
        values, missing = raster_on(grid, path)
        if (values < 0).any():
            msg = f"{path}: has values below 0; an exposure layer counts what is exposed"
            raise InputError(msg)
        notes = [f"{missing} hectares without a value count as not exposed to it"] if missing else []
        strength = np.minimum(np.where(np.isfinite(values), values, 0) / layer.full_at, 1)
        measure = _from_cells(strength)
    else:
        found = read_features(path, layer=layer.layer, crs=grid.crs, column=layer.value_column)
        notes = list(found.notes)
        strength = np.minimum(found.values / layer.full_at, 1)
        measure = _from_features(grid, found.geometry, strength)
    share, distance = np.zeros(grid.shape), np.full(grid.shape, np.inf)
    for level in np.unique(np.ceil(strength[strength > 0] / STEP - 1e-9) * STEP):
        away = measure(float(level))
        share = np.maximum(share, min(float(level), 1.0) * decay(away))
        distance = np.minimum(distance, away)
    if not share.any():
        notes.append("reaches no hectare of the grid: check its CRS, extent and range_m")
    return Exposed(share, distance, tuple(notes))


def condition_on(grid: HectareGrid, condition: Condition, *, path: Path | None) -> tuple[Array, tuple[str, ...]]:
    """Return a condition of the ground in every hectare, and notes.

    Raises:
        InputError: The file cannot be read.
        GeoreferenceError: It has no CRS.
    """
    if path is None:
        return np.full(grid.shape, condition.value), ()
    values, missing = raster_on(grid, path)
    notes = (f"{missing} hectares without a value count as {condition.value:g}",) if missing else ()
    return np.where(np.isfinite(values), values, condition.value), notes


def covered_by(grid: HectareGrid, path: Path, *, layer: str | None) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Return the hectares of which polygons cover at least half, and notes.

    Raises:
        InputError: The file cannot be read or holds no polygon.
        GeoreferenceError: It has no CRS.
    """
    found = read_features(path, layer=layer, crs=grid.crs)
    whole = shapely.union_all(found.geometry)
    if not shapely.area(whole):
        msg = f"{path}: holds no polygon"
        raise InputError(msg)
    shapely.prepare(whole)
    boxes = squares(grid)
    touched = np.flatnonzero(shapely.intersects(whole, boxes))
    covered = np.zeros(boxes.size, bool)
    share = shapely.area(shapely.intersection(boxes[touched], whole)) / HECTARE_EDGE_M**2
    covered[touched] = share >= 0.5
    notes = list(found.notes)
    if flat := int((shapely.area(found.geometry) == 0).sum()):
        notes.append(f"{flat} features without an area set aside")
    if not covered.any():
        notes.append("covers half of no hectare of the grid: check its CRS and extent")
    return covered.reshape(grid.shape), tuple(notes)


def squares(grid: HectareGrid, *, inset_m: float = 0.0) -> NDArray[np.object_]:
    """Return the hectares as polygons, row by row, each a little smaller on every side if asked for."""
    row, col = (index.ravel() for index in np.indices(grid.shape))
    west, north = grid.x_min + col * HECTARE_EDGE_M, grid.y_max - row * HECTARE_EDGE_M
    east, south = west + HECTARE_EDGE_M, north - HECTARE_EDGE_M
    boxes = shapely.box(west + inset_m, south + inset_m, east - inset_m, north - inset_m)
    return np.asarray(boxes, dtype=object)


def raster_on(grid: HectareGrid, path: Path) -> tuple[Array, int]:
    """Return the first band's mean in each hectare, NaN where it has none, and the number of those.

    Raises:
        InputError: The file cannot be read.
        GeoreferenceError: It has no CRS.
    """
    values = np.full(grid.shape, np.nan)
    try:
        with rasterio.open(path) as dataset:
            if dataset.crs is None:
                msg = f"{path}: has no CRS; give it one with gdal_edit.py -a_srs"
                raise GeoreferenceError(msg)
            source = np.ma.filled(dataset.read(1, masked=True).astype(np.float64), np.nan)
            rasterio.warp.reproject(
                source,
                values,
                src_transform=dataset.transform,
                src_crs=dataset.crs,
                src_nodata=np.nan,
                dst_transform=grid.transform,
                dst_crs=grid.crs,
                dst_nodata=np.nan,
                resampling=rasterio.warp.Resampling.average,
            )
    except RasterioIOError as error:
        msg = f"{path}: cannot be read as a raster ({error})"
        raise InputError(msg) from error
    return values, int(np.isnan(values).sum())


def is_raster(path: Path) -> bool:
    """Tell whether a file is a raster rather than vector data; a file that is neither counts as a raster.

    Raises:
        InputError: There is no such file.
    """
    if not path.is_file():
        msg = f"{path}: no such file; paths in the settings are relative to the settings' own folder"
        raise InputError(msg)
    try:
        return not len(pyogrio.list_layers(path))
    except DataSourceError:
        return True


def _decay(layer: ExposureLayer) -> Callable[[Array], Array]:
    if layer.decay == "inside":
        return lambda metres: (metres <= 0).astype(np.float64)
    assert layer.range_m is not None
    reach = layer.range_m
    if layer.decay == "exponential":
        return lambda metres: np.exp(-metres / reach)
    return lambda metres: np.maximum(1 - metres / reach, 0)


def _from_features(grid: HectareGrid, geometry: NDArray[np.object_], strength: Array) -> Callable[[float], Array]:
    """Return a function that measures from every hectare's edge to the nearest feature of a strength."""
    boxes = squares(grid, inset_m=TOUCH_M)
    level = np.ceil(strength / STEP - 1e-9) * STEP

    def measure(wanted: float) -> Array:
        tree = shapely.STRtree(geometry[np.isclose(level, wanted)])
        (index, _), away = tree.query_nearest(boxes, return_distance=True, all_matches=False)
        metres = np.full(boxes.size, np.inf)
        metres[index] = away
        return metres.reshape(grid.shape)

    return measure


def _from_cells(strength: Array) -> Callable[[float], Array]:
    """Return a function that measures from every hectare to the nearest one of a strength, from centre to centre."""
    level = np.ceil(strength / STEP - 1e-9) * STEP

    def measure(wanted: float) -> Array:
        return np.asarray(distance_transform_edt(~np.isclose(level, wanted)) * HECTARE_EDGE_M, dtype=np.float64)

    return measure
