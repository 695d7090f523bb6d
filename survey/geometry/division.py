"""Share out ground that areas have in common, so that neighbours meet in the same edges."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import shapely

from survey.geometry.failure import LEAST_OVERLAP_M2, LONGEST_STEP_M

GRID_M = 0.125
"""Of all points: exact in binary, and wider than `SAME_POINT_M`, so that no two of them are one."""


def divide_ground(areas: Sequence[Any]) -> list[list[Any]]:
    """Return the polygons of each area without what an earlier one has; they pass `check_features`.

    All edges are drawn at once on one grid and the faces between them handed out, so neighbours have the same points;
    taking one area from another leaves points nearer than `SAME_POINT_M`, and without one of these an edge of a hundred
    metres laps over by a few square metres. Edges move by up to 0.09 m. What comes out smaller than
    `LEAST_OVERLAP_M2` goes to the polygon that it has the most edge with.

    Args:
        areas: (N,) valid polygons or several, in a projected CRS in metres.

    Returns:
        (N,) lists of polygons; empty for an area that earlier ones cover.
    """
    edges = shapely.segmentize([shapely.boundary(area) for area in areas], LONGEST_STEP_M - 1)
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all(edges, grid_size=GRID_M)]))
    given = np.array(areas, dtype=object)
    face, area = shapely.STRtree(given).query(faces, predicate="intersects")
    within = shapely.area(shapely.intersection(faces[face], given[area])) > shapely.area(faces[face]) / 2
    owner = np.full(len(faces), len(areas))
    np.minimum.at(owner, face[within], area[within])
    parts = [
        (n, part)
        for n in range(len(areas))
        for part in shapely.get_parts(shapely.union_all(faces[owner == n]))
        if not part.is_empty
    ]
    divided: list[list[Any]] = [[] for _ in areas]
    for n, part in _without_slivers(parts):
        divided[n].append(part)
    return divided


def _without_slivers(parts: Iterable[tuple[int, Any]]) -> list[tuple[int, Any]]:
    """Give parts too small for an area to the one beside them, for no ground may be lost."""
    whole, small = list[tuple[int, Any]](), list[Any]()
    for n, part in parts:
        if part.area >= LEAST_OVERLAP_M2:
            whole.append((n, part))
        else:
            small.append(part)
    while small and whole:
        shared = shapely.length(
            shapely.intersection(
                shapely.boundary(small)[:, None], shapely.boundary(np.array([part for _, part in whole]))[None]
            )
        )
        least, most = np.unravel_index(int(shared.argmax()), shared.shape)
        if not shared[least, most]:  # beside nothing
            break
        n, part = whole[most]
        whole[most] = n, shapely.union(part, small.pop(int(least)))
    return whole
