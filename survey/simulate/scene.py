"""What a simulated flight holds: its outline, its ordnance and its disturbances. Pure planning, no pixels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Point, Polygon, affinity

from survey.errors import ConfigError
from survey.simulate.disturb import Disturbance
from survey.simulate.items import ITEMS
from survey.simulate.sun import Sun

_ROW_KINDS = ("tm_62m", "pmn_2", "tm_57")
_CROWDED = 400
"""Tries at a free place before an item is left out."""
_MARGIN_M = 1.0
"""Ordnance lies at least this far inside the outline, so that no truth is cut by the edge."""


@dataclass(frozen=True, slots=True)
class PlacedItem:
    """One item; metres south and east of the image's corner."""

    kind: str
    y: float
    x: float
    hidden: float
    """Share to be covered by plants and soil."""


@dataclass(frozen=True, slots=True)
class PlacedDisturbance:
    """One structure; metres south and east of the image's corner."""

    disturbance: Disturbance
    y: float
    x: float


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A flight to be drawn."""

    outline: Polygon
    """Flown area in metres, x east and y south of the image's corner."""
    sun: Sun
    items: tuple[PlacedItem, ...]
    disturbances: tuple[PlacedDisturbance, ...]


Taken = Sequence[tuple[float, float, float]]
"""Ground that is not free: (y, x, radius) in metres."""
Lay = Callable[[Polygon, Taken], Sequence[PlacedItem]]
"""Says what ordnance lies on a flight, from its outline and the ground that disturbances take."""


def plan_scene(*, area_ha: float, rng: np.random.Generator, lay: Lay | None = None) -> Scene:
    """Plan a flight over `area_ha` hectares: ordnance of all kinds, a row of mines, craters, a trench, dug soil.

    Args:
        area_ha: Flown area.
        rng: Decides what is drawn.
        lay: Says what ordnance there is instead.

    Raises:
        ConfigError: The area is below 0.02 ha, too small to hold a scene.
    """
    if area_ha < 0.02:
        msg = f"a simulated flight needs at least 0.02 ha, got area_ha={area_ha}; ask for more"
        raise ConfigError(msg)
    outline = _outline(area_ha, rng)
    sun = Sun(float(rng.uniform(120, 240)), float(rng.uniform(32, 52)))
    disturbances = _disturbances(outline, area_ha, rng)
    inner = outline.buffer(-_MARGIN_M)
    taken = [(p.y, p.x, min(_clearance(p), 12.0)) for p in disturbances]
    if lay is not None:
        return Scene(outline, sun, tuple(lay(outline, taken)), disturbances)
    row = _row(inner, taken, rng)
    taken += [(item.y, item.x, 1.5) for item in row]
    kinds = list(ITEMS)
    items = list(row)
    for number in range(max(len(kinds) if area_ha > 0.5 else 6, round(13 * area_ha))):
        if number % len(kinds) == 0:
            rng.shuffle(kinds)
        place = _free_place(inner, taken, rng)
        if place is not None:
            items.append(PlacedItem(kinds[number % len(kinds)], *place, drawn_hidden(rng)))
            taken.append((*place, 1.5))
    return Scene(outline, sun, tuple(items), disturbances)


def drawn_hidden(rng: np.random.Generator) -> float:
    """Return the share of an item that plants hide: none of most, up to a half of a quarter of them."""
    return float(rng.uniform(0.1, 0.5)) if rng.uniform() < 0.25 else 0.0


def _outline(area_ha: float, rng: np.random.Generator) -> Polygon:
    """Return an irregular outline whose bounds start at (0.5, 0.5) and whose area is a little above the asked one."""
    per_side, aspect = 5, rng.uniform(1.1, 1.4)
    shares = np.arange(per_side) / per_side
    zeros, ones = np.zeros(per_side), np.ones(per_side)
    ring = np.concatenate(
        [np.stack(side, 1) for side in ((shares, zeros), (ones, shares), (1 - shares, ones), (zeros, 1 - shares))]
    )
    ring += rng.uniform(-0.045, 0.045, ring.shape)
    turned = affinity.rotate(Polygon(ring * (aspect, 1)), float(rng.uniform(-14, 14)))
    scale = (area_ha * 1.005e4 / turned.area) ** 0.5
    grown = affinity.scale(turned, scale, scale)
    west, north = grown.bounds[:2]
    return affinity.translate(grown, 0.5 - west, 0.5 - north)


