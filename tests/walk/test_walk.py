"""One run through all commands as a user gives them: they fit together, and say the same numbers."""

import io
import json
import re
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
import yaml

from survey.cli import main
from survey.evidence.groups import GROUPS, VERDICTS
from survey.review import Kind, Opinion, Place, ReviewStore, Status
from tests.evidence.conftest import BACKGROUND, DEFAULTS
from tests.finished import NAMES, Finished
from tests.priority.district import write_settings

CRS = "EPSG:32638"
RECALL = {group: {"mean": 0.9, "strength": 20} for group in GROUPS}
DONE, INCOMPLETE = 0, 3


def survey(*arguments: object, status: int = DONE) -> str:
    """Give a command and return what it prints."""
    told = io.StringIO()
    with redirect_stdout(told), pytest.raises(SystemExit) as ended:
        main([str(word) for word in arguments])
    assert ended.value.code == status, (arguments, told.getvalue())
    return told.getvalue()


@dataclass(frozen=True)
class Walk:
    """Where everything lies."""

    top: Path
    run: Path
    model: Path
    images: Path
    confirmed: Any
    """Sightings as rows of the run's layer."""
    rejected: Any
    found: Any
    """The sighting of the item that work found."""
    said: dict[str, str]

    def layer(self, path: str, name: str) -> Any:
        return pyogrio.read_dataframe(self.top / path, layer=name)

    def json(self, path: str) -> Any:
        return json.loads((self.top / path).read_text(encoding="utf-8"))


def write_evidence(folder: Path) -> Path:
    place = shapely.Point(500_052, 4_400_027)
    geopandas.GeoDataFrame(geometry=[place], crs=CRS).to_file(folder / "accidents.gpkg")
    layer = {"name": "accidents", "kind": "accidents", "path": "accidents.gpkg", "source": "test", "date": 2000}
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
    path = folder / "evidence.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def write_results(folder: Path, found: Any) -> Path:
    """Write a strip of ground that was worked on, around an item that was found and removed there."""
    x, y = found.geometry.x, found.geometry.y
    geopandas.GeoDataFrame(geometry=[shapely.box(x - 1, y - 1, x + 1, y + 1)], crs=CRS).to_file(folder / "done.gpkg")
    finds = geopandas.GeoDataFrame({"type": ["PMN"]}, geometry=[shapely.Point(x, y)], crs=CRS)
    finds.to_file(folder / "finds.gpkg")
    said = {"source": "team 3", "date": "2026-06-01"}
    done = {"name": "done", "kind": "worked", "path": "done.gpkg", "recall": RECALL}
    items = {"name": "finds", "kind": "found", "path": "finds.gpkg", "class_column": "type", "groups": {"PMN": "ap"}}
    layers = [done | said, items | said | {"position_error_m": 0.02}]
    path = folder / "results.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "flown": "2026-05-04", "georeference_error_m": 0, "layers": layers}))
    return path


def judge(run: Path, verdicts: dict[Status, Any]) -> None:
    """Store a verdict of each kind, as the page does."""
    about = json.loads((run / "run.json").read_text())
    with ReviewStore(run) as store:
        for status, row in verdicts.items():
            opinion = Opinion(
                Kind.SIGHTING,
                status,
                str(row["detection_id"]),
                Place(CRS, row.geometry.x, row.geometry.y, float(row["position_error_m"])),
                reviewer="Aygun",
                label=None if status is Status.REJECTED else "at_mine",
                size_m=float(row["size_m"]),
                seen={"images": [row["image_id"]]},
                run_id=about["run_id"],
            )
            store.add(opinion)
        missed = Place(CRS, 500_050.3, 4_400_029.7, 0.01)  # where no sighting is near
        store.add(Opinion(Kind.MISSED, Status.MISSED_ITEM, "drawn", missed, reviewer="Aygun", label="ap_mine"))
        store.add(Opinion(Kind.TILE, Status.TILE_REVIEWED, "tile", missed, reviewer="Aygun"))


