"""Labelled items on the map: points or polygons of a GIS."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray

from survey.errors import InputError

ITEM = "item"
"""Class of what has no class of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Labelled items on the map. Arrays of shape (N,)."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    size_m: NDArray[np.float64]
    """NaN where it is not known."""
    classes: tuple[str, ...]
    without_geometry: int
    """Rows that could not be used for want of a place."""


def read_places(
    path: Path, *, crs: str, layer: str | None = None, class_column: str | None = None, size_column: str | None = None
) -> Places:
    """Read points or polygons as items: a polygon's middle, and its longest extent where no column tells the size.

    Args:
        path: Vector file with a CRS.
        crs: That of the result; projected in metres.
        layer: Its layer; not needed where there is one only.
        class_column: Column of the class; `class` where there is one, else every item is an `item`.
        size_column: Column of the longest extent in metres; `size_m` where there is one.

    Raises:
        InputError: The file, the layer or a column does not exist, or there is no CRS.
    """
    table = _table(path, layer)
    if table.crs is None:
        msg = f"{path}: has no CRS; assign the one it was made in"
        raise InputError(msg)
    kinds = _column(table, path, class_column, usual="class")
    sizes = _column(table, path, size_column, usual="size_m")
    placed = ~(table.geometry.isna() | table.geometry.is_empty).to_numpy(bool)
    shapes = np.asarray(table.geometry[placed].to_crs(crs).array, dtype=object)
    middle = shapely.centroid(shapes)
    extent = np.array([_longest(shape) for shape in shapes], np.float64)
    if sizes is not None:
        told = np.asarray(table[sizes][placed], np.float64)
        extent = np.where(np.isfinite(told), told, extent)
    names = [ITEM if kinds is None else str(v) for v in (table[kinds] if kinds else table.geometry)[placed]]
    return Places(
        np.asarray(shapely.get_x(middle), np.float64),
        np.asarray(shapely.get_y(middle), np.float64),
        extent,
        tuple(names),
        int((~placed).sum()),
    )


def _table(path: Path, layer: str | None) -> Any:
    if not path.exists():
        msg = f"{path}: no such file; check the path"
        raise InputError(msg)
    try:
        layers = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
        if layer is None and len(layers) == 1:
            layer = layers[0]
        if layer not in layers:
            msg = f"{path}: name one of its layers with --layer: {', '.join(layers)}"
            raise InputError(msg)
        return pyogrio.read_dataframe(path, layer=layer)
    except pyogrio.errors.DataSourceError as error:
        msg = f"{path}: cannot be read as a vector file ({error}); give a GeoPackage or another OGR format"
        raise InputError(msg) from error


def _column(table: Any, path: Path, name: str | None, *, usual: str) -> str | None:
    """Return the column to use: the one asked for, the usual one if it is there, or none."""
    if name is None:
        return usual if usual in table.columns else None
    if name not in table.columns:
        columns = ", ".join(str(c) for c in table.columns if c != "geometry")
        msg = f"{path}: has no column {name}; it has {columns}"
        raise InputError(msg)
    return name


def _longest(shape: Any) -> float:
    """Return the longest distance between two points of a shape's outline; NaN for a point."""
    corners = shapely.get_coordinates(shapely.convex_hull(shape))
    if len(corners) < 2:
        return float("nan")
    return float(np.hypot(*(corners[:, None] - corners[None]).T).max())
