"""A small finished survey whose every coordinate lies within 200 m, away from the edges of coarse cells."""

import json
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from PIL import Image as Picture
from pyproj import CRS

from survey.export import (
    Layer,
    SearchedOutline,
    UnsearchedPlace,
    candidate_style,
    detection_layer,
    hectare_layer,
    image_layer,
    layer_styles,
    searched_layer,
    summarise,
    write_disturbance,
    write_disturbance_style,
    write_geopackage,
    write_manifest,
    write_project,
    write_risk,
    write_risk_style,
    write_summary,
)
from survey.patterns.styles import pattern_styles
from survey.priority.styles import plan_styles
from survey.values import (
    RISK_BANDS,
    BandRoles,
    Detections,
    GroundGrid,
    GroundPatch,
    HectareGrid,
    Image,
    Risk,
    SearchedArea,
    Validity,
    Window,
)

CODE = "EPSG:32638"
WEST, SOUTH, EDGE = 503_100, 4_400_100, 200
"""All that the survey holds lies in this square."""
GRID = HectareGrid(CODE, WEST, SOUTH + EDGE, 2, 2)
GROUND = GroundGrid(GRID, 100)
NAMES = ("agdam-well-north.tif", "agdam-well-south.tif")
REVIEWER, NOTE = "Jane Doe-Quist", "beside the well of the Karimov family"
ITEMS = 9


def write_survey(folder: Path, *, items: int = ITEMS) -> Path:
    """Write a run, and beside it a plan and patterns; return the run's folder."""
    products = folder / "run" / "products"
    products.mkdir(parents=True)
    rng = np.random.default_rng(3)
    flown = np.ones(GRID.shape) * 0.8
    bands = {name: rng.random(GRID.shape).astype(np.float32) for name in RISK_BANDS}
    risk = Risk(GRID, **bands)
    tags = {"SURVEY_RUN_ID": "feedc0de12345678", "SURVEY_MODEL": "m1"}
    write_risk(products / "risk.tif", risk=risk, tags=tags)
    write_risk_style(products / "risk.qml")
    codes = np.ones((100, 200), np.uint8)
    codes[20:35, 30:50], codes[60:64, 5:190], codes[80:90, 150:160] = 2, 3, 255
    patches = [GroundPatch(Window(row, 0, 100, 200), codes) for row in (0, 100)]
    write_disturbance(products / "disturbance.tif", ground=GROUND, patches=patches, tags=tags)
    write_disturbance_style(products / "disturbance.qml")
    outline = SearchedOutline(GROUND)
    for patch in patches:
        outline.add(patch)
    block = UnsearchedPlace(
        shapely.box(WEST + 150, SOUTH + 110, WEST + 160, SOUTH + 120), f"{NAMES[0]} rows 1-2: damaged"
    )
    images = tuple(_image(name, digit) for name, digit in zip(NAMES, "ab", strict=True))
    found, item = _detections(items), np.arange(2 * items, dtype=np.intp) // 2
    detections = detection_layer(found, items=item, images=images, run_id=tags["SURVEY_RUN_ID"])
    people: dict[str, NDArray[np.generic]] = {
        "reviewer": _text([REVIEWER] * len(found)),
        "note": _text([NOTE] * len(found)),
    }
    verdict: dict[str, NDArray[np.generic]] = {"verdict": _text(["confirmed", *[""] * len(found)][: len(found)])}
    detections = Layer("detections", "Point", detections.geometry, {**detections.columns, **people, **verdict})
    searched = searched_layer(outline.polygons(unsearched=[block], otherwise=f"{NAMES[1]}: too coarse"))
    layers = [detections, hectare_layer(risk), searched, image_layer(images, crs=CODE)]
    write_geopackage(products / "detections.gpkg", crs=CODE, layers=layers, styles=layer_styles())
    summary = summarise(risk, searched=SearchedArea(GRID, flown, flown, flown * 0.1), detections=found, items=item)
    summary |= {"run_id": tags["SURVEY_RUN_ID"], "limits": "No detection is not absence of ordnance."}
    summary["blocks"] = {"searched": 2, "not_searched": 1, "reasons": [f"{NAMES[0]} rows 1-2: damaged"]}
    summary["images"] = [
        {"name": i.path.name, "id": i.image_id, "gsd_m": 0.01, "warnings": [f"{i.path}: no mask"]} for i in images
    ]
    summary["model"] = {"id": "m1", "recall": 0.5, "recall_interval": [0.4, 0.6]}
    write_summary(products / "summary.json", summary=summary)
    write_project(products, title="survey")
    write_chip(products / "chips" / "agdam-well-north-4711.jpg")
    inputs = {image.path.name: image.sha256 for image in images}
    write_manifest(products, run_id=tags["SURVEY_RUN_ID"], inputs=inputs, model={})
    _write_patterns(folder / "rows")
    _write_plan(folder / "plan")
    _write_candidates(folder / "proposed")
    return folder / "run"


def write_chip(path: Path) -> None:
    """Write a picture as a drone does: place and owner in its EXIF, a comment, and more behind its end."""
    path.parent.mkdir(exist_ok=True)
    place = {1: "N", 2: (39.0, 45.0, 9.5), 3: "E", 4: (45.0, 2.0, 18.25)}
    exif = Picture.Exif()
    exif[0x013B] = REVIEWER
    exif[0x0112] = 6
    exif.get_ifd(0x8825).update(place)
    Picture.fromarray(np.full((20, 30, 3), 90, np.uint8)).save(path, exif=exif, comment=NOTE)
    path.write_bytes(path.read_bytes() + f"{NAMES[0]} {WEST + 17.25}".encode())


