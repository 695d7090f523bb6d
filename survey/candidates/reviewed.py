"""What reviewers decided, from the file that `survey review --export` writes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from scipy.spatial import cKDTree

from survey.errors import InputError

SAME_M = 0.5
"""A decision this near to a sighting is about it, where it does not name it."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Reviewed:
    """Decisions on N sightings, and items that reviewers saw and the search did not."""

    verdict: NDArray[np.int8]
    """(N,) 1 confirmed, -1 rejected, 0 not judged or not settled."""
    missed: Array
    """(M, 2) places."""


def read_review(path: Path, *, crs: str, ids: NDArray[np.str_], places: Array) -> Reviewed:
    """Read the layers `items` (what is an item) and `hard_negatives` (what is none).

    Args:
        path: GeoPackage.
        crs: Of the run.
        ids: (N,) of the sightings.
        places: (N, 2) of the sightings.

    Raises:
        InputError: It is no such file, or in another CRS.
    """
    verdict = np.zeros(len(ids), np.int8)
    negative, _ = _judged(path, "hard_negatives", crs=crs, ids=ids, places=places)
    positive, missed = _judged(path, "items", crs=crs, ids=ids, places=places)
    verdict[negative] = -1
    verdict[positive] = 1
    return Reviewed(verdict, missed)


def _judged(
    path: Path, layer: str, *, crs: str, ids: NDArray[np.str_], places: Array
) -> tuple[NDArray[np.intp], Array]:
    """Return the sightings that a layer is about, and the places of what is about none."""
    try:
        table: Any = pyogrio.read_dataframe(path, layer=layer)
    except (DataSourceError, DataLayerError) as error:
        msg = f"{path}: layer {layer} cannot be read ({error}); write it with `survey review RUN --export FILE`"
        raise InputError(msg) from error
    if len(table) and table.crs.to_string() != crs:
        msg = f"{path}: is in {table.crs.to_string()}, the run in {crs}; it is of another run"
        raise InputError(msg)
    shapes = np.asarray(table.geometry.array, dtype=object)
    at = np.column_stack([shapely.get_x(shapes), shapely.get_y(shapes)]).astype(np.float64).reshape(-1, 2)
    subject = table["subject"].astype(str).to_numpy(np.str_)
    named = np.flatnonzero(np.isin(ids, subject))
    open_ = ~np.isin(subject, ids)
    if not len(places) or not open_.any():
        return named, at[open_]
    away, nearest = cKDTree(places).query(at[open_])
    near = np.asarray(away <= SAME_M)
    return np.union1d(named, nearest[near]).astype(np.intp), at[open_][~near]
