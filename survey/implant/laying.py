"""Lay items on a window of a flight, search it with and without them, and count those that were found."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from survey.implant.items import SEED, Scale, implant
from survey.matching import MATCH_M
from survey.simulate.canvas import Canvas
from survey.values import Block, Tile, Window

WINDOW_PX = 768
"""Edge of a window, working pixels; windows lie on multiples of it."""
MOST_A_WINDOW = 6
APART_M = 1.0
"""Least distance of two items' centres: what is found is then found of one."""
_ROOM_M = 0.05
"""Ground without a gap around an item, beyond half its size."""
_TRIES = 40
"""Places drawn for an item until one is free."""


class Seen(Protocol):
    """Sightings: (N,) centres in working pixels of the image."""

    @property
    def row(self) -> NDArray[np.floating]: ...  # noqa: D102
    @property
    def col(self) -> NDArray[np.floating]: ...  # noqa: D102


class Searcher(Protocol):
    """What searches a block, such as `survey.detect.Detector`."""

    def search(self, block: Block, pixels: NDArray[np.uint8], valid: NDArray[np.bool_]) -> Seen:
        """Return what is seen above the operating threshold."""
        ...


@dataclass(frozen=True, slots=True)
class Tally:
    """Items laid, found, and set aside because a sighting is there without them."""

    laid: int = 0
    """Without those set aside."""
    found: int = 0
    set_aside: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.laid + other.laid, self.found + other.found, self.set_aside + other.set_aside)

    @property
    def used(self) -> int:
        """Items that were laid, counted or not: the number of the next one."""
        return self.laid + self.set_aside


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """One window of an image as the reader gives it, halo and all."""

    core: Window
    """What is searched of it, in working pixels of the image."""
    pixels: NDArray[np.uint8]
    """(core height + 2 halo, core width + 2 halo, 3)."""
    valid: NDArray[np.bool_]
    """The same height and width: what was imaged."""
    free: NDArray[np.bool_]
    """(core height, core width): where items may lie."""

    @property
    def block(self) -> Block:
        """The window as a block of one tile."""
        return Block(0, self.core, (Tile(0, self.core),))


def lay_and_search(searcher: Searcher, ground: Ground, *, scale: Scale, first: int, most: int) -> Tally:
    """Lay items on a window and count those found, by the rule of `survey evaluate`.

    An item is found if a sighting's centre lies within `MATCH_M` or half its size; one that a sighting would explain
    without it is set aside.

    Args:
        searcher: The run's detector at its operating threshold, on the flight's own ground.
        ground: The window; it is not drawn on.
        scale: Of the image.
        first: Number of the first item.
        most: Items laid at most, besides `MOST_A_WINDOW`.
    """
    rng = np.random.default_rng([SEED, first, 2])
    canvas = Canvas(ground.pixels.copy(), [])
    places: list[tuple[float, float]] = []
    reach: list[float] = []
    for number in range(first, first + min(most, MOST_A_WINDOW)):
        sprite, draws = implant(number, scale)
        place = _free_place(ground.free, places, radius_m=sprite.size_m / 2, working_m=scale.working_m, rng=rng)
        if place is None:
            break
        inside = (place[0] + scale.halo_px, place[1] + scale.halo_px)
        canvas.lay(sprite, draws, covered=False, place=inside)
        places.append(place)
        reach.append(max(MATCH_M, sprite.size_m / 2) / scale.working_m)
    if not places:
        return Tally()
    centres = np.array(places) + np.array([ground.core.row, ground.core.col])
    without, with_items = (
        _near(centres, np.array(reach), searcher.search(ground.block, pixels, ground.valid))
        for pixels in (ground.pixels, canvas.rgb)
    )
    counted = ~without
    return Tally(int(counted.sum()), int((with_items & counted).sum()), int(without.sum()))


def _free_place(
    free: NDArray[np.bool_],
    taken: list[tuple[float, float]],
    *,
    radius_m: float,
    working_m: float,
    rng: np.random.Generator,
) -> tuple[float, float] | None:
    """Return (row, col) of an item's centre in the window, or None where no try found one.

    As a sighting may be off by `MATCH_M`, centres lie that far within the window.
    """
    room = (radius_m + _ROOM_M) / working_m
    margin = max(room, MATCH_M / working_m)
    if min(free.shape) <= 2 * margin:
        return None
    for _ in range(_TRIES):
        row, col = (float(rng.uniform(margin, edge - margin)) for edge in free.shape)
        if any(np.hypot(row - r, col - c) < APART_M / working_m for r, c in taken):
            continue
        part = free[int(row - room) : int(row + room) + 1, int(col - room) : int(col + room) + 1]
        if part.all():
            return row, col
    return None


def _near(centres: NDArray[np.float64], reach: NDArray[np.float64], seen: Seen) -> NDArray[np.bool_]:
    """Tell of each of (N, 2) centres whether something was seen within its reach."""
    places = np.column_stack([seen.row, seen.col]).astype(np.float64)
    apart = np.hypot(*(centres[:, None] - places[None]).transpose(2, 0, 1))
    return np.asarray((apart <= reach[:, None]).any(axis=1), bool)
