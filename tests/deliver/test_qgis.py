"""The real QGIS, without a screen, opens every product right."""

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.deliver.survey_at import ITEMS

pytestmark = pytest.mark.qgis
SCRIPT = Path(__file__).with_name("qgis_open.py")
PYTHON = Path("/usr/bin/python3")


@pytest.fixture(scope="module", autouse=True)
def qgis() -> None:
    """Skip where the system has no QGIS."""
    if (
        not PYTHON.is_file()
        or subprocess.run([PYTHON, "-c", "import qgis.core"], capture_output=True, check=False).returncode
    ):
        pytest.skip("QGIS is absent: apt-get install qgis qgis-providers python3-qgis")


def opened(report: Path, *sources: str | Path) -> dict[str, Any]:
    """Return what QGIS says of sources; its environment has none of this one's GDAL or PROJ."""
    home = report.parent / "home"
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "QT_QPA_PLATFORM": "offscreen", "LC_ALL": "C.UTF-8"}
    environment |= {"XDG_RUNTIME_DIR": str(report.parent)}
    done = subprocess.run(
        [PYTHON, SCRIPT, report, *sources], capture_output=True, text=True, check=False, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(report.read_text())
    return found


@pytest.fixture(scope="module")
def moved(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export, copied to another place: its own files only."""
    return Path(shutil.copytree(exported, tmp_path_factory.mktemp("moved") / "elsewhere"))


@pytest.fixture(scope="module")
def project(moved: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = moved / "survey.qgz"
    told: dict[str, Any] = opened(tmp_path_factory.mktemp("qgis") / "project.json", path)[str(path)]
    return told


def test_the_project_opens_after_its_folder_has_moved(project: dict[str, Any]) -> None:
    assert project["read"]
    assert project["crs"] == "EPSG:32638"
    assert project["errors"] == []
    assert len(project["layers"]) == 4 + 3 + 2 + 1 + 2
    assert all(layer["valid"] for layer in project["layers"])
    assert {layer["crs"] for layer in project["layers"]} == {"EPSG:32638"}


def test_every_layer_of_the_project_has_a_style_with_words(project: dict[str, Any]) -> None:
    renderers = {layer["name"]: layer["renderer"] for layer in project["layers"]}
    assert renderers["Model risk: chance of an item or more per hectare"] == "singlebandpseudocolor"
    assert renderers["Candidates of disturbed ground"] == "paletted"
    assert renderers["Work areas"] == renderers["Candidate rows"] == "categorizedSymbol"
    legend = {word for layer in project["layers"] for word in layer["legend"]}
    assert {
        "candidate item, not confirmed",
        "crater candidate",
        "candidate CHA",
        "candidate SHA",
        "50% chance of an item or more in the hectare",
    } <= legend


def test_the_map_shows_risk_outlines_and_hatches_in_their_colours(project: dict[str, Any]) -> None:
    colours = {tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)): n for c, n in project["colours"].items()}
    drawn = sum(n for c, n in colours.items() if c != (255, 255, 255))
    assert drawn > 0.5 * sum(colours.values())
    for wanted in ((0xC2, 0x18, 0x9B), (0x0B, 0x5F, 0xA5), (0x0F, 0x2A, 0x5F)):  # items, work areas, craters
        assert sum(n for c, n in colours.items() if max(abs(a - b) for a, b in zip(c, wanted, strict=True)) < 12) > 3
    for declared in ((255, 0, 0), (0xF4, 0xA7, 0x18)):
        assert not any(max(abs(a - b) for a, b in zip(c, declared, strict=True)) < 60 for c in colours)


def test_products_by_themselves_find_their_styles(moved: Path, tmp_path: Path) -> None:
    layers = [f"detections.gpkg|layername={n}" for n in ("detections", "hectares", "searched_area", "images")]
    layers += [f"patterns/patterns.gpkg|layername={n}" for n in ("patterns", "members", "places")]
    layers += ["candidates/candidates.gpkg|layername=candidates"]
    layers += [f"priority/work_areas.gpkg|layername={n}" for n in ("work_areas", "hectares")]
    sources = [f"{moved}/{name}" for name in (*layers, "risk.tif", "disturbance.tif")]
    found = opened(tmp_path / "r.json", *sources)
    assert all(told["valid"] and told["crs"] == "EPSG:32638" for told in found.values())
    kinds = [told["renderer"] for told in found.values()]
    assert kinds.count("categorizedSymbol") == 8
    assert kinds[-2:] == ["singlebandpseudocolor", "paletted"]
    assert len(found[f"{moved}/disturbance.tif"]["legend"]) == 4


def test_a_style_that_is_missing_is_noticed(moved: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.gpkg"
    shutil.copy(moved / "detections.gpkg", bare)
    with closing(sqlite3.connect(bare)) as database:
        database.execute("DELETE FROM layer_styles")
        database.commit()
    source = f"{bare}|layername=detections"
    assert opened(tmp_path / "r.json", source)[source]["renderer"] == "singleSymbol"


def test_files_for_others_open_too(moved: Path, tmp_path: Path) -> None:
    sources = {
        f"{moved}/imsma/imsma.gdb|layername=evidence_points": None,
        f"{moved}/flatgeobuf/items.fgb": ITEMS,
        f"{moved}/tablets/survey.gpx|layername=waypoints": ITEMS + 4,
        f"{moved}/tablets/survey.kmz|layername=Candidate items, not confirmed": ITEMS,
    }
    found = opened(tmp_path / "r.json", *sources)
    for source, count in sources.items():
        assert found[source]["valid"], source
        assert count is None or found[source]["features"] == count, source
        assert found[source]["crs"] == ("EPSG:32638" if source.endswith(".fgb") else "EPSG:4326")


def test_a_coarse_export_opens_as_a_map(coarse: Path, tmp_path: Path) -> None:
    path = coarse / "survey.qgz"
    told = opened(tmp_path / "r.json", path)[str(path)]
    assert told["read"]
    assert all(layer["valid"] for layer in told["layers"])
    assert {layer["name"] for layer in told["layers"]} >= {"Cells of the coarsened risk", "Work areas"}
    assert sum(n for colour, n in told["colours"].items() if colour != "#ffffff") > 50_000
