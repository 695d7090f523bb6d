"""Repair what can be repaired without losing ground, set aside the rest, and say of each which it was."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.geometry.check import (
    copies,
    end_repeats,
    faults_of,
    is_area,
    overlaps,
    repeated_ids,
    without_repeats,
)
from survey.geometry.failure import LEAST_OVERLAP_M2, Failure, Fault, Geometries

SET_ASIDE, KEPT = "set aside", "kept as it is"
_ROUNDS = 5
"""Repair can bring points together that were apart; what is not right after so many rounds is set aside."""
_HOW = {
    Fault.REPEATED_POINT: "repaired: one of them kept",
    Fault.REPEATED_END: "repaired: one of them kept",
    Fault.FEW_VERTICES: "repaired: the ring taken out",
    Fault.NO_AREA: "set aside",
    Fault.INVALID: "repaired: made valid, all ground inside its rings kept",
    Fault.LONG_STEP: KEPT,
}


@dataclass(frozen=True, slots=True, eq=False)
class Repaired:
    """The features that are left, and what was wrong."""

    index: NDArray[np.intp]
    """(M,) position of each in what was given."""
    ids: tuple[str, ...]
    """(M,) unique."""
    geometry: NDArray[np.object_]
    """(M,) shapely geometries that pass the checks, but for what `failures` says was kept as it is."""
    failures: tuple[Failure, ...]


def repair_features(ids: Sequence[str], geometry: Geometries) -> Repaired:
    """Return the features repaired, each failure with what became of it.

    Ground that two polygons share and steps too long are told and left to people.

    Args:
        ids: (N,) names.
        geometry: (N,) shapely geometries or None, in a projected CRS in metres.
    """
    told: list[Failure] = []
    left: list[_Feature] = []
    for n, (name, shape) in enumerate(zip(ids, geometry, strict=True)):
        mended = _mend(shape)
        outcome = dict.fromkeys(Fault, SET_ASIDE) if mended is None else _HOW
        told += [Failure(name, n, *fault, outcome=outcome[fault[0]]) for fault in faults_of(shape)]
        if mended is not None:
            left.append(_Feature(n, name, mended))
    left = _without_copies(left, told)
    left = _with_own_ids(left, told, given=ids)
    told += _overlaps(left)
    shapes = np.empty(len(left), dtype=object)
    shapes[:] = [f.shape for f in left]
    index = np.array([f.position for f in left], np.intp)
    return Repaired(index, tuple(f.name for f in left), shapes, tuple(told))


@dataclass(frozen=True, slots=True, eq=False)
class _Feature:
    position: int
    name: str
    shape: Any


def _mend(shape: Any) -> Any:
    """Return a geometry that passes the checks of one by itself but that of steps, or None."""
    if shape is None or shape.is_empty or not np.isfinite(shapely.get_coordinates(shape)).all():
        return None
    if not is_area(shape):
        return shape
    for _ in range(_ROUNDS):
        if all(fault is Fault.LONG_STEP for fault, *_ in faults_of(shape)):
            return shape
        parts = [part for part in map(_rebuilt, shapely.get_parts(shape)) if part is not None]
        # "structure", unlike "linework", keeps ground that a ring goes around twice
        valid = [shapely.make_valid(part, method="structure", keep_collapsed=False) for part in parts]
        pieces = [p for p in shapely.get_parts(shapely.union_all(valid)) if p.area >= LEAST_OVERLAP_M2]
        if not pieces:
            return None
        shape = pieces[0] if len(pieces) == 1 else shapely.MultiPolygon(pieces)
    return None


def _rebuilt(part: Any) -> Any:
    """Return one polygon without repeated points and without rings that are none; None if its outline is none."""
    outline, *holes = (_ring(ring) for ring in (part.exterior, *part.interiors))
    return None if outline is None else shapely.Polygon(outline, [hole for hole in holes if hole is not None])


def _ring(ring: Any) -> NDArray[np.float64] | None:
    points = without_repeats(shapely.get_coordinates(ring)[:-1])
    points = points[: len(points) - end_repeats(points)]
    return points if len(points) >= 3 else None


def _without_copies(features: list[_Feature], told: list[Failure]) -> list[_Feature]:
    """Set aside polygons that repeat an earlier one."""
    found = copies([f.name for f in features], [f.shape for f in features])
    told += [replace(c, position=features[c.position].position, outcome=SET_ASIDE) for c in found]
    gone = {c.position for c in found}
    return [f for n, f in enumerate(features) if n not in gone]


def _with_own_ids(features: list[_Feature], told: list[Failure], *, given: Sequence[str]) -> list[_Feature]:
    """Give features whose id an earlier one has an id of their own, as IMSMA's administrators do: X, X-DUP01."""
    taken = {name.strip() for name in given}
    renamed = list(features)
    for failure in repeated_ids([f.name for f in features], [f.shape for f in features]):
        feature, name = features[failure.position], failure.feature.strip()
        own = next(c for c in (f"{name}-DUP{n:02d}" for n in count(1)) if c not in taken)
        taken.add(own)
        renamed[failure.position] = replace(feature, name=own)
        told.append(replace(failure, position=feature.position, outcome=f"repaired: named {own}"))
    return renamed


def _overlaps(features: list[_Feature]) -> list[Failure]:
    """Tell of ground that two polygons share, which is left to people."""
    areas = [f for f in features if is_area(f.shape)]
    found = overlaps([f.name for f in areas], [f.shape for f in areas])
    return [replace(o, position=areas[o.position].position, outcome=KEPT) for o in found]
