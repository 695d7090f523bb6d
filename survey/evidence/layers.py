"""From a layer of the configuration to its effect on cells: sources add items, thinnings leave a share of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.evidence.cells import Cells, count_points, cover
from survey.evidence.config import (
    Accidents,
    Craters,
    EarlierClearance,
    ExpertPolygons,
    Layer,
    LearntPrior,
    Lines,
    MinefieldRecords,
    UsedLand,
    VectorEntry,
)
from survey.evidence.duds import DudRate
from survey.evidence.fields import AreaField, AroundField, Field, PointField
from survey.evidence.kernels import Boundary, decay_kernel, reach_cells
from survey.evidence.rasters import read_chance
from survey.evidence.terms import Beta
from survey.evidence.vectors import VectorReport, Vectors, read_vectors
from survey.values import HECTARE_EDGE_M, HectareGrid

_CIRCLE = 16
"""Segments of a quarter of a circle around a point."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Adds items: density (or number) times field, by group."""

    field: Field
    mean: Mapping[str, float]
    shape: Mapping[str, float]
    """Of the density, which is Gamma distributed."""

    @property
    def groups(self) -> tuple[str, ...]:
        """Return the groups that it speaks of."""
        return tuple(self.mean)


@dataclass(frozen=True, slots=True, eq=False)
class Thinning:
    """Leaves the share 1 - recall times field of what was there, by group."""

    field: Field
    recall: Mapping[str, Beta]
    bounded: bool
    """Evidence of absence, of which all layers together leave at least a stated share."""

    @property
    def groups(self) -> tuple[str, ...]:
        """Return the groups that it speaks of."""
        return tuple(self.recall)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A layer ready to be evaluated anywhere on the grid."""

    entry: Layer
    parts: tuple[Source | Thinning, ...]
    report: VectorReport
    points: float = 0.0
    """Accidents or craters in use."""


def prepare(entry: Layer, grid: HectareGrid) -> Prepared:
    """Read a layer and bring it onto the grid.

    Raises:
        InputError: The file is missing, or is no vector file or raster as the layer needs one.
        ConfigError: The file lacks what the configuration names.
    """
    if isinstance(entry, LearntPrior):
        chance, told = read_chance(entry, grid)
        learnt = Source(chance, entry.items_per_ha, dict.fromkeys(entry.items_per_ha, entry.shape))
        return Prepared(entry, (learnt,) if entry.weight > 0 and told.used else (), told)
    columns = tuple(c for c in (getattr(entry, n, None) for n in ("count_column", "method_column")) if c)
    margin = _margin(entry)
    vectors = read_vectors(entry, crs=grid.crs, bounds=_bounds(grid, margin), columns=columns)
    if not len(vectors.geometry) or entry.weight == 0:
        return Prepared(entry, (), vectors.report)
    match entry:
        case Accidents() | Craters():
            return _points(entry, vectors, grid)
        case MinefieldRecords():
            parts: tuple[Source | Thinning, ...] = _records(entry, vectors, grid, margin)
        case Lines():
            boundary = Boundary.of(vectors.geometry, half_distance_m=entry.half_distance_m)
            areas = _polygons(vectors, entry)
            areas = areas[shapely.get_dimensions(areas) == 2]
            cells = cover(areas, grid=grid, margin=margin)
            field = AreaField(cells, grid, entry.weight, entry.location_error_m, boundary)
            parts = (Source(field, entry.items_per_ha, dict.fromkeys(entry.items_per_ha, entry.shape)),)
        case ExpertPolygons():
            areas = _polygons(vectors, entry)
            half = entry.half_distance_m
            edge = None if half is None else Boundary.of(areas, half_distance_m=half)
            field = AreaField(cover(areas, grid=grid, margin=margin), grid, entry.weight, entry.location_error_m, edge)
            parts = (Source(field, entry.items_per_ha, dict.fromkeys(entry.items_per_ha, entry.shape)),)
        case UsedLand():
            parts = (_thinning(entry, _polygons(vectors, entry), entry.reduction, grid, margin),)
        case EarlierClearance():
            parts = _clearance(entry, vectors, grid, margin)
    return Prepared(entry, parts, vectors.report)


def _margin(entry: VectorEntry) -> int:
    """Return how many cells beyond the grid a layer's features matter."""
    half = max(getattr(entry, n, None) or 0.0 for n in ("half_distance_m", "spread_half_distance_m"))
    radius = getattr(entry, "radius_m", None) or 0.0
    return (
        reach_cells(half_distance_m=half, location_error_m=entry.location_error_m) + int(radius // HECTARE_EDGE_M) + 2
    )


def _bounds(grid: HectareGrid, margin: int) -> tuple[float, float, float, float]:
    more = margin * HECTARE_EDGE_M
    east, south = grid.x_min + grid.cols * HECTARE_EDGE_M, grid.y_max - grid.rows * HECTARE_EDGE_M
    return grid.x_min - more, south - more, east + more, grid.y_max + more


def _polygons(vectors: Vectors, entry: VectorEntry) -> NDArray[np.object_]:
    """Return the layer's geometries, points and lines widened by its radius."""
    radius = getattr(entry, "radius_m", None)
    if radius is None:
        return vectors.geometry
    thin = shapely.get_dimensions(vectors.geometry) < 2
    return np.where(
        thin, shapely.buffer(vectors.geometry, np.where(thin, radius, 0), quad_segs=_CIRCLE), vectors.geometry
    )


def _points(entry: Accidents | Craters, vectors: Vectors, grid: HectareGrid) -> Prepared:
    weights = None
    report = vectors.report
    geometry = vectors.geometry
    if isinstance(entry, Craters) and entry.count_column:
        counted = _numbers(vectors.columns[entry.count_column])
        wrong = ~(np.isfinite(counted) & (counted > 0))
        if wrong.any():
            report.set_aside[f"{entry.count_column} is no number above 0"] = int(wrong.sum())
            report.used -= int(wrong.sum())
        geometry, weights = geometry[~wrong], counted[~wrong]
    if not len(geometry):
        return Prepared(entry, (), report)
    cells = count_points(geometry, grid=grid, weights=weights)
    field = PointField.of(
        cells,
        weight=entry.weight,
        half_distance_m=entry.half_distance_m,
        location_error_m=entry.location_error_m,
    )
    if isinstance(entry, Accidents):
        source = Source(field, entry.items, dict.fromkeys(entry.items, entry.shape))
    else:
        rate = DudRate(entry.dud_rate.mean, entry.dud_rate.strength)
        source = Source(field, {entry.group: rate.per_crater / entry.seen}, {entry.group: rate.shape})
    return Prepared(entry, (source,), report, points=float(cells.value.sum(dtype=np.float64)))


def _numbers(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return attribute values as numbers, NaN for what is none."""
    numbers = np.full(len(values), np.nan)
    for n, value in enumerate(values.tolist()):
        try:
            numbers[n] = float(value)
        except (TypeError, ValueError):
            continue
    return numbers


def _records(entry: MinefieldRecords, vectors: Vectors, grid: HectareGrid, margin: int) -> tuple[Source, ...]:
    """Return the sources of recorded minefields, and of misplaced and omitted ones.

    Of each recorded hectare, `reliability` is minefield there and (1 - reliability) misplaced elsewhere. The records
    tell of (1 - omission) of all that was laid, so omission / (1 - omission) as much again was never recorded.
    """
    right = entry.reliability
    moved = (1 - right) * entry.misplaced
    omitted = (right + moved) * entry.omission / (1 - entry.omission)
    cells = cover(_polygons(vectors, entry), grid=grid, margin=margin)
    at_place = AreaField(cells, grid, entry.weight * right, entry.location_error_m)
    elsewhere = AroundField(cells, entry.weight * (moved + omitted), decay_kernel(entry.spread_half_distance_m))
    shape = dict.fromkeys(entry.items_per_ha, entry.shape)
    return Source(at_place, entry.items_per_ha, shape), Source(elsewhere, entry.items_per_ha, shape)


def _thinning(
    entry: UsedLand | EarlierClearance,
    areas: NDArray[np.object_],
    recall: Mapping[str, float],
    grid: HectareGrid,
    margin: int,
) -> Thinning:
    cells: Cells = cover(areas, grid=grid, margin=margin)
    field = AreaField(cells, grid, entry.weight, entry.location_error_m)
    shares = {group: Beta(mean=mean, strength=entry.strength) for group, mean in recall.items()}
    return Thinning(field, shares, bounded=isinstance(entry, UsedLand))


def _clearance(entry: EarlierClearance, vectors: Vectors, grid: HectareGrid, margin: int) -> tuple[Thinning, ...]:
    """Return one thinning for each method; methods on the same ground act one after the other."""
    areas = _polygons(vectors, entry)
    if entry.method_column is None:
        return (_thinning(entry, areas, entry.recall, grid, margin),)
    methods = np.array([str(value) for value in vectors.columns[entry.method_column].tolist()], object)
    known = np.isin(methods, list(entry.methods))
    by_method = [(methods == name, recall) for name, recall in sorted(entry.methods.items())]
    by_method.append((~known, entry.recall))
    return tuple(_thinning(entry, areas[which], recall, grid, margin) for which, recall in by_method if which.any())
