"""Readers that are not ours agree on counts and CRS: GDAL's own commands, rio-cogeo, geopandas, pyarrow."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import geopandas
import pandas as pd
import pyogrio
import pytest
from rio_cogeo import cog_validate

from tests.deliver.survey_at import ITEMS

ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith(("GDAL_", "PROJ_"))} | {"PATH": "/usr/bin:/bin"}


def gdal(*command: str | Path) -> str:
    """Return what a command of the system's GDAL prints; its version is not that of the wheels."""
    if shutil.which(str(command[0]), path="/usr/bin:/bin") is None:
        pytest.skip(f"{command[0]} is absent: apt-get install gdal-bin")
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRONMENT)
    assert "ERROR" not in done.stderr, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["risk.tif", "disturbance.tif"])
@pytest.mark.parametrize("which", ["exported", "coarse"])
def test_rasters_are_cogs(name: str, which: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(which) / name
    if which == "coarse" and name == "disturbance.tif":
        assert not path.exists(), "its pixels would tell the place"
        return
    valid, errors, warnings = cog_validate(path, strict=True)
    assert (valid, errors, warnings) == (True, [], [])


def test_gdal_reads_the_rasters(exported: Path) -> None:
    told = json.loads(gdal("gdalinfo", "-json", exported / "risk.tif"))
    assert 'ID["EPSG",32638]' in told["coordinateSystem"]["wkt"]
    assert [band["description"] for band in told["bands"][:2]] == ["p_at_least_one", "p_unseen"]
    assert told["bands"][0]["unit"] == "probability"


@pytest.mark.parametrize(
    ("file", "layer", "count", "code"),
    [
        ("detections.gpkg", "detections", 2 * ITEMS, 32638),
        ("detections.gpkg", "hectares", 4, 32638),
        ("patterns/patterns.gpkg", "patterns", 1, 32638),
        ("priority/work_areas.gpkg", "work_areas", 2, 32638),
        ("flatgeobuf/items.fgb", "items", ITEMS, 32638),
        ("flatgeobuf/priority-hectares.fgb", "hectares", 1, 32638),
        ("candidates/candidates.gpkg", "candidates", 2, 32638),
        ("imsma/imsma.gdb", "hazardous_areas", 2, 4326),
        ("imsma/imsma.gdb", "evidence_points", ITEMS + 6 + 1, 4326),
        ("tablets/survey.gpx", "waypoints", ITEMS + 4, 4326),
        ("tablets/survey.kmz", "Work areas", 2, 4326),
    ],
)
def test_gdal_counts_the_features(exported: Path, file: str, layer: str, count: int, code: int) -> None:
    told = gdal("ogrinfo", "-so", "-ro", exported / file, layer)
    assert re.search(r"Feature Count: (\d+)", told)[1] == str(count)  # type: ignore[index]
    assert re.findall(r'ID\["EPSG",(\d+)\]', told)[-1] == str(code)


def test_geopandas_reads_geoparquet(exported: Path) -> None:
    for path in sorted((exported / "geoparquet").iterdir()):
        same = pyogrio.read_dataframe(exported / "flatgeobuf" / f"{path.stem}.fgb")
        table = geopandas.read_parquet(path)
        assert len(table) == len(same), path.name
        assert table.crs.to_epsg() == 32638
        assert table.total_bounds == pytest.approx(same.total_bounds)


def test_forms_and_geodatabase_hold_the_same(exported: Path) -> None:
    form = pd.read_csv(exported / "imsma" / "evidence_points.csv", keep_default_na=False)
    table = pyogrio.read_dataframe(exported / "imsma" / "imsma.gdb", layer="evidence_points")
    assert list(form["id_evidence"]) == list(table["id_evidence"])
    assert list(form["lon"].astype(float)) == pytest.approx(list(table.geometry.x), abs=1e-7)
    assert not set(form["id_evidence"][form["id_evidence"].duplicated()])


def test_catalogue_vouches_for_every_file(exported: Path) -> None:
    item = json.loads((exported / "item.json").read_text())
    assert item["properties"]["proj:code"] == "EPSG:32638"
    assert item["properties"]["start_datetime"] == "2026-05-01T00:00:00Z"
    west, south, east, north = item["bbox"]
    assert west < 45.037 < east
    assert south < 39.7512 < north
    for name, asset in item["assets"].items():
        told = subprocess.run(["sha256sum", exported / name], capture_output=True, text=True, check=True).stdout
        assert asset["file:checksum"] == f"1220{told[:64]}"
        assert asset["file:size"] == (exported / name).stat().st_size
    assert {"risk.tif", "survey.qgz", "tablets/survey.kmz", "imsma/evidence_points.csv"} <= set(item["assets"])
