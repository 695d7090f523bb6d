"""Places made coarse: to the cells of a grid whose edges are whole multiples of its cell's size."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from survey.deliver.tables import Table
from survey.export.cog import NODATA, RISK_UNITS, copy_to_cog
from survey.files import replacing

Array = NDArray[np.float64]


def _sum(values: Array, cell: NDArray[np.intp], count: int) -> Array:
    return np.asarray(np.bincount(cell, np.nan_to_num(values), count), np.float64)


def _any(values: Array, cell: NDArray[np.intp], count: int) -> Array:
    """Return P(at least one) of a cell from that of its hectares, which the risk takes as independent."""
    log = np.log1p(-np.minimum(np.nan_to_num(values), 1 - 1e-12))
    return -np.expm1(np.bincount(cell, log, count))


BANDS: Mapping[str, Callable[[Array, NDArray[np.intp], int], Array]] = {
    "p_at_least_one": _any,
    "p_unseen": _any,
    "expected_items": _sum,
    "detections": _sum,
    "confirmed": _sum,
    "p_remaining": _any,
    "remaining_items": _sum,
    "found_and_removed": _sum,
}
"""What can be said of several hectares together from what is said of each; bounds cannot."""


_UNITS = {**RISK_UNITS, "p_remaining": "probability", "remaining_items": "per hectare", "found_and_removed": "count"}


def cell_centres(geometry: NDArray[np.object_], *, metres: int) -> NDArray[np.object_]:
    """Return (N,) the centre of each point's cell."""
    corner = np.floor(shapely.get_coordinates(geometry) / metres) * metres
    return np.asarray(shapely.points(corner + metres / 2), dtype=object)


def cell_boxes(geometry: NDArray[np.object_], *, metres: int) -> NDArray[np.object_]:
    """Return (N,) the outline of all cells that each geometry touches."""
    found = np.empty(len(geometry), dtype=object)
    for n, shape in enumerate(geometry):
        low, high = np.floor(np.reshape(shape.bounds, (2, 2)) / metres).astype(int)
        col, row = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1))
        west, south = col.ravel() * metres, row.ravel() * metres
        boxes = np.asarray(shapely.box(west, south, west + metres, south + metres), dtype=object)
        found[n] = shapely.union_all(boxes[shapely.intersects(boxes, shape)]).normalize()
    return found


def coarse_cells(hectares: Table, *, metres: int) -> Table:
    """Return the hectares added up to cells; what cannot be added up is left out."""
    bounds = shapely.bounds(hectares.geometry).reshape(-1, 4)
    corner = np.floor((bounds[:, :2] + 1e-6) / metres) * metres
    cells, index = np.unique(corner, axis=0, return_inverse=True)
    index = index.ravel().astype(np.intp)
    columns: dict[str, NDArray[np.generic]] = {
        name: rule(np.asarray(hectares.columns[name], np.float64), index, len(cells))
        for name, rule in BANDS.items()
        if name in hectares.columns
    }
    columns["hectares"] = np.bincount(index, minlength=len(cells)).astype(np.int64)
    if "searched_fraction" in hectares.columns:
        searched = _sum(np.asarray(hectares.columns["searched_fraction"], np.float64), index, len(cells))
        columns["searched_fraction"] = searched / (metres / 100) ** 2
    boxes = shapely.box(cells[:, 0], cells[:, 1], cells[:, 0] + metres, cells[:, 1] + metres)
    return Table("", "detections.gpkg", "cells", hectares.crs, np.asarray(boxes, dtype=object), columns)


def write_coarse_risk(path: Path, cells: Table, *, metres: int, tags: Mapping[str, str]) -> None:
    """Write the cells as a raster of the bands that they have."""
    names = [name for name in (*BANDS, "searched_fraction") if name in cells.columns]
    corner = shapely.bounds(cells.geometry)[:, :2]
    low, high = corner.min(axis=0), corner.max(axis=0) + metres
    cols, rows = ((high - low) / metres).round().astype(int).tolist()
    col = ((corner[:, 0] - low[0]) / metres).round().astype(int)
    row = ((high[1] - metres - corner[:, 1]) / metres).round().astype(int)
    bands = np.full((len(names), rows, cols), NODATA, np.float32)
    for n, name in enumerate(names):
        bands[n, row, col] = cells.columns[name]
    profile = {"driver": "GTiff", "count": len(names), "height": rows, "width": cols, "dtype": "float32"}
    profile |= {"crs": rasterio.CRS.from_user_input(cells.crs), "nodata": NODATA}
    with MemoryFile() as memory:
        transform = Affine(metres, 0, float(low[0]), 0, -metres, float(high[1]))
        with memory.open(**profile, transform=transform) as dataset:
            dataset.write(bands)
            dataset.descriptions = names
            dataset.units = tuple(_UNITS[name].replace("per hectare", "per cell") for name in names)
            dataset.update_tags(AREA_OR_POINT="Area", **dict(sorted(tags.items())))
        with memory.open() as dataset, replacing(path) as temporary:
            copy_to_cog(dataset, temporary, block=128, resampling="AVERAGE")
