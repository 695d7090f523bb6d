"""A simulated district: risk raster, layers and settings, written to a folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import rasterio
import shapely
import yaml
from numpy.typing import NDArray
from rasterio.transform import from_origin
from scipy.ndimage import gaussian_filter

CRS, WEST, NORTH = "EPSG:32638", 500_000, 4_400_000
METHODS: dict[str, Any] = {
    "manual": {"teams": 2, "ha_per_week": 1.0, "found_share": 1.0},
    "dogs": {"teams": 1, "ha_per_week": 2.0, "found_share": 0.9, "limits": {"slope_deg": 20}},
}
SETTINGS: dict[str, Any] = {
    "version": 1,
    "items_weight": 1.0,
    "prior_items_per_ha": 0.5,
    "prior_shape": 0.5,
    "conditions": {"slope_deg": {"value": 5}},
    "methods": METHODS,
    "area_ha": 6,
    "least_area_ha": 2,
    "start": "2027-03-01",
    "horizon_weeks": 20,
}


def write_raster(path: Path, bands: Mapping[str, NDArray[np.float64]], *, nodata: float = -9999.0) -> Path:
    """Write bands with their names as descriptions; NaN becomes nodata."""
    rows, cols = next(iter(bands.values())).shape
    profile = {"driver": "GTiff", "count": len(bands), "height": rows, "width": cols, "dtype": "float64", "crs": CRS}
    transform = from_origin(WEST, NORTH, 100, 100)
    with rasterio.open(path, "w", **profile, transform=transform, nodata=nodata) as dataset:
        dataset.write(np.where(np.isnan(stack := np.stack(list(bands.values()))), nodata, stack))
        dataset.descriptions = tuple(bands)
    return path


def write_risk(path: Path, items: NDArray[np.float64], searched: NDArray[np.float64] | None = None) -> Path:
    """Write expected items, the P of a Poisson number of them, and what was searched."""
    seen = np.where(np.isfinite(items), 1.0, np.nan) if searched is None else searched
    return write_raster(path, {"expected_items": items, "p_at_least_one": -np.expm1(-items), "searched_fraction": seen})


def write_vector(path: Path, shapes: list[Any], *, crs: str | None = CRS, **columns: list[Any]) -> Path:
    """Write geometries, null ones too."""
    geopandas.GeoDataFrame(columns, geometry=shapes, crs=crs).to_file(path, driver="GPKG")
    return path


def write_settings(path: Path, **changes: Any) -> Path:
    """Write settings that differ from `SETTINGS`; None removes a key."""
    settings = {key: value for key, value in {**SETTINGS, **changes}.items() if value is not None}
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    return path


def simulate(folder: Path, *, seed: int, edge: int = 40, gap: float = 0.005) -> tuple[Path, Path, NDArray[np.float64]]:
    """Write a district of edge × edge hectares and return (risk raster, settings, true intensity).

    Items lie in a few belts and patches. A flight covered three quarters of it; the risk is that of a search with
    recall 0.5 on a Gamma prior, so that the planner sees less than the truth.
    """
    rng = np.random.default_rng(seed)
    rough = gaussian_filter(rng.normal(size=(edge, edge)), 2.5)
    intensity = 0.4 * np.exp(2.2 * (rough / rough.std()) - 2.4)
    truth = rng.poisson(intensity).astype(np.float64)
    flown = gaussian_filter(rng.normal(size=(edge, edge)), 6)
    flown = flown > np.quantile(flown, 0.25)
    found = rng.binomial(truth.astype(np.int64), 0.5)
    shape, mean, recall = 0.3, float(intensity.mean()), 0.5
    items = found + (1 - recall) * (shape + found) / (shape / mean + recall)
    p = np.where(found > 0, 1.0, 1 - ((shape / mean + recall) / (shape / mean + 1)) ** shape)
    bands = {"expected_items": items, "p_at_least_one": p, "searched_fraction": np.ones_like(items)}
    raster = write_raster(folder / "risk.tif", {n: np.where(flown, b, np.nan) for n, b in bands.items()})
    metres = edge * 100
    towns = rng.uniform(0, metres, (6, 2)) * (1, -1) + (WEST, NORTH)
    write_vector(
        folder / "settlements.gpkg",
        [shapely.Point(*xy).buffer(150) for xy in towns],
        people=rng.integers(20, 400, 6).tolist(),
    )
    roads = [shapely.LineString([towns[k], towns[(k + 1) % 6]]) for k in range(5)]
    write_vector(folder / "roads.gpkg", roads)
    write_vector(folder / "lake.gpkg", [shapely.Point(WEST + metres / 2, NORTH - metres / 2).buffer(350)])
    slope = 12 + 8 * gaussian_filter(rng.normal(size=(edge, edge)), 5) * 18
    write_raster(folder / "slope.tif", {"slope": slope})
    cover = np.clip(0.4 + 3 * gaussian_filter(rng.normal(size=(edge, edge)), 4), 0, 1)
    write_raster(folder / "cover.tif", {"cover": cover})
    far, near = {"decay": "exponential", "range_m": 500}, {"decay": "linear", "range_m": 300}
    settings = write_settings(
        folder / "priority.yaml",
        prior_items_per_ha=mean,
        prior_shape=shape,
        exposure={
            "settlements": {"file": "settlements.gpkg", "weight": 4, "value_column": "people", "full_at": 200, **far},
            "roads": {"file": "roads.gpkg", "weight": 1, **near},
        },
        conditions={
            "slope_deg": {"file": "slope.tif", "value": 10},
            "cover": {"file": "cover.tif", "value": 0.4},
        },
        unsuitable={"lake": {"file": "lake.gpkg"}},
        methods={
            "manual": {
                "teams": 4,
                "teams_per_area": 2,
                "ha_per_week": 0.8,
                "setup_weeks": 0.2,
                "cost_per_team_week": 6000,
                "found_share": 0.98,
                "speed": {"cover": [[0, 1], [1, 0.4]]},
                "limits": {"slope_deg": 35},
            },
            "mechanical": {
                "teams": 1,
                "ha_per_week": 6,
                "setup_weeks": 0.5,
                "cost_per_team_week": 20000,
                "found_share": 0.85,
                "speed": {"slope_deg": [[0, 1], [15, 0.6]]},
                "limits": {"slope_deg": 15, "cover": 0.8},
            },
            "dogs": {
                "teams": 2,
                "ha_per_week": 1.5,
                "setup_weeks": 0.2,
                "cost_per_team_week": 8000,
                "found_share": 0.92,
                "limits": {"slope_deg": 25, "cover": 0.6},
            },
        },
        area_ha=12,
        least_area_ha=4,
        horizon_weeks=52,
        nearest_to="settlements",
        gap=gap,
    )
    return raster, settings, truth
