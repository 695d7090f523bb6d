"""What is known of each hectare before anything is planned."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray

from survey.errors import InputError
from survey.export import MANIFEST
from survey.priority.config import PriorityConfig
from survey.priority.extent import grid_of, placed
from survey.priority.unflown import RiskEvidence, configured, group_of
from survey.rounds.current import REMAINING, current_of
from survey.values import HectareGrid

RISK = Path("products") / "risk.tif"
ITEMS_AND_P = ("expected_items", "p_at_least_one")


class State(IntEnum):
    """How a hectare enters the plan."""

    OUTSIDE = 0
    SEARCHED = 1
    NOT_SEARCHED = 2
    NOT_FLOWN = 3


class Basis(IntEnum):
    """What the risk of a hectare rests on."""

    OUTSIDE = 0
    SEARCH = 1
    """The prior and what the search found."""
    FOUND = 2
    """Not searched, and the risk is not the prior: sightings that are kept, reviewers' finds, or work."""
    RISK_PRIOR = 3
    """Flown and not searched: the prior that the risk was computed with, and no more."""
    EVIDENCE_PRIOR = 4
    """Not flown: the prior of the evidence, and no more."""
    CONFIGURED_PRIOR = 5
    """Not flown: the configured prior, and no more."""


WORDS = {
    State.OUTSIDE: "outside the plan",
    State.SEARCHED: "searched at least in part",
    State.NOT_SEARCHED: "flown, not searched",
    State.NOT_FLOWN: "not flown: enters with the prior risk",
}
BASIS_WORDS = {
    Basis.OUTSIDE: "outside the plan",
    Basis.SEARCH: "prior and search",
    Basis.FOUND: "not searched: prior, and what sightings, review or work say",
    Basis.RISK_PRIOR: "prior only: as in the risk",
    Basis.EVIDENCE_PRIOR: "prior only: of the evidence",
    Basis.CONFIGURED_PRIOR: "prior only: as configured",
}
PRIOR_ONLY = (Basis.RISK_PRIOR, Basis.EVIDENCE_PRIOR, Basis.CONFIGURED_PRIOR)
"""Nothing that anybody saw or did is in the risk of these hectares."""
_ROUNDED = 1e-6
PRIOR_BAND, NEAR = "prior_items", 1e-4
"""Items of the prior in a run's raster, and the share by which rounding may part them from the risk."""


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
    basis: NDArray[np.int8]
    """`Basis` of each."""
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
    evidence: RiskEvidence | None = None,
) -> Ground:
    """Read risk per hectare. Hectares that nobody flew get the prior risk, never none.

    Args:
        source: Run folder or raster.
        config: Names of the bands, and what becomes of hectares that were not flown.
        area: Where planning may happen, of the grid's shape; None is everywhere.
        grid: The raster's own, from `grid_of`, or another one with its CRS.
        raster: From `risk_file`, if it is not the one of the source's latest round.
        evidence: Whose prior hectares that were not flown get, where it covers them; else the configured one.

    Raises:
        InputError: A value is impossible, a band is missing, or the evidence of the risk is not there.
        ConfigError: A prior is needed and not given.
    """
    path = raster if raster is not None else risk_file(source)
    items_band, p_band = bands_of(path, config)
    names = [items_band, p_band, *([config.searched_band] if config.searched_band is not None else [])]
    read, own = {name: _band(path, name) for name in names}, grid_of(path)
    _check(path, items_band, read[items_band], most=np.inf)
    _check(path, p_band, read[p_band], most=1.0)
    if config.searched_band is not None:
        _check(path, config.searched_band, read[config.searched_band], most=1.0 + _ROUNDED)
    _both_or_none(path, read, items_band, p_band)
    items, p, *rest = (placed(read[name], own, grid) for name in names)
    searched = rest[0] if rest else np.full(grid.shape, np.nan)
    known = np.isfinite(items) & np.isfinite(p)
    looked = known & ~(searched == 0)
    state = np.select([looked, known], [State.SEARCHED, State.NOT_SEARCHED], State.NOT_FLOWN).astype(np.int8)
    basis = np.where(looked, Basis.SEARCH, Basis.RISK_PRIOR).astype(np.int8)
    basis[known & ~looked & _moved(path, items_band, items, own=own, grid=grid)] = Basis.FOUND
    state[~(np.ones(grid.shape, bool) if area is None else area)] = State.OUTSIDE
    unknown = state == State.NOT_FLOWN
    left_out = 0
    if unknown.any() and config.not_flown == "leave_out":
        left_out = int(unknown.sum())
        state[unknown] = State.OUTSIDE
    elif unknown.any():
        mean, some, of = _believed(source, config, unknown, grid=grid, items_band=items_band, evidence=evidence)
        items, p, basis = np.where(unknown, mean, items), np.where(unknown, some, p), np.where(unknown, of, basis)
        searched = np.where(unknown, 0.0, searched)
    outside = state == State.OUTSIDE
    basis[outside] = Basis.OUTSIDE
    items, p, searched = (np.where(outside, np.nan, values) for values in (items, p, searched))
    if not (~outside).any():
        msg = f"{path}: no hectare is left to plan for; check area and not_flown"
        raise InputError(msg)
    return Ground(grid, items, p, searched, state, basis, left_out)


