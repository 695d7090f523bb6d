"""`survey export` as a whole: what it writes, replaces, refuses and tells."""

import json
import re
import stat
import time
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine

from survey.cli.entry import main
from survey.deliver import FORMATS, Redaction, export_run
from survey.deliver.tables import Table
from survey.deliver.tablets import middles
from survey.errors import ConfigError, InputError, OutputError
from survey.export import verify_manifest
from tests.deliver.conftest import FLOWN
from tests.deliver.leaks import contents
from tests.deliver.survey_at import CODE, ITEMS, SOUTH, WEST, write_survey

VERDICT = re.compile(rb"(?i)(?<![a-z])(?:un)?(?:safe|clear|cleared|cancelled|canceled)(?![a-z])")


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_same_run_gives_the_same_bytes(
    exported: Path, survey_run: Path, extras: list[Path], tmp_path: Path
) -> None:
    time.sleep(1.1)
    again = export_run(survey_run, out=tmp_path / "again", extras=extras, flown=FLOWN).folder
    first, second = files_of(exported), files_of(again)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_an_earlier_export_is_replaced_whole(survey_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "o"
    export_run(survey_run, out=out, formats=["flatgeobuf", "imsma"])
    export_run(survey_run, out=out, formats=["imsma"])
    assert not (out / "flatgeobuf").exists()
    assert verify_manifest(out) == ()
    assert [p.name for p in tmp_path.iterdir()] == ["o"], "nothing unfinished is left"


def test_a_folder_of_others_is_refused(survey_run: Path, tmp_path: Path) -> None:
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"thesis\.txt"):
        export_run(survey_run, out=tmp_path / "o", formats=["imsma"])
    out = export_run(survey_run, out=tmp_path / "p", formats=["imsma"]).folder
    (out / "notes.txt").write_text("mine too")
    with pytest.raises(OutputError, match=r"notes\.txt"):
        export_run(survey_run, out=out, formats=["imsma"])
    with pytest.raises(OutputError, match="holds what is exported"):
        export_run(survey_run, out=survey_run / "products")


def test_products_that_nothing_is_wrong_with_are_copied_byte_for_byte(exported: Path, survey_run: Path) -> None:
    for name in ("detections.gpkg", "risk.tif", "risk.qml", "disturbance.tif", "disturbance.tif.aux.xml"):
        assert (exported / name).read_bytes() == (survey_run / "products" / name).read_bytes()


def test_a_faulty_geometry_is_named_and_repaired_or_set_aside(tmp_path: Path) -> None:
    run = write_survey(tmp_path)
    plan = tmp_path / "plan" / "work_areas.gpkg"
    table = pyogrio.read_dataframe(plan, layer="work_areas")
    west, south, east, north = table.geometry[0].bounds
    bow = shapely.Polygon([(west, south), (east, north), (east, south), (west, north)])
    table.geometry = [bow, shapely.Polygon([(west, south), (east, south), (west, south)])]
    pyogrio.write_dataframe(table, plan, layer="work_areas")
    result = export_run(run, out=tmp_path / "o", formats=["gis"], extras=[tmp_path / "plan"])
    told = result.report["geometry"]["priority: work_areas"]
    assert told["features"] == 1
    assert {f["fault"] for f in told["failures"]} >= {"invalid polygon", "polygon with fewer than 3 vertices"}
    assert any("set aside" in f["outcome"] for f in told["failures"])
    assert result.exit_code == 3
    assert any("invalid polygon" in line for line in result.lines)
    (left,) = pyogrio.read_dataframe(result.folder / "priority" / "work_areas.gpkg", layer="work_areas").geometry
    assert left.is_valid
    assert left.area == pytest.approx((east - west) * (north - south) / 2)
    assert (plan.parent / "priority.json").exists()


def test_every_file_belongs_to_its_owner_alone(exported: Path, coarse: Path, withheld: Path) -> None:
    for folder in (exported, coarse, withheld):
        for path in folder.rglob("*"):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_no_product_judges_land(exported: Path, coarse: Path, withheld: Path) -> None:
    """The field of the form that asks whether a place may be recorded is named by others."""
    for folder in (exported, coarse, withheld):
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            for content in contents(path):
                words = VERDICT.findall(content.replace(b"geo_safe", b"").replace("geo_safe".encode("utf-16-le"), b""))
                assert not words, (path.name, words)


def test_the_project_names_units_and_candidates(exported: Path) -> None:
    with zipfile.ZipFile(exported / "survey.qgz") as archive:
        root = ET.fromstring(archive.read("survey.qgs"))  # noqa: S314 - our own file
    for layer in root.iter("maplayer"):
        assert len(layer.findtext("id", "")) >= 10
        assert layer.findtext("datasource", "").startswith("./")
        assert layer.findtext("srs/spatialrefsys/wkt", "").startswith("PROJCRS[")
        assert layer.find("renderer-v2") is not None or layer.find("pipe") is not None
    words = " ".join(v for e in root.iter() for v in (e.get("label"), e.get("name")) if v)
    assert "per hectare" in words
    assert "chance of an item or more in the hectare" in words
    assert words.count("andidate") > 8


