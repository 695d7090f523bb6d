"""Scores of a run over orthomosaics against points or polygons on the map, in metres."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray

from survey.detect import ModelCard
from survey.errors import InputError
from survey.evaluate.cover import LEAST_RADIUS_M, cover_around
from survey.evaluate.frames import square
from survey.evaluate.scores import Items, Scores, Sightings, Stretches, matched, merged
from survey.ingest import SourcePixels, open_image, to_uint8
from survey.maplabels import MapLabels, Places
from survey.networks import HEAT_STRIDE
from survey.values import HECTARE_EDGE_M, Image, Window

EDGE_M = 1.0
"""Outlines of searched ground are drawn from cells of a metre; items this close outside still count as searched."""
USUAL_SIZE_M = 0.2
"""Taken for the cover around items whose size nobody tells."""


@dataclass(frozen=True, slots=True, eq=False)
class MapLooks:
    """Reads places of orthomosaics by their map coordinates."""

    images: tuple[Image, ...]
    crs: str

    def __call__(self, stretch: int, x: float, y: float, *, half_m: float) -> NDArray[np.uint8] | None:  # noqa: ARG002 - as `Looks`
        """Return the square of ground, uint8 (n, n, 3), around (x, y); None where no image shows it."""
        for image in self.images:
            to_image = pyproj.Transformer.from_crs(self.crs, image.crs_wkt, always_xy=True)
            col, row = ~image.transform * to_image.transform(x, y)
            if not (0 <= row < image.height and 0 <= col < image.width):
                continue
            half = max(1, round(half_m / image.gsd_m))
            top, left = max(0, int(row) - half), max(0, int(col) - half)
            bottom, right = min(image.height, int(row) + half + 1), min(image.width, int(col) + half + 1)
            pixels = SourcePixels(image)
            values, valid, damage = pixels.read(Window(top, left, bottom - top, right - left))
            pixels.close()
            if damage or not valid[int(row) - top, int(col) - left]:
                continue
            rgb = np.ascontiguousarray(to_uint8(values, image).transpose(1, 2, 0))
            return square(rgb, row=row - top, col=col - left, half_px=half)
        return None

    def gsd_at(self, x: float, y: float) -> float:
        """Return the ground distance of a pixel of the first image that covers a place; NaN without one."""
        for image in self.images:
            to_image = pyproj.Transformer.from_crs(self.crs, image.crs_wkt, always_xy=True)
            col, row = ~image.transform * to_image.transform(x, y)
            if 0 <= row < image.height and 0 <= col < image.width:
                return image.gsd_m
        return float("nan")


def run_crs(folder: Path) -> str:
    """Return the CRS of a finished run's layers.

    Raises:
        InputError: The folder holds no finished run.
    """
    if not (folder / "products" / "MANIFEST.json").is_file():
        msg = f"{folder}: holds no finished run; finish it with `survey run`, or leave --run out"
        raise InputError(msg)
    return str(pyogrio.read_info(folder / "products" / "detections.gpkg", layer="hectares")["crs"])


def score_run(
    folder: Path, *, card: ModelCard, truth: MapLabels, images: Sequence[Path], site: str
) -> tuple[Scores, MapLooks, dict[str, Any]]:
    """Match the items that a finished run sees to those on the map.

    Sightings of one item in overlapping images are one already: the run merged them. Items on ground that
    was not searched are no misses; they are counted apart. The hectares of the run are what intervals on
    false alarms are resampled over.

    Args:
        folder: The run's.
        card: Of the model that the run was made with.
        truth: Items on the ground, in any CRS.
        images: The run's orthomosaics, to look at items again; may be empty.
        site: Name of the site.

    Returns:
        Scores, a second look at places, and what else there is to say.

    Raises:
        InputError: The run was made with another model.
    """
    products, crs = folder / "products", run_crs(folder)
    summary = json.loads((products / "summary.json").read_text())
    if summary["model"]["id"] != card.id:
        msg = f"{folder}: was searched with model {summary['model']['id']}; give it as --model, or another --run"
        raise InputError(msg)
    looks = MapLooks(tuple(open_image(path) for path in images), crs)
    ground, cells = _hectares(products / "detections.gpkg", site=site)
    places = truth.on_map(crs)
    searched = _searched(products / "detections.gpkg", places)
    items, labels = _items(places, searched, looks=looks, cells=cells)
    sightings = _sightings(products / "detections.gpkg", classes=card.class_names, cells=cells)
    sightings = matched(merged(sightings, guard_m=2 * HEAT_STRIDE * card.gsd_m), items)
    facts = {
        "run": {"run_id": summary["run_id"], "blocks": summary["blocks"], "images": summary["images"]},
        "truth": {
            "rows": truth.rows,
            "items": len(places.x),
            "set_aside": dict(truth.aside),
            "not_searched": int((~searched).sum()),
        },
        "scores_down_to": float(sightings.score.min()) if len(sightings.score) else None,
    }
    return Scores(sightings, items, ground, card.class_names, labels, card.gsd_m), looks, facts


@dataclass(frozen=True, slots=True)
class _Cells:
    """Number of each searched hectare by its south-west corner in hectares."""

    number: dict[tuple[int, int], int]
    corners: NDArray[np.float64]

    def of(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the cell of each place, the nearest one for places on its edge."""
        found = []
        for place in np.column_stack([x, y]):
            key = tuple(int(v) for v in place // HECTARE_EDGE_M)
            middle = self.corners + HECTARE_EDGE_M / 2
            nearest = int(np.argmin(np.hypot(*(middle - place).T)))
            found.append(self.number.get((key[0], key[1]), nearest))
        return np.array(found, np.intp)


def _hectares(path: Path, *, site: str) -> tuple[Stretches, _Cells]:
    table = pyogrio.read_dataframe(path, layer="hectares")
    table = table[table["searched_fraction"] > 0]
    if not len(table):
        msg = f"{path}: no ground was searched, so there is nothing to measure; see the run's summary for the reasons"
        raise InputError(msg)
    corners = np.round(table.geometry.bounds[["minx", "miny"]].to_numpy(np.float64))
    keys = [(int(x), int(y)) for x, y in corners // HECTARE_EDGE_M]
    names = tuple(str(name) for name in table["cell"])
    area = table["searched_fraction"].to_numpy(np.float64) * HECTARE_EDGE_M**2 / 1e4
    stretches = Stretches("hectare", names, (site,) * len(names), area)
    return stretches, _Cells({key: n for n, key in enumerate(keys)}, corners)


def _searched(path: Path, truth: Places) -> NDArray[np.bool_]:
    outlines = pyogrio.read_dataframe(path, layer="searched_area")
    whole = shapely.union_all(np.asarray(outlines[outlines["state"] == "searched"].geometry.array, dtype=object))
    searched = np.isfinite(truth.x) & np.isfinite(truth.y)  # others have no place in this CRS
    places = shapely.points(truth.x[searched], truth.y[searched])
    searched[searched] = shapely.dwithin(whole, places, EDGE_M)
    return searched


def _items(
    truth: Places, searched: NDArray[np.bool_], *, looks: MapLooks, cells: _Cells
) -> tuple[Items, tuple[str, ...]]:
    kept = np.flatnonzero(searched)
    x, y, size = truth.x[kept], truth.y[kept], truth.size_m[kept]
    names = [truth.classes[n] for n in kept]
    labels = tuple(dict.fromkeys(names))
    cover, gsd = [], []
    for place in zip(x, y, np.where(np.isnan(size), USUAL_SIZE_M, size), strict=True):
        gsd.append(looks.gsd_at(place[0], place[1]))
        cover.append(_cover(looks, *place))
    green, texture = np.array(cover, np.float64).reshape(-1, 2).T
    label = np.array([labels.index(name) for name in names], np.intp)
    return Items(label, x, y, size, np.array(gsd, np.float64), cells.of(x, y), green, texture), labels


def _cover(looks: MapLooks, x: float, y: float, size_m: float) -> tuple[float, float]:
    half_m = max(LEAST_RADIUS_M, 3 * size_m)
    chip = looks(0, x, y, half_m=half_m)
    if chip is None:
        return float("nan"), float("nan")
    middle = chip.shape[0] / 2
    return cover_around(chip, row=middle, col=middle, size_m=size_m, gsd_m=half_m / middle)


def _sightings(path: Path, *, classes: tuple[str, ...], cells: _Cells) -> Sightings:
    """Return the best sighting of each of the run's items."""
    table = pyogrio.read_dataframe(path, layer="detections")
    table = table.sort_values(["score", "detection_id"], ascending=[False, True]).drop_duplicates("item")
    x, y = (np.asarray(values, np.float64) for values in (table.geometry.x, table.geometry.y))
    count = len(table)
    return Sightings(
        score=table["score"].to_numpy(np.float64),
        class_index=np.array([classes.index(name) for name in table["class"]], np.intp),
        x=x,
        y=y,
        size_m=table["size_m"].to_numpy(np.float64),
        stretch=cells.of(x, y),
        item=np.full(count, -1, np.intp),
        error_m=np.full(count, np.nan),
        again=np.zeros(count, bool),
    )
