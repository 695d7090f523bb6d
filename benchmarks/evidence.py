"""Time and peak memory of `survey evidence` over a whole country at one hectare.

Reads the public layers of Bosnia and Herzegovina: suspect areas as minefield records with errors of every kind,
incidents, earlier clearance. The figures of belief are placeholders: what is measured is the cost.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import yaml
from measure import SURVEY, cost_of

BOUNDS = ("80000", "4710000", "360000", "5025000")
"""The country in UTM zone 34N; it fills about 5 of the 8.8 million cells."""
CRS = "EPSG:32634"
SUSPECT, CLEARANCE, INCIDENTS = (
    "suspect_areas_simplyfied.geojson",
    "cleared_areas_simplyfied.geojson",
    "incidents.geojson",
)


def belief(data: Path) -> dict[str, Any]:
    """Return the configuration."""
    classes = ("minefield_records", "accidents", "craters", "confrontation_lines", "trenches", "expert_polygons")
    records = {
        "name": "suspect-areas",
        "kind": "minefield_records",
        "path": str(data / SUSPECT),
        "date": 2005,
        "location_error_m": 150,
        "reliability": 0.25,
        "misplaced": 0.5,
        "omission": 0.4,
        "spread_half_distance_m": 800,
        "items_per_ha": {"ap": 20.0, "at": 5.0},
        "shape": 1.5,
    }
    accidents = {
        "name": "incidents",
        "kind": "accidents",
        "path": str(data / INCIDENTS),
        "date": 2005,
        "location_error_m": 100,
        "items": {"ap": 2.0, "uxo": 0.5},
        "half_distance_m": 150,
        "shape": 0.5,
    }
    clearance = {
        "name": "clearance",
        "kind": "earlier_clearance",
        "path": str(data / CLEARANCE),
        "date": 2010,
        "location_error_m": 30,
        "recall": {"ap": 0.9, "at": 0.95, "submunition": 0.9, "uxo": 0.8},
        "strength": 30,
    }
    return {
        "version": 1,
        "standard": "benchmark",
        "background": {g: {"items_per_ha": 0.002, "shape": 0.05} for g in ("ap", "at", "submunition", "uxo")},
        "classes": dict.fromkeys(classes, "direct"),
        "direct_reliability": 0.75,
        "notable_items_per_ha": 0.05,
        "used_land_leaves": 0.05,
        "layers": [{**layer, "source": "public map"} for layer in (records, accidents, clearance)],
    }


def main() -> None:
    """Measure it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the three GeoJSON files")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    config = arguments.out / "evidence.yaml"
    config.write_text(yaml.safe_dump(belief(arguments.data.resolve()), sort_keys=False))
    folder = arguments.out / "prior"
    area = ["--bounds", *BOUNDS, "--crs", CRS]
    cost = cost_of([*SURVEY, "evidence", str(config), "--out", str(folder), *area])
    report = json.loads((folder / "report.json").read_text())
    for name, layer in report["layers"].items():
        rows = layer["geometries"]
        print(f"{name}: {rows['used']} of {rows['rows']} rows used, {sum(rows['set_aside'].values())} set aside")
    print(
        f"{report['area_ha']} cells, exit {cost.exit_code}, {cost.seconds:.0f} s ({cost.cpu_seconds:.0f} s of "
        f"processor), peak {cost.peak_mb:.0f} MB"
    )


if __name__ == "__main__":
    main()
