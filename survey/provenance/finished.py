"""A finished run as it lies on disk: what it says of itself, read once."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from survey.engine import JobStore, RunIdentity, read_run
from survey.errors import InputError
from survey.export import MANIFEST, read_layer
from survey.rounds.current import Current, current_of, run_of
from survey.values import HectareGrid


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A run whose manifest was written."""

    folder: Path
    identity: RunIdentity
    listed: tuple[str, ...]
    """Products that the run said it would write, relative to the folder."""
    notes: Mapping[str, Any]
    manifest: Mapping[str, Any]
    summary: Mapping[str, Any]
    """Of the run; that of the round is with `current`."""
    current: Current
    """The round in which risk and sightings are looked at, if there is one."""

    @property
    def products(self) -> Path:
        """Folder of the products."""
        return self.folder / "products"

    @property
    def store(self) -> JobStore:
        """Parts and receipts."""
        return JobStore(self.folder)

    @property
    def model(self) -> tuple[str, str]:
        """Id and SHA-256 of the model."""
        name, _, sha256 = self.identity.model.rpartition("@")
        return name, sha256

    @property
    def grid(self) -> HectareGrid:
        """Hectare cells of the risk."""
        told = self.summary["grid"]
        rows, cols = told["shape"]
        return HectareGrid(told["crs"], int(told["x_min"]), int(told["y_max"]), rows, cols)

    def layer(self, name: str) -> Any:
        """Return a layer of the run's own detections.gpkg as a GeoDataFrame.

        Raises:
            InputError: It cannot be read.
        """
        return read_layer(self.products / "detections.gpkg", name)

    @property
    def sightings(self) -> Any:
        """The sightings as a GeoDataFrame, in a round with their state.

        Raises:
            InputError: They cannot be read.
        """
        return read_layer(self.current.layers, "detections")


def open_finished(path: Path, number: int | None = None) -> FinishedRun:
    """Read run.json, the manifest and the summary of a run.

    Args:
        path: Folder of the run, or of one of its rounds.
        number: Of the round to look at risk and sightings in; 0 is the run before any, None the latest.

    Raises:
        InputError: The folder holds no run, or none that finished, or a round is not there or damaged.
        ResumeError: run.json is damaged.
    """
    folder = run_of(path)
    identity, listed, notes = read_run(folder)
    if not (folder / "products" / MANIFEST).is_file():
        msg = f"{folder}: the run did not finish, there is no products/{MANIFEST}; start it again to complete it"
        raise InputError(msg)
    manifest = read_json(folder / "products" / MANIFEST)
    summary = read_json(folder / "products" / "summary.json")
    return FinishedRun(folder, identity, listed, notes, manifest, summary, current_of(path, number))


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        InputError: There is none.
    """
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        msg = f"{path}: cannot be read ({error}); make it again with the command that wrote it"
        raise InputError(msg) from error
    if not isinstance(content, dict):
        msg = f"{path}: is no JSON object; make it again with the command that wrote it"
        raise InputError(msg)
    return content
