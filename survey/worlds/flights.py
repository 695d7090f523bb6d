"""Whole simulated flights through the real detector: pictures in, layers out, with the truth of every hectare."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from survey.config import RunConfig, load_config
from survey.engine import read_run
from survey.errors import ResumeError
from survey.export import write_summary
from survey.files import make_folder, sha256_of
from survey.implant import ALGORITHM
from survey.pipeline import count_laid, run
from survey.risk import Prior
from survey.simulate import CRS, ORIGIN, SimulatedFlight, simulate_flight
from survey.values import HectareGrid
from survey.worlds.flown import COUNTED, RUN, SEARCHED, Flown, read_flight
from survey.worlds.ordnance import Ordnance, draw

_SETTINGS = "flights.json"


@dataclass(frozen=True, slots=True)
class FlightSettings:
    """What decides the flights; more of them leave the first ones as they are."""

    area_ha: float = 1.0
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

    @property
    def config(self) -> RunConfig:
        """Return the configuration of a flight's run: the defaults, where the flights do not decide otherwise."""
        keys = {
            "novelty": "warn",
            "threads": "1",
            "core_px": "2048",  # a quarter less to compute than by default: halos are a smaller share
            "output_crs": CRS,
            "prior_items_per_ha": str(self.prior_items_per_ha),
            "prior_shape": str(self.prior_shape),
            "prior_shares": json.dumps(self.prior_shares),
            "model": self.model,
        }
        return load_config(RunConfig, None, overrides=[f"{key}={value}" for key, value in keys.items()])


def fly(
    out: Path, *, count: int, settings: FlightSettings, tell: Callable[[str], None] = lambda _: None
) -> tuple[Flown, ...]:
    """Simulate and search flights, and count simulated items laid on each; what was done already is read.

    Args:
        out: Folder with a folder for each flight. Pictures are deleted when all is done with them, and drawn again
            where a step of a flight is still to do.
        count: Number of flights.
        settings: What decides them.
        tell: Told a line a flight.

    Raises:
        ResumeError: The folder holds flights of other settings, or one of a picture that this version does not draw.
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
        _make(folder, number=number, settings=settings)
        flown.append(read_flight(folder))
        told = flown[-1].implants
        laid = f"{told.found} of {told.laid} laid items found"
        tell(f"flight {number + 1} of {count}: {flown[-1].searched_ha:.2f} ha searched, {laid}")
    return tuple(flown)


def _make(folder: Path, *, number: int, settings: FlightSettings) -> None:
    """Do what is left to do of one flight: draw the picture, search it, lay items on it, delete it.

    Raises:
        ResumeError: It was searched, but this version draws another picture, so that items would lie on other ground.
    """
    searched, counted = folder / SEARCHED, folder / COUNTED
    asked = {"items": settings.config.implants, "algorithm": ALGORITHM}
    if searched.exists() and counted.exists() and json.loads(counted.read_bytes()).items() >= asked.items():
        return
    flight, ordnance = _simulate(folder / "flight", number=number, settings=settings)
    if not searched.exists():
        _search(folder, flight, ordnance=ordnance, settings=settings)
    elif read_run(folder / RUN)[0].inputs != ((flight.image.name, sha256_of(flight.image)),):
        msg = f"{folder}: it was searched on another picture than this version draws; delete it to search it anew"
        raise ResumeError(msg)
    # Where a count of another procedure is, its folder is not gone on with.
    tally = count_laid([flight.image], folder / "implants", config=settings.config, resume=not counted.exists())
    flight.image.unlink()
    write_summary(counted, summary=asked | asdict(tally))


def _simulate(folder: Path, *, number: int, settings: FlightSettings) -> tuple[SimulatedFlight, Ordnance]:
    """Return a flight, the same each time, and the ordnance of all hectares that it touches."""
    reach = 1.6 * np.sqrt(settings.area_ha * 1e4)  # farther than any outline of the area
    grid = HectareGrid.covering(crs=CRS, bounds=(ORIGIN[0], ORIGIN[1] - reach, ORIGIN[0] + reach, ORIGIN[1]))
    ordnance = draw(settings.prior, grid, rng=np.random.default_rng([settings.seed, number]))
    seed = settings.seed * 100_003 + number
    return simulate_flight(folder, seed=seed, area_ha=settings.area_ha, lay=ordnance.on), ordnance


def _search(folder: Path, flight: SimulatedFlight, *, ordnance: Ordnance, settings: FlightSettings) -> None:
    """Search a flight, and write down the truth last."""
    # Items are laid in a step of its own: one search then serves rows with them and without.
    result = run([flight.image], folder / RUN, config=settings.config.model_copy(update={"implants": 0}))
    items = flight.items
    truth = {
        "grid": asdict(ordnance.grid),
        "counts": ordnance.counts.tolist(),
        "items": {"kind": items.kinds, "x": items.x.tolist(), "y": items.y.tolist()},
        "area_ha": flight.area_ha,
        "searched_ha": result.summary["area_ha"]["searched"],
        "flagged": bool(result.summary["novelty"]["flagged"]),
    }
    write_summary(folder / SEARCHED, summary=truth)
