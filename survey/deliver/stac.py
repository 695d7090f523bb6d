"""A STAC item over an export: place, dates, and every file with its checksum."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import CRS

from survey.deliver.tables import Table
from survey.deliver.tablets import to_lonlat
from survey.export import MANIFEST
from survey.files import sha256_of, write_bytes

ITEM = "item.json"
_TYPES = {
    ".tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".gpkg": "application/geopackage+sqlite3",
    ".fgb": "application/vnd.flatgeobuf",
    ".parquet": "application/vnd.apache.parquet",
    ".kmz": "application/vnd.google-earth.kmz",
    ".gpx": "application/gpx+xml",
    ".json": "application/json",
    ".csv": "text/csv",
    ".qgz": "application/x-qgis-project",
}
_FILE, _PROJECTION = (
    f"https://stac-extensions.github.io/{n}/schema.json" for n in ("file/v2.1.0", "projection/v2.0.0")
)
_SHA256 = "1220"
"""How a multihash of 32 bytes SHA-256 begins."""


def write_stac(folder: Path, tables: Sequence[Table], *, run_id: str, flown: tuple[str, str]) -> None:
    """Write item.json over all files of a folder but those that come after it.

    Args:
        folder: The export.
        tables: Whose extent is the item's; the first one's CRS is the item's.
        run_id: Name of the run.
        flown: First and last day of the flights, as 'YYYY-MM-DD'.
    """
    outlines = [_outline(table) for table in tables if _lies_somewhere(table)]
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [_FILE],
        "id": f"survey-{run_id}",
        "properties": {
            "datetime": None,
            "start_datetime": f"{flown[0]}T00:00:00Z",
            "end_datetime": f"{flown[1]}T23:59:59Z",
            "description": "Candidates and model risk from drone imagery. No detection is not absence.",
        },
        "geometry": None,  # of an item that is nowhere; it has no bbox then
        "links": [],
        "assets": {},
    }
    if outlines:
        low, high = np.min([o.bounds[:2] for o in outlines], axis=0), np.max([o.bounds[2:] for o in outlines], axis=0)
        item["bbox"] = [*low.tolist(), *high.tolist()]
        item["geometry"] = shapely.geometry.mapping(shapely.box(*low, *high))
        authority = CRS.from_user_input(tables[0].crs).to_authority(min_confidence=100)
        item["stac_extensions"].append(_PROJECTION)
        item["properties"]["proj:code"] = ":".join(authority) if authority else None
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        if name not in {ITEM, MANIFEST} and ".gdb/" not in name:
            asset = {"href": f"./{name}", "file:size": path.stat().st_size, "roles": ["data"]}
            asset["file:checksum"] = _SHA256 + sha256_of(path)
            if kind := _TYPES.get(path.suffix):
                asset["type"] = kind
            item["assets"][name] = asset
    write_bytes(folder / ITEM, json.dumps(item, indent=2, sort_keys=True).encode() + b"\n")


def _lies_somewhere(table: Table) -> bool:
    """Tell whether a layer has a place: not one without rows, or with empty geometries only."""
    return len(table) > 0 and bool(np.isfinite(shapely.total_bounds(table.geometry)).all())


def _outline(table: Table) -> Any:
    """Return the extent of a layer in longitude and latitude, whose edges bend."""
    west, south, east, north = shapely.total_bounds(table.geometry).tolist()
    box = shapely.segmentize(shapely.box(west - 1, south - 1, east + 1, north + 1), 1000)  # a point has no box
    return to_lonlat(np.array([box], dtype=object), table.crs)[0]
