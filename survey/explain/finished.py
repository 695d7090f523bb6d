"""What a finished run's folder says of its cells and of how they were judged."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.errors import InputError
from survey.export import read_hectares, read_layer
from survey.export.manifest import listed_products
from survey.files import sha256_of
from survey.rounds.current import Current, current_of, run_of
from survey.values import HECTARE_EDGE_M, Detections, HectareGrid, Performance

RISK, LAYERS, SUMMARY = "risk.tif", "detections.gpkg", "summary.json"
_SEARCHED = "searched"
AGAIN = "search again with `survey run`"


@dataclass(frozen=True, slots=True, eq=False)
class FinishedRun:
    """A run whose products are the ones that its manifest lists."""

    folder: Path
    current: Current
    """Which of its rounds is explained."""
    config: dict[str, Any]
    """Deciding keys of `run.json`; `evidence` is a hash there."""
    performance: Performance
    measured_on: str
    model: str
    grid: HectareGrid
    bands: dict[str, NDArray[np.float64]]
    """Of risk.tif, (rows, cols), NaN where nobody flew."""
    detections: Detections
    items: NDArray[np.intp]
    """(N,) item number of each sighting."""
    detection_ids: NDArray[np.object_]
    """(N,)."""
    implants: dict[str, Any] | None = None
    """Simulated items laid on the run's imagery, as its summary tells of them; None: an earlier version wrote it."""

    @classmethod
    def of(cls, path: Path, number: int | None = None) -> "FinishedRun":
        """Read a run.

        Args:
            path: Its folder, or that of one of its rounds.
            number: Of the round that is explained; 0 is the run without any, None the latest.

        Raises:
            InputError: The folder is no finished run, a product was changed since, or an earlier version wrote it.
        """
        folder = run_of(path)
        products = folder / "products"
        listed = listed_products(products) if products.is_dir() else {}
        for name in (RISK, LAYERS, SUMMARY):
            if name not in listed or not (products / name).is_file():
                msg = f"{folder}: is no finished run; run `survey run ... --out {folder}` to its end"
                raise InputError(msg)
            if sha256_of(products / name) != listed[name]:
                msg = f"{products / name}: was changed since the run, so it cannot be explained; {AGAIN}"
                raise InputError(msg)
        run, summary = _json(folder / "run.json"), _json(products / SUMMARY)
        try:
            config = run["identity"]["config"]
            model = summary["model"]
            facts: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in model["performance"].items()}
            performance, measured_on, name = Performance(**facts), str(model["measured_on"]), str(model["id"])
        except (KeyError, TypeError) as error:
            msg = f"{folder}: does not tell how its risk was made ({error!r}), for an earlier version wrote it; {AGAIN}"
            raise InputError(msg) from error
        grid, bands = read_hectares(products / RISK)
        detections, items, ids = _sightings(products / LAYERS, model=name)
        now = current_of(path, number)
        told = summary.get("implants")
        return cls(folder, now, config, performance, measured_on, name, grid, bands, detections, items, ids, told)

    def unsearched(self, row: int, col: int) -> dict[str, float]:
        """Return hectares of a cell that were flown and not searched, by reason; of outlines, so about."""
        west, north = self.grid.x_min + col * HECTARE_EDGE_M, self.grid.y_max - row * HECTARE_EDGE_M
        square = shapely.box(west, north - HECTARE_EDGE_M, west + HECTARE_EDGE_M, north)
        table = read_layer(self.folder / "products" / LAYERS, "searched_area", bbox=square.bounds)
        areas: dict[str, float] = {}
        for state, reason, shape in zip(table["state"], table["reason"], table.geometry, strict=True):
            area = shapely.intersection(shapely.make_valid(shape), square).area / 10_000
            if state != _SEARCHED and area > 0:
                why = str(reason) if reason else str(state)
                areas[why] = areas.get(why, 0.0) + area
        return dict(sorted(areas.items()))


def _json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        msg = f"{path}: cannot be read ({error}); {AGAIN}"
        raise InputError(msg) from error
    return content


def _sightings(path: Path, *, model: str) -> tuple[Detections, NDArray[np.intp], NDArray[np.object_]]:
    """Return the sightings of the layer with their items and ids."""
    table = read_layer(path, "detections")
    count = len(table)
    classes, class_index = np.unique(table["class"].to_numpy(object).astype(str), return_inverse=True)
    images, image_index = np.unique(table["image_id"].to_numpy(object).astype(str), return_inverse=True)
    shapes = np.asarray(table.geometry.array, dtype=object)
    detections = Detections(
        tuple(classes.tolist()),
        tuple(images.tolist()),
        model,
        class_index=class_index.astype(np.int16),
        score=table["score"].to_numpy(np.float32),
        probability=table["probability"].to_numpy(np.float32),
        row=table["image_row"].to_numpy(np.float64),
        col=table["image_col"].to_numpy(np.float64),
        x=shapely.get_x(shapes).astype(np.float64),
        y=shapely.get_y(shapes).astype(np.float64),
        size_m=table["size_m"].to_numpy(np.float32),
        position_error_m=table["position_error_m"].to_numpy(np.float32),
        image_index=image_index.astype(np.int32),
        tile_index=np.zeros(count, np.int32),
    )
    return detections, table["item"].to_numpy(np.intp), table["detection_id"].to_numpy(object)