@pytest.fixture(scope="module")
def walk(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """Give every command in the order of a user."""
    top = tmp_path_factory.mktemp("walk")
    run = finished.copy(top).folder
    table = pyogrio.read_dataframe(run / "products" / "detections.gpkg", layer="detections")
    best = table.sort_values(["probability", "score"], ascending=False).drop_duplicates("item")
    alone = best[best["item"].map(table["item"].value_counts()) == 1].iloc[:5]
    rows = [row for _, row in alone.iterrows()]
    kinds = (Status.CONFIRMED, Status.REJECTED, Status.RELABELLED, Status.UNSURE)
    judge(run, dict(zip(kinds, rows, strict=False)))
    images = ("--images", finished.images, "--model", finished.model)
    said = {"first": survey("risk", run)}
    evidence = write_evidence(top)
    said["evidence"] = survey("evidence", evidence, "--out", top / "prior", "--like", run / "products" / "risk.tif")
    said["second"] = survey("risk", run, "--results", write_results(top, rows[4]))
    place = (rows[0].geometry.x, rows[0].geometry.y)
    said["explain"] = survey("explain", *place, "--run", run, "--json")
    said["explain first"] = survey("explain", *place, "--run", run, "--round", 1, "--json")
    said["explain run"] = survey("explain", *place, "--run", run, "--round", 0, "--json")
    said["patterns"] = survey("patterns", run, "--out", top / "rows")
    given = ("--evidence", top / "prior", "--patterns", top / "rows")
    said["candidates"] = survey("candidates", run, *given, "--out", top / "areas")
    settings = write_settings(top / "priority.yaml", area_ha=1, least_area_ha=1)
    said["plan"] = survey("prioritise", run, "--config", settings, "--out", top / "plan")
    folders = (*given, "--candidates", top / "areas", "--plan", top / "plan")
    said["report"] = survey("report", run, *folders, *images)
    said["trace"] = survey("trace", rows[0]["detection_id"], "--run", run, *folders, *images[:2], "--json")
    said["place"] = survey("trace", *place, "--run", run, *folders, *images[:2])
    with_ = [word for name in ("rows", "areas", "plan", "prior") for word in ("--with", top / name)]
    said["export"] = survey("export", run, *with_, "--flown", "2026-05-04")
    said["coarse"] = survey("export", run, *with_, "--redact", "coarsen", "--out", top / "public")
    said["export round"] = survey("export", run / "rounds" / "001", "--format", "gis", "--out", top / "first")
    survey("verify", run, *images)
    for folder in ("rows", "areas", "plan", "prior", "public", "first", "run/export", "run/rounds/001"):
        said[f"verify {folder}"] = survey("verify", top / folder)
    survey("review", run, "--export", top / "decisions.gpkg")
    for name, review in (("store", run / "review.sqlite"), ("file", top / "decisions.gpkg")):
        survey("candidates", run, *given, "--round", 0, "--review", review, "--out", top / f"areas-{name}")
    return Walk(top, run, finished.model, finished.images, rows[0], rows[1], rows[4], said)


def test_expected_items_are_one_number(walk: Walk) -> None:
    summary = walk.json("run/rounds/002/summary.json")
    with rasterio.open(walk.run / "rounds" / "002" / "risk.tif") as raster:
        bands = dict(zip(raster.descriptions, raster.read(masked=True).astype(float), strict=True))
    cells = walk.layer("run/rounds/002/detections.gpkg", "hectares")
    plan = walk.json("plan/priority.json")
    exported = walk.layer("run/export/detections.gpkg", "hectares")
    coarse = walk.layer("public/detections.gpkg", "cells")
    for name in ("expected_items", "remaining_items"):
        told = summary[name]
        assert cells[name].sum() == pytest.approx(told, rel=1e-5)
        assert bands[name].sum() == pytest.approx(told, rel=1e-5)
        assert exported[name].sum() == pytest.approx(told, rel=1e-5)
        assert coarse[name].sum() == pytest.approx(told, rel=1e-5)
    page = (walk.run / "report.html").read_text(encoding="utf-8")
    assert f"{summary['expected_items']:.3g} items expected in all flown hectares" in page
    assert f"<b>{summary['remaining_items']:.3g}</b>" in page
    assert "As of round 002" in page
    planned = [h for h in walk.layer("plan/work_areas.gpkg", "hectares")["expected_items"] if np.isfinite(h)]
    assert plan["totals"]["expected_items"] == pytest.approx(sum(planned), rel=1e-5)
    flown = sum(planned) - 0.5 * (len(planned) - len(cells))  # hectares that nobody flew enter with the prior
    assert flown == pytest.approx(summary["remaining_items"], rel=1e-4)


def test_verdicts_mean_the_same_everywhere(walk: Walk) -> None:
    table = walk.layer("run/rounds/002/detections.gpkg", "detections").set_index("detection_id")
    wanted = {"confirmed": walk.confirmed, "rejected": walk.rejected, "found and removed": walk.found}
    assert {state: table["state"][row["detection_id"]] for state, row in wanted.items()} == {s: s for s in wanted}
    missed = walk.layer("run/rounds/002/detections.gpkg", "missed_items")
    assert missed["class"].tolist() == ["ap_mine"]
    numbers = {section["title"]: section["numbers"] for section in json.loads(walk.said["trace"])["sections"]}
    assert numbers["Sighting"]["state"] == "confirmed"
    assert numbers["Hectare"]["round"] == "002"
    assert all(numbers[title]["origin"] == "same" for title in ("Patterns", "Candidate areas", "Work area"))
    assert numbers["Candidate areas"]["areas"], "the confirmed item lies in a candidate area"
    page = (walk.run / "report.html").read_text(encoding="utf-8")
    assert "found on the ground and removed" in page
    proposed = walk.layer("areas/candidates.gpkg", "candidates")
    assert len(proposed)
    assert all(name in page for name in proposed["candidate"])
    assert page.count("Made from this run&#x27;s products.") == 3
    assert "NOT made" not in page
    assert "NOT in the round" not in page
    reports = {n: walk.json(f"{n}/candidates.json") for n in ("areas", "areas-store", "areas-file")}
    rejected = {name: report["items_rejected_by_review"] for name, report in reports.items()}
    confirmed = {n: sum(k["items_confirmed"] for k in report["kinds"].values()) for n, report in reports.items()}
    by_item = table.groupby("item")["review"].agg(set)
    told = {word: sum(word in said for said in by_item) for word in ("confirmed", "rejected")}
    found = table[table["state"] == "found and removed"]["item"].nunique()
    both = sum({"confirmed", "rejected"} <= said for said in by_item)
    assert found == 1
    assert rejected["areas-store"] == rejected["areas-file"] == told["rejected"] - both
    assert rejected["areas"] == (table.groupby("item")["state"].first() == "rejected").sum()
    assert confirmed["areas-store"] == confirmed["areas-file"] == told["confirmed"] + len(missed)
    known = table[table["state"].isin(["confirmed", "found and removed"])]["item"].nunique()
    assert confirmed["areas"] == known + len(missed)
    assert [report["round"] for report in reports.values()] == ["002", None, None]


def test_each_command_says_which_round_it_looked_at(walk: Walk) -> None:
    assert "round 001" in walk.said["first"]
    assert "round 002" in walk.said["second"]
    assert "after round 002" in walk.said["patterns"]
    assert "what remains after round 002" in walk.said["candidates"]
    assert "round 002" in walk.said["plan"]
    assert "round 002" in walk.said["export"]
    assert "round 001" in walk.said["export round"]
    assert "risk.tif of round 002" in walk.said["place"]
    assert "as of round 002" in json.loads(walk.said["explain"])["cell"]


def numbers_of(told: str) -> dict[str, Any]:
    return {section["title"].partition(",")[0]: section["numbers"] for section in json.loads(told)["sections"]}


def test_a_hectare_is_explained_in_each_round(walk: Walk) -> None:
    """The first round has only verdicts, so that every step is told; the second has work too."""
    for number, name in (("001", "explain first"), ("002", "explain")):
        told = numbers_of(walk.said[name])
        with rasterio.open(walk.run / "rounds" / number / "risk.tif") as raster:
            col, row = ~raster.transform * (walk.confirmed.geometry.x, walk.confirmed.geometry.y)
            values = raster.read()[:, int(row), int(col)]
            bands = dict(zip(raster.descriptions, values.astype(float), strict=True))
        assert told["Risk now"]["remaining"]["remaining_items"] == pytest.approx(bands["remaining_items"])
        seen = {s["detection_id"]: s["verdict"] for s in told["Sightings"]["sightings"]}
        assert seen[walk.confirmed["detection_id"]] == "confirmed"
        assert walk.rejected["detection_id"] in {s["detection_id"] for s in told["Sightings"]["rejected"]}
        assert told["Work on the ground"]["seen_by_review"] == 1
    assert told["Work on the ground"]["removed"] == 1
    alone = numbers_of(walk.said["explain run"])
    assert {s["verdict"] for s in alone["Sightings"]["sightings"]} == {"not reviewed"}
    assert "remaining" not in alone["Risk now"]


def test_counts_of_the_export_are_those_of_its_layers(walk: Walk) -> None:
    for folder in ("run/export", "public"):
        report = walk.json(f"{folder}/export.json")
        assert report["round"] == "002"
        for path in sorted((walk.top / folder).rglob("*.gpkg")):
            part = path.parent.relative_to(walk.top / folder).as_posix()
            for name, kind in pyogrio.list_layers(path):
                if kind is not None:
                    key = f"{'run' if part == '.' else part}: {name}"
                    assert report["layers"][key] == len(walk.layer(str(path), name)), key
    full = walk.json("run/export/export.json")["layers"]
    source = walk.layer("run/rounds/002/detections.gpkg", "detections")
    assert full["run: detections"] == len(source)
    assert {"run: items_found", "run: missed_items", "run: worked_areas", "run: searched_area"} <= full.keys()
    assert not {"run: items_found", "run: missed_items"} & walk.json("public/export.json")["layers"].keys()


def test_a_round_opens_as_a_project_with_styles(walk: Walk) -> None:
    folder = walk.run / "rounds" / "002"
    with zipfile.ZipFile(folder / "survey.qgz") as project:
        text = project.read("survey.qgs").decode()
    for layer in ("detections", "items_found", "missed_items", "worked_areas", "hectares"):
        assert f"./detections.gpkg|layername={layer}" in text
    assert "./risk.tif" in text
    with closing(sqlite3.connect(folder / "detections.gpkg")) as database:
        styled = {name for (name,) in database.execute("SELECT f_table_name FROM layer_styles")}
    assert {"detections", "items_found", "missed_items", "worked_areas", "hectares"} <= styled


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield every text that the commands wrote: files, attributes of layers, what is packed."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if path.suffix in {".json", ".txt", ".csv", ".html", ".qml", ".xml", ".gpx", ".yaml"}:
            yield name, path.read_text(encoding="utf-8")
        elif path.suffix in {".qgz", ".kmz"}:
            with zipfile.ZipFile(path) as archive:
                for part in archive.namelist():
                    if not part.endswith(".png"):
                        yield f"{name}/{part}", archive.read(part).decode()
        elif path.suffix == ".gpkg":
            for layer, _ in pyogrio.list_layers(path):
                yield f"{name}/{layer}", pyogrio.read_dataframe(path, layer=layer, read_geometry=False).to_csv()


def test_no_text_of_any_command_releases_land(walk: Walk) -> None:
    """`geo_safe` is the name of a field of IMSMA's, `unsafe-inline` a word of the web's."""
    count = 0
    for name, text in [*texts(walk.top), *walk.said.items()]:
        bare = re.sub(r"geo_safe|unsafe-inline|<style>.*?</style>", "", text, flags=re.DOTALL)
        assert (found := VERDICTS.search(bare)) is None, (name, found)
        count += 1
    assert count > 80
    assert NAMES[0] in walk.said["place"]
