"""What is known to lie on the ground: points and polygons of a vector file, for training, evaluation and audit."""

from collections import Counter
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

from survey.errors import ConfigError, InputError
from survey.labels import Boxes
from survey.values import Image, WorkingGrid

ITEM = "item"
"""Class of what has no class of its own."""
CLASS_COLUMN, SIZE_COLUMN = "class", "size_m"
"""Columns that are read where no others are named, if the layer has them."""
LARGEST_M = 8.0
"""Aircraft bombs and guided missiles are shorter. A size in centimetres would match sightings metres away."""


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Items on a map; arrays of shape (N,)."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    size_m: NDArray[np.float64]
    """NaN where it is not known."""
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class MapLabels:
    """Items on the ground; arrays of shape (N,)."""

    path: Path
    geometry: NDArray[np.object_]
    """Shapely points and polygons in `crs_wkt`."""
    size_m: NDArray[np.float64]
    """Longest extent; NaN where the polygon gives it, and for a point where nothing does."""
    classes: tuple[str, ...]
    crs_wkt: str
    rows: int
    """How many the layer has. One of several parts is several items."""
    aside: Mapping[str, int]
    """How many of them were set aside, by reason."""

    @property
    def told(self) -> str | None:
        """What was set aside, in words; None if nothing was."""
        if not self.aside:
            return None
        reasons = ", ".join(f"{number} {why}" for why, number in self.aside.items())
        return f"{sum(self.aside.values())} of {self.rows} rows are set aside: {reasons}"

    @property
    def unsized(self) -> int:
        """Number of points whose size nothing tells."""
        return int((np.isnan(self.size_m) & (shapely.area(self.geometry) == 0)).sum())

    def in_pixels(self, image: Image, grid: WorkingGrid) -> Boxes:
        """Return the items in the working pixels of an image, also those beside it (NaN where no place is found)."""
        inverse = ~grid.transform
        shapes = self._moved(image.crs_wkt, lambda x, y: inverse * (x, y))
        row, col, height, width = _bounds(shapes)
        told = ~np.isnan(self.size_m)
        extent = np.column_stack([height, width])
        extent[told] = self.size_m[told, None] / grid.gsd_m
        size = np.where(told, self.size_m / grid.gsd_m, longest_side(shapes))
        return Boxes(row, col, size, self.classes, extent)

    def on_map(self, crs: str) -> Places:
        """Return the items in a CRS projected in metres (NaN where no place is found)."""
        shapes = self._moved(crs, lambda x, y: (x, y))
        y, x, *_ = _bounds(shapes)
        extent = longest_side(shapes)
        size = np.where(np.isnan(self.size_m) & (extent > 0), extent, self.size_m)
        return Places(x, y, size, self.classes)

    def _moved(self, crs: str, then: Any) -> NDArray[np.object_]:
        there = pyproj.Transformer.from_crs(self.crs_wkt, crs, always_xy=True)

        def place(points: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.column_stack(then(*there.transform(points[:, 0], points[:, 1])))

        return np.asarray(shapely.transform(self.geometry, place), object)


def read_map_labels(
    path: Path,
    *,
    layer: str | None = None,
    class_column: str | None = None,
    size_column: str | None = None,
    classes: Mapping[str, str | None] | None = None,
    item_size_m: float | None = None,
) -> MapLabels:
    """Read the items of a layer. Rows that tell no place and extent are set aside, and counted by reason.

    A row of several points or polygons is that many items. An item lies at the middle of its bounds. Its size is what
    the column tells; else the longer side of the rectangle, however turned, that fits its polygon closest; else
    `item_size_m`. A class that is a whole number is named without decimals; nothing and an empty text are the same.

    Args:
        path: Vector file with a CRS.
        layer: Its layer; not needed where one only has geometries.
        class_column: Column of the class; `class` where there is one, else every item is an `item`.
        size_column: Column of the longest extent in metres; `size_m` where there is one; only
            values above 0 tell one.
        classes: Our class for each value of the column, None for what is no ordnance and left out; without it every
            value is a class of its own name, and a row without one an `item`.
        item_size_m: Longest extent of points for which no column tells it.

    Raises:
        InputError: File, layer, column or CRS are missing, or the sizes are no numbers of metres.
        ConfigError: `classes` does not name a value.
    """
    table = _read(path, _layer(path, layer))
    kinds = table.column(class_column, usual=CLASS_COLUMN)
    sizes = table.column(size_column, usual=SIZE_COLUMN)
    geometry, which, aside = _places(table.geometry)
    names = [ITEM] * len(which)
    if kinds is not None:
        named = {n: _named(path, table.values[kinds][n], column=kinds, classes=classes) for n in np.unique(which)}
        wanted = np.array([named[n] is not None for n in which], bool)
        geometry, which = geometry[wanted], which[wanted]
        names = [name for n in which if (name := named[n]) is not None]
    size_m = np.full(len(which), np.nan) if sizes is None else _sizes(path, table.values[sizes], column=sizes)[which]
    unknown = np.isnan(size_m) & (shapely.area(geometry) == 0)
    size_m[unknown] = np.nan if item_size_m is None else item_size_m
    return MapLabels(path, geometry, size_m, tuple(names), table.crs_wkt, len(table.geometry), aside)


def longest_side(shapes: NDArray[np.object_]) -> NDArray[np.float64]:
    """Return the longer side of a polygon's smallest rectangle, however turned; 0 for points, NaN for no place."""
    size = np.zeros(len(shapes))
    for n, shape in enumerate(shapes):
        if not np.isfinite(shapely.get_coordinates(shape)).all():
            size[n] = np.nan
        elif shape.geom_type == "Polygon":
            corners = shapely.get_coordinates(shapely.oriented_envelope(shape))
            size[n] = np.hypot(*np.diff(corners, axis=0).T).max()
    return size


def _bounds(shapes: NDArray[np.object_]) -> tuple[NDArray[np.float64], ...]:
    """Return the middle of the bounds in y and in x, and their height and width; NaN where no place was found."""
    bounds = shapely.bounds(shapes).reshape(-1, 4)
    bounds[~np.isfinite(bounds).all(axis=1)] = np.nan
    left, low, right, high = bounds.T
    return (low + high) / 2, (left + right) / 2, high - low, right - left


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    path: Path
    geometry: NDArray[np.object_]
    values: Mapping[str, NDArray[Any]]
    crs_wkt: str

    def column(self, name: str | None, *, usual: str) -> str | None:
        """Return the column to use: the one asked for, the usual one if it is there, or none."""
        if name is None:
            return usual if usual in self.values else None
        if name not in self.values:
            msg = f"{self.path}: has no column {name}; it has {', '.join(self.values) or 'none'}"
            raise InputError(msg)
        return name


def _layer(path: Path, wanted: str | None) -> str:
    if not path.exists():
        msg = f"{path}: no such file; check the path, and with a data list the folder given with --data"
        raise InputError(msg)
    try:
        kinds = {str(name): kind for name, kind in pyogrio.list_layers(path)}
    except (DataSourceError, DataLayerError) as error:
        msg = f"{path}: cannot be read as a vector file ({error}); give a GeoPackage or another OGR format"
        raise InputError(msg) from error
    if wanted is not None and wanted not in kinds:
        msg = f"{path}: has no layer {wanted}; it has {', '.join(kinds)}"
        raise InputError(msg)
    layers = [name for name, kind in kinds.items() if kind is not None]  # QGIS keeps styles in a layer without
    if wanted is None and len(layers) > 1:
        msg = f"{path}: has the layers {', '.join(layers)}; name one ('layer' in a data list, --layer of a command)"
        raise InputError(msg)
    layer = layers[0] if wanted is None and layers else wanted
    if layer is None or layer not in layers:
        msg = f"{path}: has no geometry{'' if layer is None else f' in layer {layer}'}; give points or polygons"
        raise InputError(msg)
    return layer


def _read(path: Path, layer: str) -> _Table:
    try:
        meta, _, wkb, values = pyogrio.raw.read(path, layer=layer, force_2d=True)
    except (DataSourceError, DataLayerError) as error:
        msg = f"{path}: layer {layer} cannot be read ({error}); save it again, for instance as GeoPackage"
        raise InputError(msg) from error
    crs = pyproj.CRS.from_user_input(meta["crs"]) if meta["crs"] else None
    if crs is None or not (crs.is_geographic or crs.is_projected):
        msg = f"{path}: layer {layer} has no CRS on the globe; assign the one it was made in and save it as GeoPackage"
        raise InputError(msg)
    columns = dict(zip(map(str, meta["fields"]), values, strict=True))
    return _Table(path, np.asarray(shapely.from_wkb(wkb, on_invalid="ignore"), object), columns, crs.to_wkt())


def _places(geometry: NDArray[np.object_]) -> tuple[NDArray[np.object_], NDArray[np.int64], dict[str, int]]:
    """Return the single points and polygons, the row that each is of, and how many rows were set aside, by reason."""
    why = [_unusable(shape) for shape in geometry]
    rows = np.array([n for n, reason in enumerate(why) if reason is None], np.int64)
    parts, index = shapely.get_parts(geometry[rows], return_index=True)
    full = ~shapely.is_empty(parts)
    return parts[full], rows[index[full]], dict(Counter(reason for reason in why if reason is not None))


def _unusable(shape: Any) -> str | None:
    """Return why a geometry tells no place and extent; None if it does."""
    if shape is None:
        return "without geometry"
    if shape.is_empty or not np.isfinite(shapely.get_coordinates(shape)).all():
        return "empty"
    if shape.geom_type not in {"Point", "MultiPoint", "Polygon", "MultiPolygon"}:
        return "neither point nor polygon"
    return None if shape.is_valid else "invalid"


def _named(path: Path, value: Any, *, column: str, classes: Mapping[str, str | None] | None) -> str | None:
    """Return the class for a value of the column; None for what is no ordnance."""
    numeric = isinstance(value, float | np.floating)
    if value is None or (numeric and np.isnan(value)):
        key = ""
    else:
        key = str(int(value)) if numeric and float(value).is_integer() else str(value)  # a gap makes integers floats
    if classes is None:
        return key or ITEM
    if key not in classes:
        msg = (
            f"{path}: the value '{key}' of column {column} is not in 'classes'; "
            "give our class for it, or null if it is no ordnance"
        )
        raise ConfigError(msg)
    return classes[key]


def _sizes(path: Path, values: NDArray[Any], *, column: str) -> NDArray[np.float64]:
    """Return the size that each row states; NaN where it states none."""
    try:
        stated = np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        msg = f"{path}: column {column} holds no numbers; it should be sizes in metres"
        raise InputError(msg) from error
    if len(large := np.flatnonzero(np.isfinite(stated) & (stated > LARGEST_M))):
        msg = (
            f"{path}: row {large[0] + 1}: {column} is {stated[large[0]]:g}, but no ordnance is longer than "
            f"{LARGEST_M:g} m; state sizes in metres"
        )
        raise InputError(msg)
    return np.where(np.isfinite(stated) & (stated > 0), stated, np.nan)
