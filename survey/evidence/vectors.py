"""Read vector layers as they come: what can be repaired is, what cannot is set aside, and both are counted."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj.exceptions import CRSError

from survey.errors import ConfigError, InputError
from survey.evidence.terms import ANY, AREAS, POINTS, VectorLayer

_NAMED = 5
"""Rows that the report names for each reason, so that they can be looked up."""
_DENSE_M = 1000.0
"""Edges are cut to this before they are moved to another CRS, in which they bend."""
_METRES_PER_DEGREE = 111_320.0


@dataclass(slots=True)
class VectorReport:
    """What became of each row of a file: rows = used + outside + everything set aside."""

    rows: int = 0
    used: int = 0
    outside: int = 0
    """Rows too far away to bear on the area; no fault of theirs."""
    outside_but_swapped: int = 0
    """Of those, rows that would lie in the area if their axes were swapped."""
    repaired: dict[str, int] = field(default_factory=dict)
    set_aside: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[int]] = field(default_factory=dict)
    """Feature ids of the first rows of each reason."""
    reader: list[str] = field(default_factory=list)
    """What the library that reads the file remarked."""

    def as_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        names = ("rows", "used", "outside", "outside_but_swapped", "repaired", "set_aside", "examples", "reader")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """The usable features of a layer, in the grid's CRS."""

    geometry: NDArray[np.object_]
    """(N,) valid, not empty, two-dimensional."""
    columns: Mapping[str, NDArray[Any]]
    """(N,) values of the attributes that the layer uses."""
    report: VectorReport
    fids: NDArray[Any]
    """(N,) feature ids in the file."""


class _Sieve:
    """The rows still in use; whoever leaves is counted under a reason."""

    def __init__(self, geometry: NDArray[np.object_], columns: Mapping[str, NDArray[Any]], fids: NDArray[Any]) -> None:
        self.geometry, self.columns, self.fids = geometry, dict(columns), fids
        self.report = VectorReport(rows=len(geometry))

    def take(self, keep: NDArray[np.bool_]) -> None:
        self.geometry, self.fids = self.geometry[keep], self.fids[keep]
        self.columns = {name: values[keep] for name, values in self.columns.items()}

    def set_aside(self, reason: str, where: NDArray[np.bool_]) -> None:
        if where.any():
            self._note(self.report.set_aside, reason, where)
            self.take(~where)

    def repaired(self, reason: str, where: NDArray[np.bool_]) -> None:
        if where.any():
            self._note(self.report.repaired, reason, where)

    def _note(self, counts: dict[str, int], reason: str, where: NDArray[np.bool_]) -> None:
        counts[reason] = counts.get(reason, 0) + int(where.sum())
        self.report.examples[reason] = [int(fid) for fid in self.fids[where][:_NAMED]]


