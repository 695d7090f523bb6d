"""Small worlds of evidence: layers on disk and the YAML that names them."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import yaml

from survey.evidence import EvidenceConfig, load_evidence
from survey.values import HectareGrid

CRS = "EPSG:32633"
GRID = HectareGrid(CRS, 500_000, 4_803_000, 30, 40)
"""3 km by 4 km; its south-west corner is (500000, 4800000)."""

BACKGROUND = {g: {"items_per_ha": 0.01, "shape": 0.1} for g in ("ap", "at", "submunition", "uxo")}
DEFAULTS: dict[str, dict[str, Any]] = {
    "minefield_records": {
        "reliability": 0.25,
        "misplaced": 0.5,
        "omission": 0.4,
        "spread_half_distance_m": 100,
        "items_per_ha": {"ap": 20.0},
        "shape": 1.5,
        "location_error_m": 100,
    },
    "accidents": {"items": {"ap": 2.0}, "half_distance_m": 100, "shape": 0.5, "location_error_m": 0},
    "craters": {
        "group": "uxo",
        "dud_rate": {"mean": 0.2, "strength": 30},
        "seen": 0.5,
        "half_distance_m": 50,
        "location_error_m": 0,
    },
    "confrontation_lines": {"items_per_ha": {"ap": 2.0}, "half_distance_m": 100, "shape": 0.5, "location_error_m": 0},
    "trenches": {"items_per_ha": {"ap": 2.0}, "half_distance_m": 100, "shape": 0.5, "location_error_m": 0},
    "expert_polygons": {"items_per_ha": {"ap": 5.0}, "shape": 1.0, "location_error_m": 0},
    "used_land": {"reduction": {"ap": 0.8}, "strength": 10, "location_error_m": 0},
    "earlier_clearance": {"recall": {"ap": 0.9}, "strength": 30, "location_error_m": 0},
}


@pytest.fixture
def world(tmp_path: Path) -> Callable[..., Path]:
    """Write layers (kind, geometries, keys that differ) and their YAML; return the YAML's path."""

    def write(*layers: tuple[str, Sequence[Any], dict[str, Any]], **top: Any) -> Path:
        entries = []
        for number, (kind, geometry, given) in enumerate(layers):
            keys = dict(given)
            columns, crs = keys.pop("columns", {}), keys.pop("file_crs", CRS)
            file = tmp_path / f"layer{number}.gpkg"
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="'crs' was not provided")
                gpd.GeoDataFrame(columns, geometry=list(geometry), crs=crs).to_file(file, engine="pyogrio")
            fixed = {"name": f"l{number}", "kind": kind, "path": file.name, "source": "test", "date": 2000}
            entries.append({**fixed, **DEFAULTS[kind], **keys})
        content = {
            "version": 1,
            "standard": "test",
            "background": BACKGROUND,
            "classes": dict.fromkeys(list(DEFAULTS)[:6], "direct"),
            "direct_reliability": 0.75,
            "notable_items_per_ha": 0.05,
            "used_land_leaves": 0.05,
            "layers": entries,
            **top,
        }
        path = tmp_path / "evidence.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        return path

    return write


@pytest.fixture
def believed(world: Callable[..., Path]) -> Callable[..., EvidenceConfig]:
    """Return the configuration of a world."""
    return lambda *layers, **top: load_evidence(world(*layers, **top))
