"""Finished runs made without searching: what the review reads of one, and nothing else."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.transform import Affine

from survey import export
from survey.export.disturbance import write_disturbance
from survey.export.outline import OutlinePolygon
from survey.files import sha256_of
from survey.ingest import open_image
from survey.risk import Prior, merge_sightings
from survey.rounds.basis import FILE as BASIS
from survey.rounds.basis import Basis
from survey.values import (
    HECTARE_EDGE_M,
    RISK_BANDS,
    Detections,
    GroundCode,
    GroundGrid,
    GroundPatch,
    HectareGrid,
    Performance,
    Risk,
    SearchedArea,
    Window,
)
from tests.review.opinions import CRS

CLASSES = ("ap_mine", "at_mine", "anomaly")


def detections_at(
    points: NDArray[np.float64],
    images: Sequence[str],
    *,
    image_index: NDArray[np.int32],
    transforms: Sequence[Affine],
    seed: int = 0,
) -> Detections:
    """Return sightings at (N, 2) places, each on an image of its own."""
    rng = np.random.default_rng(seed)
    count = len(points)
    pixels = [~transforms[i] * (x, y) for i, (x, y) in zip(image_index, points, strict=True)]
    col, row = np.array(pixels, np.float64).reshape(-1, 2).T
    probability = rng.uniform(0.05, 0.95, count).astype(np.float32)
    return Detections(
        classes=CLASSES,
        images=tuple(images),
        model_id="toy",
        class_index=rng.integers(0, len(CLASSES), count).astype(np.int16),
        score=probability,
        probability=probability,
        row=row.copy(),
        col=col.copy(),
        x=points[:, 0].copy(),
        y=points[:, 1].copy(),
        size_m=rng.uniform(0.08, 0.35, count).astype(np.float32),
        position_error_m=np.full(count, 0.02, np.float32),
        image_index=image_index,
        tile_index=np.zeros(count, np.int32),
    )


def write_run(
    folder: Path, images: Sequence[Path], *, points: NDArray[np.float64] | None = None, seed: int = 0, crs: str = CRS
) -> Path:
    """Write a finished run over images; without points, 12 sightings on each, two of them seen on both of two."""
    opened = [open_image(path) for path in images]
    boxes = []
    for path in images:
        with rasterio.open(path) as dataset:
            boxes.append(rasterio.warp.transform_bounds(dataset.crs, crs, *dataset.bounds))
    box = np.array(boxes)
    everything = (*box[:, :2].min(axis=0), *box[:, 2:].max(axis=0))
    if points is None:
        rng = np.random.default_rng(seed)
        west, south, east, north = boxes[0]
        points = rng.uniform((west + 0.5, south + 0.5), (east - 0.5, north - 0.5), (12, 2))
        index = np.zeros(12, np.int32)
        if len(images) > 1:
            points, index = np.vstack([points, points[:2] + 0.01]), np.append(index, [1, 1]).astype(np.int32)
    else:
        index = np.zeros(len(points), np.int32)
    ids = [image.image_id for image in opened]
    found = detections_at(points, ids, image_index=index, transforms=[i.transform for i in opened], seed=seed)
    items = merge_sightings(found)
    hectares = HectareGrid.covering(crs=crs, bounds=everything)
    ground = GroundGrid(hectares, 100)
    run_id = "0123456789abcdef"
    products = folder / "products"
    products.mkdir(parents=True)
    searched = shapely.union_all([shapely.box(*b) for b in boxes])
    risk = _risk(hectares, seed)
    export.write_geopackage(
        products / "detections.gpkg",
        crs=crs,
        layers=[
            export.detection_layer(found, items=items, images=opened, run_id=run_id),
            export.hectare_layer(risk),
            export.searched_layer([OutlinePolygon(searched, "searched", "")]),
            export.image_layer(opened, crs=crs),
        ],
        styles=export.layer_styles(),
    )
    codes = np.full((ground.height, ground.width), GroundCode.SEARCHED, np.uint8)
    codes[45:47, 45:48] = GroundCode.CRATER
    patch = GroundPatch(Window(0, 0, ground.height, ground.width), codes)
    write_disturbance(products / "disturbance.tif", ground=ground, patches=[patch], tags={})
    export.write_risk(products / "risk.tif", risk=risk, tags={})
    (products / "summary.json").write_text("{}")
    everywhere = np.ones(hectares.shape)
    area = SearchedArea(hectares, flown=everywhere, searched=everywhere, disturbed=np.zeros(hectares.shape))
    names = {image.image_id: image.path.name for image in opened}
    performance = Performance(0.6, (0.4, 0.78), 2.0, (1.0, 3.6), 0.5, 0.025, 30, 18, 10, 5.0)
    Basis(run_id, "toy@0", names, area, found, items, performance, Prior(1.0, 0.5)).write(products / BASIS)
    export.write_manifest(products, run_id=run_id, inputs={}, model={})
    identity = {
        "config": {"bands": "auto", "nodata": "auto", "prior_items_per_ha": 1.0, "prior_shape": 0.5},
        "model": "toy@0",
        "inputs": [[p.name, i.sha256] for p, i in zip(images, opened, strict=True)],
    }
    about = {"version": 1, "run_id": run_id, "identity": identity, "notes": {"inputs": [str(p) for p in images]}}
    (folder / "run.json").write_text(json.dumps(about))
    return folder


def _risk(grid: HectareGrid, seed: int) -> Risk:
    rng = np.random.default_rng(seed)
    bands = {name: rng.uniform(0, 1, grid.shape).astype(np.float32) for name in RISK_BANDS}
    return Risk(grid, **bands)


__all__ = ["HECTARE_EDGE_M", "detections_at", "sha256_of", "write_run"]
