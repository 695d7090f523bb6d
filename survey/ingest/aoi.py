"""The area of interest: polygons of any vector file, and the CRS that a run's outputs are in."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import shapely
from affine import Affine
from pyogrio.errors import DataLayerError, DataSourceError

from survey.errors import ConfigError, GeoreferenceError, InputError
from survey.values import Image, WorkingGrid

DENSIFY_M = 50.0
"""Edges are cut to this length before they are projected: a straight line bends in another CRS."""
METRES_PER_DEGREE = 111_000.0


@dataclass(frozen=True, slots=True)
class Aoi:
    """Polygons on the ground."""

    path: Path
    polygons: Any
    """Shapely (multi)polygon in `crs_wkt`; valid."""
    crs_wkt: str
    sha256: str
    """Over geometry and CRS, not over the file."""

    def in_crs(self, crs: str) -> Any:
        """Return the polygons in another CRS, edges densified; without those beyond its reach."""
        return _projected(self.polygons, self.crs_wkt, crs)

    def bounds(self, crs: str) -> tuple[float, float, float, float]:
        """Return (x_min, y_min, x_max, y_max) in another CRS.

        Raises:
            InputError: The polygons lie beyond the CRS's reach.
        """
        moved = self.in_crs(crs)
        if moved.is_empty:
            msg = f"{self.path}: the AOI lies too far away to be placed in {crs[:40]}; check the AOI's CRS"
            raise InputError(msg)
        west, south, east, north = shapely.bounds(moved)
        return float(west), float(south), float(east), float(north)

    def in_pixels(self, image: Image, grid: WorkingGrid) -> Any:
        """Return the polygons in the working pixels of an image, as (col, row)."""
        # First cut to the image's surroundings: polygons far away may come out of a projection as anything.
        moved = _projected(shapely.intersection(self.polygons, self._around(image)), self.crs_wkt, image.crs_wkt)
        inverse: Affine = ~grid.transform
        return _repaired(shapely.transform(moved, lambda p: np.column_stack(inverse * (p[:, 0], p[:, 1]))))

    def _around(self, image: Image) -> Any:
        """Return a box in the AOI's CRS that holds the image with room to spare."""
        side = np.linspace(0, 1, 17)
        cols = np.concatenate([side, side, 0 * side, 0 * side + 1]) * image.width
        rows = np.concatenate([0 * side, 0 * side + 1, side, side]) * image.height
        to_own = pyproj.Transformer.from_crs(image.crs_wkt, self.crs_wkt, always_xy=True)
        x, y = image.transform * (cols, rows)
        x, y = to_own.transform(x, y, errcheck=True)
        room = max(np.ptp(x), np.ptp(y))
        return shapely.box(np.min(x) - room, np.min(y) - room, np.max(x) + room, np.max(y) + room)


def load_aoi(path: str | Path) -> Aoi:
    """Read the polygons of a vector file's first layer.

    Raises:
        InputError: The file cannot be read or holds no polygon.
        GeoreferenceError: It has no CRS.
    """
    path = Path(path)
    if not path.exists():
        msg = f"{path}: no such AOI file"
        raise InputError(msg)
    try:
        table = pyogrio.read_dataframe(path)
    except (DataSourceError, DataLayerError) as error:
        msg = f"{path}: cannot be read as vector data ({error}); GeoPackage, GeoJSON or Shapefile are usual"
        raise InputError(msg) from error
    geometries = [g for g in getattr(table, "geometry", ()) if g is not None and not g.is_empty]
    polygons = [p for g in geometries for p in _polygons(shapely.force_2d(shapely.make_valid(g)))]
    if not polygons:
        msg = f"{path}: holds no polygon; an AOI is one or more polygons"
        raise InputError(msg)
    if table.crs is None:
        msg = f"{path}: has no CRS; save it with one, for instance as GeoPackage"
        raise GeoreferenceError(msg)
    union, wkt = shapely.union_all(polygons), table.crs.to_wkt()
    digest = hashlib.sha256(shapely.to_wkb(shapely.normalize(union)) + wkt.encode()).hexdigest()
    return Aoi(path, union, wkt, digest)


def output_crs(images: Sequence[Image], *, aoi: Aoi | None) -> str:
    """Return the WGS 84 / UTM zone of the AOI's centre, or of the images' if there is no AOI.

    Raises:
        ConfigError: The centre lies beyond UTM, near a pole.
    """
    if aoi is not None:
        west, south, east, north = aoi.bounds("EPSG:4326")
    else:
        boxes = np.array([_lonlat_box(image) for image in images])
        west, south = boxes[:, :2].min(axis=0)
        east, north = boxes[:, 2:].max(axis=0)
    lon, lat = (west + east) / 2, (south + north) / 2
    if not -80 <= lat <= 84:
        msg = f"output_crs: latitude {lat:.1f} lies beyond UTM; set output_crs to a projected CRS in metres"
        raise ConfigError(msg)
    zone = int((lon + 180) // 6) % 60 + 1
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"


def _lonlat_box(image: Image) -> tuple[float, float, float, float]:
    cols = np.array([0, image.width, image.width, 0], np.float64)
    rows = np.array([0, 0, image.height, image.height], np.float64)
    x, y = image.transform * (cols, rows)
    lon, lat = pyproj.Transformer.from_crs(image.crs_wkt, "EPSG:4326", always_xy=True).transform(x, y, errcheck=True)
    return float(np.min(lon)), float(np.min(lat)), float(np.max(lon)), float(np.max(lat))


def _projected(polygons: Any, own: str, other: str) -> Any:
    crs = pyproj.CRS.from_wkt(own)
    if crs == pyproj.CRS.from_user_input(other):
        return polygons
    to_other = pyproj.Transformer.from_crs(crs, other, always_xy=True)
    dense = shapely.segmentize(polygons, DENSIFY_M / METRES_PER_DEGREE if crs.is_geographic else DENSIFY_M)
    return _repaired(shapely.transform(dense, lambda p: np.column_stack(to_other.transform(p[:, 0], p[:, 1]))))


def _repaired(geometry: Any) -> Any:
    """Return the polygons of a geometry that was moved: valid, and only those that arrived."""
    arrived = [p for p in _polygons(geometry) if np.isfinite(shapely.get_coordinates(p)).all()]
    return shapely.MultiPolygon([q for p in arrived for q in _polygons(shapely.make_valid(p))])


def _polygons(geometry: Any) -> list[Any]:
    """Return the polygons with an area that a geometry consists of."""
    if geometry.geom_type in {"MultiPolygon", "GeometryCollection"}:
        return [polygon for part in shapely.get_parts(geometry) for polygon in _polygons(part)]
    return [geometry] if geometry.geom_type == "Polygon" and not geometry.is_empty else []
