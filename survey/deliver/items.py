"""Rows that are derived from a run: one for each item, and one for each kind of disturbed ground in a hectare."""

from pathlib import Path

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.windows import Window

from survey.deliver.tables import Table
from survey.values import HECTARE_EDGE_M, GroundCode

_VERDICTS = ("state", "review", "verdict", "status")
"""Columns that may hold what review or work on the ground said of a sighting; the first that there is counts."""
GROUND_KINDS = {
    GroundCode.CRATER: "crater",
    GroundCode.TRENCH: "trench",
    GroundCode.DISTURBED_SOIL: "disturbed_soil",
}


def items_of(detections: Table) -> Table:
    """Return each item's most probable sighting that has a place, with the number of its sightings.

    Sightings that review rejected are left out; an item is confirmed if one of its sightings is.
    """
    columns = detections.columns
    verdict = next((columns[name] for name in _VERDICTS if name in columns), np.full(len(detections), "", dtype=object))
    placed = np.array([g is not None and not g.is_empty for g in detections.geometry], bool) & (verdict != "rejected")
    item, p = np.asarray(columns["item"], np.int64), np.asarray(columns["probability"], np.float64)
    order = np.lexsort((np.arange(len(item)), -p, item))
    order = order[placed[order]]
    _, first, counts = np.unique(item[order], return_index=True, return_counts=True)
    best = detections.take(order[first])
    confirmed = np.isin(item[order[first]], item[verdict == "confirmed"])
    told = np.where(confirmed, "confirmed", verdict[order[first]])
    extra: dict[str, NDArray[np.generic]] = {
        "sightings": counts.astype(np.int64),
        "status": np.where(told == "unreviewed", "", told).astype(object),
    }
    return Table("", "items.gpkg", "items", detections.crs, best.geometry, {**best.columns, **extra})


def ground_of(path: Path, *, crs: str, least_m2: float) -> Table:
    """Return disturbed ground by hectare and kind as points at its centroid, from the raster of classes.

    Args:
        path: disturbance.tif, read hectare by hectare.
        crs: Of the result, which is that of the raster.
        least_m2: Less than this is left out.
    """
    rows: list[tuple[str, str, float, float, float, float]] = []
    with rasterio.open(path) as dataset:
        per_edge = round(HECTARE_EDGE_M / dataset.res[0])
        area = dataset.res[0] * dataset.res[1]
        for row in range(0, dataset.height, per_edge):
            strip = dataset.read(1, window=Window(0, row, dataset.width, min(per_edge, dataset.height - row)))
            for col in np.unique(np.nonzero(strip > GroundCode.SEARCHED)[1] // per_edge) * per_edge:
                codes = strip[:, col : col + per_edge]
                west, north = dataset.transform * (float(col), float(row))
                cell = f"E{round(west)}N{round(north - HECTARE_EDGE_M)}"
                for code, kind in GROUND_KINDS.items():
                    size = float(np.count_nonzero(codes == code)) * area
                    if size >= least_m2:
                        rows.append((cell, kind, size, *_middle(codes == code, west, north, dataset.res[0])))
    cells, kinds, sizes, x, y, radius = zip(*rows, strict=True) if rows else ((),) * 6
    columns = {
        "cell": np.array(cells, object),
        "kind": np.array(kinds, object),
        "area_m2": np.array(sizes, np.float64),
        "radius_m": np.array(radius, np.float64),
    }
    return Table(
        "", "ground.gpkg", "ground", crs, np.asarray(shapely.points(np.array(x), np.array(y)), object), columns
    )


def _middle(mask: NDArray[np.bool_], west: float, north: float, step: float) -> tuple[float, float, float]:
    """Return the centroid of pixels, and the radius around it that holds 95 % of them."""
    row, col = np.nonzero(mask)
    x, y = west + (col + 0.5) * step, north - (row + 0.5) * step
    middle = float(x.mean()), float(y.mean())
    return (*middle, float(np.quantile(np.hypot(x - middle[0], y - middle[1]), 0.95)) + step)
