"""Labels as points and polygons on a map, read for the orthomosaics that they lie on."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError

from survey.errors import ConfigError
from survey.labels import Boxes
from survey.train.datalist import OrthomosaicEntry
from survey.values import Image, WorkingGrid

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class MapLabels:
    """Items on the ground; arrays of shape (N,)."""

    path: Path
    geometry: NDArray[np.object_]
    """Shapely points and polygons in `crs_wkt`."""
    size_m: NDArray[np.float64]
    """Longest extent; NaN where the polygon gives it."""
    classes: tuple[str, ...]
    crs_wkt: str
    aside: Mapping[str, int]
    """How many rows of the file were set aside, by reason."""

    def in_pixels(self, image: Image, grid: WorkingGrid) -> Boxes:
        """Return the items in the working pixels of an image, also those beside it (NaN where no place is found)."""
        to_image = pyproj.Transformer.from_crs(self.crs_wkt, image.crs_wkt, always_xy=True)
        inverse = ~grid.transform

        def place(points: NDArray[np.float64]) -> NDArray[np.float64]:
            x, y = to_image.transform(points[:, 0], points[:, 1])
            return np.column_stack(inverse * (x, y))

        left, top, right, bottom = shapely.bounds(shapely.transform(self.geometry, place)).T
        row, col = (top + bottom) / 2, (left + right) / 2
        lost = ~(np.isfinite(row) & np.isfinite(col))
        row[lost], col[lost] = np.nan, np.nan
        told = ~np.isnan(self.size_m)
        extent = np.column_stack([bottom - top, right - left])
        extent[told] = self.size_m[told, None] / grid.gsd_m
        return Boxes(row, col, extent.max(axis=1), self.classes, extent)


def read_map_labels(entry: OrthomosaicEntry, folder: Path) -> MapLabels:
    """Read the labels of an entry. Rows without a usable place are set aside, and a line of the log counts them.

    Raises:
        ConfigError: File, layer, column or CRS are missing, a class is not mapped, or a size is not known.
    """
    path = folder / entry.labels
    table = _table(path, entry)
    geometry, which, aside = _places(np.asarray(table.geometry.array, object))
    if aside:
        log.warning("%s: %d of %d rows are set aside: %s", path, sum(aside.values()), len(table), _told(aside))
    names = [_class_of(value, path, entry) for value in table[entry.class_column].array[which]]
    size_m = _sizes(table, entry, which)
    wanted = np.array([name is not None for name in names], bool)
    size_m[np.isnan(size_m) & (shapely.area(geometry) == 0)] = entry.item_size_m or np.nan
    unknown = wanted & np.isnan(size_m) & (shapely.area(geometry) == 0)
    if unknown.any():
        msg = f"{path}: {int(unknown.sum())} points have no size; set item_size_m, or size_column to a column of metres"
        raise ConfigError(msg)
    kept = tuple(name for name in names if name is not None)
    return MapLabels(path, geometry[wanted], size_m[wanted], kept, table.crs.to_wkt(), aside)


def _table(path: Path, entry: OrthomosaicEntry) -> Any:
    """Return the layer as a GeoDataFrame that has a CRS and the columns asked for."""
    if not path.is_file():
        msg = f"{path}: no such file; give the folder that the data list's paths lie below with --data"
        raise ConfigError(msg)
    try:
        layers = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
        if entry.layer is None and len(layers) > 1:
            msg = f"{path}: has the layers {', '.join(layers)}; name one of them as 'layer'"
            raise ConfigError(msg)
        table = pyogrio.read_dataframe(path, layer=entry.layer)
    except (DataSourceError, DataLayerError) as error:
        msg = f"{path}: cannot be read as vector data ({error}); GeoPackage is usual"
        raise ConfigError(msg) from error
    columns = [name for name in (entry.class_column, entry.size_column) if name is not None]
    if missing := [name for name in columns if name not in table.columns]:
        msg = f"{path}: has no column {', '.join(missing)}; it has {', '.join(map(str, table.columns))}"
        raise ConfigError(msg)
    if getattr(table, "crs", None) is None:
        msg = f"{path}: has no geometry with a CRS; save it with one, for instance as GeoPackage"
        raise ConfigError(msg)
    return table


def _places(geometry: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.int64], dict[str, int]]:
    """Return the single points and polygons, the row that each is of, and how many rows were set aside, by reason."""
    kept: list[Any] = []
    which: list[int] = []
    aside: dict[str, int] = {}
    for index, shape in enumerate(geometry):
        why = _unusable(shape)
        if why is not None:
            aside[why] = aside.get(why, 0) + 1
            continue
        parts = [part for part in shapely.get_parts(shapely.force_2d(shape)) if not part.is_empty]
        kept.extend(parts)
        which.extend([index] * len(parts))
    places = np.empty(len(kept), object)
    places[:] = kept
    return places, np.array(which, np.int64), aside


def _unusable(shape: Any) -> str | None:
    """Return why a geometry tells no place and extent; None if it does."""
    if shape is None:
        return "without geometry"
    if shape.is_empty or not np.isfinite(shapely.get_coordinates(shape)).all():
        return "empty"
    if shape.geom_type not in {"Point", "MultiPoint", "Polygon", "MultiPolygon"}:
        return "neither point nor polygon"
    return None if shape.is_valid else "invalid"


def _told(aside: dict[str, int]) -> str:
    return ", ".join(f"{number} {why}" for why, number in aside.items())


def _class_of(value: object, path: Path, entry: OrthomosaicEntry) -> str | None:
    key = str(value)
    if key not in entry.classes:
        msg = (
            f"{path}: the value '{key}' of column {entry.class_column} is not in 'classes'; "
            "give our class for it, or null if it is no ordnance"
        )
        raise ConfigError(msg)
    return entry.classes[key]


def _sizes(table: Any, entry: OrthomosaicEntry, which: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the size that the table states; NaN where it states none."""
    if entry.size_column is None:
        return np.full(len(which), np.nan)
    try:
        stated = np.asarray(table[entry.size_column].array[which], np.float64)
    except (TypeError, ValueError) as error:
        msg = f"{entry.labels}: column {entry.size_column} holds no numbers; it should be sizes in metres"
        raise ConfigError(msg) from error
    return np.where(stated > 0, stated, np.nan)
