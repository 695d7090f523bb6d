"""What is believed of hectares that nobody flew: the prior of the evidence, or else the configured one."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from survey.errors import ConfigError, InputError
from survey.evidence import StoredPrior
from survey.priority.config import PriorityConfig
from survey.priority.extent import common, placed
from survey.risk import Prior, PriorField
from survey.risk.prior import EQUAL_SHARES
from survey.rounds.current import run_of
from survey.rounds.taken import TakenEvidence
from survey.values import ORDNANCE_GROUPS, HectareGrid

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RiskEvidence:
    """The evidence that hectares without a flight take their prior from."""

    stored: StoredPrior | None = None
    """None: there is none, or it is missing."""
    of_risk: str | None = None
    """SHA-256 of the prior that the risk itself was computed with; None if that was no evidence."""
    missing: str | None = None
    """Why the evidence of the risk cannot be used, with the remedy."""

    @classmethod
    def of(cls, raster: Path, named: Path | None) -> "RiskEvidence":
        """Find the evidence that a plan takes: the one that its settings name, else that of the risk.

        Args:
            raster: Of the risk.
            named: Folder of `survey evidence` in the settings.

        Raises:
            InputError: The folder that is named is not one of `survey evidence`, or was changed.
        """
        taken = TakenEvidence.of(raster.parent)
        wanted = None if taken is None else taken.sha256
        if named is not None:
            return cls(StoredPrior.of(named), wanted)
        if taken is None:
            return cls()
        try:
            return cls(taken.stored(remedy="name its folder as `evidence` in the settings"), wanted)
        except InputError as error:  # it is one only if the plan needs the evidence
            return cls(None, wanted, str(error))

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to say where flown ground and other ground do not share a prior."""
        if self.stored is None or self.stored.sha256 == self.of_risk:
            return ()
        said = "the risk of flown hectares does not name this evidence as its prior, so figures of flown and of other"
        return (f"evidence: {said} hectares differ by that too; `survey risk RUN --evidence` computes a round with it",)

    def check_crs(self, grid: HectareGrid) -> None:
        """Refuse a grid in another CRS than that of the evidence, for no cell of one is a cell of the other.

        Raises:
            InputError: It is.
        """
        if self.stored is None or CRS.from_user_input(self.stored.grid.crs) == CRS.from_user_input(grid.crs):
            return
        own, wanted = (CRS.from_user_input(crs).name for crs in (self.stored.grid.crs, grid.crs))
        msg = f"{self.stored.folder}: lies in {own}, the risk in {wanted}; run `survey evidence` with --crs {grid.crs}"
        raise InputError(msg)

    def on(self, grid: HectareGrid, *, group: int | None) -> tuple[Array, Array]:
        """Return expected items and P(at least one) of each cell before any search, NaN where the evidence ends.

        Args:
            grid: Of the plan.
            group: Place in `ORDNANCE_GROUPS`; None is all groups together.

        Raises:
            InputError: The evidence has another CRS than the grid.
        """
        items, p = np.full((2, *grid.shape), np.nan)
        if self.stored is None:
            return items, p
        self.check_crs(grid)
        part = common(self.stored.grid, grid)
        if part is None:
            return items, p
        found = _expected(self.stored.over(part), group)
        on_grid = (placed(values.reshape(part.shape), part, grid) for values in found)
        return next(on_grid), next(on_grid)


def configured(source: Path, config: PriorityConfig, *, group: int | None, hectares: int) -> tuple[float, float]:
    """Return expected items and P(at least one) of a hectare by the configured prior: the settings', else the run's.

    Args:
        source: Run folder or raster.
        config: Whose prior is of what its bands are of.
        group: Place in `ORDNANCE_GROUPS` that the bands are of; None is all groups together.
        hectares: How many need it.

    Raises:
        ConfigError: There is none.
    """
    mean, shape, share = config.prior_items_per_ha, config.prior_shape, 1.0
    record = run_of(source) / "run.json"
    if (mean is None or shape is None) and record.is_file():
        try:
            settings = json.loads(record.read_bytes())["identity"]["config"]
            shares = tuple(settings.get("prior_shares", EQUAL_SHARES))
            share = 1.0 if group is None else float(shares[group])
            mean = float(settings["prior_items_per_ha"]) * share if mean is None else mean
            shape = float(settings["prior_shape"]) * share if shape is None else shape
        except (ValueError, KeyError, TypeError) as error:
            msg = f"{record}: states no prior ({error}); set prior_items_per_ha and prior_shape"
            raise ConfigError(msg) from error
    if mean is None or shape is None:
        msg = (
            f"{source}: {hectares} hectares were not flown; set prior_items_per_ha and prior_shape, with which they "
            "enter the plan, or evidence that covers them, or not_flown: leave_out"
        )
        raise ConfigError(msg)
    items, p = _expected(Prior(mean, shape).over(1), None)
    return float(items[0]), float(p[0])


def group_of(band: str) -> int | None:
    """Return which of `ORDNANCE_GROUPS` a band of risk is of; None if it is of all."""
    return next((n for n, group in enumerate(ORDNANCE_GROUPS) if band.endswith(f"_{group}")), None)


def _expected(prior: PriorField, group: int | None) -> tuple[Array, Array]:
    """Return (cells,) expected items and P(at least one) of a hectare: of a Gamma-Poisson number."""
    column = 0 if group is None else 1 + group
    return prior.expected()[:, column], prior.present()[:, column]
