"""Items lie where they are said to, are found by the usual rule, and what was there without them does not count."""

from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from survey.implant import (
    KINDS,
    MOST_A_WINDOW,
    WINDOW_PX,
    Ground,
    Scale,
    Tally,
    enlarged,
    implant,
    lay_and_search,
    order_of,
    windows_wanted,
)
from survey.matching import MATCH_M
from survey.simulate import ITEMS
from survey.values import Block, Window

SCALE = Scale(image_m=0.01, working_m=0.01, halo_px=64)


@dataclass(frozen=True)
class Sightings:
    row: NDArray[np.float64]
    col: NDArray[np.float64]


@dataclass
class Judge:
    """Sees every change of even ground, but for every k-th of them, and whatever else it is told to."""

    leave_out: int = 0
    shift_m: float = 0.0
    always: tuple[tuple[float, float], ...] = ()
    bare: NDArray[np.uint8] | None = None
    seen: list[tuple[float, float]] = field(default_factory=list)

    def search(self, block: Block, pixels: NDArray[np.uint8], valid: NDArray[np.bool_]) -> Sightings:
        assert valid.shape == pixels.shape[:2]
        if self.bare is None:
            self.bare = pixels.copy()
        changed = (pixels != self.bare).any(axis=2).astype(np.uint8)
        thick = cv2.dilate(changed, np.ones((9, 9), np.uint8))
        count, _, boxes, _ = cv2.connectedComponentsWithStats(thick)
        places = []
        for n in range(1, count):
            left, top, width, height = boxes[n][:4]
            row, col = top + height / 2 - SCALE.halo_px, left + width / 2 - SCALE.halo_px
            self.seen.append((row, col))
            if not self.leave_out or n % self.leave_out:
                places.append((block.core.row + row + self.shift_m / SCALE.working_m, block.core.col + col))
        every = np.array([*places, *self.always], np.float64).reshape(-1, 2)
        return Sightings(every[:, 0], every[:, 1])


def ground(*, top: int = 0, free: NDArray[np.bool_] | None = None, edge: int = WINDOW_PX) -> Ground:
    """Return even ground, (edge + 2 halo) square."""
    size = edge + 2 * SCALE.halo_px
    pixels = np.full((size, size, 3), 120, np.uint8)
    whole = np.ones((edge, edge), bool)
    return Ground(Window(top, 0, edge, edge), pixels, np.ones((size, size), bool), whole if free is None else free)


def lay(judge: Judge, *, first: int = 0, most: int = MOST_A_WINDOW, on: Ground | None = None) -> Tally:
    return lay_and_search(judge, ground() if on is None else on, scale=SCALE, first=first, most=most)


def test_all_that_is_seen_is_found_and_every_third_that_is_not_is_missed() -> None:
    assert lay(Judge()) == Tally(6, 6, 0)
    assert lay(Judge(leave_out=3)) == Tally(6, 4, 0)
    assert lay(Judge(), most=2) == Tally(2, 2, 0)
    assert lay(Judge(), on=ground(top=7680)) == Tally(6, 6, 0)  # places are the image's


def test_a_sighting_farther_off_than_the_rule_allows_finds_nothing() -> None:
    # Boxes hold shadows too, so their middles are off by some centimetres.
    small = KINDS.index("pma_2")
    assert lay(Judge(shift_m=0.0), first=small, most=1).found == 1
    assert lay(Judge(shift_m=2 * MATCH_M), first=small, most=1).found == 0


def test_what_is_seen_without_an_item_is_set_aside() -> None:
    judge = Judge()
    lay(judge, most=3)
    place = judge.seen[0]
    assert lay(Judge(always=(place,)), most=3) == Tally(2, 2, 1)
    assert lay(Judge(leave_out=1, always=(place,)), most=3) == Tally(2, 0, 1)


def test_items_lie_apart_inside_and_on_free_ground_only() -> None:
    free = np.ones((WINDOW_PX, WINDOW_PX), bool)
    free[:, WINDOW_PX // 2 :] = False
    judge, on = Judge(), ground(free=free)
    before = on.pixels.copy()
    tally = lay(judge, on=on)
    assert np.array_equal(on.pixels, before)
    places = np.array(judge.seen)
    assert tally.used == len(places) > 2
    assert (places[:, 1] < WINDOW_PX // 2).all()
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)) + 1e3 * np.eye(len(places))
    assert apart.min() > 70  # a metre, less what shadows move a box's middle
    assert lay(Judge(), on=ground(free=np.zeros_like(free))) == Tally()
    assert lay(Judge(), on=ground(edge=48)) == Tally()


def test_the_same_items_are_laid_everywhere_and_again() -> None:
    first, again, other = (lay_on(seed) for seed in (0, 0, 6))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert implant(5, SCALE)[0].kind == implant(5, Scale(0.02, 0.005, 64))[0].kind


def lay_on(first: int) -> NDArray[np.uint8]:
    shown: list[NDArray[np.uint8]] = []

    class Keeps(Judge):
        def search(self, block: Block, pixels: NDArray[np.uint8], valid: NDArray[np.bool_]) -> Sightings:
            shown.append(pixels.copy())
            return super().search(block, pixels, valid)

    lay(Keeps(), first=first)
    return shown[-1]


def test_every_kind_is_laid_as_often_and_few_are_of_all_sizes() -> None:
    assert sorted(KINDS) == sorted(ITEMS)
    sizes = np.array([ITEMS[kind].size_m for kind in KINDS])
    for count in (6, 12):
        assert np.log(sizes[:count]).mean() == pytest.approx(np.log(sizes).mean(), abs=0.25)


def test_items_are_as_large_and_as_soft_as_the_image_shows_them() -> None:
    sharp, soft = implant(0, Scale(0.005, 0.005, 64))[0], implant(0, Scale(0.02, 0.005, 64))[0]
    assert soft.alpha.sum() == pytest.approx(sharp.alpha.sum(), rel=0.3)

    def steepest(alpha: NDArray[np.float32]) -> float:
        return float(np.abs(np.diff(alpha, axis=1)).max())

    assert steepest(soft.alpha) < 0.5 * steepest(sharp.alpha)
    assert enlarged(sharp, 1.0) is sharp
    twice = enlarged(sharp, 2.0)
    assert twice.center == pytest.approx((2 * sharp.center[0], 2 * sharp.center[1]))


def test_windows_are_few_beside_what_is_searched() -> None:
    ten_metres = (10 / 0.005) ** 2
    assert windows_wanted(120, area_px=round(ten_metres)) == 1
    assert windows_wanted(120, area_px=1) == 1
    assert windows_wanted(120, area_px=10**9) == 20
    assert windows_wanted(7, area_px=10**9) == 2
    assert sorted(order_of(10, wanted=10)) == list(range(10))
    assert order_of(10, wanted=10) == order_of(10, wanted=10)
    assert len(order_of(1000, wanted=2)) == 8
