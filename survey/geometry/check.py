"""Find what is wrong; change nothing."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.geometry.failure import LEAST_OVERLAP_M2, LONGEST_STEP_M, SAME_POINT_M, Failure, Fault, Geometries

_AREAS = frozenset({"Polygon", "MultiPolygon"})
_PLACE = re.compile(r"\[(\S+) (\S+)\]$")


def check_features(ids: Sequence[str], geometry: Geometries) -> tuple[Failure, ...]:
    """Return everything that is wrong, feature by feature and then between features.

    Args:
        ids: (N,) names; spaces around them do not tell two apart.
        geometry: (N,) shapely geometries or None, in a projected CRS in metres. Points are checked by id only.
    """
    failures: list[Failure] = []
    for n, (name, shape) in enumerate(zip(ids, geometry, strict=True)):
        failures += [Failure(name, n, *found) for found in faults_of(shape)]
    failures += repeated_ids(ids, geometry)
    failures += copies(ids, geometry)
    failures += overlaps(ids, geometry)
    return tuple(failures)


def faults_of(shape: Any) -> Iterator[tuple[Fault, float, float, str]]:
    """Yield (fault, x, y, detail) of one geometry by itself."""
    if shape is None or shape.is_empty:
        yield Fault.NO_GEOMETRY, np.nan, np.nan, ""
        return
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        yield Fault.NOT_FINITE, np.nan, np.nan, ""
        return
    if shape.geom_type not in _AREAS:
        return
    for ring in rings_of(shape):
        yield from _ring_faults(shapely.get_coordinates(ring)[:-1])
    reason = shapely.is_valid_reason(shape)
    if reason != "Valid Geometry":
        place = _PLACE.search(reason)
        x, y = (float(place[1]), float(place[2])) if place else place_of(shape)
        yield Fault.INVALID, x, y, _PLACE.sub("", reason).lower()
    elif shape.area < LEAST_OVERLAP_M2:
        yield Fault.NO_AREA, *place_of(shape), f"{shape.area:.3g} m2"


def rings_of(shape: Any) -> list[Any]:
    """Return all rings of a polygon or several."""
    return [ring for part in shapely.get_parts(shape) for ring in (part.exterior, *part.interiors)]


def place_of(shape: Any) -> tuple[float, float]:
    """Return a place to name a geometry by: in its middle, or its first point if it is broken."""
    point = shape.centroid
    if point.is_empty or not np.isfinite([point.x, point.y]).all():
        return tuple(shapely.get_coordinates(shape)[0].tolist())
    return float(point.x), float(point.y)


def repeated_ids(ids: Sequence[str], geometry: Geometries) -> list[Failure]:
    """Return the features whose id an earlier one has, copies of it apart: those are told as copies."""
    first: dict[str, int] = {}
    copied = {f.position for f in copies(ids, geometry)}
    found = []
    for n, name in enumerate(ids):
        before = first.setdefault(name.strip(), n)
        if before != n and n not in copied:
            detail = f"feature {before + 1} has it too"
            found.append(Failure(name, n, Fault.REPEATED_ID, *_somewhere(geometry[n]), detail))
    return found


def copies(ids: Sequence[str], geometry: Geometries) -> list[Failure]:
    """Return the polygons that repeat an earlier one, whatever point and direction they begin with."""
    first: dict[bytes, int] = {}
    found = []
    for n, (name, shape) in enumerate(zip(ids, geometry, strict=True)):
        if not is_area(shape):
            continue
        key = shapely.to_wkb(shapely.normalize(shapely.set_precision(shape, 1e-3, mode="pointwise")))
        before = first.setdefault(key, n)
        if before != n:
            found.append(Failure(name, n, Fault.COPY, *place_of(shape), f"the same as {ids[before]}"))
    return found


def overlaps(ids: Sequence[str], geometry: Geometries) -> list[Failure]:
    """Return the later of every two valid polygons that overlap; copies are told as copies."""
    copied = {f.position for f in copies(ids, geometry)}
    index = [n for n, g in enumerate(geometry) if is_area(g) and shapely.is_valid(g) and n not in copied]
    shapes = np.array([geometry[n] for n in index], dtype=object)
    found = []
    for a, b in overlapping_pairs(shapes):
        common = shapely.intersection(shapes[a], shapes[b])
        detail = f"with {ids[index[a]]}: {common.area:.0f} m2"
        found.append(Failure(ids[index[b]], index[b], Fault.OVERLAP, *place_of(common), detail))
    return found


def overlapping_pairs(shapes: NDArray[np.object_]) -> list[tuple[int, int]]:
    """Return the pairs (earlier, later) of polygons that share more ground than rounding makes."""
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pairs = sorted((int(a), int(b)) for a, b in zip(left, right, strict=True) if a < b)
    return [(a, b) for a, b in pairs if shapely.intersection(shapes[a], shapes[b]).area > LEAST_OVERLAP_M2]


def is_area(shape: Any) -> bool:
    """Tell whether it is a polygon or several, with numbers for coordinates."""
    known = shape is not None and shape.geom_type in _AREAS and not shape.is_empty
    return bool(known and np.isfinite(shapely.get_coordinates(shape)).all())


def without_repeats(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the points of an open ring (N, 2) without those that lie where the last one kept lies."""
    if not len(points) or (np.hypot(*np.diff(points, axis=0).T) >= SAME_POINT_M).all():
        return points
    kept = [points[0]]
    for point in points[1:]:  # one by one: a curve drawn in steps of 5 cm keeps every other point, not its first only
        if np.hypot(*(point - kept[-1])) >= SAME_POINT_M:
            kept.append(point)
    return np.array(kept)


def end_repeats(points: NDArray[np.float64]) -> int:
    """Return how many points at the end of an open ring (N, 2) repeat those at its start: 0, 1 or 2."""
    for count in (2, 1):
        if len(points) > count and (np.hypot(*(points[-count:] - points[:count]).T) < SAME_POINT_M).all():
            return count
    return 0


def _ring_faults(points: NDArray[np.float64]) -> Iterator[tuple[Fault, float, float, str]]:
    distinct = without_repeats(points)
    ends = end_repeats(distinct)
    if len(distinct) - ends < 3:
        yield Fault.FEW_VERTICES, *points[0].tolist(), ""
        return
    if len(distinct) < len(points):
        again = np.hypot(*np.diff(points, axis=0).T) < SAME_POINT_M
        yield Fault.REPEATED_POINT, *points[1:][again][0].tolist(), _times(len(points) - len(distinct))
    if ends:
        yield Fault.REPEATED_END, *points[0].tolist(), _times(ends)
    after = np.roll(points, -1, axis=0)
    length = np.hypot(*(after - points).T)
    if length.max() > LONGEST_STEP_M:
        worst = int(length.argmax())
        middle = (points[worst] + after[worst]) / 2
        yield Fault.LONG_STEP, *middle.tolist(), f"{length[worst]:.0f} m, at most {LONGEST_STEP_M:.0f} m"


def _times(count: int) -> str:
    return f"{count} point{'s' * (count > 1)}"


def _somewhere(shape: Any) -> tuple[float, float]:
    if shape is None or shape.is_empty or not np.isfinite(shapely.get_coordinates(shape)).all():
        return np.nan, np.nan
    return place_of(shape)
