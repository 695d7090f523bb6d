"""What is known of each hectare before anything is planned."""

import difflib
import json
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
import pyproj
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioIOError

from survey.errors import ConfigError, GeoreferenceError, InputError
from survey.export import MANIFEST
from survey.priority.config import PriorityConfig
from survey.rounds.current import REMAINING, current_of, run_of
from survey.values import HECTARE_EDGE_M, HectareGrid

RISK = Path("products") / "risk.tif"
ITEMS_AND_P = ("expected_items", "p_at_least_one")


class State(IntEnum):
    """How a hectare enters the plan."""

    OUTSIDE = 0
    SEARCHED = 1
    NOT_SEARCHED = 2
    NOT_FLOWN = 3


WORDS = {
    State.OUTSIDE: "outside the plan",
    State.SEARCHED: "searched at least in part",
    State.NOT_SEARCHED: "flown, not searched: keeps the prior risk",
    State.NOT_FLOWN: "not flown: enters with the prior risk",
}


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """Risk of the hectares, arrays of the grid's shape; NaN where the state is OUTSIDE."""

    grid: HectareGrid
    items: NDArray[np.float64]
    """Expected items in the hectare."""
    p: NDArray[np.float64]
    """P(at least one item)."""
    searched: NDArray[np.float64]
    """Share of the hectare that was searched; NaN if the raster does not say."""
    state: NDArray[np.int8]
    left_out: int
    """Hectares that nobody flew and that the settings leave out; nothing is known of them."""

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Return where planning may happen."""
        return np.asarray(self.state != State.OUTSIDE)


def risk_file(source: Path, number: int | None = None) -> Path:
    """Return the raster of a run's round, or of the run if it has none, of a round, or the raster itself.

    Args:
        source: Folder or raster.
        number: Of the round, where the folder is a run's; 0 is the run without any, None the latest.

    Raises:
        InputError: There is no such file, or the run did not finish.
    """
    path = source
    if (source / RISK).is_file() and ((source / "products" / MANIFEST).is_file() or number is not None):
        path = current_of(source, number).risk
    elif source.is_dir():
        path = source / (RISK.name if (source / RISK.name).is_file() else RISK)
    if not path.is_file():
        remedy = "finish the run first: the same `survey run` again" if source.is_dir() else "check the path"
        msg = f"{path}: no such risk raster; {remedy}"
        raise InputError(msg)
    return path


def bands_of(path: Path, config: PriorityConfig) -> tuple[str, str]:
    """Return the bands of expected items and of P(at least one): of a round, those of what remains.

    A round's `expected_items` count the items that were removed too; whoever plans for the bands of a run means the
    items that are there to be found.
    """
    with rasterio.open(path) as dataset:
        names = dataset.descriptions
    asked = (config.items_band, config.p_band)
    left = (REMAINING[ITEMS_AND_P[0]], REMAINING[ITEMS_AND_P[1]])
    return left if asked == ITEMS_AND_P and all(name in names for name in left) else asked


def load_ground(
    source: Path,
    config: PriorityConfig,
    *,
    area: NDArray[np.bool_] | None,
    grid: HectareGrid,
    raster: Path | None = None,
) -> Ground:
    """Read risk per hectare. Hectares that nobody flew get the prior risk, never none.

    Args:
        source: Run folder or raster.
        config: Names of the bands, and what becomes of hectares that were not flown.
        area: Where planning may happen, of the grid's shape; None is everywhere.
        grid: The raster's own, from `grid_of`.
        raster: From `risk_file`, if it is not the one of the source's latest round.

    Raises:
        InputError: A value is impossible or a band is missing.
        ConfigError: A prior is needed and not given.
    """
    path = raster if raster is not None else risk_file(source)
    items_band, p_band = bands_of(path, config)
    items, p = _band(path, items_band), _band(path, p_band)
    known = np.isfinite(items) & np.isfinite(p)
    searched = np.full(grid.shape, np.nan) if config.searched_band is None else _band(path, config.searched_band)
    _check(path, items_band, items, most=np.inf)
    _check(path, p_band, p, most=1.0)
    looked = known & ~(searched == 0)
    state = np.select([looked, known], [State.SEARCHED, State.NOT_SEARCHED], State.NOT_FLOWN).astype(np.int8)
    state[~(np.ones(grid.shape, bool) if area is None else area)] = State.OUTSIDE
    unknown = state == State.NOT_FLOWN
    left_out = 0
    if unknown.any() and config.not_flown == "leave_out":
        left_out = int(unknown.sum())
        state[unknown] = State.OUTSIDE
    elif unknown.any():
        mean, shape = _prior(source, config, hectares=int(unknown.sum()))
        items = np.where(unknown, mean, items)
        p = np.where(unknown, 1 - (1 + mean / shape) ** -shape, p)  # of a Gamma-Poisson number of items
        searched = np.where(unknown, 0.0, searched)
    outside = state == State.OUTSIDE
    items, p, searched = (np.where(outside, np.nan, values) for values in (items, p, searched))
    if not (~outside).any():
        msg = f"{path}: no hectare is left to plan for; check area and not_flown"
        raise InputError(msg)
    return Ground(grid, items, p, searched, state, left_out)


def grid_of(path: Path) -> HectareGrid:
    """Return the hectare grid of a raster.

    Raises:
        GeoreferenceError: It has no CRS in metres, or its cells are not hectares on whole multiples of 100 m.
        InputError: It cannot be read.
    """
    try:
        with rasterio.open(path) as dataset:
            transform, rows, cols = dataset.transform, dataset.height, dataset.width
            crs = dataset.crs.to_string() if dataset.crs else ""
    except RasterioIOError as error:
        msg = f"{path}: cannot be read as a raster ({error})"
        raise InputError(msg) from error
    edge = HECTARE_EDGE_M
    units = {axis.unit_name for axis in pyproj.CRS.from_user_input(crs).axis_info} if crs else set()
    if units != {"metre"}:
        msg = f"{path}: has no projected CRS in metres; bring it to UTM: gdalwarp -t_srs EPSG:326NN -tr 100 100 -tap"
        raise GeoreferenceError(msg)
    if transform[:2] != (edge, 0) or transform[3:5] != (0, -edge) or transform[2] % edge or transform[5] % edge:
        msg = f"{path}: its cells are not hectares on whole multiples of 100 m: gdalwarp -tr 100 100 -tap -r average"
        raise GeoreferenceError(msg)
    return HectareGrid(crs, int(transform[2]), int(transform[5]), rows, cols)


def _band(path: Path, name: str) -> NDArray[np.float64]:
    """Return a band by its description, NaN where it has no value."""
    with rasterio.open(path) as dataset:
        names = [text or "" for text in dataset.descriptions]
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"it has: {', '.join(n or '(unnamed)' for n in names)}"
            msg = f"{path}: no band is described as '{name}' – {hint} Name it with items_band, p_band or searched_band"
            raise InputError(msg)
        band = dataset.read(names.index(name) + 1, masked=True).astype(np.float64)
    values: NDArray[np.float64] = np.ma.filled(band, np.nan)
    return values


def _check(path: Path, name: str, values: NDArray[np.float64], *, most: float) -> None:
    wrong = (values < 0) | (values > most)
    if wrong.any():
        row, col = np.argwhere(wrong)[0]
        msg = f"{path}: {name} is {values[row, col]:g} in row {row}, column {col}; expected 0 to {most:g}, or nodata"
        raise InputError(msg)


def _prior(source: Path, config: PriorityConfig, *, hectares: int) -> tuple[float, float]:
    """Return mean and shape of the prior: the settings', else those of the run."""
    mean, shape = config.prior_items_per_ha, config.prior_shape
    record = run_of(source) / "run.json"
    if (mean is None or shape is None) and record.is_file():
        try:
            settings = json.loads(record.read_bytes())["identity"]["config"]
            mean = float(settings["prior_items_per_ha"]) if mean is None else mean
            shape = float(settings["prior_shape"]) if shape is None else shape
        except (ValueError, KeyError, TypeError) as error:
            msg = f"{record}: states no prior ({error}); set prior_items_per_ha and prior_shape"
            raise ConfigError(msg) from error
    if mean is None or shape is None:
        msg = (
            f"{source}: {hectares} hectares were not flown; set prior_items_per_ha and prior_shape, with which they "
            "enter the plan, or not_flown: leave_out"
        )
        raise ConfigError(msg)
    return mean, shape
