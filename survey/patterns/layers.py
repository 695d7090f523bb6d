"""Patterns as GIS layers and bands of their own."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.io import MemoryFile
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from survey.export import Layer
from survey.export.cog import NODATA, copy_to_cog
from survey.files import replacing
from survey.patterns.find import FoundRow
from survey.patterns.hazard import Hazard, HazardRaster

Array = NDArray[np.float64]
MEANINGS = {
    "pattern_hazard": "expected number of items along laid rows and beyond their ends that nobody has seen; in no risk",
    "pattern_hazard_q05": "5 % quantile of what is expected there, by what is not known of the row",
    "pattern_hazard_q95": "95 % quantile of what is expected there, by what is not known of the row",
}
BANDS = tuple(MEANINGS)
PARALLEL = np.deg2rad(5)


def strips(found: Sequence[FoundRow], *, gap_m: float) -> NDArray[np.intp]:
    """Return the strip of each row: rows within 5 degrees of each other, side by side within `gap_m`, are one."""
    count = len(found)
    joined = np.zeros((count, count), np.bool_)
    for a, one in enumerate(found):
        for b, other in enumerate(found):
            turn = abs(one.row.angle - other.row.angle) % np.pi
            ends = other.row.at(np.array([other.row.start, other.row.end]))
            along, across = one.row.along_across(ends)
            beside = along.max() >= one.row.start and along.min() <= one.row.end
            joined[a, b] = min(turn, np.pi - turn) <= PARALLEL and beside and bool((np.abs(across) <= gap_m).all())
    first, second = np.nonzero(joined | joined.T)
    graph = coo_array((np.ones(len(first), np.int8), (first, second)), shape=(count, count))
    return connected_components(graph, directed=False)[1].astype(np.intp) if count else np.empty(0, np.intp)


def pattern_layer(found: Sequence[FoundRow], hazards: Sequence[Hazard], *, strips: NDArray[np.intp]) -> Layer:
    """Return rows as lines from the first member to the last."""
    nothing = (np.nan, np.nan)
    lines = [shapely.LineString(f.row.at(np.array([f.row.start, f.row.end]))) for f in found]
    columns: dict[str, NDArray[np.generic]] = {
        "pattern": np.arange(1, len(found) + 1, dtype=np.int64),
        "strip": strips.astype(np.int64) + 1,
        "members": np.array([len(f.members) for f in found], np.int64),
        "length_m": _numbers(f.row.length_m for f in found),
        "width_m": _numbers(2 * f.row.sigma_m for f in found),
        "bearing_deg": _numbers((90 - np.rad2deg(f.row.angle)) % 180 for f in found),
        "p_value": _numbers(f.p_value for f in found),
        "log_likelihood_gain": _numbers(f.gain for f in found),
        "spacing_m": _numbers(f.spacing.metres if f.spacing else np.nan for f in found),
        "spacing_low_m": _numbers((f.spacing.interval if f.spacing else nothing)[0] for f in found),
        "spacing_high_m": _numbers((f.spacing.interval if f.spacing else nothing)[1] for f in found),
        "spacing_p_value": _numbers(f.spacing.p_value if f.spacing else np.nan for f in found),
        "unseen_within": _numbers(h.expected[~h.beyond].sum() for h in hazards),
        "unseen_beyond": _numbers(h.expected[h.beyond].sum() for h in hazards),
    }
    return Layer("patterns", "LineString", _wkb(lines), columns)


def member_layer(found: Sequence[FoundRow], points: Array, ids: NDArray[np.int64]) -> Layer:
    """Return the members of all rows as points, in their order along each."""
    own = [f.members for f in found]
    index = np.concatenate([np.empty(0, np.intp), *own])
    columns: dict[str, NDArray[np.generic]] = {
        "pattern": np.repeat(np.arange(1, len(found) + 1, dtype=np.int64), [len(m) for m in own]),
        "item": ids[index],
    }
    return Layer("members", "Point", _wkb(shapely.points(points[index])), columns)


def place_layer(hazards: Sequence[Hazard]) -> Layer:
    """Return the places along and beyond rows where unseen items may lie."""

    def joined(name: str) -> NDArray[np.generic]:
        return np.concatenate([np.empty(0), *(getattr(h, name) for h in hazards)])

    columns: dict[str, NDArray[np.generic]] = {
        "pattern": np.repeat(np.arange(1, len(hazards) + 1, dtype=np.int64), [len(h.along) for h in hazards]),
        "unseen_items": joined("expected"),
        "q05": joined("low"),
        "q95": joined("high"),
        "sigma_m": joined("sigma_m"),
        "searched": joined("searched").astype(np.int32),
        "beyond_the_ends": joined("beyond").astype(np.int32),
    }
    return Layer("places", "Point", _wkb(shapely.points(joined("x"), joined("y"))), columns)


def write_hazard(path: Path, raster: HazardRaster, *, crs: str, tags: Mapping[str, str]) -> None:
    """Write expected unseen items per hectare of rows, with their bounds, as a raster; nodata off all rows."""
    bands = np.stack([raster.expected, raster.low, raster.high]).astype(np.float32)
    profile = {"driver": "GTiff", "count": len(BANDS), "height": bands.shape[1], "width": bands.shape[2]}
    profile |= {"dtype": "float32", "crs": crs, "transform": raster.transform, "nodata": NODATA}
    with MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.write(np.where(np.isfinite(bands), bands, np.float32(NODATA)))
            dataset.descriptions = BANDS
            dataset.units = ("per hectare",) * len(BANDS)
            dataset.update_tags(AREA_OR_POINT="Area", **dict(sorted(tags.items())))
            for number, meaning in enumerate(MEANINGS.values(), start=1):
                dataset.update_tags(number, MEANING=meaning)
        with memory.open() as dataset, replacing(path) as temporary:
            copy_to_cog(dataset, temporary, block=256, resampling="AVERAGE")


def _numbers(values: Iterable[float]) -> Array:
    return np.array(list(values), np.float64)


def _wkb(shapes: object) -> NDArray[np.object_]:
    return np.asarray(shapely.to_wkb(np.asarray(shapes, dtype=np.object_)), dtype=np.object_)
