"""Labels as others write them: YOLO text files, COCO JSON, and points or polygons of a GIS."""

import json
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
class Marks:
    """Labelled items of one picture, in its pixels. Arrays of shape (N,)."""

    row: NDArray[np.float64]
    col: NDArray[np.float64]
    size_px: NDArray[np.float64]
    """Longest extent."""
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CocoImage:
    """One picture of a COCO file."""

    file: str
    gsd_m: float | None
    """What the file says under `gsd_m`, which is no key of COCO's own."""
    marks: Marks


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


def read_yolo(path: Path, *, shape: tuple[int, int], classes: tuple[str, ...]) -> Marks:
    """Read one label file: a line an item, `class x y width height`, centre and extents as shares of the picture.

    Args:
        path: Text file; an empty one says that nothing is there.
        shape: Rows and columns of the picture.
        classes: Name of each class number.

    Raises:
        InputError: There is no such file, or a line is something else.
    """
    if not path.is_file():
        msg = f"{path}: no label file; an empty one says that the picture holds no item"
        raise InputError(msg)
    names, rows = [], []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip():
            continue
        try:
            values = [float(v) for v in line.split()[:5]]
            index, (_, _, _, _) = int(values[0]), values[1:]
            if index < 0:
                raise IndexError  # noqa: TRY301 - it would count from the end
            names.append(classes[index])
        except (ValueError, IndexError) as error:
            msg = (
                f"{path}:{number}: expected `class x y width height`, the class below {len(classes)} "
                "and the rest shares of the picture; check the file, or give --classes in the labels' order"
            )
            raise InputError(msg) from error
        rows.append(values[1:])
    height, width = shape
    x, y, w, h = np.array(rows, np.float64).reshape(-1, 4).T
    return Marks(y * height, x * width, np.maximum(w * width, h * height), tuple(names))


def read_coco(path: Path) -> list[CocoImage]:
    """Read a COCO file of boxes; crowds, which are no single items, are refused.

    Raises:
        InputError: It is no such file.
    """
    crowds: list[str] = []
    try:
        content = json.loads(path.read_text())
        names = {category["id"]: str(category["name"]) for category in content["categories"]}
        marks: dict[Any, list[tuple[float, float, float, str]]] = {image["id"]: [] for image in content["images"]}
        for annotation in content["annotations"]:
            left, top, width, height = (float(v) for v in annotation["bbox"])
            if annotation.get("iscrowd"):
                crowds.append(str(annotation.get("id")))
            kind = names[annotation["category_id"]]
            marks[annotation["image_id"]].append((top + height / 2, left + width / 2, max(width, height), kind))
        images = [
            CocoImage(str(image["file_name"]), _gsd(image), _marks(marks[image["id"]])) for image in content["images"]
        ]
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); check the path"
        raise InputError(msg) from error
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{path}: is no COCO file of boxes ({type(error).__name__}: {error}); export it again"
        raise InputError(msg) from error
    if crowds:
        msg = f"{path}: annotations {', '.join(crowds[:3])} are crowds; box their items one by one"
        raise InputError(msg)
    return images


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


def _gsd(image: dict[str, Any]) -> float | None:
    return float(image["gsd_m"]) if image.get("gsd_m") is not None else None


def _marks(rows: list[tuple[float, float, float, str]]) -> Marks:
    row, col, size = np.array([r[:3] for r in rows], np.float64).reshape(-1, 3).T
    return Marks(row, col, size, tuple(r[3] for r in rows))


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
