"""A small finished survey to export."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import shapely
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS

from survey.export import (
    SearchedOutline,
    UnsearchedPlace,
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

CRS_CODE = "EPSG:32638"
GRID = HectareGrid(CRS_CODE, 500_000, 4_400_300, 3, 4)
GROUND = GroundGrid(GRID, 1000)
TAGS = {"run_id": "r1", "model": "m1"}
OTHERWISE = "imaged, but too coarse for the model"


@dataclass(frozen=True)
class Case:
    """Values of one survey."""

    risk: Risk
    searched: SearchedArea
    detections: Detections
    items: NDArray[np.intp]
    images: tuple[Image, ...]
    patches: tuple[GroundPatch, ...]
    unsearched: tuple[UnsearchedPlace, ...]


def an_image(name: str, digit: str) -> Image:
    return Image(
        path=Path("/flights") / name,
        image_id=digit * 16,
        sha256=digit * 64,
        height=20_000,
        width=10_000,
        crs_wkt=CRS(CRS_CODE).to_wkt(),
        transform=Affine.translation(500_010, 4_400_290) * Affine.rotation(5) * Affine.scale(0.01, -0.01),
        gsd_row_m=0.01,
        gsd_col_m=0.01,
        dtype="uint8",
        bands=BandRoles(1, 2, 3),
        band_count=3,
        validity=Validity.ALL,
        nodata=None,
        value_range=(0, 255),
    )


def some_detections(count: int) -> Detections:
    rng = np.random.default_rng(5)
    x, y = 500_000 + rng.uniform(0, 300, count), 4_400_300 - rng.uniform(0, 200, count)
    p = rng.random(count).astype(np.float32)
    return Detections(
        classes=("ap_mine", "projectile"),
        images=("a" * 16, "b" * 16),
        model_id="m1",
        class_index=rng.integers(0, 2, count).astype(np.int16),
        score=p,
        probability=p,
        row=rng.uniform(0, 20_000, count),
        col=rng.uniform(0, 10_000, count),
        x=x,
        y=y,
        size_m=np.full(count, 0.12, np.float32),
        position_error_m=np.full(count, 0.03, np.float32),
        image_index=rng.integers(0, 2, count).astype(np.int32),
        tile_index=np.zeros(count, np.int32),
    )


def some_patches() -> tuple[GroundPatch, ...]:
    """Return two hectare rows: searched ground with a crater and a trench, and a stretch that was not searched."""
    upper = np.zeros((1000, 3000), np.uint8)
    upper[100:, 50:2800] = 1
    upper[300:360, 400:470] = 2
    upper[500:520, 100:2000] = 3
    lower = np.zeros((1000, 2000), np.uint8)
    lower[:700, 50:1500] = 1
    lower[:700, 1500:1900] = 255
    return GroundPatch(Window(0, 0, 1000, 3000), upper), GroundPatch(Window(1000, 0, 1000, 2000), lower)


def a_case(detections: int = 6) -> Case:
    rng = np.random.default_rng(2)
    flown = np.zeros(GRID.shape)
    flown[:2, :3] = 0.7
    bands = {name: np.where(flown > 0, rng.random(GRID.shape), np.nan).astype(np.float32) for name in RISK_BANDS}
    bands["disturbance_fraction"][0, 1] = np.nan
    found = some_detections(detections)
    return Case(
        Risk(GRID, **bands),
        SearchedArea(GRID, flown, flown * 0.9, flown * 0.1),
        found,
        np.arange(detections, dtype=np.intp) // 2,
        (an_image("north.tif", "a"), an_image("south.tif", "b")),
        some_patches(),
        (UnsearchedPlace(shapely.box(500_170, 4_400_170, 500_185, 4_400_215), "north.tif rows 10-20: damaged"),),
    )


def write_all(folder: Path, case: Case) -> Path:
    """Write every product into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_risk(folder / "risk.tif", risk=case.risk, tags=TAGS)
    write_risk_style(folder / "risk.qml")
    write_disturbance(folder / "disturbance.tif", ground=GROUND, patches=case.patches, tags=TAGS)
    write_disturbance_style(folder / "disturbance.qml")
    outline = SearchedOutline(GROUND)
    for patch in case.patches:
        outline.add(patch)
    polygons = outline.polygons(unsearched=case.unsearched, otherwise=OTHERWISE)
    layers = [
        detection_layer(case.detections, items=case.items, images=case.images, run_id="r1"),
        hectare_layer(case.risk),
        searched_layer(polygons),
        image_layer(case.images, crs=CRS_CODE),
    ]
    write_geopackage(folder / "detections.gpkg", crs=CRS_CODE, layers=layers, styles=layer_styles())
    summary = summarise(case.risk, searched=case.searched, detections=case.detections, items=case.items)
    write_summary(folder / "summary.json", summary=summary)
    write_project(folder, title="survey")
    write_manifest(folder, run_id="r1", inputs={"north.tif": "a" * 64}, model={"weights": "c" * 64})
    return folder


@pytest.fixture(scope="session")
def case() -> Case:
    return a_case()


@pytest.fixture(scope="session")
def empty_case() -> Case:
    return a_case(detections=0)


@pytest.fixture(scope="session")
def products(tmp_path_factory: pytest.TempPathFactory, case: Case) -> Path:
    return write_all(tmp_path_factory.mktemp("run") / "products", case)


@pytest.fixture(scope="session")
def write_products() -> Callable[[Path, Case], Path]:
    return write_all