def test_tablets_get_words_and_an_icon_of_their_own(exported: Path) -> None:
    with zipfile.ZipFile(exported / "tablets" / "survey.kmz") as archive:
        assert set(archive.namelist()) == {"doc.kml", "icons/item.png"}
        text = archive.read("doc.kml").decode()
    assert "http" not in text.replace("http://www.opengis.net/kml/2.2", "")
    assert text.count("candidate, not confirmed") >= ITEMS
    waypoints = pyogrio.read_dataframe(exported / "tablets" / "survey.gpx", layer="waypoints")
    assert len(set(waypoints["name"])) == len(waypoints)


def test_middles_are_computed_on_the_ground_and_lie_inside() -> None:
    horseshoe = shapely.LineString([(0, 0), (0, 100), (100, 100), (100, 0)]).buffer(5)
    square = shapely.box(500_000, 8_900_000, 600_000, 9_000_000)
    table = Table("", "f", "work_areas", "EPSG:32638", np.array([horseshoe, square], object), {})
    first, second = middles(table)
    assert horseshoe.contains(first)
    assert (second.x, second.y) == (550_000, 8_950_000)


def test_images_of_one_footprint_are_no_copies(exported: Path) -> None:
    told = json.loads((exported / "export.json").read_text())["geometry"]["run: images"]
    assert told == {"features": 2, "faults": {}, "failures": []}


def test_layers_of_evidence_get_a_legend_with_units(survey_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "prior"
    folder.mkdir()
    grid = {"driver": "GTiff", "height": 2, "width": 2, "count": 1, "crs": CODE}
    grid["transform"] = Affine(100, 0, WEST, 0, -100, SOUTH + 200)
    for name, dtype, unit in (("rate_ap", "float32", "per hectare"), ("evidence_class", "uint8", "class")):
        path = folder / {"rate_ap": "prior.tif"}.get(name, f"{name}.tif")
        with rasterio.open(path, "w", **grid, dtype=dtype) as dataset:
            dataset.write(np.array([[[0, 1], [2, 2]]], dtype))
            dataset.descriptions, dataset.units = (name,), (unit,)
            dataset.update_tags(1, STATISTICS_MINIMUM="0", STATISTICS_MAXIMUM="2")
    (folder / "evidence.json").write_text("{}")
    out = export_run(survey_run, out=tmp_path / "o", formats=["gis"], extras=[folder]).folder
    assert "rate ap: 0.5 per hectare" in (out / "evidence" / "prior.qml").read_text()
    assert "indirect evidence of a hazard" in (out / "evidence" / "evidence_class.qml").read_text()
    with zipfile.ZipFile(out / "survey.qgz") as archive:
        assert archive.read("survey.qgs").count(b"./evidence/prior.tif") == 2


def test_what_cannot_be_written_is_told(survey_run: Path, tmp_path: Path) -> None:
    result = export_run(survey_run, out=tmp_path / "o")
    assert any(line.startswith("left out: stac: ") and "--flown" in line for line in result.lines)
    assert result.report["formats"] == [f for f in FORMATS if f != "stac"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"formats": ["shapefile"]}, "give gis, imsma"),
        ({"formats": ["stac"]}, "give --flown"),
        ({"flown": "May"}, "expected a day"),
        ({"flown": "2026-05-02/2026-05-01"}, "after the last"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    survey_run: Path, tmp_path: Path, given: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        export_run(survey_run, out=tmp_path / "o", **given)  # type: ignore[arg-type]


def test_no_run_or_no_folder_is_told(survey_run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no finished run"):
        export_run(tmp_path, out=tmp_path / "o")
    with pytest.raises(InputError, match="no such folder"):
        export_run(survey_run, out=tmp_path / "o", extras=[tmp_path / "nowhere"])


def test_a_folder_of_products_is_exported_like_a_run(survey_run: Path, tmp_path: Path) -> None:
    out = export_run(survey_run / "products", out=tmp_path / "o", formats=["imsma"]).folder
    assert json.loads((out / "export.json").read_text())["run_id"] == "feedc0de12345678"


def test_a_product_that_changed_is_told(tmp_path: Path) -> None:
    run = write_survey(tmp_path)
    (run / "products" / "risk.qml").write_text("<qgis/>")
    result = export_run(run, formats=["imsma"])
    assert result.folder == run / "export"
    assert result.report["changed_since_the_run"] == ["risk.qml: changed since the run"]


@pytest.fixture
def run_of_this_test(tmp_path: Path) -> Path:
    return write_survey(tmp_path)


def test_the_command_exports(run_of_this_test: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["export", str(run_of_this_test), "--format", "imsma", "--redact", "coarsen:500"]
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    said = capsys.readouterr().out
    assert caught.value.code == 0
    assert "places are coarse: up to 354 m" in said
    assert "No detection is not absence" in said
    assert (run_of_this_test / "export-redacted" / "imsma" / "imsma.gdb").is_dir()


@pytest.mark.parametrize("words", [[], ["coarsen"], ["withhold"]])
def test_a_run_that_saw_nothing_is_exported_too(tmp_path: Path, words: list[str]) -> None:
    run = write_survey(tmp_path, items=0)
    result = export_run(
        run, out=tmp_path / "o", flown=None if words == ["withhold"] else FLOWN, redaction=Redaction.parse(words)
    )
    form = pd.read_csv(result.folder / "imsma" / "evidence_points.csv")
    assert len(form) == (6 if not words else 0)
    assert result.report["layers"]["run: detections"] == 0
