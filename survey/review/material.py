"""What a finished run says, as the review needs it: items, their sightings, images, ground and hectares."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.errors import InputError
from survey.export import MANIFEST, read_layer
from survey.ingest import open_image
from survey.risk.groups import GROUP_OF_CLASS
from survey.values import HECTARE_EDGE_M, UNIDENTIFIED_CLASS, Image


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The sightings of a run, by item and within an item the most probable first; arrays of shape (N,)."""

    ids: NDArray[np.object_]
    item: NDArray[np.int64]
    """Place of the sighting's item in `leaders`."""
    leaders: NDArray[np.intp]
    """(K,) the most probable sighting of each item, which the item is named by."""
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    label: NDArray[np.object_]
    probability: NDArray[np.float64]
    size_m: NDArray[np.float64]
    position_error_m: NDArray[np.float64]
    image_ids: NDArray[np.object_]
    image_row: NDArray[np.float64]
    image_col: NDArray[np.float64]

    def sightings_of(self, item: int) -> NDArray[np.intp]:
        """Return the sightings of an item, the most probable first."""
        return np.flatnonzero(self.item == item)


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """A finished run."""

    folder: Path
    run_id: str
    model: str
    crs: str
    images: tuple[Image, ...]
    not_there: tuple[str, ...]
    """Images of the run that are not found, with the reason."""
    found: Found
    risk: NDArray[np.float64]
    """(K,) P(at least one item) of the hectare in which each item lies."""
    searched: shapely.Geometry
    imaged: shapely.Geometry
    """Footprints of all images."""
    classes: tuple[str, ...]
    """What reviewers can name an item, whichever of these the model has learnt."""

    @property
    def searched_ha(self) -> float:
        """Searched ground in hectares."""
        return float(self.searched.area) / HECTARE_EDGE_M**2


def load_material(run: Path, *, images: Sequence[Path] = ()) -> Material:
    """Read a finished run; the imagery is opened, not read.

    Args:
        run: Run folder.
        images: Files or folders to look for imagery that has moved, by its name.

    Raises:
        InputError: It is no finished run, or none of its imagery is found.
    """
    products = run / "products"
    if not (products / MANIFEST).is_file():
        msg = f"{run}: is no finished run; run `survey run ... --out {run}` to its end"
        raise InputError(msg)
    try:
        about = json.loads((run / "run.json").read_text(encoding="utf-8"))
        identity, paths = about["identity"], [Path(name) for name in about["notes"].get("inputs", [])]
        inputs = [(str(name), str(sha256)) for name, sha256 in identity["inputs"]]
        settings = identity["config"]
        run_id, model = str(about["run_id"]), str(identity["model"]).split("@")[0]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{run / 'run.json'}: cannot be read ({error!r}); run the search again"
        raise InputError(msg) from error
    package = products / "detections.gpkg"
    table = read_layer(package, "detections")
    crs = str(table.crs.to_string())
    opened, not_there = _open_images(run, inputs, paths, others=images, settings=settings)
    found = _found(table)
    areas = read_layer(package, "searched_area")
    searched = shapely.union_all(np.asarray(areas.geometry[areas["state"] == "searched"].array, dtype=object))
    hectares = read_layer(package, "hectares")
    return Material(
        folder=run,
        run_id=run_id,
        model=model,
        crs=crs,
        images=opened,
        not_there=not_there,
        found=found,
        risk=_risk_at(hectares, found),
        searched=searched,
        imaged=shapely.union_all(np.asarray(read_layer(package, "images").geometry.array, dtype=object)),
        classes=tuple(dict.fromkeys([*GROUP_OF_CLASS, UNIDENTIFIED_CLASS, *sorted(set(found.label.tolist()))])),
    )


def _found(table: Any) -> Found:
    table = table[~(table.geometry.isna() | table.geometry.is_empty)]
    table = table.sort_values(["item", "probability", "detection_id"], ascending=[True, False, True], kind="stable")
    shapes = np.asarray(table.geometry.array, dtype=object)
    item = table["item"].to_numpy(np.int64)
    names, leaders = np.unique(item, return_index=True)
    return Found(
        ids=table["detection_id"].to_numpy(object),
        item=np.searchsorted(names, item).astype(np.int64),
        leaders=leaders.astype(np.intp),
        x=np.asarray(shapely.get_x(shapes), np.float64),
        y=np.asarray(shapely.get_y(shapes), np.float64),
        label=table["class"].to_numpy(object),
        probability=table["probability"].to_numpy(np.float64),
        size_m=table["size_m"].to_numpy(np.float64),
        position_error_m=table["position_error_m"].to_numpy(np.float64),
        image_ids=table["image_id"].to_numpy(object),
        image_row=table["image_row"].to_numpy(np.float64),
        image_col=table["image_col"].to_numpy(np.float64),
    )


def _risk_at(hectares: Any, found: Found) -> NDArray[np.float64]:
    """Return the risk of each item's hectare; 1 where the run has none, so that nothing sinks for want of a cell."""
    risk = {str(c): float(p) for c, p in zip(hectares["cell"], hectares["p_at_least_one"], strict=True)}
    lead = found.leaders
    east = np.floor(found.x[lead] / HECTARE_EDGE_M).astype(int) * HECTARE_EDGE_M
    north = np.floor(found.y[lead] / HECTARE_EDGE_M).astype(int) * HECTARE_EDGE_M
    return np.array([risk.get(f"E{e}N{n}", 1.0) for e, n in zip(east, north, strict=True)], np.float64)


def _open_images(
    run: Path,
    inputs: Sequence[tuple[str, str]],
    paths: Sequence[Path],
    *,
    others: Sequence[Path],
    settings: dict[str, Any],
) -> tuple[tuple[Image, ...], tuple[str, ...]]:
    bands, nodata = (None if settings.get(key, "auto") == "auto" else settings[key] for key in ("bands", "nodata"))
    recorded = dict(zip([sha256 for _, sha256 in inputs], paths, strict=False))
    moved = {path.name: path for place in others for path in ([*place.iterdir()] if place.is_dir() else [place])}
    opened, not_there = [], []
    for name, sha256 in inputs:
        path = moved.get(name) or recorded.get(sha256, Path(name))
        try:
            opened.append(open_image(path, bands=tuple(bands) if bands else None, nodata=nodata, sha256=sha256))
        except InputError as error:
            not_there.append(str(error))
    if not opened:
        msg = f"{run}: none of its {len(inputs)} images is found ({not_there[0]}); name their folder with --images"
        raise InputError(msg)
    return tuple(opened), tuple(not_there)
