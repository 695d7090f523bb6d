"""Time and peak memory of `survey prioritise` with `extent: evidence`, by the hectares that it plans over.

    PYTHONPATH=. python benchmarks/extent.py PRIOR --out DIR --hectares 10000 100000

PRIOR is a folder of `survey evidence`, such as the one that `benchmarks/evidence.py` writes. The flown part is 40 × 40
hectares in the middle of its grid, of which the search left half of the prior; the plan is for squares around it.
Settlements, roads and slope are strewn by chance: what is measured is the cost.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import rasterio
import shapely
import yaml
from measure import SURVEY, cost_of
from rasterio.transform import from_origin
from scipy.ndimage import zoom

from survey.evidence import StoredPrior
from survey.values import HectareGrid

FLOWN = 40
HA_PER_SETTLEMENT = 400
METHODS = {
    "manual": {"teams": 12, "teams_per_area": 2, "ha_per_week": 0.8, "setup_weeks": 0.2, "found_share": 0.98},
    "mechanical": {"teams": 2, "ha_per_week": 6, "setup_weeks": 0.5, "found_share": 0.85},
    "dogs": {"teams": 4, "ha_per_week": 1.5, "setup_weeks": 0.2, "found_share": 0.92},
}
LIMITS = {"manual": 35, "mechanical": 15, "dogs": 25}


def square(stored: StoredPrior, edge: int) -> HectareGrid:
    """Return edge × edge hectares in the middle of the evidence."""
    grid = stored.grid
    row, col = (grid.rows - edge) // 2, (grid.cols - edge) // 2
    if min(row, col) < 0:
        msg = f"the evidence has {grid.rows} × {grid.cols} hectares, fewer than {edge} × {edge}"
        raise SystemExit(msg)
    return HectareGrid(grid.crs, grid.x_min + 100 * col, grid.y_max - 100 * row, edge, edge)


def write_raster(path: Path, grid: HectareGrid, bands: dict[str, Any]) -> None:
    """Write bands by name."""
    profile = {"driver": "GTiff", "count": len(bands), "dtype": "float64", "crs": grid.crs, "nodata": -9999.0}
    place = from_origin(grid.x_min, grid.y_max, 100, 100)
    with rasterio.open(path, "w", height=grid.rows, width=grid.cols, transform=place, **profile) as dataset:
        dataset.write(np.stack(list(bands.values())))
        dataset.descriptions = tuple(bands)


def district(folder: Path, stored: StoredPrior, *, edge: int) -> tuple[Path, Path]:
    """Write risk, layers and settings; return risk and settings."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, flown, whole = np.random.default_rng(0), square(stored, FLOWN), square(stored, edge)
    items = stored.over(flown).expected()[:, 0].reshape(flown.shape) / 2
    bands = {"expected_items": items, "p_at_least_one": -np.expm1(-items), "searched_fraction": np.ones(flown.shape)}
    write_raster(folder / "risk.tif", flown, bands)
    metres = edge * 100
    west, south = whole.x_min, whole.y_max - metres
    towns = np.array([west, south]) + rng.uniform(0, metres, (max(edge**2 // HA_PER_SETTLEMENT, 2), 2))
    table = {"people": rng.integers(20, 400, len(towns))}
    geopandas.GeoDataFrame(table, geometry=shapely.points(towns).tolist(), crs=whole.crs).to_file(
        folder / "settlements.gpkg"
    )
    towns = towns[np.argsort(towns[:, 0] // 2000 * 1e7 + towns[:, 1])]
    roads = shapely.linestrings(np.stack([towns[:-1], towns[1:]], axis=1)).tolist()
    geopandas.GeoDataFrame(geometry=roads, crs=whole.crs).to_file(folder / "roads.gpkg")
    rough = zoom(rng.uniform(0, 40, (edge // 20 + 2,) * 2), 20, order=1)[:edge, :edge]
    write_raster(folder / "slope.tif", whole, {"slope": rough})
    area = shapely.box(west, south, west + metres, south + metres)
    geopandas.GeoDataFrame(geometry=[area], crs=whole.crs).to_file(folder / "area.gpkg")
    settings = {
        "version": 1,
        "items_weight": 1.0,
        "area": "area.gpkg",
        "evidence": str(stored.folder.resolve()),
        "extent": "evidence",
        "exposure": {
            "settlements": {
                "file": "settlements.gpkg",
                "weight": 4,
                "decay": "exponential",
                "range_m": 500,
                "value_column": "people",
                "full_at": 200,
            },
            "roads": {"file": "roads.gpkg", "weight": 1, "decay": "linear", "range_m": 300},
        },
        "conditions": {"slope_deg": {"file": "slope.tif", "value": 10}},
        "methods": {n: m | {"limits": {"slope_deg": LIMITS[n]}} for n, m in METHODS.items()},
        "area_ha": 12,
        "least_area_ha": 4,
        "start": "2027-03-01",
        "horizon_weeks": 52,
        "nearest_to": "settlements",
    }
    path = folder / "priority.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return folder / "risk.tif", path


def main() -> None:
    """Measure it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prior", type=Path, help="folder of `survey evidence`")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--hectares", type=int, nargs="+", default=[10_000, 100_000])
    given = parser.parse_args()
    stored = StoredPrior.of(given.prior)
    for hectares in given.hectares:
        folder = given.out / f"{hectares}"
        risk, settings = district(folder, stored, edge=round(hectares**0.5))
        command = [*SURVEY, "prioritise", str(risk), "--config", str(settings), "--out", str(folder / "plan")]
        cost = cost_of(command)
        line = f"exit {cost.exit_code}, {cost.seconds:.0f} s ({cost.cpu_seconds:.0f} s of processor)"
        if not cost.exit_code:
            told = json.loads((folder / "plan" / "priority.json").read_bytes())
            plan, gap = told["plan"], told["solver"]["gap"]
            line += f", {told['hectares']['in_all']} ha in {plan['work_areas']} areas"
            line += f", {plan['areas']} of them planned, gap {gap:.2%}"
        print(f"{hectares} ha: {line}, peak {cost.peak_mb:.0f} MB", flush=True)


if __name__ == "__main__":
    main()
