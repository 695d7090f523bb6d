"""The two commands, from YAML to GeoTIFF and to words."""

import json
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely

from survey import cli
from survey.errors import ConfigError, GeoreferenceError, InputError, OutputError
from survey.evidence import GROUPS, evaluate, explain, grid_from, load_evidence, run_evidence
from survey.evidence.gamma import surprise
from survey.export import verify_manifest
from tests.evidence.conftest import CRS, GRID
from tests.evidence.test_evaluate import everything

VERDICT = re.compile(r"(?i)(?<![a-z])(?:un)?(?:safe|clear|cleared|cancelled|canceled)(?![a-z])")


@pytest.fixture
def written(world: Callable[..., Path], tmp_path: Path) -> Path:
    out = tmp_path / "out"
    result = run_evidence(world(*everything()), out, grid=GRID)
    assert result.exit_code == 0
    return out


def status(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_rasters_hold_the_prior_with_units_and_descriptions(written: Path, tmp_path: Path) -> None:
    prior = evaluate(load_evidence(tmp_path / "evidence.yaml"), GRID)
    with rasterio.open(written / "prior.tif") as file:
        assert file.descriptions == tuple(f"{n}_{g}" for n in ("rate", "shape") for g in GROUPS)
        assert file.units == ("per hectare",) * 4 + ("1",) * 4
        assert file.crs.to_epsg() == 32633
        assert file.transform == GRID.transform
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.tags(1)["MEANING"] == "expected anti-personnel mines before any search"
        for number, group in enumerate(GROUPS, 1):
            assert np.array_equal(file.read(number), prior.rate[group])
            assert np.array_equal(file.read(number + 4), prior.shape[group])
        assert float(file.tags(1)["STATISTICS_MAXIMUM"]) == prior.rate["ap"].max()
        assert float(file.tags(1)["STATISTICS_STDDEV"]) == pytest.approx(prior.rate["ap"].std(), rel=1e-4)
    with rasterio.open(written / "contributions.tif") as file:
        bands = dict(zip(file.descriptions, file.read(), strict=True))
    for name, layer in prior.contributions.items():
        for group in GROUPS:
            assert np.array_equal(bands[f"{name}:{group}"], layer[group])
    with rasterio.open(written / "evidence_class.tif") as file:
        assert np.array_equal(file.read(1), prior.evidence_class)


def test_the_report_accounts_for_rows_and_duds(written: Path) -> None:
    report = json.loads((written / "report.json").read_text())
    assert sum(report["cells_by_evidence"].values()) == report["area_ha"] == 1200
    for layer in report["layers"].values():
        rows = layer["geometries"]
        assert rows["rows"] == rows["used"] + rows["outside"] + sum(rows["set_aside"].values())
    change = sum(layer["change_of_expected_items"]["ap"] for layer in report["layers"].values())
    assert report["expected_items"]["ap"] == pytest.approx(12 + change, rel=1e-5)
    duds = report["layers"]["l3"]["craters"]
    assert duds["duds_q05"] < duds["duds"] < duds["duds_q95"]
    assert duds["duds"] == pytest.approx(12 / 0.5 * 6 / 23)


@pytest.mark.parametrize(("points", "where"), [([], None), ([shapely.Point(502_050, 4_801_450)], "n > 5")])
def test_a_layer_without_rows_is_no_layer_that_is_well(
    world: Callable[..., Path], tmp_path: Path, points: list[Any], where: str | None
) -> None:
    keys = {"columns": {"n": [1] * len(points)}, "where": where}
    result = run_evidence(world(("accidents", points, keys)), tmp_path / "out", grid=GRID)
    assert result.lines[0].startswith("l0: 0 of 0 rows used; nothing in the file, or nothing that")
    assert "HAS NO EFFECT" in result.lines[1]
    assert result.exit_code == 3


def test_the_folder_vouches_for_itself_and_is_private(written: Path) -> None:
    assert verify_manifest(written) == ()
    assert {stat.S_IMODE(path.stat().st_mode) for path in written.iterdir()} == {0o600}
    assert not [path for path in written.iterdir() if path.name.startswith(".")]


def test_the_same_evidence_gives_the_same_bytes(written: Path, tmp_path: Path) -> None:
    run_evidence(tmp_path / "evidence.yaml", tmp_path / "again", grid=GRID)
    for path in written.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_an_earlier_result_is_replaced_and_another_folder_is_not(written: Path, tmp_path: Path) -> None:
    run_evidence(tmp_path / "evidence.yaml", written, grid=GRID)
    assert verify_manifest(written) == ()
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.txt").touch()
    with pytest.raises(OutputError, match=r"thesis\.txt"):
        run_evidence(tmp_path / "evidence.yaml", tmp_path / "foreign", grid=GRID)


def test_nothing_that_is_written_or_said_judges_land(
    written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in written.iterdir():
        assert VERDICT.findall(path.read_bytes().decode("latin-1")) == [], path.name
    for x in range(500_050, 504_000, 800):
        for y in range(4_800_050, 4_803_000, 700):
            assert VERDICT.findall(str(explain(x, y, evidence=written))) == []
    status("evidence", str(tmp_path / "evidence.yaml"), "--out", str(written), "--like", str(written / "prior.tif"))
    status("explain", "--help")
    status("evidence", "--help")
    said = capsys.readouterr()
    assert "expected items over 1200 ha" in said.out
    assert VERDICT.findall(said.out + said.err) == []
    example = (Path(__file__).parents[2] / "configs" / "evidence.yaml").read_text()
    assert VERDICT.findall(example) == []


def test_an_explanation_tells_each_step_and_arrives_at_the_prior(written: Path, tmp_path: Path) -> None:
    prior = evaluate(load_evidence(tmp_path / "evidence.yaml"), GRID)
    explanation = explain(501_750, 4_801_550, evidence=written)
    row, col = 14, 17
    assert explanation.cell == "Cell E501700N4801500 (EPSG:32633), 1 ha"
    (section,) = explanation.sections
    numbers: dict[str, Any] = dict(section.numbers)
    assert [step["layer"] for step in numbers["steps"]] == ["l0", "l1", "l3", "l5", "l2", "l4", "l6"]
    for group in GROUPS:
        arrived = 0.01 + sum(step["change"][group] for step in numbers["steps"])
        assert arrived == pytest.approx(prior.rate[group][row, col], rel=1e-5)
    text = str(explanation)
    records = next(line for line in section.lines if line.startswith("l0"))
    assert records.startswith("l0 (minefield records, test, 1995-12-31, indirect evidence) adds ap ")
    clearance = next(line for line in section.lines if line.startswith("l5"))
    assert "earlier clearance" in clearance
    assert "takes off ap" in clearance
    assert "(to 10 % of what it was)" in clearance
    some = -np.expm1(-surprise(float(prior.rate["ap"][row, col]), float(prior.shape["ap"][row, col])))
    assert f"at least one with probability {float(some):.2g} " in text
    assert "class by test: direct evidence" in text


def test_a_cell_that_no_layer_speaks_of(world: Callable[..., Path], tmp_path: Path) -> None:
    path = world(("used_land", [shapely.box(500_000, 4_800_000, 500_100, 4_800_100)], {}))
    run_evidence(path, tmp_path / "out", grid=GRID)
    text = str(explain(503_950, 4_802_950, evidence=tmp_path / "out"))
    assert "no effect in this cell: l0" in text
    assert "which is no evidence of absence" in text


def test_explain_by_command_in_degrees_and_as_json(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status("explain", "501750", "4801250", "--evidence", str(written)) == 0
    text = capsys.readouterr().out
    lon, lat = rasterio.warp.transform(CRS, "EPSG:4326", [501_750], [4_801_250])
    degrees = ["explain", str(lon[0]), str(lat[0]), "--crs", "EPSG:4326", "--evidence", str(written)]
    assert status(*degrees) == 0
    assert capsys.readouterr().out == text
    assert status(*degrees, "--json") == 0
    assert json.loads(capsys.readouterr().out)["cell"].startswith("Cell E501700N4801200")
    assert status("explain", "-5.5", "44", "--crs", "EPSG:4326", "--evidence", str(written)) == 2
    assert "lies outside the evidence" in capsys.readouterr().err


def test_explain_names_what_is_wrong(written: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name a folder written by"):
        explain(501_750, 4_801_250, evidence=tmp_path)
    with pytest.raises(ConfigError, match="is no CRS"):
        explain(501_750, 4_801_250, evidence=written, crs="EPSG:0")
    (written / "prior.tif").unlink()
    with pytest.raises(InputError, match=r"prior\.tif: cannot be read"):
        explain(501_750, 4_801_250, evidence=written)


def test_a_layer_that_cannot_be_used_is_told_by_the_status(
    world: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = world(("expert_polygons", [None, None], {}))
    area = ["--bounds", "500000", "4800000", "504000", "4803000", "--crs", CRS]
    assert status("evidence", str(path), "--out", str(tmp_path / "out"), *area) == 3
    assert "l0: HAS NO EFFECT" in capsys.readouterr().out


def test_an_area_is_laid_over_a_raster_or_bounds(tmp_path: Path) -> None:
    assert grid_from(bounds=(500_010, 4_800_000, 503_999, 4_803_000), crs=CRS) == GRID
    profile = {"driver": "GTiff", "height": 60, "width": 80, "count": 1, "dtype": "uint8"}
    transform = rasterio.transform.from_origin(500_000, 4_803_000, 50, 50)
    with rasterio.open(tmp_path / "like.tif", "w", crs=CRS, transform=transform, **profile):
        pass
    with rasterio.open(tmp_path / "nowhere.tif", "w", transform=transform, **profile):
        pass
    assert grid_from(like=tmp_path / "like.tif") == GRID
    with pytest.raises(GeoreferenceError, match="has no CRS"):
        grid_from(like=tmp_path / "nowhere.tif")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "either --like RASTER"),
        ({"bounds": (0.0, 0.0, 1.0, 1.0)}, "give the CRS"),
        ({"bounds": (0.0, 0.0, 1.0, 1.0), "crs": "EPSG:4326"}, "projected CRS in metres"),
        ({"bounds": (0.0, 0.0, 1.0, 1.0), "crs": "EPSG:0"}, "is no CRS"),
        ({"bounds": (1.0, 0.0, 0.0, 1.0), "crs": CRS}, "expected X_MIN"),
        ({"like": Path("none.tif")}, "cannot be read as a raster"),
    ],
)
def test_an_area_that_is_none_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises((ConfigError, InputError), match=said):
        grid_from(**given)
