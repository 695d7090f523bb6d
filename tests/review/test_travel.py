from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest

from survey.errors import SurveyError
from survey.review import Kind, Opinion, ReviewStore, Sightings, Standing, Status, carry_over, standing
from tests.review.opinions import CRS, opinion

X, Y = 500_050.0, 4_400_030.0


def stand(tmp_path: Path, *opinions: Opinion) -> Sequence[Standing]:
    with ReviewStore(tmp_path) as store:
        for each in opinions:
            store.add(each)
        return tuple(standing(store.decisions()).values())


def sightings(places: Sequence[tuple[float, float]], **more: Any) -> Sightings:
    x, y = np.array(places, np.float64).reshape(-1, 2).T
    given: dict[str, Any] = {
        "position_error_m": np.full(len(x), 0.02),
        "size_m": np.full(len(x), 0.1),
        "image_ids": ["a"] * len(x),
    }
    return Sightings(CRS, x, y, **(given | more))


SEEN = {"images": ["a"]}
REACH = 3 * np.hypot(0.02, 0.02)


def test_a_verdict_reaches_what_lies_within_the_errors(tmp_path: Path) -> None:
    things = stand(tmp_path, opinion("old", Status.REJECTED, seen=SEEN))
    carried = carry_over(things, sightings([(X + REACH * 0.99, Y), (X, Y - REACH * 1.01), (X, Y)]))
    assert carried.verdict.tolist() == [-1, 0, -1]
    assert carried.subject == ("old", None, "old")


def test_only_an_item_reaches_over_half_its_size(tmp_path: Path) -> None:
    near = sightings([(X + 0.2, Y)])
    large: dict[str, Any] = {"size_m": 0.5, "seen": SEEN}
    (tmp_path / "yes").mkdir()
    assert carry_over(stand(tmp_path / "yes", opinion("old", **large)), near).verdict.tolist() == [1]
    assert carry_over(stand(tmp_path, opinion("old", Status.REJECTED, **large)), near).verdict.tolist() == [0]


def test_a_rejection_holds_on_the_pictures_that_were_looked_at(tmp_path: Path) -> None:
    things = stand(tmp_path, opinion("old", Status.REJECTED, seen=SEEN), opinion("known", x=X + 5))
    carried = carry_over(things, sightings([(X, Y), (X, Y), (X + 5, Y)], image_ids=["a", "later", "later"]))
    assert carried.verdict.tolist() == [-1, 0, 1]


def test_the_nearest_thing_decides_and_the_very_sighting_before_all(tmp_path: Path) -> None:
    things = stand(tmp_path, opinion("no", Status.REJECTED, seen=SEEN), opinion("yes", x=X + 0.06))
    places = [(X + 0.02, Y), (X + 0.04, Y)]
    assert carry_over(things, sightings(places)).verdict.tolist() == [-1, 1]
    named = sightings([*places, (X + 50, Y)], detection_ids=["yes", "no", "far"])
    assert carry_over(things, named).verdict.tolist() == [1, -1, 0]


def test_items_that_the_run_did_not_find_are_told(tmp_path: Path) -> None:
    drawn: dict[str, Any] = {"kind": Kind.MISSED, "label": "at_mine"}
    things = stand(
        tmp_path,
        opinion("here", Status.MISSED_ITEM, **drawn),
        opinion("there", Status.MISSED_ITEM, x=X + 30, **drawn),
        opinion("tile-10-E500050-N4400030", Status.TILE_REVIEWED, kind=Kind.TILE, x=X + 30),
    )
    carried = carry_over(things, sightings([(X, Y)]))
    assert (carried.verdict.tolist(), carried.label) == ([1], ("at_mine",))
    assert [thing.subject for thing in carried.missed] == ["there"]
    assert [thing.subject for thing in carry_over(things, sightings([])).missed] == ["here", "there"]


def test_places_are_moved_into_the_runs_crs(tmp_path: Path) -> None:
    x, y = pyproj.Transformer.from_crs(CRS, "EPSG:32639", always_xy=True).transform(X, Y)
    things = stand(tmp_path, opinion("old", x=x, y=y, crs="EPSG:32639"))
    assert carry_over(things, sightings([(X, Y), (X + 1, Y)])).verdict.tolist() == [1, 0]
    beyond = stand(tmp_path, opinion("lost", x=1e30, y=1e30, crs="EPSG:32639"))
    with pytest.raises(SurveyError, match="EPSG:32639"):
        carry_over(beyond, sightings([(X, Y)]))


def test_many_agree_with_a_plain_search(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    places = np.add(rng.uniform(0, 2, (60, 2)), [X, Y])
    where = np.add(rng.uniform(0, 2, (25, 2)), [X, Y])
    signs = rng.choice([Status.CONFIRMED, Status.REJECTED], 25)
    things = stand(
        tmp_path,
        *(
            opinion(f"d{n}", Status(s), x=x, y=y, seen=SEEN)
            for n, (s, (x, y)) in enumerate(zip(signs, where, strict=True))
        ),
    )
    found = carry_over(things, sightings([tuple(p) for p in places])).verdict
    for n, place in enumerate(places):
        distance = np.hypot(*(where - place).T)
        nearest = int(distance.argmin())
        expected = (1 if signs[nearest] == Status.CONFIRMED else -1) if distance[nearest] <= REACH else 0
        assert found[n] == expected
