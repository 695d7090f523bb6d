"""A finished run of nine hectares with known sightings and risk, and evidence and rows beside it: no search."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import shapely

from survey.evidence import GROUPS, grid_from, run_evidence
from survey.export import Layer, write_geopackage, write_risk
from survey.patterns import PatternSettings, run_patterns
from survey.values import RISK_BANDS, HectareGrid, Risk

CRS = "EPSG:32638"
GRID = HectareGrid(CRS, 500_000, 4_400_300, 3, 3)
WEST, NORTH = GRID.x_min, GRID.y_max
SEARCHED = shapely.box(WEST, NORTH - 300, WEST + 200, NORTH)
"""The west two thirds; the last column was flown and not searched."""


def at(east: float, south: float) -> tuple[float, float]:
    return WEST + east, NORTH - south


def finished_run(
    folder: Path,
    *,
    places: Sequence[tuple[float, float]] = (),
    probability: Sequence[float] = (),
    verdict: Sequence[str] | None = None,
    risk: dict[str, np.ndarray] | None = None,
) -> Path:
    """Write what `survey candidates` reads of a run; P(at least one) of a group is 0.1 unless `risk` says more."""
    products = folder / "products"
    products.mkdir(parents=True)
    bands = {name: np.zeros(GRID.shape, np.float32) for name in RISK_BANDS}
    for group in GROUPS:
        bands[f"p_at_least_one_{group}"] += 0.1
        bands[f"expected_items_{group}"] += 0.15
        bands[f"q95_{group}"] += 1
    bands |= {"expected_items": np.full(GRID.shape, 0.6, np.float32), "q95": np.full(GRID.shape, 2, np.float32)}
    bands["p_at_least_one"] = np.full(GRID.shape, 0.35, np.float32)
    bands["searched_fraction"][:, :2] = 1
    for name, values in (risk or {}).items():
        bands[name] = values.astype(np.float32)
    write_risk(products / "risk.tif", risk=Risk(GRID, **bands), tags={})
    count = len(places)
    columns = {"item": np.arange(count), "probability": np.array(probability, np.float64)}
    columns["detection_id"] = np.array([f"d{n}" for n in range(count)], dtype=object)
    columns["size_m"] = np.full(count, 0.3)
    columns["position_error_m"] = np.full(count, 0.05)
    columns["image_id"] = np.array(["i0"] * count, dtype=object)
    if verdict is not None:
        columns["state"] = np.array([told or "unreviewed" for told in verdict], dtype=object)
    points = shapely.points(np.array(places, np.float64).reshape(-1, 2))
    states = np.array(["searched", "not searched"], dtype=object)
    ground = np.array([SEARCHED, shapely.box(WEST + 200, NORTH - 300, WEST + 300, NORTH)])
    layers = [
        Layer("detections", "Point", np.asarray(shapely.to_wkb(points), dtype=object), columns),
        Layer("searched_area", "Polygon", np.asarray(shapely.to_wkb(ground), dtype=object), {"state": states}),
    ]
    write_geopackage(products / "detections.gpkg", crs=CRS, layers=layers, styles={})
    (products / "summary.json").write_text(json.dumps({"model": {"recall": 0.75, "recall_interval": [0.7, 0.8]}}))
    (products / "MANIFEST.json").write_text("{}")
    return folder


def evidence(folder: Path) -> Path:
    """Write evidence whose one record covers the south-west hectare, and a used field that covers all."""
    folder.mkdir(parents=True)
    record = shapely.box(WEST + 5, NORTH - 295, WEST + 95, NORTH - 205)
    for name, shape in (("record", record), ("field", shapely.box(*SEARCHED.bounds))):
        wkb = np.asarray(shapely.to_wkb(np.array([shape])), dtype=object)
        layers = [Layer(name, "Polygon", wkb, {"n": np.array([1])})]
        write_geopackage(folder / f"{name}.gpkg", crs=CRS, layers=layers, styles={})
    background = "\n".join(f"  {g}: {{ items_per_ha: 0.01, shape: 0.1 }}" for g in GROUPS)
    (folder / "evidence.yaml").write_text(f"""version: 1
standard: a test
background:
{background}
classes: {{ minefield_records: direct, accidents: direct, craters: indirect, confrontation_lines: indirect,
  trenches: indirect, expert_polygons: direct }}
direct_reliability: 0.75
notable_items_per_ha: 0.05
used_land_leaves: 0.05
layers:
  - {{ name: old-maps, kind: minefield_records, path: record.gpkg, source: a map, date: 1995, location_error_m: 0,
      reliability: 1.0, misplaced: 0.0, omission: 0.0, spread_half_distance_m: 100, items_per_ha: {{ ap: 4 }},
      shape: 1 }}
  - {{ name: crops, kind: used_land, path: field.gpkg, source: a crop map, date: 2020, location_error_m: 0,
      reduction: {{ ap: 0.5 }}, strength: 10 }}
""")
    run_evidence(folder / "evidence.yaml", folder / "out", grid=grid_from(bounds=(*at(0, 300), *at(300, 0)), crs=CRS))
    return folder / "out"


def patterns(run: Path, out: Path) -> Path:
    run_patterns(run, out=out, settings=PatternSettings(simulations=19))
    return out
