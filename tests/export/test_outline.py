"""Outlines of searched ground."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from survey.export import OutlinePolygon, SearchedOutline, UnsearchedPlace
from survey.values import GroundGrid, GroundPatch, HectareGrid, Window

GROUND = GroundGrid(HectareGrid("EPSG:32638", 500_000, 4_400_200, 2, 3), 100)  # 1 m pixels: nothing is coarsened


def outlined(patches: list[GroundPatch], *, ground: GroundGrid = GROUND) -> list[OutlinePolygon]:
    outline = SearchedOutline(ground)
    for patch in patches:
        outline.add(patch)
    return outline.polygons(unsearched=[], otherwise="too coarse")


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 999), blob=st.sampled_from([10, 20, 50]))
def test_polygons_cover_exactly_what_was_searched(seed: int, blob: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.choice(np.array([0, 1, 3, 255], np.uint8), (200 // blob, 300 // blob)).repeat(blob, 0).repeat(blob, 1)
    found = outlined(
        [
            GroundPatch(Window(row, col, 100, width), codes[row : row + 100, col : col + width])
            for row, col, width in ((0, 0, 200), (0, 200, 100), (100, 0, 300))
        ]
    )
    for state, truth in (("searched", (codes > 0) & (codes < 255)), ("not searched", codes == 255)):
        polygons = [p.polygon for p in found if p.state == state]
        assert all(p.is_valid and p.geom_type == "Polygon" for p in polygons)
        assert sum(p.area for p in polygons) == truth.sum()
        area = shapely.union_all(polygons)
        for row, col in rng.integers(0, (200, 300), (20, 2)):
            place = shapely.Point(500_000 + col + 0.5, 4_400_200 - row - 0.5)
            assert shapely.contains(area, place) == truth[row, col]


def test_fine_ground_is_outlined_by_the_metre() -> None:
    fine = GroundGrid(HectareGrid("EPSG:32638", 500_000, 4_400_100, 1, 1), 1000)
    codes = np.zeros((1000, 1000), np.uint8)
    codes[:100, :106] = 1  # 10 m x 10.6 m: the last column of metres is searched for more than half
    codes[500, 500] = 1  # a speck
    (only,) = outlined([GroundPatch(Window(0, 0, 1000, 1000), codes)], ground=fine)
    assert only.polygon.area == 110


def test_ground_that_another_image_searched_is_searched() -> None:
    outline = SearchedOutline(GROUND)
    codes = np.full((100, 100), 255, np.uint8)
    codes[:, :50] = 1
    outline.add(GroundPatch(Window(0, 0, 100, 100), codes))
    block = UnsearchedPlace(shapely.box(500_040, 4_400_100, 500_060, 4_400_200), "b.tif rows 0-9: damaged")
    again = UnsearchedPlace(shapely.box(500_055, 4_400_100, 500_070, 4_400_200), "c.tif rows 0-9: damaged")
    found = outline.polygons(unsearched=[block, again], otherwise="too coarse")
    assert [(p.reason, p.polygon.area) for p in found] == [
        ("", 5000),
        ("b.tif rows 0-9: damaged", 1000),
        ("c.tif rows 0-9: damaged", 1000),
        ("too coarse", 3000),
    ]


def test_nothing_searched_makes_no_polygons() -> None:
    assert outlined([]) == []


def test_a_patch_that_is_no_whole_segment_is_refused() -> None:
    with pytest.raises(ValueError, match="whole hectare cells"):
        outlined([GroundPatch(Window(0, 0, 50, 100), np.ones((50, 100), np.uint8))])
