"""How well hectares were seen: joined in any order, tallied exactly, and felt by the posterior."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from survey.risk import AreaTally, GroundPart, Prior, SightTally, assess, effective_looks, merge_ground
from survey.values import (
    COVERS,
    CoverCode,
    Detections,
    GroundGrid,
    GroundPatch,
    GroundView,
    HectareGrid,
    Performance,
    SearchedArea,
    Window,
    merge_covers,
)

GROUND = GroundGrid(HectareGrid("EPSG:32638", 500_000, 4_400_200, 2, 3), 10)
LEFT = np.array([255, 255, 46, 0, 0, 0], np.uint8)


def seen(window: Window, *, seed: int, share: float = 1.0) -> GroundPatch:
    rng = np.random.default_rng(seed)
    shape = (window.height, window.width)
    cover = rng.integers(1, 6, shape, np.uint8)
    left = (LEFT * share).astype(np.uint8)[cover]
    codes = np.where(left > 0, rng.choice(np.array([1, 1, 1, 2], np.uint8), shape), np.uint8(255))
    return GroundPatch(window, codes, GroundView(cover, left, left.astype(np.uint16)))


@st.composite
def patches(draw: st.DrawFn) -> list[GroundPatch]:
    found = []
    for seed in draw(st.lists(st.integers(0, 999), min_size=1, max_size=5)):
        row, col = draw(st.integers(0, GROUND.height - 1)), draw(st.integers(0, GROUND.width - 1))
        window = Window(row, col, draw(st.integers(1, GROUND.height - row)), draw(st.integers(1, GROUND.width - col)))
        found.append(seen(window, seed=seed, share=draw(st.sampled_from([1.0, 0.5, 0.3]))))
    return found


def part(patch: GroundPatch) -> GroundPart:
    return GroundPart(patch.window, lambda: patch)


def by_cell(values: NDArray[np.generic]) -> NDArray[np.generic]:
    return values.reshape(2, 10, 3, 10).swapaxes(1, 2).reshape(2, 3, 100)


@settings(deadline=None)
@given(found=patches(), cells=st.integers(1, 4))
def test_sums_are_those_of_ground_pixel_by_ground_pixel(found: list[GroundPatch], cells: int) -> None:
    cover = np.full((20, 30), 99)
    best, total = np.zeros((20, 30), int), np.zeros((20, 30), int)
    for patch in found:
        assert patch.view is not None
        place = patch.window.slices()
        cover[place] = np.minimum(cover[place], patch.view.cover)
        best[place] = np.maximum(best[place], patch.view.best)
        total[place] += patch.view.best
    area, sight = AreaTally(GROUND), SightTally(GROUND)
    for segment in merge_ground(GROUND, parts=[part(p) for p in found], cells=cells):
        area.add(segment)
        sight.add(segment)
    known = sight.seen(area.searched_area(), correlation=0.4, recall=0.6)
    assert known.cover is not None
    assert known.visible is not None
    assert known.looks is not None
    for n, name in enumerate(COVERS):
        assert np.allclose(known.cover[n] * 100, (by_cell(cover) == CoverCode[name.upper()]).sum(axis=2))
    searched = known.searched * 100
    assert np.allclose(known.visible * searched * 255, by_cell(best).sum(axis=2))
    worth = effective_looks(np.floor(total / np.maximum(best, 1)), correlation=0.4)
    weight = by_cell(best).sum(axis=2)
    together, parts = 1 - 0.4**known.looks, by_cell((1 - 0.4**worth) * best).sum(axis=2)
    assert np.allclose((together * weight)[weight > 0], parts[weight > 0])
    assert (known.looks[weight == 0] == 1).all()


def test_views_join_in_any_order() -> None:
    window = Window(0, 0, 10, 10)
    three = [seen(window, seed=seed, share=share) for seed, share in ((1, 1.0), (2, 0.5), (3, 0.3))]
    results: list[tuple[NDArray[np.unsignedinteger], ...]] = []
    for order in permutations(three):
        (merged,) = merge_ground(GROUND, parts=[part(p) for p in order])
        assert merged.view is not None
        results.append((merged.codes, merged.view.cover, merged.view.best, merged.view.total))
    assert all(np.array_equal(a, b) for other in results[1:] for a, b in zip(results[0], other, strict=True))


def test_the_least_cover_counts_and_unknown_gives_way() -> None:
    codes = np.array([0, 1, 2, 3, 4, 5], np.uint8)
    first, second = np.meshgrid(codes, codes)
    merged = merge_covers(first, second)
    both = (first > 0) & (second > 0)
    assert np.array_equal(merged[both], np.minimum(first, second)[both])
    assert np.array_equal(merged[~both], np.maximum(first, second)[~both])


def test_views_that_say_nothing_leave_one_look_at_everything() -> None:
    area, sight = AreaTally(GROUND), SightTally(GROUND)
    patch = GroundPatch(Window(0, 0, 10, 10), np.ones((10, 10), np.uint8))
    area.add(patch)
    sight.add(patch)
    known = sight.seen(area.searched_area(), correlation=1.0, recall=0.6)
    assert known.visible is None
    assert known.looks is None
    assert known.cover is None


def test_hidden_ground_keeps_its_prior_and_grass_most_of_it() -> None:
    """One hectare each: open, half under canopy, all under grass, all under canopy."""
    grid = HectareGrid("EPSG:32638", 500_000, 4_400_100, 1, 4)
    searched = np.array([[1.0, 0.5, 1.0, 0.0]])
    cover = np.zeros((len(COVERS), 1, 4))
    cover[0], cover[1], cover[3] = [[1, 0.5, 0, 0]], [[0, 0, 1, 0]], [[0, 0.5, 0, 1]]
    area = SearchedArea(
        grid,
        np.ones((1, 4)),
        searched,
        np.zeros((1, 4)),
        looks=np.ones((1, 4)),
        visible=np.array([[1.0, 1.0, 0.2, 0.0]]),
        cover=cover,
    )
    performance = Performance(0.8, (0.7, 0.9), 1.0, (0.5, 2.0), 0.5, 0.02, items=50, found=40)
    nothing = Detections.empty(classes=("ap_mine",), model_id="m")
    risk = assess(
        area,
        detections=nothing,
        items=np.empty(0, np.intp),
        performance=performance,
        prior=Prior(0.5, 0.5, (0.25, 0.25, 0.25, 0.25)),
    )
    p = risk.p_unseen[0]
    assert p[0] < p[1] < p[2] < p[3]
    assert p[3] == pytest.approx(1 - (1 / 2) ** 0.5, abs=1e-6)
    effective = risk.effective_search[0]
    assert effective[1] == pytest.approx(effective[0] / 2)
    assert effective[2] == pytest.approx(effective[0] / 5)
    assert risk.cover_canopy[0].tolist() == [0, 0.5, 0, 1]
    assert np.isnan(risk.visibility[0, 3])
