"""A small finished run, without imagery: what `survey risk` starts from."""

import json
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import rasterio
import yaml
from shapely.geometry import Point, box
from shapely.geometry.base import BaseGeometry

from survey.export import write_manifest, write_risk
from survey.files import make_folder
from survey.risk import Prior
from survey.rounds.basis import FILE, Basis
from survey.values import Detections, HectareGrid, Performance, SearchedArea

X, Y = 500_000, 4_400_200
"""North-west corner."""
GRID = HectareGrid("EPSG:32638", X, Y, 2, 3)
SEARCHED = np.array([[1.0, 1.0, 1.0], [1.0, 0.5, 0.0]])
PERFORMANCE = Performance(0.6, (0.4, 0.78), 2.0, (1.0, 3.6), 0.5, 0.025, 30, 18, 10, 5.0)
RECALL = {"ap": (0.9, 20), "at": (0.9, 20), "submunition": (0.9, 20), "uxo": (0.9, 20)}
Sighting = tuple[float, float, str, float]
"""Metres east and south of the corner, class, probability."""


def make_run(folder: Path, sightings: list[Sighting], *, prior: float = 1.0) -> Path:
    """Write the products that a round reads."""
    products = make_folder(folder / "products")
    basis = basis_of(sightings, prior=prior)
    basis.write(products / FILE)
    write_risk(products / "risk.tif", risk=basis.assess(), tags={})
    codes = np.kron((SEARCHED == 1).astype(np.uint8), np.ones((100, 100), np.uint8))
    codes[100:200, 100:150] = 1  # the western half of the cell that was searched by half
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "crs": GRID.crs, "nodata": 0}
    transform = rasterio.Affine(1, 0, X, 0, -1, Y)
    with rasterio.open(products / "disturbance.tif", "w", height=200, width=300, transform=transform, **profile) as out:
        out.write(codes, 1)
    write_manifest(products, run_id=basis.run_id, inputs={}, model={})
    settings = {"prior_items_per_ha": prior, "prior_shape": 0.5}
    (folder / "run.json").write_text(json.dumps({"identity": {"config": settings}}))
    return folder


def basis_of(sightings: list[Sighting], *, prior: float = 1.0) -> Basis:
    n = len(sightings)
    x = np.array([X + s[0] for s in sightings], np.float64)
    y = np.array([Y - s[1] for s in sightings], np.float64)
    classes = ("ap_mine", "at_mine", "anomaly")
    p = np.array([s[3] for s in sightings], np.float32)
    detections = Detections(
        classes,
        ("0" * 16,),
        "toy",
        class_index=np.array([classes.index(s[2]) for s in sightings], np.int16),
        score=p,
        probability=p,
        row=y - Y,
        col=x - X,
        x=x,
        y=y,
        size_m=np.full(n, 0.1, np.float32),
        position_error_m=np.full(n, 0.05, np.float32),
        image_index=np.zeros(n, np.int32),
        tile_index=np.zeros(n, np.int32),
    )
    area = SearchedArea(GRID, flown=SEARCHED.copy(), searched=SEARCHED.copy(), disturbed=np.zeros(GRID.shape))
    return Basis(
        "1" * 16,
        "toy@" + "a" * 64,
        {"0" * 16: "flight.tif"},
        area,
        detections,
        np.arange(n, dtype=np.intp),
        PERFORMANCE,
        Prior(prior, 0.5),
    )


def square(west: float, north: float, east: float, south: float) -> BaseGeometry:
    """Return a rectangle in metres east and south of the corner."""
    return box(X + west, Y - south, X + east, Y - north)


def write_results(
    folder: Path,
    *,
    areas: list[BaseGeometry | None] = [],  # noqa: B006 - never changed
    finds: list[tuple[float, float, str]] = [],  # noqa: B006 - never changed
    area_columns: dict[str, list[Any]] | None = None,
    find_columns: dict[str, list[Any]] | None = None,
    name: str = "results.yaml",
    **worked: Any,
) -> Path:
    """Write areas done, items found and the YAML that describes them."""
    make_folder(folder)
    layers: list[dict[str, Any]] = []
    stem = Path(name).stem
    if areas:
        path = folder / f"{stem}-areas.gpkg"
        geopandas.GeoDataFrame(area_columns or {"n": list(range(len(areas)))}, geometry=areas, crs=GRID.crs).to_file(
            path
        )
        recall = {group: {"mean": mean, "strength": strength} for group, (mean, strength) in RECALL.items()}
        layers.append(
            {
                "name": f"{stem}-areas",
                "kind": "worked",
                "path": path.name,
                "source": "team 3",
                "date": "2025-08-01",
                "recall": recall,
            }
            | worked
        )
    if finds:
        path = folder / f"{stem}-items.geojson"
        points = [Point(X + x, Y - y) for x, y, _ in finds]
        table = geopandas.GeoDataFrame({"type": [t for *_, t in finds]} | (find_columns or {}), geometry=points)
        table.set_crs(GRID.crs).to_crs(4326).to_file(path)
        more = {"condition_column": "outcome", "removed": ["removed"]} if find_columns else {}
        layers.append(
            {
                "name": f"{stem}-items",
                "kind": "found",
                "path": path.name,
                "source": "team 3",
                "date": "2025-08-01",
                "class_column": "type",
                "groups": {"PMN": "ap", "TM": "at"},
                "position_error_m": 0.3,
                "duplicates": "keep",
            }
            | more
        )
    content = {"version": 1, "flown": "2025-05-02", "georeference_error_m": 0.0, "layers": layers}
    path = folder / name
    path.write_text(yaml.safe_dump(content))
    return path
