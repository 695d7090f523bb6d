"""From cells that the rule chose to polygons that people can draw in the field."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import shapes as traced

from survey.candidates.config import CandidatesConfig
from survey.candidates.criteria import Ground
from survey.geometry import GRID_M, divide_ground
from survey.values import GroundGrid

CHA, SHA = "candidate CHA", "candidate SHA"


@dataclass(frozen=True, slots=True, eq=False)
class Outlines:
    """P polygons that do not overlap and pass the checks, candidate CHA first, each kind from north-west."""

    kind: tuple[str, ...]
    shape: NDArray[np.object_]


def outline(ground: Ground, rule: CandidatesConfig) -> Outlines:
    """Return the outlines of ground that the rule proposes.

    Ground of a candidate CHA is no part of a candidate SHA. All chosen cells lie inside the outlines.
    """
    confirmed = ground.direct >= rule.cha_direct_weight
    suspected = (ground.total >= rule.sha_weight) & ~confirmed
    cha = _shaped(_parts(confirmed, ground.cells), rule)
    sha = _shaped(_parts(suspected, ground.cells), rule)
    kinds = [CHA] * len(cha) + [SHA] * len(sha)
    found = [
        (kind, shapely.normalize(part))
        for kind, parts in zip(kinds, divide_ground([*cha, *sha]), strict=True)
        for part in parts
    ]
    found.sort(key=lambda each: (each[0], -each[1].bounds[3], each[1].bounds[0], each[1].wkb))
    shapes = np.empty(len(found), dtype=object)
    shapes[:] = [part for _, part in found]
    return Outlines(tuple(kind for kind, _ in found), shapes)


def _parts(mask: NDArray[np.bool_], cells: GroundGrid) -> Any:
    """Return the outline of chosen cells."""
    found = traced(mask.astype(np.uint8), mask=mask, connectivity=4, transform=cells.transform)
    return shapely.union_all([shapely.Polygon(g["coordinates"][0], g["coordinates"][1:]) for g, _ in found])


def _shaped(area: Any, rule: CandidatesConfig) -> list[Any]:
    """Return polygons around an area: gaps closed, steps smoothed outwards, small holes filled, small ones grown."""
    closed = shapely.buffer(shapely.buffer(area, rule.join_m), -rule.join_m)
    margin = rule.simplify_m + GRID_M
    rough = shapely.simplify(_grown(shapely.union(closed, area), margin), rule.simplify_m)
    # Where a ring begins, the simplified one can be off by more than the tolerance (measured with GEOS 3.14).
    rough = shapely.union(rough, _grown(shapely.difference(area, shapely.buffer(rough, -GRID_M)), margin))
    polygons = [_filled(part, rule.least_hole_m2) for part in shapely.get_parts(rough) if not part.is_empty]
    polygons = [_at_least(part, rule.least_area_m2) for part in polygons]
    return list(shapely.get_parts(shapely.union_all(polygons))) if polygons else []


def _grown(area: Any, by_m: float) -> Any:
    return shapely.buffer(area, by_m, join_style="mitre", mitre_limit=2.0)


def _filled(polygon: Any, least_m2: float) -> Any:
    holes = [ring for ring in polygon.interiors if shapely.Polygon(ring).area >= least_m2]
    return shapely.Polygon(polygon.exterior, holes)


def _at_least(polygon: Any, least_m2: float) -> Any:
    if polygon.area >= least_m2:
        return polygon
    return shapely.union(polygon, polygon.centroid.buffer(np.sqrt(least_m2 / np.pi) * 1.01, quad_segs=8))
