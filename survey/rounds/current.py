"""Where a run's risk and sightings stand now: in its latest round, in one that is asked for, or in its own products."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from survey.errors import InputError
from survey.export import MANIFEST
from survey.files import sha256_of
from survey.rounds.folder import ROUNDS, Round, rounds_of
from survey.values import ORDNANCE_GROUPS

REMAINING: Mapping[str, str] = {
    f"{band}{suffix}": f"{left}{suffix}"
    for suffix in ("", *(f"_{group}" for group in ORDNANCE_GROUPS))
    for band, left in (
        ("expected_items", "remaining_items"),
        ("p_at_least_one", "p_remaining"),
        ("q05", "remaining_q05"),
        ("q95", "remaining_q95"),
    )
}
"""Bands of a run's risk by those that say the same of what remains, in a round."""


@dataclass(frozen=True, slots=True)
class Current:
    """A finished run and the round that is looked at, if it has one."""

    run: Path
    round: Round | None

    @property
    def products(self) -> Path:
        """Folder of what the run itself wrote."""
        return self.run / "products"

    @property
    def folder(self) -> Path:
        """Folder of risk and sightings: the round, or the run's products."""
        return self.products if self.round is None else self.round.folder

    @property
    def risk(self) -> Path:
        """Raster of risk per hectare."""
        return self.folder / "risk.tif"

    @property
    def layers(self) -> Path:
        """GeoPackage with the sightings and the hectares."""
        return self.folder / "detections.gpkg"

    @property
    def name(self) -> str | None:
        """Number of the round as it is written; None for the run itself."""
        return None if self.round is None else self.round.folder.name

    @property
    def words(self) -> str:
        """Which risk this is, for people."""
        return "the run itself, before any round" if self.round is None else f"round {self.name}"

    @property
    def inputs(self) -> dict[str, str]:
        """SHA-256 of the manifests that vouch for all this, by what they are of."""
        told = {"run": sha256_of(self.products / MANIFEST)}
        return told if self.round is None else told | {"round": sha256_of(self.round.folder / MANIFEST)}

    def band(self, name: str) -> str:
        """Return the band that says of what is there now what `name` says of a run."""
        return name if self.round is None else REMAINING.get(name, name)


def run_of(path: Path) -> Path:
    """Return the folder of the run that a folder is, or that it is a round of."""
    return path.parent.parent if path.parent.name == ROUNDS and not (path / "products").is_dir() else path


def current_of(path: Path, number: int | None = None) -> Current:
    """Return a run with the round that its risk is looked at in.

    Args:
        path: Folder of a finished run, or of one of its rounds, which is then taken.
        number: Of the round; 0 is the run itself without any; None is the latest round of the run's present products.

    Raises:
        InputError: The run did not finish, a round is damaged, or it is not there or not of the run's present products.
    """
    run = run_of(path)
    if run != path and number is None and path.name.isdecimal():
        number = int(path.name)
    if not (run / "products" / MANIFEST).is_file():
        msg = f"{path}: is no finished run; run `survey run ... --out {run}` to its end"
        raise InputError(msg)
    if number == 0:
        return Current(run, None)
    own = [found for found in rounds_of(run) if found.of_run(run)]
    if number is None:
        return Current(run, own[-1] if own else None)
    for found in own:
        if found.number == number:
            return Current(run, found)
    there = ", ".join(found.folder.name for found in own) or "none"
    msg = f"{run}: has no round {number:03} of its present products (there are: {there}); `survey risk` computes them"
    raise InputError(msg)
