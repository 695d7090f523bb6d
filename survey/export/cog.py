"""Risk as a Cloud Optimized GeoTIFF that GIS programs open right without help."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from survey.files import replacing
from survey.values import GROUP_BANDS, ORDNANCE_GROUPS, RISK_BANDS, Risk

NODATA = -9999.0
"""Cells that nobody flew. A number, not NaN: some GIS programs draw NaN as zero."""
_QUANTITIES: Mapping[str, tuple[str, str]] = {
    "p_at_least_one": ("probability", "probability that the cell holds at least one item"),
    "p_unseen": ("probability", "probability that the cell holds at least one item that was not detected"),
    "expected_items": ("per hectare", "expected number of items in the cell, detected or not"),
    "q05": ("per hectare", "5 % quantile of the number of items: the lower end of the 90 % interval"),
    "q95": ("per hectare", "95 % quantile of the number of items: the upper end of the 90 % interval"),
    "searched_fraction": ("share", "share of the cell that was searched"),
    "detections": ("count", "detected items that review did not reject; sightings of one item count once"),
    "disturbance_fraction": ("share", "share of the searched ground that looks disturbed"),
    "confirmed": ("count", "detected items that review confirmed"),
    "effective_search": ("share", "expected probability that an item of the cell was detected"),
    "prior_items": ("per hectare", "expected number of items before the search"),
    "search_change": ("per hectare", "change of the expected number by the search, had it detected nothing"),
    "detection_change": ("per hectare", "change of the expected number by the detections"),
    "visibility": ("share", "share of recall left on the searched ground, under its cover and at its sharpness"),
    "cover_open": ("share", "share of the cell that is open ground"),
    "cover_low_vegetation": ("share", "share of the cell under low green plants"),
    "cover_deep_shadow": ("share", "share of the cell in shadow too deep to see into"),
    "cover_canopy": ("share", "share of the cell under trees, bushes or tall crops"),
    "cover_water": ("share", "share of the cell under water"),
}
GROUP_WORDS = {
    "ap": "anti-personnel mines",
    "at": "anti-tank mines",
    "submunition": "submunitions",
    "uxo": "other unexploded ordnance",
}
_BY_GROUP = {f"{n}_{g}": (n, g) for g in ORDNANCE_GROUPS for n in GROUP_BANDS}
RISK_UNITS: Mapping[str, str] = {n: _QUANTITIES[_BY_GROUP[n][0] if n in _BY_GROUP else n][0] for n in RISK_BANDS}
RISK_MEANINGS: Mapping[str, str] = {
    n: f"{_QUANTITIES[_BY_GROUP[n][0]][1]}; {GROUP_WORDS[_BY_GROUP[n][1]]} only"
    if n in _BY_GROUP
    else _QUANTITIES[n][1]
    for n in RISK_BANDS
}
"""What each band says, in words."""
_RISK_BLOCK = 128
"""Cells along a tile's edge: 12.8 km, so that larger surveys get more than one overview."""


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """One band of a raster of hectares."""

    name: str
    unit: str
    meaning: str
    values: NDArray[np.float32]
    """(rows, cols); NaN becomes nodata."""


def write_risk(path: Path, *, risk: Risk, tags: Mapping[str, str], more: Sequence[Band] = ()) -> None:
    """Write one float32 band per risk value, in the order of `RISK_BANDS`, and further ones behind them.

    The same risk and tags give the same bytes.

    Args:
        path: File to write or replace.
        risk: Values of (rows, cols) cells; NaN becomes nodata.
        tags: Provenance (run id, model id); no times, or two runs would differ.
        more: Bands behind those of the risk.
    """
    own = [Band(name, RISK_UNITS[name], RISK_MEANINGS[name], getattr(risk, name)) for name in RISK_BANDS]
    bands = [*own, *more]
    profile = {
        "driver": "GTiff",
        "count": len(bands),
        "height": risk.grid.rows,
        "width": risk.grid.cols,
        "dtype": "float32",
        "crs": risk.grid.crs,
        "transform": risk.grid.transform,
        "nodata": NODATA,
    }
    values = np.stack([band.values for band in bands])
    with MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.write(np.where(np.isfinite(values), values, np.float32(NODATA)))
            dataset.descriptions = tuple(band.name for band in bands)
            dataset.units = tuple(band.unit for band in bands)
            dataset.update_tags(AREA_OR_POINT="Area", **dict(sorted(tags.items())))
            for number, band in enumerate(bands, start=1):
                dataset.update_tags(number, MEANING=band.meaning, **_statistics(band.values))
        with memory.open() as dataset, replacing(path) as temporary:
            copy_to_cog(dataset, temporary, block=_RISK_BLOCK, resampling="AVERAGE")


def copy_to_cog(source: Any, path: Path, *, block: int, resampling: str) -> None:
    """Copy an open dataset to a COG with overviews, always to the same bytes.

    Args:
        source: Open rasterio dataset.
        path: File to write; give `replacing`'s temporary path.
        block: Pixels along a tile's edge.
        resampling: Of the overviews: AVERAGE for quantities, MODE for classes.
    """
    options = {
        "COMPRESS": "DEFLATE",
        "PREDICTOR": "YES",
        "BLOCKSIZE": str(block),
        "OVERVIEW_RESAMPLING": resampling,
        "BIGTIFF": "IF_SAFER",
        "SPARSE_OK": "YES",
        "NUM_THREADS": "1",  # more threads may write tiles in another order
    }
    if min(source.shape) >= 2 and max(source.shape) <= block:
        options["OVERVIEW_COUNT"] = "1"  # GDAL makes none for a raster of one tile; viewers ask for one
    rasterio.shutil.copy(source, path, driver="COG", **options)


def _statistics(values: NDArray[np.float32]) -> dict[str, str]:
    """Return the tags from which GIS programs stretch a band; none where a band is all nodata."""
    known = values[np.isfinite(values)].astype(np.float64)
    if not known.size:
        return {}
    return {
        "STATISTICS_MINIMUM": repr(float(known.min())),
        "STATISTICS_MAXIMUM": repr(float(known.max())),
        "STATISTICS_MEAN": repr(float(known.mean())),
        "STATISTICS_STDDEV": repr(float(known.std())),
        "STATISTICS_VALID_PERCENT": f"{100 * known.size / values.size:.4g}",
    }
