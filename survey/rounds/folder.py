"""The rounds of a run's folder."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioIOError

from survey.errors import InputError
from survey.export import MANIFEST, verify_manifest
from survey.files import sha256_of

ROUNDS = "rounds"
RUN_INPUT = "run: products/MANIFEST.json"
_NAME = re.compile(r"[0-9]{3,}")


@dataclass(frozen=True, slots=True)
class Round:
    """A round that is whole."""

    folder: Path
    inputs: Mapping[str, str]
    """SHA-256 of each input by its name."""
    summary: Mapping[str, Any]

    @property
    def number(self) -> int:
        """Place in the order of the rounds, from 1."""
        return int(self.folder.name)

    def of_run(self, run: Path) -> bool:
        """Tell whether it was computed from the products that the run has now."""
        manifest = run / "products" / MANIFEST
        return manifest.is_file() and self.inputs.get(RUN_INPUT) == sha256_of(manifest)


def rounds_of(run: Path) -> tuple[Round, ...]:
    """Return the rounds of a run in their order.

    Raises:
        InputError: A round is damaged.
    """
    folder = run / ROUNDS
    if not folder.is_dir():
        return ()
    names = [path for path in folder.iterdir() if path.is_dir() and _NAME.fullmatch(path.name)]
    return tuple(_read(path) for path in sorted(names, key=lambda path: int(path.name)))


def latest_round(run: Path) -> Round | None:
    """Return the last round that was computed from the run's present products; None if there is none."""
    return next((found for found in reversed(rounds_of(run)) if found.of_run(run)), None)


def band_of(path: Path, name: str) -> NDArray[np.float32]:
    """Return a band of a raster by its name, NaN where it has no value.

    Raises:
        InputError: There is no such raster or band.
    """
    try:
        with rasterio.open(path) as dataset:
            values = dataset.read(list(dataset.descriptions).index(name) + 1, masked=True)
    except (RasterioIOError, ValueError) as error:
        msg = f"{path}: band {name} cannot be read ({error}); restore the file from a copy"
        raise InputError(msg) from error
    filled: NDArray[np.float32] = np.ma.filled(values.astype(np.float32), np.nan)
    return filled


def _read(path: Path) -> Round:
    if problems := verify_manifest(path):
        msg = f"{path}: {problems[0]}; rounds are kept as they were written: restore it from a copy"
        raise InputError(msg)
    inputs = json.loads((path / MANIFEST).read_bytes())["inputs"]
    return Round(path, inputs, json.loads((path / "summary.json").read_bytes()))
