"""Nothing that was to be left out is in any byte of a redacted export."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyogrio
import pytest
from PIL import Image as Picture

from survey.deliver import Redaction, export_run
from survey.errors import ConfigError
from tests.deliver.leaks import forbidden, leaks
from tests.deliver.survey_at import ITEMS, NAMES, NOTE, REVIEWER


def test_the_search_for_leaks_finds_them_in_every_kind_of_file(exported: Path) -> None:
    found = leaks(exported)
    places = {name for name, what in found if " x as " in what or " y as " in what}
    kinds = {Path(name).suffix for name in places}
    assert kinds >= {".gpkg", ".tif", ".qgz", ".csv", ".gdb", ".fgb", ".kmz", ".gpx", ".parquet", ".json", ".jpg"}
    assert {what for _, what in found} >= {REVIEWER, NOTE, *NAMES}


def test_coarse_places_tell_nothing_finer(coarse: Path) -> None:
    assert leaks(coarse) == set()


def test_an_export_without_places_has_none(withheld: Path) -> None:
    assert leaks(withheld) == set()
    assert {p.name for p in withheld.rglob("*") if p.is_file()} == {
        *("summary.json", "items.csv", "evidence_points.csv", "export.json", "MANIFEST.json")
    }


def test_coarse_exports_still_say_how_much_lies_where(exported: Path, coarse: Path) -> None:
    hectares = pyogrio.read_dataframe(exported / "detections.gpkg", layer="hectares")
    (cell,) = pyogrio.read_dataframe(coarse / "detections.gpkg", layer="cells").to_dict("records")
    assert cell["hectares"] == len(hectares) == 4
    assert cell["expected_items"] == pytest.approx(hectares["expected_items"].sum())
    assert cell["p_at_least_one"] == pytest.approx(1 - np.prod(1 - hectares["p_at_least_one"]), rel=1e-5)
    assert cell["searched_fraction"] == pytest.approx(hectares["searched_fraction"].sum() / 100)
    assert cell["geometry"].bounds == (503_000, 4_400_000, 504_000, 4_401_000)
    points = pyogrio.read_dataframe(coarse / "detections.gpkg", layer="detections")
    assert len(points) == 2 * ITEMS
    assert sorted(points["item"].unique()) == list(range(ITEMS))
    assert {(p.x, p.y) for p in points.geometry} == {(503_500, 4_400_500)}
    assert (points["position_error_m"] > 707).all()


def test_sightings_of_one_item_stay_together(exported: Path, coarse: Path) -> None:
    before = pyogrio.read_dataframe(exported / "detections.gpkg", layer="detections")
    after = pyogrio.read_dataframe(coarse / "detections.gpkg", layer="detections")
    groups = [sorted(map(tuple, t.groupby("item")["probability"].apply(sorted))) for t in (before, after)]
    assert groups[0] == groups[1]


def test_a_truth_never_lies_farther_than_the_error_that_is_told(survey_run: Path, tmp_path: Path) -> None:
    redaction = Redaction.parse(["coarsen:300"])
    out = export_run(survey_run, out=tmp_path / "o", formats=["gis"], redaction=redaction).folder
    after = pyogrio.read_dataframe(out / "detections.gpkg", layer="detections").sort_values("probability")
    before = pyogrio.read_dataframe(survey_run / "products/detections.gpkg").sort_values("probability")
    away = after.geometry.reset_index(drop=True).distance(before.geometry.reset_index(drop=True))
    assert away.max() <= after["position_error_m"].iloc[0]
    assert all(b % 300 == 0 for b in pyogrio.read_bounds(out / "detections.gpkg", layer="cells")[1].ravel())


def test_people_and_names_can_go_while_places_stay(survey_run: Path, extras: list[Path], tmp_path: Path) -> None:
    redaction = Redaction.parse(["people", "names"])
    out = export_run(survey_run, out=tmp_path / "o", extras=extras, redaction=redaction).folder
    left = {what for _, what in leaks(out)}
    assert not left & {REVIEWER, NOTE, *NAMES, "agdam", "a" * 16, "Karimov"}
    assert any(" x as " in what for what in left)
    table = pyogrio.read_dataframe(out / "detections.gpkg", layer="detections")
    assert set(table["image"]) == {"image 1", "image 2"}
    reasons = pyogrio.read_dataframe(out / "detections.gpkg", layer="searched_area")["reason"]
    assert "image 1 rows 1-2: damaged" in set(reasons)


def test_pictures_keep_their_pixels_only(exported: Path, coarse: Path) -> None:
    (before,), (after,) = ([*folder.rglob("*.jpg")] for folder in (exported, coarse))
    with Picture.open(before) as picture:
        assert picture.getexif()
    with Picture.open(after) as picture:
        assert not picture.getexif()
        assert picture.size == (20, 30), "turned upright, as the EXIF said"
        assert picture.info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert after.name == "picture-0001.jpg"


def test_without_places_the_form_says_that_it_is_not_recorded(withheld: Path) -> None:
    form = pd.read_csv(withheld / "imsma" / "evidence_points.csv")
    assert set(form["geo_safe"]) == {"no"}
    assert form[["lat", "lon", "gps_accuracy"]].isna().all().all()
    assert len(form) == ITEMS
    assert "wkt" not in form


def test_the_forbidden_square_holds_no_edge_of_a_coarse_cell() -> None:
    low, high = forbidden()["EPSG:32638 x"]
    assert not any(low <= edge <= high for edge in (503_000, 503_500, 504_000))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["coarsen:250"], "multiple of 100"),
        (["coarsen:"], "multiple of 100"),
        (["coarsen:-100"], "multiple of 100"),
        (["blur"], "give coarsen"),
    ],
)
def test_a_word_that_is_not_known_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Redaction.parse(words)


def test_the_stricter_word_wins() -> None:
    assert Redaction.parse(["withhold", "coarsen:200"]).place == "withhold"
    assert Redaction.parse(["coarsen:500", "coarsen:2000"]).metres == 2000
    assert Redaction.parse(["coarsen"]).people
    assert Redaction.parse(["coarsen"]).names
    assert not Redaction.parse([]).anything
