from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely

from survey.page.queue import Entry, disputed, for_second_opinion, in_turn, informative, still_open
from survey.page.vectors import MOST_SHAPES, ShapeLayer, clusters
from survey.review import Draw, Kind, ReviewStore, Status, standing
from tests.review.opinions import CRS, opinion


def test_uncertain_items_on_ground_at_risk_come_first() -> None:
    p = np.array([0.5, 0.99, 0.5, 0.01, 0.3])
    risk = np.array([0.2, 1.0, 0.9, 1.0, 0.9])
    assert informative(p, risk).tolist()[:2] == [2, 4]
    assert informative(np.array([0.5, 0.5]), np.array([0.3, 0.3])).tolist() == [0, 1]
    assert np.isfinite(informative(np.array([0.0, 1.0]), np.ones(2))).all()


def test_each_fifth_thing_is_a_tile_the_strata_in_turn() -> None:
    draws = [
        Draw("r", 0, "empty", 9, 10.0, ("e1", "e2", "e3")),
        Draw("r", 0, "sighted", 9, 10.0, ("s1",)),
        Draw("r", 1, "empty", 9, 10.0, ("e2", "e4")),
    ]
    order = in_turn([f"d{n}" for n in range(10)], draws)
    assert [e.subject for e in order] == [
        *("d0", "d1", "d2", "d3", "e1", "d4", "d5", "d6", "d7", "s1", "d8", "d9", "e2", "e3", "e4")
    ]
    assert {e.kind for e in order if e.subject[0] != "d"} == {Kind.TILE}


def test_what_is_open_disputed_and_for_a_second_opinion(tmp_path: Path) -> None:
    with ReviewStore(tmp_path) as store:
        store.add(opinion("d1", Status.CONFIRMED))
        store.add(opinion("d1", Status.REJECTED, reviewer="Olena", blind_round=1))
        store.add(opinion("d2", Status.UNSURE))
        store.add(opinion("d3", Status.REJECTED))
        store.add(opinion("tile-10-E0-N0", Status.TILE_REVIEWED, kind=Kind.TILE, label=None))
        decisions = store.decisions()
    things = standing(decisions)
    entries = [Entry(Kind.SIGHTING, f"d{n}") for n in range(6)]
    assert [e.subject for e in still_open(entries, things)] == ["d0", "d4", "d5"]
    assert [e.subject for e in disputed(things)] == ["d1", "d2"]
    second = for_second_opinion(decisions, reviewer="Olena", blind_round=1)
    assert {e.subject for e in second} == {"d2", "d3"}
    assert second == for_second_opinion(decisions, reviewer="Olena", blind_round=1)
    assert {e.subject for e in for_second_opinion(decisions, reviewer="Aygun", blind_round=1)} == set()
    assert len(for_second_opinion(decisions, reviewer="C", blind_round=2)) == 3


def layer(count: int, *, weight: str | None = None) -> ShapeLayer:
    rng = np.random.default_rng(1)
    places = rng.uniform(0, 1000, (count, 2))
    table = geopandas.GeoDataFrame(
        {"p": rng.random(count), "name": ["x"] * count, "hidden": [1] * count},
        geometry=shapely.box(places[:, 0], places[:, 1], places[:, 0] + 2, places[:, 1] + 2),
        crs=CRS,
    )
    return ShapeLayer.of(table, columns=("p", "name", "none"), weight=weight)


def test_a_view_holds_what_meets_it_and_nothing_else() -> None:
    shapes = layer(2000)
    view = shapes.view((100, 200, 300, 350), resolution=0.1)
    box = shapely.box(100, 200, 300, 350)
    assert len(view["features"]) == int(shapely.intersects(shapes.shapes, box).sum()) > 20
    assert view["left_out"] == 0
    assert set(view["features"][0]["properties"]) == {"p", "name"}


def test_of_too_many_the_most_important_are_sent() -> None:
    shapes = layer(MOST_SHAPES + 500, weight="p")
    view = shapes.view((0, 0, 1002, 1002), resolution=0.1)
    assert view["left_out"] == 500
    sent = sorted(f["properties"]["p"] for f in view["features"])
    assert sent == sorted(row["p"] for row in shapes.properties)[500:]


def test_shapes_are_no_finer_than_the_screen() -> None:
    angle = np.linspace(0, 2 * np.pi, 4000, endpoint=False)
    round_ = shapely.Polygon(np.column_stack([np.cos(angle), np.sin(angle)]) * 100)
    shapes = ShapeLayer.of(geopandas.GeoDataFrame({"a": [1]}, geometry=[round_], crs=CRS), columns=("a",))
    view = shapes.view((-200, -200, 200, 200), resolution=2)
    assert len(view["features"][0]["geometry"]["coordinates"][0]) < 60
    near = shapely.geometry.shape(shapes.view((90, -10, 110, 10), resolution=0.001)["features"][0]["geometry"])
    assert near.area == pytest.approx(round_.intersection(shapely.box(90, -10, 110, 10)).area, rel=1e-3)
    assert shapely.get_num_coordinates(near) < 200


def test_points_are_counted_in_squares_of_the_screen() -> None:
    x, y = np.array([0.0, 5, 70, -1]), np.array([0.0, 60, 0, 0])
    number, count = clusters(x, y, resolution=1.0)
    assert count == 3
    assert number[0] == number[1]
    assert len({number[0], number[2], number[3]}) == 3
