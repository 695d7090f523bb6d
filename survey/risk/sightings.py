"""Sightings of one item in several images (or on both sides of a seam) count once."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from survey.values import Detections

REACH_SIGMAS = 3.0
"""Two sightings of one point differ by more than 3 combined sigmas in 1 % of cases (Rayleigh: 1.1 %)."""
GUARD_M = 0.08
"""Two cells of 4 px at 1 cm: closer sightings of one image are one peak seen from two tiles."""


def merge_sightings(detections: Detections, *, guard_m: float = GUARD_M) -> NDArray[np.intp]:
    """Return the item number of each sighting.

    Sightings of different images belong together within max(3 combined position errors, half the size);
    sightings of one image only within `guard_m`, whatever links them through other images: what one image
    shows as two stays two. Items are numbered from 0 by descending probability of their best sighting,
    then by x and y. Sightings without a place on the ground stay items of their own.

    Args:
        detections: N sightings, of any number of images.
        guard_m: Distance in metres within which two sightings of one image are one.

    Returns:
        (N,) item numbers.
    """
    d = detections
    rank = np.lexsort((d.tile_index, d.image_index, d.y, d.x, -d.probability))
    ordered = detections.take(rank)
    first, second, distance = _links(ordered, guard_m=guard_m)
    count = len(detections)
    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(count, count))
    label = connected_components(graph, directed=False)[1].astype(np.intp) if count else np.empty(0, np.intp)
    label = _leaders(label)
    for members in _chained(ordered, label=label, guard_m=guard_m):
        inside = np.flatnonzero(label[first] == label[members[0]])
        nearest = inside[np.lexsort((second[inside], first[inside], distance[inside]))]
        pairs = list(zip(first[nearest].tolist(), second[nearest].tolist(), strict=True))
        _split(ordered, members=members, pairs=pairs, guard_m=guard_m, label=label)
    items = np.empty(count, np.intp)
    items[rank] = np.unique(label, return_inverse=True)[1]
    return items


def _links(detections: Detections, *, guard_m: float) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Return (first, second, distance) of all pairs within reach of each other, first < second."""
    placed = np.flatnonzero(np.isfinite(detections.x) & np.isfinite(detections.y))
    if len(placed) < 2:
        return np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0)
    points = np.column_stack([detections.x[placed], detections.y[placed]])
    error = detections.position_error_m[placed].astype(np.float64)
    size = detections.size_m[placed].astype(np.float64)
    image = detections.image_index[placed]
    # A pair's reach is at most the larger of the two radii, so the query from that end finds it.
    radius = np.maximum.reduce([REACH_SIGMAS * np.sqrt(2) * error, size / 2, np.full(len(placed), guard_m)])
    near = cKDTree(points).query_ball_point(points, radius)
    first = np.repeat(np.arange(len(placed)), [np.size(n) for n in near])
    second = np.concatenate([np.asarray(n, np.intp) for n in near])
    pairs = np.unique(np.sort(np.column_stack([first, second])[first != second], axis=1), axis=0)
    first, second = pairs[:, 0], pairs[:, 1]
    reach = np.maximum(REACH_SIGMAS * np.hypot(error[first], error[second]), np.maximum(size[first], size[second]) / 2)
    reach = np.where(image[first] == image[second], guard_m, reach)
    distance = np.hypot(*(points[first] - points[second]).T)
    kept = distance <= reach
    return placed[first[kept]], placed[second[kept]], distance[kept]


def _leaders(label: NDArray[np.intp]) -> NDArray[np.intp]:
    """Rename each component after its first (most probable) sighting."""
    first = np.unique(label, return_index=True)[1].astype(np.intp)
    return first[label] if len(label) else label


def _chained(detections: Detections, *, label: NDArray[np.intp], guard_m: float) -> list[NDArray[np.intp]]:
    """Return the members of each component that joins two separate sightings of one image."""
    order = np.lexsort((detections.image_index, label))
    a, b = order[:-1], order[1:]
    repeated = (label[a] == label[b]) & (detections.image_index[a] == detections.image_index[b])
    suspects = np.unique(label[a[repeated]])
    start = np.searchsorted(label[order], suspects)
    end = np.searchsorted(label[order], suspects, side="right")
    groups = [np.sort(order[i:j]) for i, j in zip(start, end, strict=True)]
    return [members for members in groups if not _compatible(detections, members=members, guard_m=guard_m)]


def _compatible(detections: Detections, *, members: NDArray[np.intp], guard_m: float) -> bool:
    """Tell whether no two members are separate sightings of one image."""
    x, y, image = detections.x[members], detections.y[members], detections.image_index[members]
    same = image[:, None] == image[None, :]
    apart = np.hypot(x[:, None] - x[None, :], y[:, None] - y[None, :]) > guard_m
    return not bool((same & apart).any())


def _split(
    detections: Detections,
    *,
    members: NDArray[np.intp],
    pairs: list[tuple[int, int]],
    guard_m: float,
    label: NDArray[np.intp],
) -> None:
    """Join the members anew, nearest pairs first, refusing every join of two sightings one image keeps apart."""
    cluster = {int(m): [int(m)] for m in members}
    home = {int(m): int(m) for m in members}
    for i, j in pairs:
        a, b = sorted((home[i], home[j]))
        if a == b:
            continue
        union = cluster[a] + cluster[b]
        if _compatible(detections, members=np.array(union, np.intp), guard_m=guard_m):
            cluster[a] = union
            home.update(dict.fromkeys(cluster.pop(b), a))
    for leader, joined in cluster.items():
        label[joined] = leader