def read_vectors(
    entry: VectorLayer, *, crs: str, bounds: tuple[float, float, float, float], columns: tuple[str, ...] = ()
) -> Vectors:
    """Read the features of a layer that bear on an area.

    Args:
        entry: The layer; its `wants` says what kind of geometry it is made of.
        crs: Of the grid, in metres.
        bounds: (x_min, y_min, x_max, y_max) that a feature has to touch to matter, in `crs`.
        columns: Attributes to read.

    Raises:
        InputError: There is no such file, or it is no vector file.
        ConfigError: It lacks a column, or `where`, `layer` or `crs` do not fit.
    """
    path = Path(entry.path)
    if not path.exists():
        msg = f"{path}: no such file; layer '{entry.name}' names it, relative to the YAML"
        raise InputError(msg)
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            meta, fids, wkb, values = pyogrio.raw.read(
                path,
                layer=entry.layer or 0,
                columns=None if entry.duplicates == "set_aside" else list(columns),  # copies are alike in all
                where=entry.where,
                return_fids=True,
                force_2d=True,
                **entry.open_options,
            )
    except (DataSourceError, DataLayerError, ValueError) as error:
        msg = f"{path}: layer '{entry.name}' cannot be read ({error}); check path, layer and where"
        raise InputError(msg) from error
    names = [str(name) for name in meta["fields"]]
    if missing := sorted(set(columns) - set(names)):
        msg = f"{path}: layer '{entry.name}' needs the column {', '.join(missing)}, which the file does not have"
        raise ConfigError(msg)
    if wkb is None:
        remedy = "name a layer of the file that has"
        if coordinates := sorted(set(entry.open_options.values()) - set(_fields(path, entry))):
            remedy = f"it has no column {' and none '.join(coordinates)}, which x_column and y_column name"
        msg = f"{path}: layer '{entry.name}' has no geometry; {remedy}"
        raise InputError(msg)
    missing_geometry = np.array([value is None for value in wkb], bool)
    sieve = _Sieve(shapely.from_wkb(wkb, on_invalid="ignore"), dict(zip(names, values, strict=True)), np.asarray(fids))
    sieve.report.reader = sorted({str(warning.message) for warning in said})[:_NAMED]
    sieve.set_aside("no geometry", missing_geometry)
    sieve.set_aside("geometry cannot be read", np.array([g is None for g in sieve.geometry], bool))
    sieve.set_aside("empty geometry", shapely.is_empty(sieve.geometry))
    _mend(sieve, entry)
    _place(sieve, declared=meta["crs"], stated=entry.crs, crs=crs, name=entry.name)
    _drop_copies(sieve, keep=entry.duplicates == "keep")
    _keep_near(sieve, bounds, declared=entry.crs or meta["crs"], crs=crs)
    sieve.report.used = len(sieve.geometry)
    return Vectors(sieve.geometry, {n: sieve.columns[n] for n in columns}, sieve.report, sieve.fids)


def _fields(path: Path, entry: VectorLayer) -> list[str]:
    return [str(name) for name in pyogrio.read_info(path, layer=entry.layer or 0)["fields"]]


def _mend(sieve: _Sieve, entry: VectorLayer) -> None:
    """Repair what is invalid and turn every geometry into the kind that the layer is made of."""
    finite = _finite(sieve.geometry)
    sieve.set_aside("coordinates that are not numbers", ~finite)
    invalid = ~shapely.is_valid(sieve.geometry)
    sieve.geometry[invalid] = shapely.make_valid(sieve.geometry[invalid])
    dimension = shapely.get_dimensions(sieve.geometry)
    wants_area = entry.wants == AREAS and getattr(entry, "radius_m", None) is None
    lost = shapely.is_empty(sieve.geometry) | (wants_area & (dimension < 2) & invalid)
    sieve.set_aside("nothing is left of it after repair", lost)
    sieve.repaired("made valid", invalid[~lost])
    if wants_area:
        dimension = shapely.get_dimensions(sieve.geometry)
        sieve.set_aside("a point or line where areas are needed (radius_m would make areas)", dimension < 2)
        sieve.geometry = np.array([_areas(g) for g in sieve.geometry], object)
        sieve.set_aside("no area", shapely.area(sieve.geometry) == 0)
    elif entry.wants == POINTS:
        several = shapely.get_type_id(sieve.geometry) != 0
        sieve.repaired("taken at its centroid", several)
        sieve.geometry[several] = shapely.centroid(sieve.geometry[several])


