"""Every fault is found at its place; repair ends in features that pass, and loses no ground."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from survey.geometry import Fault, as_rows, check_features, repair_features

SQUARE = [(0, 0), (100, 0), (100, 100), (0, 100)]


def polygon(*points: tuple[float, float]) -> Any:
    return shapely.Polygon(points)


FAULTY = {
    Fault.NO_GEOMETRY: None,
    Fault.NOT_FINITE: shapely.Polygon([(0, 0), (10, 0), (np.inf, 10)]),
    Fault.FEW_VERTICES: shapely.Polygon([(0, 0), (50, 0), (0, 0.01), (0, 0)]),
    Fault.REPEATED_POINT: polygon(*SQUARE[:2], (100, 0.05), *SQUARE[2:]),
    Fault.REPEATED_END: polygon(*SQUARE, (0, 0.05)),
    Fault.INVALID: polygon((0, 0), (100, 100), (100, 0), (0, 100)),
    Fault.NO_AREA: polygon((0, 0), (0.5, 0), (0.5, 0.5)),
    Fault.LONG_STEP: polygon((0, 0), (6000, 0), (6000, 100), (0, 100)),
}


@pytest.mark.parametrize(("fault", "shape"), FAULTY.items())
def test_a_fault_of_one_geometry_is_found_by_its_name(fault: Fault, shape: Any) -> None:
    found = check_features(["a"], [shape])
    assert found[0].fault is fault
    assert all(f.fault in {fault, Fault.NO_AREA} for f in found)
    assert found[0].feature == "a"


def test_a_sound_polygon_with_a_hole_and_points_pass() -> None:
    ring = shapely.Polygon(SQUARE, [[(40, 40), (60, 40), (60, 60), (40, 60)]])
    assert check_features(["a", "b"], [ring, shapely.Point(3, 4)]) == ()


def test_places_and_sizes_are_named() -> None:
    (crossing,) = check_features(["a"], [FAULTY[Fault.INVALID]])
    (step,) = check_features(["b"], [FAULTY[Fault.LONG_STEP]])[:1]
    assert (crossing.x, crossing.y) == (50, 50)
    assert (step.x, step.y, step.detail) == (3000, 0, "6000 m, at most 5000 m")
    assert str(crossing) == "a: invalid polygon at 50.0 50.0 (self-intersection): found"


def test_the_last_two_points_may_repeat_the_first_two() -> None:
    drawn_on = polygon(*SQUARE, *SQUARE[:2])
    ends = [f for f in check_features(["a"], [drawn_on]) if f.fault is Fault.REPEATED_END]
    assert [f.detail for f in ends] == ["2 points"]
    assert repair_features(["a"], [drawn_on]).geometry[0].equals(shapely.box(0, 0, 100, 100))


def test_a_finely_drawn_curve_is_thinned_not_lost() -> None:
    round_ = shapely.Point(0, 0).buffer(10, quad_segs=400)
    (mended,) = repair_features(["a"], [round_]).geometry
    assert check_features(["a"], [mended]) == ()
    assert mended.hausdorff_distance(round_) < 0.1


def test_ids_copies_and_overlaps_are_found_between_features() -> None:
    box, other = shapely.box(0, 0, 100, 100), shapely.box(90, 0, 200, 100)
    turned = shapely.Polygon(np.roll(np.array(SQUARE), 2, axis=0)[::-1])
    found = check_features(["a", "b", "a ", "c"], [box, other, shapely.Point(500, 0), turned])
    assert [(f.feature, f.fault, f.detail) for f in found] == [
        ("a ", Fault.REPEATED_ID, "feature 1 has it too"),
        ("c", Fault.COPY, "the same as a"),
        ("b", Fault.OVERLAP, "with a: 1000 m2"),
    ]


def test_neighbours_that_share_an_edge_do_not_overlap() -> None:
    assert check_features(["a", "b"], [shapely.box(0, 0, 1, 100), shapely.box(1 - 1e-9, 0, 9, 100)]) == ()


def test_repair_says_of_everything_what_became_of_it() -> None:
    names = [f"f{n}" for n in range(len(FAULTY))]
    far = [
        None if g is None else shapely.transform(g, partial(np.add, [0, 1000 * n]))
        for n, g in enumerate(FAULTY.values())
    ]
    done = repair_features(names, far)
    assert {f.fault: f.outcome.split(":")[0] for f in done.failures} == {
        Fault.NO_GEOMETRY: "set aside",
        Fault.NOT_FINITE: "set aside",
        Fault.FEW_VERTICES: "set aside",
        Fault.REPEATED_POINT: "repaired",
        Fault.REPEATED_END: "repaired",
        Fault.INVALID: "repaired",
        Fault.NO_AREA: "set aside",
        Fault.LONG_STEP: "kept as it is",
    }
    assert done.ids == ("f3", "f4", "f5", "f7")
    assert done.index.tolist() == [3, 4, 5, 7]
    assert {f.fault for f in check_features(done.ids, done.geometry)} == {Fault.LONG_STEP}
    assert all(row["outcome"] != "found" for row in as_rows(done.failures))


def test_ground_that_a_ring_goes_around_twice_is_kept() -> None:
    loop = polygon((0, 0), (20, 0), (20, 20), (5, 20), (5, 5), (10, 5), (10, 25), (0, 25))
    (mended,) = repair_features(["a"], [loop]).geometry
    assert mended.contains(shapely.Point(7, 15))


def test_a_taken_id_is_not_given_again() -> None:
    boxes = [shapely.box(x, 0, x + 5, 5) for x in range(0, 40, 10)]
    assert repair_features(["a", "a", "a-DUP01", "a"], boxes).ids == ("a", "a-DUP02", "a-DUP01", "a-DUP03")


def test_shared_ground_is_left_to_people() -> None:
    first, second, inside = shapely.box(0, 0, 100, 100), shapely.box(50, 0, 150, 100), shapely.box(10, 10, 20, 20)
    kept = repair_features(["a", "b", "c"], [first, second, inside])
    assert [(f.detail, f.outcome) for f in kept.failures] == [
        ("with a: 5000 m2", "kept as it is"),
        ("with a: 100 m2", "kept as it is"),
    ]
    assert kept.ids == ("a", "b", "c")


corner = st.tuples(st.integers(0, 60), st.integers(0, 60))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(corner, min_size=3, max_size=9), min_size=1, max_size=4))
def test_whatever_is_drawn_passes_after_repair_but_for_overlaps(drawn: list[list[tuple[int, int]]]) -> None:
    shapes = [shapely.Polygon(points) for points in drawn]
    names = [f"f{n % 2}" for n in range(len(shapes))]
    done = repair_features(names, shapes)
    assert {f.fault for f in check_features(done.ids, done.geometry)} <= {Fault.OVERLAP}
    assert {f.position for f in done.failures if f.outcome == "set aside"} == set(range(len(drawn))) - set(done.index)
    covered = shapely.union_all([*done.geometry])
    sound = shapely.union_all([s for s in shapes if s.is_valid and s.area >= 1])
    assert sound.difference(covered.buffer(0.2)).area < 2 * len(drawn)
