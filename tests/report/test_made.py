"""What other commands made of a run, in its report and in a trace through it."""

import base64
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import geopandas
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
import yaml

from survey.errors import InputError
from survey.evidence import grid_from, run_evidence
from survey.evidence.explain import Explanation
from survey.files import sha256_of
from survey.patterns import PatternSettings, run_patterns
from survey.priority import prioritise
from survey.provenance import Folders, trace_detection, trace_place
from survey.report import ReportOptions, write_report
from survey.report.evidence_map import CLASSES
from survey.report.subject import Subject
from survey.report.words import Words
from survey.review import ReviewStore, Status
from survey.rounds.taken import place_note
from tests.evidence.conftest import BACKGROUND, DEFAULTS
from tests.finished import Finished
from tests.patterns.sites import laid_site
from tests.patterns.test_run import _finished_run
from tests.priority.district import write_settings
from tests.review.opinions import opinion

CRS = "EPSG:32638"


@pytest.fixture(scope="module")
def made(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """Evidence and a plan of the run, and the rows of another one."""
    folder = tmp_path_factory.mktemp("made")
    place = shapely.Point(500_052, 4_400_027)
    geopandas.GeoDataFrame(geometry=[place], crs=CRS).to_file(folder / "accidents.gpkg")
    layer = {"name": "accidents", "kind": "accidents", "path": "accidents.gpkg", "source": "<b>test", "date": 2000}
    settings: dict[str, Any] = {
        "version": 1,
        "standard": "the standard of Nowhere",
        "background": BACKGROUND,
        "classes": dict.fromkeys(list(DEFAULTS)[:6], "direct"),
        "direct_reliability": 0.75,
        "notable_items_per_ha": 0.05,
        "used_land_leaves": 0.05,
        "layers": [{**layer, **DEFAULTS["accidents"]}],
    }
    (folder / "evidence.yaml").write_text(yaml.safe_dump(settings))
    grid = grid_from(bounds=(500_000, 4_400_000, 500_100, 4_400_100), crs=CRS)
    run_evidence(folder / "evidence.yaml", folder / "evidence", grid=grid)
    prioritise(
        finished.folder,
        settings=write_settings(folder / "priority.yaml", area_ha=1, least_area_ha=1),
        out=folder / "plan",
    )
    run_patterns(
        _finished_run(folder / "other", laid_site(40)), out=folder / "rows", settings=PatternSettings(simulations=19)
    )
    return Folders(plan=folder / "plan", patterns=folder / "rows", evidence=folder / "evidence")


@pytest.fixture
def write(finished: Finished, made: Folders, tmp_path: Path) -> Callable[..., str]:
    def page(run: Path | None = None, **options: Any) -> str:
        folders = {"evidence": made.evidence, "patterns": made.patterns, "plan": made.plan}
        chosen: dict[str, Any] = {"model": str(finished.model), "most_chips": 1, **folders, **options}
        given = ReportOptions(**chosen)
        (path,) = write_report(run or finished.folder, out=tmp_path / "r.html", options=given)
        return path.read_text(encoding="utf-8")

    return page


def test_the_report_tells_what_was_made_of_the_run(write: Callable[..., str]) -> None:
    page = write()
    assert "the standard of Nowhere" in page
    assert "&lt;b&gt;test, 2000" in page
    assert "1 / 1" in page
    assert "WA-E500000N4400000" in page
    assert page.count("Made from this run&#x27;s products.") == 1  # the plan
    assert page.count("NOT made from this run&#x27;s products") == 1  # the rows
    assert page.count('class="map"') == 7
    assert "The risk of this run was NOT computed with this evidence." in page
    assert "Of 1 hectares, " in page
    assert page.count("Not provided.") == 1  # candidates
    bare = write(coordinates=False)
    assert not re.search(r"(?<![0-9a-f])(5000\d\d|4400\d\d\d)(?![0-9a-f])", re.sub(r"<(path|style|svg).*?>", "", bare))


def test_the_plan_stands_beside_simpler_orders_with_its_curve(write: Callable[..., str], made: Folders) -> None:
    page = write()
    section = re.search(r'<section id="plan">.*?</section>', page, re.DOTALL)
    assert section is not None
    told = json.loads((made.plan / "priority.json").read_bytes())  # type: ignore[operator]
    assert section[0].count("<td>risk alone</td>") == len(told["comparison"]) / 2 == 4
    (curve,) = re.findall(r'class="plot".*?</svg>', section[0], re.DOTALL)
    lines = re.findall(r'<polyline points="([^"]+)"', curve)
    assert len(lines) == 2  # plan and risk alone; nothing to be near to was named
    assert [line.split()[0] for line in lines] == ["46.0,262.0"] * 2  # both begin at nothing
    for text in ("Exposure relieved: 0 of 0.", "Chosen by", "Last completion: 2027-03"):
        assert text in section[0], text


def test_the_map_of_evidence_shows_each_class_and_what_is_not_covered(
    write: Callable[..., str], made: Folders, tmp_path: Path
) -> None:
    folder = tmp_path / "evidence"
    shutil.copytree(made.evidence, folder)  # type: ignore[arg-type]
    profile = {"driver": "GTiff", "count": 1, "height": 1, "width": 3, "dtype": "uint8", "crs": CRS, "nodata": 255}
    place = rasterio.transform.from_origin(499_900, 4_400_100, 100, 100)
    with rasterio.open(folder / "evidence_class.tif", "w", **profile, transform=place) as dataset:
        dataset.write(np.array([[[1, 2, 0]]], np.uint8))
    page = write(evidence=folder)
    drawn = page[page.index("<title>Map of the classes of evidence</title>") :]
    found = re.search(r'href="data:image/png;base64,([^"]+)"', drawn)
    assert found is not None
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(found[1]), np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded is not None
    pixels = decoded[..., ::-1]  # alpha, red, green, blue
    cells = pixels[pixels.shape[0] // 6 :: pixels.shape[0] // 3, pixels.shape[1] // 6 :: pixels.shape[1] // 3]
    greys = {tuple(bytes.fromhex(colour[1:])): name for name, colour in CLASSES}
    middle = [greys.get(tuple(cell[1:]), "unknown") if cell[0] else "unknown" for cell in cells[1]]
    assert middle == ["indirect", "direct", "none"]
    assert (cells[[0, 2], :, 0] == 0).all()  # no colour where the evidence does not reach
    assert 'class="uncovered"' in drawn[: drawn.index("</figure>")]
    assert "not covered by the evidence: unknown" in drawn
    with rasterio.open(folder / "evidence_class.tif", "w", **profile | {"crs": "EPSG:32637"}, transform=place):
        pass
    with pytest.raises(InputError, match="is in EPSG:32637, the run in EPSG:32638"):
        write(evidence=folder)


def test_the_runs_own_evidence_is_found_where_it_lies_as_it_was(made: Folders, tmp_path: Path) -> None:
    assert made.evidence is not None
    took = {"evidence/prior.tif": sha256_of(made.evidence / "prior.tif")}

    def subject(inputs: dict[str, str], noted: Any, of_round: dict[str, str] | None = None) -> Subject:
        for folder, told in ((tmp_path / "products", inputs), (tmp_path / "rounds" / "001", of_round or {})):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "MANIFEST.json").write_text(json.dumps({"inputs": told}))
        (tmp_path / "run.json").write_text(json.dumps({"notes": {"evidence": noted}}))
        now = tmp_path / ("products" if of_round is None else "rounds/001")
        run = SimpleNamespace(current=SimpleNamespace(folder=now))
        return Subject(run, ReportOptions(), Words.of("en"))  # type: ignore[arg-type]

    place = place_note(made.evidence, tmp_path)
    assert subject(took, place).evidence == made.evidence
    assert subject(took, str(made.evidence)).evidence == made.evidence  # as earlier versions noted it
    assert subject({"evidence/prior.tif": "0" * 64}, place).evidence is None  # made anew since
    assert subject(took, place_note(made.evidence / "moved", tmp_path)).evidence is None
    assert subject({}, None).evidence is None
    assert subject(took, place, {}).evidence == made.evidence
    assert subject(took, place, {"evidence: prior.tif": "0" * 64}).evidence is None  # the round took another


def numbers(told: Explanation, title: str) -> dict[str, Any]:
    return dict(next(s.numbers for s in told.sections if s.title == title))


def test_a_trace_goes_on_to_evidence_rows_and_work_area(finished: Finished, made: Folders) -> None:
    told = trace_place(500_052, 4_400_027, run=finished.folder, folders=made)
    plan = numbers(told, "Work area")
    assert plan["of_this_run"]
    assert plan["work_area"]["rank"] == 1
    areas = pyogrio.read_dataframe(made.plan / "work_areas.gpkg", layer="work_areas")  # type: ignore[operator]
    assert plan["work_area"]["reason"] == areas["reason"][0]
    assert not numbers(told, "Patterns")["of_this_run"]
    assert numbers(told, "Evidence before the search")["rate_ap"] > 0.01
    assert numbers(told, "Candidate areas") == {"provided": False}
    wrong = Folders(plan=made.evidence)
    with pytest.raises(InputError, match=r"work_areas\.gpkg"):
        trace_place(500_052, 4_400_027, run=finished.folder, folders=wrong)


def test_verdicts_stand_in_report_and_trace(finished: Finished, write: Callable[..., str], tmp_path: Path) -> None:
    copy = finished.copy(tmp_path)
    table = pyogrio.read_dataframe(copy.folder / "products" / "detections.gpkg", layer="detections")
    best = table.sort_values(["probability", "score"], ascending=False)["detection_id"]
    with ReviewStore(copy.folder) as store:
        store.add(opinion(best.iloc[0], Status.CONFIRMED, reviewer="<i>Aygun", note="PMN, <script>"))
        store.add(opinion(best.iloc[1], Status.REJECTED, reviewer="Olena", label=None))
    told = trace_detection(best.iloc[0], run=copy.folder)
    verdicts = numbers(told, "Verdicts")
    assert [d["opinion"]["status"] for d in verdicts["decisions"]] == ["confirmed"]
    assert "what stands: an item" in str(told)
    again = numbers(trace_detection(best.iloc[1], run=copy.folder), "Verdicts")
    assert again["sha256"] == verdicts["sha256"]
    assert again["decisions"][0]["opinion"]["status"] == "rejected"
    untouched = trace_detection(best.iloc[2], run=copy.folder)
    assert "no reviewer has judged it yet" in str(untouched)
    page = write(copy.folder)
    assert "No round counts these decisions in" in page
    assert f"2 of {table['item'].nunique()} items were judged" in page
    assert "&lt;i&gt;Aygun" in page
    assert "<script" not in page
    assert "no item; Olena" in page
    assert write(copy.folder) == page
