"""From cells that the rule chose to polygons that people can draw in the field."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import shapes as traced

from survey.candidates.config import CandidatesConfig
from survey.candidates.criteria import Ground
from survey.geometry import LEAST_OVERLAP_M2, SAME_POINT_M, Failure, repair_features
from survey.values import GroundGrid

CHA, SHA = "candidate CHA", "candidate SHA"


@dataclass(frozen=True, slots=True, eq=False)
class Outlines:
    """P polygons that do not overlap and pass the checks, candidate CHA first, each kind from north-west."""

    kind: tuple[str, ...]
    shape: NDArray[np.object_]
    failures: tuple[Failure, ...]
    """What the checks found on the way, and what was done about it."""


def outline(ground: Ground, rule: CandidatesConfig) -> Outlines:
    """Return the outlines of ground that the rule proposes.

    Ground of a candidate CHA is no part of a candidate SHA. All chosen cells lie inside the outlines.
    """
    confirmed = ground.direct >= rule.cha_direct_weight
    suspected = (ground.total >= rule.sha_weight) & ~confirmed
    cha = _shaped(_parts(confirmed, ground.cells), rule)
    sha = _shaped(_parts(suspected, ground.cells), rule)
    kinds = [CHA] * len(cha) + [SHA] * len(sha)
    names = [f"{kind} {n + 1}" for n, kind in enumerate(kinds)]
    done = repair_features(names, [*cha, *sha], overlapping="cut", long_steps="points")
    parts, kind = [], []
    for n, shape in zip(done.index, done.geometry, strict=True):
        for part in shapely.get_parts(shape):
            parts.append(shapely.normalize(part))
            kind.append(kinds[n])
    parts, kind = _without_slivers(parts, kind)
    order = sorted(range(len(parts)), key=lambda n: (kind[n], -parts[n].bounds[3], parts[n].bounds[0], parts[n].wkb))
    shapes = np.empty(len(parts), dtype=object)
    shapes[:] = [parts[n] for n in order]
    return Outlines(tuple(kind[n] for n in order), shapes, done.failures)


def _without_slivers(parts: list[Any], kind: list[str]) -> tuple[list[Any], list[str]]:
    """Give what a cut left that is too small to be an area to the polygon beside it, for no ground may be lost."""
    whole = [n for n, part in enumerate(parts) if part.area >= LEAST_OVERLAP_M2]
    shapes = {n: parts[n] for n in whole}
    for n in sorted(set(range(len(parts))) - set(whole)):
        into = min(whole, key=lambda m: (shapes[m].distance(parts[n]), -shapes[m].intersection(parts[n]).length, m))
        merged = shapely.union(shapes[into], parts[n])
        if merged.geom_type != "Polygon":  # they meet in a point or not quite
            reach = 2 * SAME_POINT_M + shapes[into].distance(parts[n])
            merged = shapely.union(shapes[into], shapely.buffer(parts[n], reach, join_style="mitre", mitre_limit=2.0))
        shapes[into] = shapely.normalize(shapely.remove_repeated_points(merged, SAME_POINT_M))
    return [shapes[n] for n in whole], [kind[n] for n in whole]


def _parts(mask: NDArray[np.bool_], cells: GroundGrid) -> Any:
    """Return the outline of chosen cells."""
    found = traced(mask.astype(np.uint8), mask=mask, connectivity=4, transform=cells.transform)
    return shapely.union_all([shapely.Polygon(g["coordinates"][0], g["coordinates"][1:]) for g, _ in found])


def _shaped(area: Any, rule: CandidatesConfig) -> list[Any]:
    """Return polygons around an area: gaps closed, steps smoothed outwards, small holes filled, small ones grown."""
    closed = shapely.buffer(shapely.buffer(area, rule.join_m), -rule.join_m)
    # Grown by the tolerance first, the simplified outline leaves out nothing of what it is around.
    grown = shapely.buffer(shapely.union(closed, area), rule.simplify_m, join_style="mitre", mitre_limit=2.0)
    rough = shapely.simplify(grown, rule.simplify_m)
    polygons = [_filled(part, rule.least_hole_m2) for part in shapely.get_parts(rough) if not part.is_empty]
    polygons = [_at_least(part, rule.least_area_m2) for part in polygons]
    return list(shapely.get_parts(shapely.union_all(polygons))) if polygons else []


def _filled(polygon: Any, least_m2: float) -> Any:
    holes = [ring for ring in polygon.interiors if shapely.Polygon(ring).area >= least_m2]
    return shapely.Polygon(polygon.exterior, holes)


def _at_least(polygon: Any, least_m2: float) -> Any:
    if polygon.area >= least_m2:
        return polygon
    return shapely.union(polygon, polygon.centroid.buffer(np.sqrt(least_m2 / np.pi) * 1.01, quad_segs=8))
