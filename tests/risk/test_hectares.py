"""Merging patches hectare row by hectare row, and counting them."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from survey.risk import AreaTally, GroundPart, merge_ground
from survey.values import GroundGrid, GroundPatch, HectareGrid, Window, merge_codes

GROUND = GroundGrid(HectareGrid("EPSG:32638", 500_000, 4_400_300, 3, 5), 10)
CODES = np.array([0, 1, 2, 3, 4, 255], np.uint8)


@st.composite
def patches(draw: st.DrawFn) -> list[GroundPatch]:
    found = []
    for seed in draw(st.lists(st.integers(0, 999), max_size=6)):
        row, col = draw(st.integers(0, GROUND.height - 1)), draw(st.integers(0, GROUND.width - 1))
        window = Window(row, col, draw(st.integers(1, GROUND.height - row)), draw(st.integers(1, GROUND.width - col)))
        found.append(GroundPatch(window, np.random.default_rng(seed).choice(CODES, (window.height, window.width))))
    return found


def part(patch: GroundPatch) -> GroundPart:
    return GroundPart(patch.window, lambda: patch)


def whole(found: list[GroundPatch]) -> NDArray[np.uint8]:
    codes = np.zeros((GROUND.height, GROUND.width), np.uint8)
    for patch in found:
        place = patch.window.slices()
        codes[place] = merge_codes(codes[place], patch.codes)
    return codes


@settings(deadline=None)
@given(found=patches(), cells=st.integers(1, 6))
def test_segments_equal_the_whole_raster(found: list[GroundPatch], cells: int) -> None:
    truth, seen = whole(found), np.zeros((GROUND.height, GROUND.width), int)
    tally = AreaTally(GROUND)
    for segment in merge_ground(GROUND, parts=[part(p) for p in reversed(found)], cells=cells):
        assert segment.window.height == GROUND.per_edge
        assert segment.window.width <= cells * GROUND.per_edge
        assert segment.window.col % GROUND.per_edge == 0
        assert np.array_equal(segment.codes, truth[segment.window.slices()])
        seen[segment.window.slices()] += 1
        tally.add(segment)
    assert seen.max(initial=0) <= 1
    assert not truth[seen == 0].any()
    by_cell = truth.reshape(3, 10, 5, 10).swapaxes(1, 2).reshape(3, 5, 100)
    assert np.array_equal(tally.flown, (by_cell != 0).sum(axis=2))
    assert np.array_equal(tally.searched, ((by_cell > 0) & (by_cell < 255)).sum(axis=2))
    assert np.array_equal(tally.disturbed, ((by_cell > 1) & (by_cell < 255)).sum(axis=2))
    area = tally.searched_area()
    assert area.flown.sum() * 100 == pytest.approx(np.count_nonzero(truth))


@settings(deadline=None)
@given(found=patches())
def test_tallies_of_any_pieces_add_up(found: list[GroundPatch]) -> None:
    codes = whole(found)
    one, first, second = AreaTally(GROUND), AreaTally(GROUND), AreaTally(GROUND)
    one.add(GroundPatch(Window(0, 0, GROUND.height, GROUND.width), codes))
    first.add(GroundPatch(Window(0, 0, 13, GROUND.width), codes[:13]))
    second.add(GroundPatch(Window(13, 0, GROUND.height - 13, 27), codes[13:, :27]))
    second.add(GroundPatch(Window(13, 27, GROUND.height - 13, GROUND.width - 27), codes[13:, 27:]))
    first += second
    for name in ("flown", "searched", "disturbed"):
        assert np.array_equal(getattr(first, name), getattr(one, name))


def test_parts_are_loaded_only_when_their_turn_comes() -> None:
    loaded: list[int] = []

    def loader(n: int, window: Window) -> Callable[[], GroundPatch]:
        def load() -> GroundPatch:
            loaded.append(n)
            return GroundPatch(window, np.ones((window.height, window.width), np.uint8))

        return load

    windows = [Window(25, 0, 3, 3), Window(2, 2, 3, 3)]
    stream = merge_ground(GROUND, parts=[GroundPart(w, loader(n, w)) for n, w in enumerate(windows)])
    assert next(stream).window == Window(0, 0, 10, 10)
    assert loaded == [1]
    assert next(stream).window == Window(20, 0, 10, 10)
    assert loaded == [1, 0]


def test_a_part_that_leaves_the_grid_is_refused() -> None:
    window = Window(0, 45, 2, 6)
    with pytest.raises(ValueError, match="leaves the ground grid"):
        list(merge_ground(GROUND, parts=[part(GroundPatch(window, np.ones((2, 6), np.uint8)))]))


def test_a_part_that_loads_as_something_else_is_refused() -> None:
    other = GroundPatch(Window(0, 0, 2, 2), np.ones((2, 2), np.uint8))
    with pytest.raises(ValueError, match="announced"):
        list(merge_ground(GROUND, parts=[GroundPart(Window(0, 0, 3, 3), lambda: other)]))


def test_tallies_of_different_grids_do_not_mix() -> None:
    tally = AreaTally(GROUND)
    with pytest.raises(ValueError, match="different grids"):
        tally += AreaTally(GroundGrid(GROUND.hectares, 20))
