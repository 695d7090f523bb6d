"""`survey prior apply`: the probability of each cell of a table, as a table or as a raster."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from survey.errors import InputError, OutputError
from survey.export.cog import NODATA, copy_to_cog
from survey.files import replacing, sha256_of, write_bytes
from survey.prior.model import MODEL, LearntPrior, load_prior
from survey.prior.table import Wanted, feature_values, numbers, read_frame

Array = NDArray[np.float64]
BANDS = {"p_contaminated": "probability", "features_beyond_training": "count", "features_unknown": "count"}
MEANINGS = {
    "p_contaminated": "probability that the cell is contaminated, by what ground like it was in the table learnt from",
    "features_beyond_training": "features whose values lie beyond those of the table learnt from",
    "features_unknown": "features that are not known of the cell",
}
MOST_CELLS = 100_000_000
ALIGNED = 0.02
"""Places lie on a grid where they miss it by no more than this share of a step."""


def apply_prior(model: Path, *, table: Path, out: Path) -> str:
    """Write the prior probability of each row's cell, and how far from training its features lie.

    Args:
        model: What `survey prior fit` wrote.
        table: CSV with the model's features and, for a raster, its columns of places.
        out: `.csv`: the table with three more columns, empty where a cell has no feature at all. `.tif`: a raster of
            the same three, nodata there and between the cells; the places must lie on a grid.

    Raises:
        InputError: The table does not fit the model or the raster.
        ModelError: There is no such model.
        OutputError: `out` has another ending.
    """
    prior = load_prior(model)
    frame = read_frame(table)
    known = np.array(prior.known).reshape(-1, 2)
    wanted = Wanted(prior.features, prior.log, prior.context, prior.x, prior.y, prior.crs, placed=False, known=known)
    values = feature_values(frame, wanted, path=table)[0]
    chance = prior.probability(values)
    outside, unknown = prior.strange(values)
    columns = dict(zip(BANDS, (chance, outside, unknown), strict=True))
    lost = 0
    if out.suffix == ".csv":
        write_bytes(out, frame.assign(**columns).to_csv(index=False).encode())
    elif out.suffix == ".tif":
        x, y = numbers(frame, (prior.x, prior.y), path=table).T
        sha = sha256_of(model / MODEL if model.is_dir() else model)
        lattice = _Lattice.of(prior, x, y, table=table)
        lost = len(frame) - len(lattice.rows)
        _write_raster(out, columns, lattice=lattice, crs=prior.crs, sha256=sha)
    else:
        msg = f"{out}: is to end in .csv or .tif"
        raise OutputError(msg)
    strange = int(((outside + unknown) > 0).sum())
    told = int(np.isfinite(chance).sum())
    text = f"{out}: {told} of {len(chance)} cells; {strange} with a feature that is unknown or beyond training"
    return f"{text}; {lost} rows without a place are not in the raster" if lost else text


@dataclass(frozen=True, slots=True, eq=False)
class _Lattice:
    """The grid that the places of M rows lie on."""

    rows: NDArray[np.intp]
    """Rows of the table that have a place."""
    row: NDArray[np.intp]
    col: NDArray[np.intp]
    shape: tuple[int, int]
    transform: Affine

    @classmethod
    def of(cls, prior: LearntPrior, x: Array, y: Array, *, table: Path) -> "_Lattice":
        """Find the grid.

        Raises:
            InputError: There is none, it would be too large, or two rows share a cell.
        """
        placed = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
        if not placed.size:
            msg = f"{table}: no row has a place; write a table: --out FILE.csv"
            raise InputError(msg)
        col, west, step_x = _steps(x[placed], name=prior.x, table=table)
        rising, south, step_y = _steps(y[placed], name=prior.y, table=table)
        shape = (int(rising.max()) + 1, int(col.max()) + 1)
        row = shape[0] - 1 - rising
        if shape[0] * shape[1] > MOST_CELLS:
            msg = f"{table}: a grid over its places has {shape[0]} x {shape[1]} cells; write a table: --out FILE.csv"
            raise InputError(msg)
        if len(np.unique(row * shape[1] + col)) < len(row):
            msg = f"{table}: two rows have the same place; remove one of them, or write a table: --out FILE.csv"
            raise InputError(msg)
        transform = Affine(step_x, 0, west, 0, -step_y, south + shape[0] * step_y)
        return cls(placed, row, col, shape, transform)


def _write_raster(out: Path, columns: Mapping[str, Any], *, lattice: _Lattice, crs: str, sha256: str) -> None:
    bands = np.full((len(BANDS), *lattice.shape), np.float32(NODATA))
    nothing = ~np.isfinite(columns["p_contaminated"])
    for band, values in zip(bands, columns.values(), strict=True):
        band[lattice.row, lattice.col] = np.where(nothing, NODATA, values)[lattice.rows]
    height, width = lattice.shape
    profile = {"driver": "GTiff", "count": len(BANDS), "height": height, "width": width, "dtype": "float32"}
    profile |= {"crs": crs, "transform": lattice.transform, "nodata": NODATA}
    with MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.write(bands)
            dataset.descriptions = tuple(BANDS)
            dataset.units = tuple(BANDS.values())
            dataset.update_tags(AREA_OR_POINT="Area", SURVEY_PRIOR_SHA256=sha256)
            for number, name in enumerate(BANDS, start=1):
                dataset.update_tags(number, MEANING=MEANINGS[name])
        with memory.open() as dataset, replacing(out) as temporary:
            copy_to_cog(dataset, temporary, block=256, resampling="AVERAGE")


def _steps(values: Array, *, name: str, table: Path) -> tuple[NDArray[np.intp], float, float]:
    """Return each value's number on a regular grid, the grid's lower edge, and its step."""
    distinct = np.unique(values)
    gaps = np.diff(distinct)
    gaps = gaps[gaps > 1e-9 * max(1.0, float(np.abs(distinct).max()))]
    if not gaps.size:
        msg = f"{table}: all rows have one {name}, so that a cell's size is not known; write a table: --out FILE.csv"
        raise InputError(msg)
    extent = float(distinct[-1] - distinct[0])
    step = extent / max(1.0, round(extent / float(gaps.min())))  # of all steps together, which rounds less than one
    place = (values - distinct[0]) / step
    number = np.round(place)
    if float(np.abs(place - number).max()) > ALIGNED:
        msg = f"{table}: {name} does not lie on a grid; write a table: --out FILE.csv"
        raise InputError(msg)
    return number.astype(np.intp), float(distinct[0]) - step / 2, step
