"""Divided ground is nobody's twice and nobody's loss."""

from typing import Any

import numpy as np
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from survey.geometry import check_features, divide_ground


def test_shared_ground_goes_to_the_earlier() -> None:
    first, second, inside = shapely.box(0, 0, 100, 100), shapely.box(50, 0, 150, 100), shapely.box(10, 10, 20, 20)
    (one,), (other,), none = divide_ground([first, second, inside])
    assert one.equals(first)
    assert other.equals(shapely.box(100, 0, 150, 100))
    assert none == []


def test_what_is_cut_in_two_stays_whole_in_sum() -> None:
    (road,), halves = divide_ground([shapely.box(-10, 40, 110, 60), shapely.box(0, 0, 100, 100)])
    assert road.area == 2400
    assert sorted(half.area for half in halves) == [4000, 4000]


def test_what_is_left_too_small_goes_to_the_neighbour() -> None:
    (first,), none = divide_ground([shapely.box(0, 0, 100, 100), shapely.box(50, 50, 100.25, 52)])
    assert none == []
    assert first.area == 10_000.5


def test_long_edges_get_points() -> None:
    divided = divide_ground([shapely.box(0, 0, 20_000, 10), shapely.box(3000, 5, 17_000, 20)])
    assert check_features(["a", "b"], [part for parts in divided for part in parts]) == ()


def test_no_areas_are_no_polygons() -> None:
    assert divide_ground([]) == []


def largest(shape: Any) -> float:
    """Return the area of the largest part; -1 of nothing."""
    return max((part.area for part in shapely.get_parts(shape)), default=-1.0)


corner = st.tuples(st.integers(0, 60), st.integers(0, 60))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(corner, min_size=3, max_size=9), min_size=1, max_size=4), st.sampled_from([1.0, 0.37, 7.1]))
@example([[(0, 0), (0, 29), (35, 12), (0, 24), (41, 25)], [(28, 0), (37, 20), (53, 52)]], 0.37)
@example([[(0, 0), (1, 0), (25, 32)], [(0, 35), (22, 15), (54, 25)], [(0, 0), (0, 30), (43, 31)]], 1.0)
def test_whatever_is_divided_passes_and_loses_no_ground(drawn: list[list[tuple[int, int]]], scale: float) -> None:
    place = np.array([500_000.3, 4_400_000.7])
    areas = [shapely.Polygon(np.array(points) * scale + place).buffer(0) for points in drawn]
    areas = [area for area in areas if area.area >= 1]
    divided = divide_ground(areas)
    parts = [part for own in divided for part in own]
    assert check_features([f"p{n}" for n in range(len(parts))], parts) == ()
    taken = shapely.MultiPolygon()
    for area, own in zip(areas, divided, strict=True):  # but for slivers, less than a square metre from each
        assert largest(shapely.union_all(own).difference(area.buffer(0.1))) < len(areas)
        assert largest(shapely.union_all(own).intersection(taken.buffer(-0.1))) < len(areas)
        taken = shapely.union(taken, area)
    assert largest(taken.buffer(-0.1).difference(shapely.union_all(parts))) < 1