def _image(name: str, digit: str) -> Image:
    return Image(
        path=Path("/flights") / name,
        image_id=digit * 16,
        sha256=digit * 64,
        height=15_000,
        width=15_000,
        crs_wkt=CRS(CODE).to_wkt(),
        transform=Affine.translation(WEST + 10.5, SOUTH + 180.25) * Affine.scale(0.01, -0.01),
        gsd_row_m=0.01,
        gsd_col_m=0.01,
        dtype="uint8",
        bands=BandRoles(1, 2, 3),
        band_count=3,
        validity=Validity.ALL,
        nodata=None,
        value_range=(0, 255),
    )


def _detections(items: int) -> Detections:
    rng = np.random.default_rng(5)
    place = np.repeat(rng.uniform(20, 180, (items, 2)), 2, axis=0) + rng.uniform(0, 0.1, (2 * items, 2))
    p = rng.random(2 * items).astype(np.float32)
    count = 2 * items
    return Detections(
        classes=("ap_mine", "projectile", "anomaly"),
        images=("a" * 16, "b" * 16),
        model_id="m1",
        class_index=np.repeat(np.arange(items) % 3, 2).astype(np.int16),
        score=p,
        probability=p,
        row=rng.uniform(0, 15_000, count),
        col=rng.uniform(0, 15_000, count),
        x=WEST + place[:, 0],
        y=SOUTH + place[:, 1],
        size_m=np.full(count, 0.12, np.float32),
        position_error_m=np.full(count, 0.03, np.float32),
        image_index=np.tile([0, 1], items).astype(np.int32),
        tile_index=np.zeros(count, np.int32),
    )


def _write_patterns(folder: Path) -> None:
    folder.mkdir()
    line = shapely.LineString([(WEST + 31.5, SOUTH + 40.5), (WEST + 150.5, SOUTH + 77.5)])
    places = [shapely.Point(WEST + 40.25, SOUTH + 43.5), shapely.Point(WEST + 160.25, SOUTH + 80.5)]
    numbers: dict[str, NDArray[np.generic]] = {
        "pattern": np.array([1], np.int64),
        "strip": np.array([1], np.int64),
        "members": np.array([4], np.int64),
    }
    along: dict[str, NDArray[np.generic]] = {
        "pattern": np.array([1, 1], np.int64),
        "beyond_the_ends": np.array([0, 1], np.int32),
    }
    layers = [
        Layer("patterns", "LineString", _wkb([line]), {**numbers, "spacing_m": np.array([4.0])}),
        Layer("members", "Point", _wkb(places), {"pattern": along["pattern"], "item": np.array([0, 1], np.int64)}),
        Layer("places", "Point", _wkb(places), {**along, "unseen_items": np.array([0.2, 0.1])}),
    ]
    write_geopackage(folder / "patterns.gpkg", crs=CODE, layers=layers, styles=pattern_styles())
    (folder / "patterns.json").write_text(json.dumps({"file": NAMES[0]}))


def _write_plan(folder: Path) -> None:
    folder.mkdir()
    boxes = [shapely.box(WEST, SOUTH, WEST + 200, SOUTH + 100), shapely.box(WEST, SOUTH + 100, WEST + 100, SOUTH + 200)]
    areas: dict[str, NDArray[np.generic]] = {
        "rank": np.array([1, 2]),
        "work_area": _text(f"WA-E{WEST}N{SOUTH + n}" for n in (0, 100)),
        "planned": _text(["yes", "no"]),
        "area_ha": np.array([2.0, 1.0]),
        "reason": _text([f"next to the school at {WEST + 44.5} {SOUTH + 55.5}"] * 2),
    }
    cells: dict[str, NDArray[np.generic]] = {
        "cell": _text([f"E{WEST}N{SOUTH}"]),
        "state": _text(["not flown: enters with the prior risk"]),
    }
    layers = [
        Layer("work_areas", "Polygon", _wkb(boxes), areas),
        Layer("hectares", "Polygon", _wkb([shapely.box(WEST, SOUTH, WEST + 100, SOUTH + 100)]), cells),
    ]
    write_geopackage(folder / "work_areas.gpkg", crs=CODE, layers=layers, styles=plan_styles())
    (folder / "priority.json").write_text(json.dumps({"areas": [{"work_area": f"WA-E{WEST}N{SOUTH}"}]}))
    cv2.imwrite(str(folder / "curve.png"), np.zeros((9, 9), np.uint8))


def _write_candidates(folder: Path) -> None:
    folder.mkdir()
    shapes = [shapely.Point(WEST + 70 + 60 * n, SOUTH + 90).buffer(25) for n in (0, 1)]
    columns: dict[str, NDArray[np.generic]] = {
        "candidate": _text(f"{kind}-E{WEST + 70}N{SOUTH + 90}" for kind in ("CHA", "SHA")),
        "kind": _text(["candidate CHA", "candidate SHA"]),
        "status": _text(["proposal"] * 2),
        "basis": _text([f"areas drawn by {REVIEWER}"] * 2),
        "area_ha": np.array([s.area / 10_000 for s in shapes]),
        "run_sha256": _text(["a" * 64] * 2),
    }
    layer = Layer("candidates", "Polygon", _wkb(shapes), columns)
    write_geopackage(folder / "candidates.gpkg", crs=CODE, layers=[layer], styles={"candidates": candidate_style()})
    (folder / "summary.txt").write_text(f"candidate CHA at {WEST + 70} {SOUTH + 90}")


def _wkb(shapes: list[shapely.Geometry]) -> NDArray[np.object_]:
    return np.asarray(shapely.to_wkb(np.asarray(shapes, dtype=np.object_)), dtype=np.object_)


def _text(values: Iterable[str]) -> NDArray[np.object_]:
    return np.array(list(values), dtype=np.object_)