def _believed(
    source: Path,
    config: PriorityConfig,
    unknown: NDArray[np.bool_],
    *,
    grid: HectareGrid,
    items_band: str,
    evidence: RiskEvidence | None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int8]]:
    """Return expected items, P(at least one) and basis of hectares that nobody flew; of others they mean nothing."""
    found, group = evidence or RiskEvidence(), group_of(items_band)
    if found.missing is not None:
        msg = f"{found.missing}, or set not_flown: leave_out ({int(unknown.sum())} hectares were not flown)"
        raise InputError(msg)
    items, p = found.on(grid, group=group)
    covered = np.isfinite(items)
    if bare := int((unknown & ~covered).sum()):
        mean, some = configured(source, config, group=group, hectares=bare)
        items, p = np.where(covered, items, mean), np.where(covered, p, some)
    return items, p, np.where(covered, Basis.EVIDENCE_PRIOR, Basis.CONFIGURED_PRIOR).astype(np.int8)


def _moved(
    path: Path, items_band: str, items: NDArray[np.float64], *, own: HectareGrid, grid: HectareGrid
) -> NDArray[np.bool_]:
    """Return where the risk is known not to be the prior; a raster without the band of the prior says nothing of it."""
    with rasterio.open(path) as dataset:
        told = PRIOR_BAND in dataset.descriptions
    if not told or items_band not in {ITEMS_AND_P[0], REMAINING[ITEMS_AND_P[0]]}:
        return np.zeros(grid.shape, bool)
    prior = placed(_band(path, PRIOR_BAND), own, grid)
    return np.abs(items - prior) > NEAR * prior


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
    wrong = (values < 0) | (values > most) | np.isinf(values)
    if wrong.any():
        row, col = np.argwhere(wrong)[0]
        bound = "a number of at least 0" if np.isinf(most) else f"0 to {most:g}"
        msg = f"{path}: {name} is {values[row, col]:g} in row {row}, column {col}; expected {bound}, or nodata"
        raise InputError(msg)


def _both_or_none(path: Path, read: Mapping[str, NDArray[np.float64]], *names: str) -> None:
    """Refuse hectares with one of two bands alone: as if nobody had flown them, they would get a prior instead."""
    known = np.stack([np.isfinite(read[name]) for name in names])
    odd = np.argwhere(known[0] != known[1])
    if len(odd):
        row, col = odd[0]
        has, lacks = names if known[0, row, col] else names[::-1]
        msg = (
            f"{path}: {len(odd)} hectares have {has} and no {lacks} (first in row {row}, column {col}); make both "
            "nodata where nobody flew, and give both elsewhere"
        )
        raise InputError(msg)
