"""Forms for an information system: what imagery can say of evidence, in the user's own fields."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from pyproj import Transformer

from survey.cli.entry import main
from survey.config import load_config
from survey.deliver import ImsmaConfig, export_run
from survey.deliver.imsma import Provenance, write_imsma
from survey.deliver.items import ground_of, items_of
from survey.deliver.mapping import mapped
from survey.deliver.tables import Table
from survey.errors import ConfigError
from tests.deliver.survey_at import CODE, ITEMS, SOUTH, WEST


@pytest.fixture(scope="module")
def form(exported: Path) -> pd.DataFrame:
    return pd.read_csv(exported / "imsma" / "evidence_points.csv", keep_default_na=False)


def test_each_kind_of_evidence_fills_its_own_field(form: pd.DataFrame) -> None:
    asked = form[["ev_eo_obs", "ev_crat_obs", "ev_other_obs"]] == "yes"
    assert (asked.sum(axis=1) == 1).all()
    assert asked.sum().to_dict() == {"ev_eo_obs": ITEMS + 1, "ev_crat_obs": 2, "ev_other_obs": 4}
    assert set(form["means"]) == {"remote visual"}
    mines = form[form["eo_mine"] == "yes"]
    assert set(mines["eo_mine_type"]) == {"AP"}
    assert len(mines) == len(form[form["eo_erw"] == "yes"]) == ITEMS / 3


def test_imagery_never_says_that_there_is_none(form: pd.DataFrame) -> None:
    asked = [c for c in form.columns if c.startswith(("ev_", "eo_")) and c != "ev_details" and "type" not in c]
    assert set(form[asked].to_numpy().ravel()) == {"yes", "don't know"}


def test_only_what_review_confirmed_is_direct(form: pd.DataFrame) -> None:
    assert form["evidence_class"].value_counts().to_dict() == {"Indirect": len(form) - 1, "Direct": 1}
    assert form["status"][form["evidence_class"] == "Direct"].tolist() == ["confirmed"]
    assert set(form["status"]) == {"confirmed", "candidate, not reviewed"}


def test_places_are_wgs84_with_their_error(form: pd.DataFrame, survey_run: Path) -> None:
    sightings = pyogrio.read_dataframe(survey_run / "products" / "detections.gpkg", layer="detections")
    items = form[form["source_other"].isin(sightings["detection_id"])]
    x, y = Transformer.from_crs(4326, CODE, always_xy=True).transform(items["lon"], items["lat"])
    truth = sightings.set_index("detection_id").loc[items["source_other"]].geometry
    assert np.hypot(x - truth.x, y - truth.y).max() < 0.02
    assert set(items["gps_accuracy"]) == {0.03}
    assert len(items) == ITEMS


def test_one_row_an_item_that_of_its_best_sighting(survey_run: Path) -> None:
    frame = pyogrio.read_dataframe(survey_run / "products" / "detections.gpkg", layer="detections")
    columns = {c: frame[c].to_numpy() for c in frame.columns if c != "geometry"}
    shapes = np.asarray(frame.geometry.array, dtype=object)
    shapes[int(frame["probability"].argmax())] = None
    items = items_of(Table("", "d.gpkg", "detections", CODE, shapes, columns))
    placed = frame.drop(index=int(frame["probability"].argmax()))
    best = placed.groupby("item")["probability"].max()
    assert items.columns["probability"].tolist() == pytest.approx(best.tolist())
    assert items.columns["sightings"].sum() == 2 * ITEMS - 1


def test_what_review_rejected_is_no_item(survey_run: Path) -> None:
    frame = pyogrio.read_dataframe(survey_run / "products" / "detections.gpkg", layer="detections").sort_values("item")
    columns = {c: frame[c].to_numpy() for c in frame.columns if c != "geometry"}
    verdicts = ["rejected", "rejected", "", "rejected", "", "confirmed"] + [""] * (2 * ITEMS - 6)
    columns["review"] = np.array(verdicts, dtype=object)
    items = items_of(Table("", "d", "detections", CODE, np.asarray(frame.geometry.array, dtype=object), columns))
    assert items.columns["item"].tolist() == list(range(1, ITEMS))
    assert items.columns["sightings"].tolist()[:2] == [1, 2]
    assert items.columns["status"].tolist()[:3] == ["", "confirmed", ""]


def test_ground_is_placed_in_the_middle_of_its_pixels(survey_run: Path) -> None:
    ground = ground_of(survey_run / "products" / "disturbance.tif", crs=CODE, least_m2=10)
    (crater,) = np.flatnonzero((ground.columns["kind"] == "crater") & (shapely.get_y(ground.geometry) > SOUTH + 100))
    assert ground.columns["area_m2"][crater] == 15 * 20
    assert shapely.get_coordinates(ground.geometry[crater]).tolist() == [[WEST + 40, SOUTH + 172.5]]
    assert 10 < ground.columns["radius_m"][crater] < 13.5
    assert ground.columns["cell"][crater] == f"E{WEST}N{SOUTH + 100}"
    assert len(ground_of(survey_run / "products" / "disturbance.tif", crs=CODE, least_m2=1e6)) == 0


def test_a_mapping_of_ones_own_renames_fields_and_words(survey_run: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "version: 1\norganisation: NGO\nkinds: [crater]\nleast_ground_m2: 200\nevidence_points:\n"
        "  Kod: id\n  Tip: {from: kind, words: {crater: voronka}}\n  Mənbə: {value: dron}\n"
    )
    out = export_run(survey_run, out=tmp_path / "o", formats=["imsma"], mapping=mine).folder
    form = pd.read_csv(out / "imsma" / "evidence_points.csv")
    assert list(form.columns) == ["Kod", "Tip", "Mənbə", "wkt"]
    assert form["Tip"].tolist() == ["voronka"] * 2
    assert form["Kod"][0] == "NGO-EV-feedc0de-0001"
    table = pyogrio.read_dataframe(out / "imsma" / "imsma.gdb")
    assert list(table["Mənbə"]) == ["dron", "dron"]


def test_who_says_that_places_are_not_to_be_recorded_gets_none(survey_run: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text('version: 1\ngeo_safe: "no"\n')
    out = export_run(survey_run, out=tmp_path / "o", formats=["imsma"], mapping=mine).folder
    form = pd.read_csv(out / "imsma" / "evidence_points.csv")
    assert form[["lat", "lon"]].isna().all().all()
    assert not (out / "imsma" / "imsma.gdb").exists()


def test_candidate_areas_become_hazardous_areas_of_many_parts(tmp_path: Path) -> None:
    box = shapely.box(WEST, SOUTH, WEST + 60, SOUTH + 50)
    told = {"candidate": "SHA-1", "kind": "candidate SHA", "status": "proposal", "basis": "2 sightings"}
    columns = {name: np.array([value], dtype=np.object_) for name, value in told.items()}
    areas = Table("candidates", "candidates.gpkg", "candidates", CODE, np.array([box], object), columns)
    nothing = {c: np.array([], object) for c in ("class", "detection_id")}
    nothing |= {c: np.array([], float) for c in ("probability", "sightings", "position_error_m")}
    items = Table("", "items.gpkg", "items", CODE, np.array([], object), nothing)
    origin = Provenance("run4711", "2026-05-01", places=True)
    written = write_imsma(tmp_path, [items, areas], config=load_config(ImsmaConfig), origin=origin)
    assert written == {"evidence_points": 0, "hazardous_areas": 1}
    table = pyogrio.read_dataframe(tmp_path / "imsma.gdb", layer="hazardous_areas")
    assert table.geometry.geom_type.tolist() == ["MultiPolygon"]
    assert table["estimated_area_ha"].tolist() == pytest.approx([0.3])
    assert table[["type_ha", "status_ha"]].to_numpy().tolist() == [["candidate SHA", "proposal"]]
    assert table["ev_details"][0].startswith("2 sightings; ")
    assert table["id_ha"].tolist() == ["ORG-HA-run4711-0001"]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("knd", "evidence_points.f: there is no column 'knd' – did you mean 'kind'"),
        ({"form": "kind"}, "evidence_points.f: expected a column's name"),
        ({"from": "kind", "words": ["a"]}, "evidence_points.f.words: expected"),
        ({"value": ["a"]}, "evidence_points.f: expected"),
        (3, "evidence_points.f: expected"),
    ],
)
def test_a_faulty_rule_is_named(rule: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        mapped({"kind": np.array(["crater"], object)}, {"f": rule}, where="evidence_points")


def test_a_faulty_mapping_is_told_in_one_line(
    survey_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("version: 1\ngeo_safe: maybe\n")
    with pytest.raises(SystemExit) as caught:
        main(["export", str(survey_run), "--out", str(tmp_path / "o"), "--mapping", str(mine)])
    assert caught.value.code == 2
    assert 'mine.yaml:2:11: geo_safe: expected "yes", "no" or "don\'t know", in quotes' in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
