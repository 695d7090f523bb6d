"""What a plan is made on: the layers of its settings, on its grid."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from survey.priority.config import PriorityConfig
from survey.priority.layers import Exposed, condition_on, covered_by, exposure_on
from survey.values import HectareGrid


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """The layers of the settings on the grid."""

    area: NDArray[np.bool_] | None
    exposed: dict[str, Exposed]
    conditions: dict[str, NDArray[np.float64]]
    unsuitable: dict[str, NDArray[np.bool_]]
    notes: list[str]
    files: dict[str, Path]

    def note(self, name: str, notes: tuple[str, ...]) -> None:
        """Keep what there is to say of a layer."""
        self.notes.extend(f"{name}: {note}" for note in notes)

    def file(self, name: str, path: Path) -> Path:
        """Keep an input by its name."""
        self.files[name] = path
        return path


def read_layers(config: PriorityConfig, grid: HectareGrid, *, base: Path) -> Layers:
    """Bring all layers of the settings to the grid.

    Args:
        config: Names the files.
        grid: Of the risk.
        base: Folder that the files are relative to.

    Raises:
        InputError: A layer cannot be used.
        GeoreferenceError: A layer has no CRS.
    """
    read = Layers(None, {}, {}, {}, [], {})
    if config.area is not None:
        path = read.file("area", base / config.area)
        inside, notes = covered_by(grid, path, layer=None)
        read = replace(read, area=inside)
        read.note("area", notes)
    for name, layer in config.exposure.items():
        read.exposed[name] = exposure_on(grid, layer, path=read.file(f"exposure.{name}", base / layer.file))
        read.note(name, read.exposed[name].notes)
    for name, condition in config.conditions.items():
        at = None if condition.file is None else read.file(f"conditions.{name}", base / condition.file)
        read.conditions[name], notes = condition_on(grid, condition, path=at)
        read.note(name, notes)
    for name, barred in config.unsuitable.items():
        path = read.file(f"unsuitable.{name}", base / barred.file)
        read.unsuitable[name], notes = covered_by(grid, path, layer=barred.layer)
        read.note(name, notes)
    return read