def _disturbances(outline: Polygon, area_ha: float, rng: np.random.Generator) -> tuple[PlacedDisturbance, ...]:
    """Scatter a trench, craters and dug patches, apart from each other."""
    counts = {"trench": 1, "crater": max(1, round(2.2 * area_ha)), "disturbed_soil": max(1, round(1.6 * area_ha))}
    placed: list[PlacedDisturbance] = []
    inner = outline.buffer(-3)
    for kind, count in counts.items():
        for _ in range(count):
            drawn = Disturbance.sample(kind, rng=rng, around=(158, 140, 112))
            taken = [(p.y, p.x, _clearance(p) + drawn.work.reach_m) for p in placed]
            place = _free_place(inner, taken, rng)
            if place is not None:
                placed.append(PlacedDisturbance(drawn, *place))
    if not placed:
        middle = outline.representative_point()
        placed.append(PlacedDisturbance(Disturbance.sample("crater", rng=rng), middle.y, middle.x))
    return tuple(placed)


def _clearance(placed: PlacedDisturbance) -> float:
    """Return the distance that others keep, metres."""
    return placed.disturbance.work.reach_m


def _row(inner: Polygon, taken: list[tuple[float, float, float]], rng: np.random.Generator) -> list[PlacedItem]:
    """Lay one row of mines of one kind, evenly spaced as laid by hand; none where no row fits."""
    kind = _ROW_KINDS[int(rng.integers(len(_ROW_KINDS)))]
    count, spacing = 9, float(rng.uniform(2.5, 4.5))
    for _ in range(_CROWDED):
        start = _free_place(inner, taken, rng)
        if start is None:
            return []
        angle = rng.uniform(0, 2 * np.pi)
        steps = np.arange(count)[:, None] * spacing * np.array([np.sin(angle), np.cos(angle)])
        points = np.array(start) + steps + rng.normal(0, 0.12, (count, 2))
        if all(_is_free(y, x, inner, taken) for y, x in points):
            return [PlacedItem(kind, float(y), float(x), 0.0) for y, x in points]
    return []


def _free_place(
    inner: Polygon, taken: list[tuple[float, float, float]], rng: np.random.Generator
) -> tuple[float, float] | None:
    """Return a (y, x) inside the polygon, away from what is taken; None where it is too crowded."""
    if inner.is_empty:
        return None
    west, north, east, south = inner.bounds
    for _ in range(_CROWDED):
        y, x = float(rng.uniform(north, south)), float(rng.uniform(west, east))
        if _is_free(y, x, inner, taken):
            return y, x
    return None


def _is_free(y: float, x: float, inner: Polygon, taken: list[tuple[float, float, float]]) -> bool:
    """Return whether a place is inside the polygon and keeps its distance."""
    return all((y - b) ** 2 + (x - a) ** 2 > r * r for b, a, r in taken) and bool(inner.contains(Point(x, y)))


def disturbed_polygon(placed: PlacedDisturbance, *, outline: Polygon, step_m: float = 0.05) -> Polygon:
    """Return where a structure disturbs the flown ground, in the scene's metres (a polygon or several)."""
    work = placed.disturbance.work
    at = np.arange(-work.reach_m, work.reach_m, step_m) + step_m / 2
    return shapely.intersection(_traced(work.shape(at, at).mask, at, placed, step_m), outline)


def _traced(mask: NDArray[np.bool_], at: NDArray[np.float64], placed: PlacedDisturbance, step_m: float) -> Polygon:
    """Return the union of the mask's cells, run by run."""
    runs = []
    for y, line in zip(at, mask, strict=True):
        edges = np.flatnonzero(np.diff(line.astype(np.int8), prepend=0, append=0))
        for first, last in zip(edges[::2], edges[1::2], strict=True):
            west, east = placed.x + at[0] + (first - 0.5) * step_m, placed.x + at[0] + (last - 0.5) * step_m
            runs.append(shapely.box(west, placed.y + y - step_m / 2, east, placed.y + y + step_m / 2))
    return shapely.union_all(runs, grid_size=step_m / 100)
