"""The prior that `survey evidence` wrote, for the cells of a run."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioIOError
from rasterio.windows import Window

from survey.errors import InputError
from survey.evidence.groups import GROUPS
from survey.evidence.write import PRIOR
from survey.export.manifest import listed_products
from survey.files import sha256_of
from survey.risk import PriorField
from survey.values import HECTARE_EDGE_M, HectareGrid

RECORD = "evidence.json"
AGAIN = "run `survey evidence` again"


@dataclass(frozen=True, slots=True)
class StoredPrior:
    """A folder of `survey evidence` that is whole."""

    folder: Path
    evidence_id: str
    grid: HectareGrid
    sha256: str
    """Of prior.tif."""

    @classmethod
    def of(cls, folder: Path) -> "StoredPrior":
        """Open a folder, and check that its prior is the one that its manifest lists.

        Raises:
            InputError: The folder is not one of `survey evidence`, is not finished, or its prior was changed.
        """
        record = read_record(folder)
        sha256 = listed_products(folder).get(PRIOR)
        path = folder / PRIOR
        if sha256 is None or not path.is_file() or sha256_of(path) != sha256:
            msg = f"{path}: is missing or was changed since it was written; {AGAIN}"
            raise InputError(msg)
        return cls(folder, str(record["id"]), HectareGrid(**record["grid"]), sha256)

    def over(self, grid: HectareGrid) -> PriorField:
        """Return the prior of every cell of a grid, in reading order.

        Cells of both grids lie on whole multiples of 100 m, so in one CRS they are the same cells and nothing is
        resampled. Ground beyond the evidence is refused: nobody said what is believed of it.

        Raises:
            InputError: The grid has another CRS or reaches beyond the evidence.
        """
        self.refuse_other(grid)
        bands = _read(self.folder / PRIOR, self._window(grid), self.grid)
        mean, shape = (np.stack([bands[f"{name}_{g}"].ravel() for g in GROUPS], axis=1) for name in ("rate", "shape"))
        return PriorField.of(mean, shape)

    def refuse_other(self, grid: HectareGrid) -> None:
        """Refuse a grid whose cells are not all cells of the evidence.

        Raises:
            InputError: The grid has another CRS or reaches beyond the evidence.
        """
        if pyproj.CRS.from_user_input(grid.crs) != pyproj.CRS.from_user_input(self.grid.crs):
            msg = (
                f"{self.folder}: its cells lie in {_short(self.grid.crs)}, those of the run in {_short(grid.crs)}, so "
                f"no cell of one is a cell of the other; run with --set output_crs={_short(self.grid.crs)}, or make "
                f"the evidence for {_bounds(grid)}"
            )
            raise InputError(msg)
        window = self._window(grid)
        rows = max(0, min(window.row_off + grid.rows, self.grid.rows) - max(window.row_off, 0))
        cols = max(0, min(window.col_off + grid.cols, self.grid.cols) - max(window.col_off, 0))
        if outside := grid.rows * grid.cols - rows * cols:
            msg = (
                f"{self.folder}: {outside} of the {grid.rows * grid.cols} cells of the run lie outside the evidence; "
                f"make it for {_bounds(grid)}"
            )
            raise InputError(msg)

    def _window(self, grid: HectareGrid) -> Window:
        col = (grid.x_min - self.grid.x_min) // HECTARE_EDGE_M
        row = (self.grid.y_max - grid.y_max) // HECTARE_EDGE_M
        return Window(col, row, grid.cols, grid.rows)


def read_record(folder: Path) -> dict[str, Any]:
    """Return what `survey evidence` recorded of itself in a folder.

    Raises:
        InputError: There is none, or it is damaged.
    """
    path = folder / RECORD
    try:
        record: dict[str, Any] = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        msg = f"{path}: there is none; name a folder written by `survey evidence`"
        raise InputError(msg) from error
    except ValueError as error:
        msg = f"{path}: is damaged ({error}); {AGAIN}"
        raise InputError(msg) from error
    return record


def _read(path: Path, window: Window, grid: HectareGrid) -> dict[str, NDArray[np.float32]]:
    """Return bands by name over a window of whole cells."""
    try:
        with rasterio.open(path) as dataset:
            if dataset.shape != grid.shape or dataset.transform != grid.transform:
                msg = f"{path}: does not lie on the grid of {RECORD} beside it; {AGAIN}"
                raise InputError(msg)
            return dict(zip(dataset.descriptions, dataset.read(window=window), strict=True))
    except RasterioIOError as error:
        msg = f"{path}: cannot be read ({error}); {AGAIN}"
        raise InputError(msg) from error


def _bounds(grid: HectareGrid) -> str:
    """Return a grid as the options of `survey evidence`."""
    east, south = grid.x_min + grid.cols * HECTARE_EDGE_M, grid.y_max - grid.rows * HECTARE_EDGE_M
    return f"--bounds {grid.x_min} {south} {east} {grid.y_max} --crs {_short(grid.crs)}"


def _short(crs: str) -> str:
    """Return a CRS as a code where it has one."""
    authority = pyproj.CRS.from_user_input(crs).to_authority()
    return ":".join(authority) if authority else crs