def _finite(geometry: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Return which geometries have only finite coordinates."""
    coordinates, index = shapely.get_coordinates(geometry, return_index=True)
    good = np.ones(len(geometry), bool)
    good[index[~np.isfinite(coordinates).all(axis=1)]] = False
    return good


def _areas(geometry: Any) -> Any:
    """Return the polygons of a geometry; repair may leave lines beside them."""
    if geometry.geom_type in {"Polygon", "MultiPolygon"}:
        return geometry
    parts = [p for p in shapely.get_parts(geometry) if p.geom_type in {"Polygon", "MultiPolygon"}]
    return shapely.union_all(parts)


def _place(sieve: _Sieve, *, declared: str | None, stated: str | None, crs: str, name: str) -> None:
    """Bring the geometries into the grid's CRS."""
    everything = np.ones(len(sieve.geometry), bool)
    if declared is None and stated is None:
        sieve.set_aside("the file has no CRS (state it with crs)", everything)
        return
    try:
        own = pyproj.CRS.from_user_input(stated or declared)
    except CRSError as error:
        msg = f"layer '{name}': crs {stated or declared!r} is no CRS; give a code such as EPSG:4326"
        raise ConfigError(msg) from error
    if stated is not None and declared is not None and pyproj.CRS.from_user_input(declared) != own:
        sieve.repaired("placed by the stated crs, not by the file's", everything)
    if own.is_geographic:
        box = shapely.bounds(sieve.geometry)
        beyond = (np.abs(box[:, [0, 2]]) > 360).any(axis=1) | (np.abs(box[:, [1, 3]]) > 90).any(axis=1)
        sieve.set_aside(f"coordinates that are no degrees, as {_short(own)} has (state the true crs)", beyond)
    if own == pyproj.CRS.from_user_input(crs):
        return
    to_grid = pyproj.Transformer.from_crs(own, crs, always_xy=True)
    dense = shapely.segmentize(sieve.geometry, _DENSE_M / _METRES_PER_DEGREE if own.is_geographic else _DENSE_M)
    moved = shapely.transform(dense, lambda p: np.column_stack(to_grid.transform(p[:, 0], p[:, 1])))
    arrived = _finite(moved)
    sieve.geometry = moved
    sieve.set_aside(f"cannot be placed in {crs}", ~arrived)
    bent = ~shapely.is_valid(sieve.geometry)
    sieve.geometry[bent] = shapely.make_valid(sieve.geometry[bent])


def _short(crs: pyproj.CRS) -> str:
    authority = crs.to_authority()
    return ":".join(authority) if authority else str(crs.name)


def _drop_copies(sieve: _Sieve, *, keep: bool) -> None:
    """Set aside all but the first of rows with the same place, to the millimetre, and the same values.

    Values are those of all columns, also of those that nothing else needs: two accidents in one village are no copies.
    """
    shapes = shapely.to_wkb(shapely.normalize(shapely.set_precision(sieve.geometry, 1e-3, mode="pointwise")))
    seen: set[tuple[Any, ...]] = set()
    copy = np.zeros(len(shapes), bool)
    said = ([str(value) for value in values.tolist()] for values in sieve.columns.values())  # one NaN is like another
    for n, key in enumerate(zip(shapes, *said, strict=True)):
        copy[n] = key in seen
        seen.add(key)
    if keep:
        sieve.repaired("kept although it is a copy of another row", copy)
    else:
        sieve.set_aside("copy of another row", copy)


def _keep_near(sieve: _Sieve, bounds: tuple[float, float, float, float], *, declared: str | None, crs: str) -> None:
    """Keep what touches the bounds, and count those that only swapped axes keep away."""
    area = shapely.box(*bounds)
    near = shapely.intersects(sieve.geometry, area)
    far = sieve.geometry[~near]
    sieve.report.outside = len(far)
    sieve.take(near)
    if not len(far) or declared is None or not pyproj.CRS.from_user_input(declared).is_geographic:
        return
    back = pyproj.Transformer.from_crs(crs, declared, always_xy=True)
    there = pyproj.Transformer.from_crs(declared, crs, always_xy=True)
    point = shapely.get_coordinates(shapely.centroid(far))
    x, y = back.transform(point[:, 0], point[:, 1])
    possible = np.abs(x) <= 90
    moved = np.column_stack(there.transform(np.where(possible, y, 0.0), np.where(possible, x, 0.0)))
    hit = possible & np.isfinite(moved).all(axis=1)
    hit[hit] = shapely.intersects(shapely.points(moved[hit]), area)
    sieve.report.outside_but_swapped = int(hit.sum())


__all__ = ["ANY", "VectorReport", "Vectors", "read_vectors"]
