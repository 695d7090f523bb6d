"""Vector layers as they come: what cannot be used is repaired or set aside, and counted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError

from survey.errors import GeoreferenceError, InputError


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Valid geometries in the grid's CRS."""

    geometry: NDArray[np.object_]
    values: NDArray[np.float64]
    """(N,) value of the column asked for; 1 if none was."""
    notes: tuple[str, ...]
    """What was repaired or set aside."""


def read_features(path: Path, *, layer: str | None, crs: str, column: str | None = None) -> Features:
    """Read a vector layer.

    Raises:
        InputError: It cannot be read, has several layers and none is named, lacks the column, or nothing is left.
        GeoreferenceError: It has no CRS.
    """
    if not path.is_file():
        msg = f"{path}: no such file; paths in the settings are relative to the settings' own folder"
        raise InputError(msg)
    try:
        names = [str(name) for name, _ in pyogrio.list_layers(path)]
        if layer is None and len(names) > 1:
            msg = f"{path}: has the layers {', '.join(names)}; name one with 'layer'"
            raise InputError(msg)
        table = pyogrio.read_dataframe(path, layer=layer)
    except (DataSourceError, DataLayerError) as error:
        msg = f"{path}: cannot be read as vector data ({error}); GeoPackage, GeoJSON or Shapefile are usual"
        raise InputError(msg) from error
    if getattr(table, "crs", None) is None:
        msg = f"{path}: has no CRS; save it with one, for instance as GeoPackage"
        raise GeoreferenceError(msg)
    if column is not None and column not in table.columns:
        known = ", ".join(name for name in table.columns if name != "geometry")
        msg = f"{path}: has no column '{column}'; it has: {known}"
        raise InputError(msg)
    values = np.ones(len(table)) if column is None else _numbers(table[column], path=path, column=column)
    notes: list[str] = []
    geometry = np.asarray(table.geometry.array, dtype=object)
    geometry, values = _usable(geometry, values, notes)
    geometry = _projected(geometry, table.crs, crs)
    arrived = np.array([bool(np.isfinite(shapely.get_coordinates(g)).all()) for g in geometry], bool)
    if not arrived.all():
        notes.append(f"{int((~arrived).sum())} features beyond the reach of the grid's CRS set aside")
    geometry, values = geometry[arrived], values[arrived]
    if not len(geometry):
        msg = f"{path}: no usable feature is left{': ' + '; '.join(notes) if notes else ''}"
        raise InputError(msg)
    return Features(geometry, values, tuple(notes))


def _usable(
    geometry: NDArray[np.object_], values: NDArray[np.float64], notes: list[str]
) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
    """Return the features with a geometry and a value, repaired."""
    empty = shapely.is_missing(geometry) | shapely.is_empty(geometry)
    without = ~empty & ~(np.isfinite(values) & (values > 0))
    if empty.any():
        notes.append(f"{int(empty.sum())} features without a geometry set aside")
    if without.any():
        notes.append(f"{int(without.sum())} features without a value above 0 set aside")
    kept = ~empty & ~without
    geometry, values = shapely.force_2d(geometry[kept]), values[kept]
    invalid = ~shapely.is_valid(geometry)
    if invalid.any():
        notes.append(f"{int(invalid.sum())} invalid geometries repaired")
        geometry = np.where(invalid, shapely.make_valid(geometry), geometry)
    return geometry, values


def _numbers(values: Any, *, path: Path, column: str) -> NDArray[np.float64]:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        msg = f"{path}: column '{column}' does not hold numbers"
        raise InputError(msg) from error


def _projected(geometry: NDArray[np.object_], own: Any, crs: str) -> NDArray[np.object_]:
    if pyproj.CRS.from_user_input(own) == pyproj.CRS.from_user_input(crs):
        return geometry
    move = pyproj.Transformer.from_crs(own, crs, always_xy=True)
    moved = shapely.transform(geometry, lambda p: np.column_stack(move.transform(p[:, 0], p[:, 1])))
    return np.asarray(moved, dtype=object)
