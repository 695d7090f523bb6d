"""Where a row may be: lines through pairs of items, scored by how many more lie on them than chance would put there."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from survey.patterns.rows import Row, log_likelihood, refine
from survey.patterns.settings import PatternSettings

Array = NDArray[np.float64]

MOST_PAIRS = 40_000
"""More are drawn from by chance; a row of m members has m (m - 1) / 2 of them, so it is hardly ever missed."""
TRIED = 4
"""Seeds that are refined."""
_AT_ONCE = 2_000_000
_FAR = 1e12


def best_row(points: Array, area_m2: float, *, settings: PatternSettings) -> tuple[Row, float] | None:
    """Return the row that raises the likelihood over mere clutter most, and by how much in nats; None without one.

    Args:
        points: (N, 2), metres.
        area_m2: Of the searched ground.
        settings: What counts as a row.
    """
    if len(points) < settings.least_members:
        return None
    alone = log_likelihood(points, (), area_m2)
    best: tuple[Row, float] | None = None
    for seed in _seeds(points, area_m2, settings):
        for row in refine(points, [seed], area_m2, settings=settings):
            gain = log_likelihood(points, [row], area_m2) - alone
            if best is None or gain > best[1]:
                best = (row, gain)
    return best


def _seeds(points: Array, area_m2: float, settings: PatternSettings) -> list[Row]:
    """Return the best distinct seeds, best first."""
    half = 2 * settings.width_m
    pairs = cKDTree(points).query_pairs(settings.gap_m, output_type="ndarray")
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    apart = points[pairs[:, 1]] - points[pairs[:, 0]]
    distance = np.hypot(apart[:, 0], apart[:, 1])
    kept = np.flatnonzero(distance >= 2 * half)  # nearer pairs tell no direction
    if len(kept) > MOST_PAIRS:
        kept = np.sort(np.random.default_rng(settings.seed).choice(kept, MOST_PAIRS, replace=False))
    if not kept.size:
        return []
    first, unit = pairs[kept, 0], apart[kept] / distance[kept, None]
    scores, counts, starts, ends = _scan(points, first, unit, area_m2=area_m2, settings=settings)
    seeds: list[Row] = []
    for n in np.argsort(-scores, kind="stable"):
        if scores[n] <= 0 or len(seeds) == TRIED:
            break
        origin, angle = points[first[n]], float(np.arctan2(unit[n, 1], unit[n, 0]))
        share = float(counts[n]) / len(points)
        row = Row(float(origin[0]), float(origin[1]), angle, float(starts[n]), float(ends[n]), settings.width_m, share)
        if not any(_alike(row, other, half) for other in seeds):
            seeds.append(row)
    return seeds


def _scan(
    points: Array, first: NDArray[np.intp], unit: Array, *, area_m2: float, settings: PatternSettings
) -> tuple[Array, Array, Array, Array]:
    """Return (score, members, start, end) of the run of items around the first point of each of P lines.

    The score is Kulldorff's for a strip: m ln(m / mu) - (m - mu), mu being what chance would put there; 0 for too few.
    """
    half, count = 2 * settings.width_m, len(points)
    out = np.zeros((4, len(first)))
    step = max(1, _AT_ONCE // count)
    places = np.arange(count)
    for at in range(0, len(first), step):
        chunk = slice(at, at + step)
        away = points[None] - points[first[chunk], None]
        u = unit[chunk]
        along = away[..., 0] * u[:, None, 0] + away[..., 1] * u[:, None, 1]
        across = away[..., 1] * u[:, None, 0] - away[..., 0] * u[:, None, 1]
        own = np.sort(np.where(np.abs(across) <= half, along, _FAR), axis=1)
        own = np.concatenate([own, np.full((len(own), 1), 2 * _FAR)], axis=1)
        breaks = np.diff(own, axis=1) > settings.gap_m
        here = (own < -1e-9).sum(axis=1)[:, None]
        begin = np.where(breaks & (places < here), places + 1, 0).max(axis=1)
        last = np.where(breaks & (places >= here), places, count).min(axis=1)
        lines = np.arange(len(own))
        start, end = own[lines, begin], own[lines, last]
        members = (last - begin + 1).astype(np.float64)
        by_chance = count / area_m2 * 2 * half * (end - start + 2 * half)
        rich = (members >= settings.least_members) & (members > by_chance)
        score = members * np.log(np.maximum(members / by_chance, 1.0)) - (members - by_chance)
        out[:, chunk] = np.where(rich, score, 0.0), members, start, end
    return out[0], out[1], out[2], out[3]


def _alike(row: Row, other: Row, half: float) -> bool:
    """Tell whether both ends of a seed lie on another."""
    ends = row.at(np.array([row.start, row.end]))
    return bool((np.abs(other.along_across(ends)[1]) <= half).all())
