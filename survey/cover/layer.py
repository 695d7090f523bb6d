"""Cover as a user knows it: polygons or a raster with classes."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import rasterio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.enums import Resampling
from rasterio.errors import RasterioIOError
from rasterio.features import rasterize
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window as RasterWindow
from rasterio.windows import transform as window_transform

from survey.errors import ConfigError, GeoreferenceError, InputError
from survey.values import COVERS, CoverCode, GroundGrid, Window

DENSIFY_M = 50.0
"""Edges are cut to this length before they are projected: a straight line bends in another CRS."""
METRES_PER_DEGREE = 111_000.0


@dataclass(frozen=True, slots=True)
class CoverLayer:
    """Classes of cover on the ground grid; UNKNOWN where the layer says nothing. Picklable."""

    path: Path
    sha256: str
    """Over what the layer says, not over the file's bytes, for polygons; over the file for a raster."""
    ground: GroundGrid
    polygons: NDArray[np.object_] | None
    """(N,) in the grid's CRS; None: the file is a raster."""
    codes: NDArray[np.uint8]
    """(N,) of the polygons; of a raster (256,) by value."""

    def codes_of(self, window: Window) -> NDArray[np.uint8]:
        """Return the (height, width) `CoverCode` of a window of the ground grid.

        Of polygons one on the other, the one that hides most counts.

        Raises:
            InputError: The raster cannot be read any more.
        """
        return self._burnt(window) if self.polygons is not None else self._sampled(window)

    def _burnt(self, window: Window) -> NDArray[np.uint8]:
        assert self.polygons is not None
        place = RasterWindow(window.col, window.row, window.width, window.height)
        transform = window_transform(place, self.ground.transform)
        west, north = transform * (0, 0)
        east, south = transform * (window.width, window.height)
        near = np.flatnonzero(shapely.intersects(self.polygons, shapely.box(west, south, east, north)))
        if not near.size:
            return np.zeros((window.height, window.width), np.uint8)
        shapes = [(self.polygons[n], int(self.codes[n])) for n in near[np.argsort(self.codes[near], kind="stable")]]
        shape = (window.height, window.width)
        return np.asarray(rasterize(shapes, out_shape=shape, transform=transform, dtype="uint8", fill=0), np.uint8)

    def _sampled(self, window: Window) -> NDArray[np.uint8]:
        grid = self.ground
        try:
            with (
                rasterio.open(self.path) as source,
                WarpedVRT(
                    source,
                    crs=grid.hectares.crs,
                    transform=grid.transform,
                    width=grid.width,
                    height=grid.height,
                    resampling=Resampling.nearest,
                ) as moved,
            ):
                place = RasterWindow(window.col, window.row, window.width, window.height)
                values = moved.read(1, window=place, masked=True)
        except RasterioIOError as error:
            msg = f"{self.path}: the cover layer cannot be read: {error}"
            raise InputError(msg) from error
        codes: NDArray[np.uint8] = self.codes[np.ma.getdata(values)]
        codes[np.ma.getmaskarray(values)] = CoverCode.UNKNOWN
        return codes


def load_cover(path: str | Path, *, ground: GroundGrid, classes: Mapping[str, str], column: str) -> CoverLayer:
    """Read a cover layer: a raster of bytes, or polygons with a class in a column.

    Args:
        path: Any raster or vector file with a CRS.
        ground: Ground grid of the run.
        classes: Names of covers by the file's own values; values that are names of covers need no entry.
        column: Column of polygons that holds the class.

    Raises:
        InputError: The file cannot be read, or a value of it has no meaning.
        GeoreferenceError: It has no CRS.
        ConfigError: `classes` names a cover that there is not.
    """
    path = Path(path)
    meaning = {name: name for name in COVERS} | dict(classes)
    if unknown := sorted(set(meaning.values()) - set(COVERS)):
        msg = f"cover_classes: {', '.join(unknown)}: no such cover; there are {', '.join(COVERS)}"
        raise ConfigError(msg)
    if not path.exists():
        msg = f"{path}: no such cover layer"
        raise InputError(msg)
    by_value = {value: COVERS.index(name) + 1 for value, name in meaning.items()}
    table = _polygons(path)
    return _raster(path, ground, by_value) if table is None else _vector(path, table, ground, by_value, column)


def _polygons(path: Path) -> Any:
    """Return the file's features, None if it is no vector file."""
    try:
        return pyogrio.read_dataframe(path)
    except (DataSourceError, DataLayerError):
        return None


def _vector(path: Path, table: Any, ground: GroundGrid, by_value: Mapping[str, int], column: str) -> CoverLayer:
    if column not in table or table.crs is None:
        what = f"has no column {column!r}; name it with cover_column" if column not in table else "has no CRS"
        msg = f"{path}: {what}"
        raise InputError(msg) if column not in table else GeoreferenceError(msg)
    values = table[column].astype(str).to_numpy()
    _check(path, set(values), by_value)
    to_ground = pyproj.Transformer.from_crs(table.crs, ground.hectares.crs, always_xy=True)
    step = DENSIFY_M / METRES_PER_DEGREE if table.crs.is_geographic else DENSIFY_M
    moved, codes = [], []
    for geometry, value in zip(table.geometry, values, strict=True):
        if geometry is None or geometry.is_empty:
            continue
        dense = shapely.segmentize(shapely.make_valid(shapely.force_2d(geometry)), step)
        placed = shapely.transform(dense, lambda xy: np.column_stack(to_ground.transform(xy[:, 0], xy[:, 1])))
        if np.isfinite(shapely.get_coordinates(placed)).all() and placed.area > 0:
            moved.append(placed)
            codes.append(by_value[value])
    if not moved:
        msg = f"{path}: holds no polygon near the imagery; a cover layer is polygons or a raster"
        raise InputError(msg)
    polygons, numbers = np.array(moved, dtype=object), np.array(codes, np.uint8)
    digest = hashlib.sha256(b"".join(shapely.to_wkb(shapely.normalize(polygons)).tolist()) + numbers.tobytes())
    return CoverLayer(path, digest.hexdigest(), ground, polygons, numbers)


def _raster(path: Path, ground: GroundGrid, by_value: Mapping[str, int]) -> CoverLayer:
    try:
        with rasterio.open(path) as source:
            if source.crs is None:
                msg = f"{path}: has no CRS"
                raise GeoreferenceError(msg)
            if source.dtypes[0] != "uint8":
                msg = f"{path}: a raster of cover has values of a byte, got {source.dtypes[0]}; convert it to uint8"
                raise InputError(msg)
            found: set[int] = set()
            for _, window in source.block_windows(1):
                values = source.read(1, window=window, masked=True)
                found |= set(np.unique(values.compressed()).tolist())
    except RasterioIOError as error:
        msg = f"{path}: is neither vector nor raster data that can be read ({error})"
        raise InputError(msg) from error
    _check(path, {str(value) for value in found}, by_value)
    codes = np.zeros(256, np.uint8)
    for value in found:
        codes[value] = by_value[str(value)]
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return CoverLayer(path, digest.hexdigest(), ground, None, codes)


def _check(path: Path, values: set[str], by_value: Mapping[str, int]) -> None:
    if missing := sorted(values - by_value.keys()):
        shown = ", ".join(repr(value) for value in missing[:5])
        msg = f"{path}: cover_classes does not say what {shown} is; give each one of {', '.join(COVERS)}"
        raise InputError(msg)
