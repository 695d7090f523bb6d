"""Whole simulated flights through the real detector: pictures in, layers out, with the truth of every hectare."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyogrio
import rasterio
from numpy.typing import NDArray

from survey.config import RunConfig, load_config
from survey.errors import ResumeError
from survey.export import MANIFEST, write_summary
from survey.files import make_folder
from survey.matching import match
from survey.pipeline import run
from survey.risk import Prior
from survey.simulate import CRS, ITEMS, ORIGIN, simulate_flight
from survey.values import ORDNANCE_GROUPS, HectareGrid
from survey.worlds.laid import draw

MATCH_M = 0.3
"""A sighting finds an item when it is this close, or half the item's size if that is more: as `survey demo` counts."""
_RECORD, _SETTINGS = "flight.json", "flights.json"

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FlightSettings:
    """What decides the flights; more of them leave the first ones as they are."""

    area_ha: float = 2.0
    """Of one flight."""
    seed: int = 1
    model: str = "default"
    prior_items_per_ha: float = 3.0
    prior_shape: float = 0.6
    prior_shares: tuple[float, float, float, float] = (0.35, 0.25, 0.2, 0.2)

    @property
    def prior(self) -> Prior:
        """Return what items are drawn from, and what those who infer believe."""
        return Prior(self.prior_items_per_ha, self.prior_shape, self.prior_shares)


@dataclass(frozen=True, slots=True, eq=False)
class Flown:
    """What a search of one flight said, and what was true. C hectares that were flown, K items detected."""

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


def fly(
    out: Path, *, count: int, settings: FlightSettings, tell: Callable[[str], None] = lambda _: None
) -> tuple[Flown, ...]:
    """Simulate and search flights; those that are there already are read.

    Args:
        out: Folder with a folder for each flight. The pictures are deleted once they were searched.
        count: Number of flights.
        settings: What decides them.
        tell: Told a line a flight.

    Raises:
        ResumeError: The folder holds flights of other settings.
    """
    make_folder(out)
    record, own = out / _SETTINGS, json.loads(json.dumps(asdict(settings)))
    if record.exists() and json.loads(record.read_bytes()) != own:
        msg = f"{record}: these flights were made with other settings; name another folder"
        raise ResumeError(msg)
    write_summary(record, summary=own)
    flown = []
    for number in range(count):
        folder = out / f"flight-{number:04d}"
        if not (folder / _RECORD).exists():
            _search(folder, number=number, settings=settings)
        flown.append(_read(folder))
        tell(f"flight {number + 1} of {count}: {flown[-1].searched_ha:.2f} ha searched")
    return tuple(flown)


def _search(folder: Path, *, number: int, settings: FlightSettings) -> None:
    """Simulate one flight, search it, and write down the truth last."""
    reach = 1.6 * np.sqrt(settings.area_ha * 1e4)  # farther than any outline of the area
    grid = HectareGrid.covering(crs=CRS, bounds=(ORIGIN[0], ORIGIN[1] - reach, ORIGIN[0] + reach, ORIGIN[1]))
    laid = draw(settings.prior, grid, rng=np.random.default_rng([settings.seed, number]))
    flight = simulate_flight(
        folder / "flight", seed=settings.seed * 100_003 + number, area_ha=settings.area_ha, lay=laid.on
    )
    keys = {
        "novelty": "warn",
        "implants": "0",  # the released card is one of those compared: a flight of its own recall would be another
        "threads": "1",
        "core_px": "2048",  # a quarter less to compute than by default: halos are a smaller share
        "output_crs": CRS,
        "prior_items_per_ha": str(settings.prior_items_per_ha),
        "prior_shape": str(settings.prior_shape),
        "prior_shares": json.dumps(settings.prior_shares),
        "model": settings.model,
    }
    config = load_config(RunConfig, None, overrides=[f"{key}={value}" for key, value in keys.items()])
    result = run([flight.image], folder / "run", config=config)
    items = flight.items
    truth = {
        "grid": asdict(grid),
        "counts": laid.counts.tolist(),
        "items": {"kind": items.kinds, "x": items.x.tolist(), "y": items.y.tolist()},
        "area_ha": flight.area_ha,
        "searched_ha": result.summary["area_ha"]["searched"],
        "flagged": bool(result.summary["novelty"]["flagged"]),
    }
    flight.image.unlink()
    write_summary(folder / _RECORD, summary=truth)


def _read(folder: Path) -> Flown:
    """Return a flight from its truth and from the layers of its run, as whoever gets them would read them."""
    truth = json.loads((folder / _RECORD).read_bytes())
    grid, counts = HectareGrid(**truth["grid"]), np.array(truth["counts"], np.intp).reshape(-1, len(ORDNANCE_GROUPS))
    products = folder / "run" / "products"
    assert (products / MANIFEST).exists()
    with rasterio.open(products / "risk.tif") as dataset:
        bands = dict(
            zip(dataset.descriptions, dataset.read(masked=True).astype(np.float64).filled(np.nan), strict=True)
        )
        row, col = np.nonzero(np.isfinite(bands["p_at_least_one"]))
        x, y = dataset.transform * (col + 0.5, row + 0.5)
    centre = np.column_stack([x, y])
    number = _cell_of(grid, centre)
    table = pyogrio.read_dataframe(products / "detections.gpkg", layer="detections")
    table = table.sort_values(["item", "probability", "score"], ascending=[True, False, False], kind="stable")
    table = table.drop_duplicates("item").sort_values(["score", "detection_id"], ascending=[False, True])
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
        model=str(json.loads((folder / "run" / "run.json").read_bytes())["identity"]["model"]),
    )


def _cell_of(grid: HectareGrid, place: Array) -> NDArray[np.intp]:
    row, col = grid.cells_of(place[:, 0], place[:, 1])
    assert ((row >= 0) & (row < grid.rows) & (col >= 0) & (col < grid.cols)).all()
    return row * grid.cols + col


__all__ = ["FlightSettings", "Flown", "fly"]
