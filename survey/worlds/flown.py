"""One searched flight as its folder has it: layers as they were written, beside the truth of every hectare."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyogrio
import rasterio
from geopandas import GeoDataFrame
from numpy.typing import NDArray

from survey.engine import read_run
from survey.export import MANIFEST
from survey.implant import Tally
from survey.matching import MATCH_M, match
from survey.simulate import ITEMS
from survey.values import ORDNANCE_GROUPS, HectareGrid

SEARCHED, COUNTED = "flight.json", "implants.json"
"""Receipts in a flight's folder, each written when its step is done: truth beside the search, laid items."""
RUN = "run"
"""Folder of the search in a flight's folder."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Flown:
    """What a search of one flight said, what laid items told, and what was true.

    C hectares that were flown, K items detected.
    """

    truth: NDArray[np.intp]
    """(C, groups) items of each hectare, on the flown part and off it."""
    searched: Array
    """(C,) share of each hectare."""
    visible: Array
    """(C,) share of the recall that holds on the searched ground, for cover and blur."""
    centre: Array
    """(C, 2) metres."""
    told: Array
    """(C,) P(at least one item) of the run's own `risk.tif`."""
    cell: NDArray[np.intp]
    """(K,) hectare of each detection."""
    score: Array
    """(K,) the network's."""
    class_name: NDArray[np.str_]
    place: Array
    """(K, 2) metres."""
    true: NDArray[np.bool_]
    """(K,) whether it found an item that no better one had found."""
    on_ground: int
    """Items on the flown ground."""
    searched_ha: float
    flagged: bool
    """Whether the model's novelty check flagged the picture."""
    model: str
    """'<id>@<sha256>' of the model folder that searched."""
    implants: Tally
    """Simulated items laid on its imagery besides its own, as `survey run` lays them."""


def read_flight(folder: Path) -> Flown:
    """Return a flight from its truth and from the layers of its run, as whoever gets them would read them.

    Args:
        folder: Of one flight, searched and with its laid items counted.
    """
    truth, counted = (json.loads((folder / name).read_bytes()) for name in (SEARCHED, COUNTED))
    grid, counts = HectareGrid(**truth["grid"]), np.array(truth["counts"], np.intp).reshape(-1, len(ORDNANCE_GROUPS))
    products = folder / RUN / "products"
    assert (products / MANIFEST).exists()
    with rasterio.open(products / "risk.tif") as dataset:
        bands = dict(
            zip(dataset.descriptions, dataset.read(masked=True).astype(np.float64).filled(np.nan), strict=True)
        )
        row, col = np.nonzero(np.isfinite(bands["p_at_least_one"]))
        x, y = dataset.transform * (col + 0.5, row + 0.5)
    centre = np.column_stack([x, y])
    number = _cell_of(grid, centre)
    table = _best_sightings(products / "detections.gpkg")
    place = np.column_stack([table.geometry.x, table.geometry.y]).reshape(-1, 2)
    place_in = {int(cell): n for n, cell in enumerate(number)}
    items = truth["items"]
    size = np.array([ITEMS[kind].size_m for kind in items["kind"]], np.float64)
    at = np.column_stack([items["x"], items["y"]]).reshape(-1, 2)
    found, _ = match(place, at, reach=np.maximum(MATCH_M, size / 2))
    return Flown(
        truth=counts[number],
        searched=bands["searched_fraction"][row, col],
        visible=np.nan_to_num(bands["visibility"][row, col], nan=1.0),
        centre=centre,
        told=bands["p_at_least_one"][row, col],
        cell=np.array([place_in[int(cell)] for cell in _cell_of(grid, place)], np.intp),
        score=table["score"].to_numpy(np.float64),
        class_name=table["class"].to_numpy(np.str_),
        place=place,
        true=found >= 0,
        on_ground=len(size),
        searched_ha=float(truth["searched_ha"]),
        flagged=bool(truth["flagged"]),
        model=read_run(folder / RUN)[0].model,
        implants=Tally(counted["laid"], counted["found"], counted["set_aside"]),
    )


def _best_sightings(path: Path) -> GeoDataFrame:
    """Return the most probable sighting of each item, best score first."""
    table = pyogrio.read_dataframe(path, layer="detections")
    table = table.sort_values(["item", "probability", "score"], ascending=[True, False, False], kind="stable")
    return table.drop_duplicates("item").sort_values(["score", "detection_id"], ascending=[False, True])


def _cell_of(grid: HectareGrid, place: Array) -> NDArray[np.intp]:
    row, col = grid.cells_of(place[:, 0], place[:, 1])
    assert ((row >= 0) & (row < grid.rows) & (col >= 0) & (col < grid.cols)).all()
    return row * grid.cols + col
