"""What lies around a cell: mean and spread of a column within some kilometres."""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.spatial import cKDTree

Array = NDArray[np.float64]
STATISTICS: tuple[Literal["mean", "spread", "above"], ...] = ("mean", "spread", "above")
_AT_ONCE = 4096


class Context(BaseModel):
    """A feature made from a column of the cells around."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    statistic: Literal["mean", "spread", "above"]
    """Mean, standard deviation, or how much the cell lies above the mean."""
    radius_km: Annotated[float, Field(gt=0)]

    @property
    def name(self) -> str:
        """Name of the feature."""
        return f"{self.column}, {self.statistic} within {self.radius_km:g} km"


def contexts(columns: Sequence[str], radii_km: Sequence[float]) -> tuple[Context, ...]:
    """Return all statistics of all columns within all radii."""
    return tuple(Context(column=c, statistic=s, radius_km=r) for r in radii_km for c in columns for s in STATISTICS)


def surroundings(context: Sequence[Context], columns: dict[str, Array], x_km: Array, y_km: Array) -> Array:
    """Return (N, C) features of the cells around each cell, itself included.

    Cells whose value is unknown are passed over; NaN where no value is known, or the cell has no place.

    Args:
        context: C features.
        columns: (N,) values by column.
        x_km: (N,); NaN without a place.
        y_km: (N,).
    """
    out = np.full((len(x_km), len(context)), np.nan)
    placed = np.flatnonzero(np.isfinite(x_km) & np.isfinite(y_km))
    if not placed.size:
        return out
    places = np.column_stack([x_km, y_km])[placed]
    tree = cKDTree(places)
    for radius in sorted({c.radius_km for c in context}):
        wanted = [n for n, c in enumerate(context) if c.radius_km == radius]
        for first in range(0, len(placed), _AT_ONCE):
            near = tree.query_ball_point(places[first : first + _AT_ONCE], radius, return_sorted=True)
            start = np.cumsum([0, *(len(n) for n in near)])[:-1]
            around = placed[np.concatenate([np.asarray(n, np.intp) for n in near])]
            rows = placed[first : first + len(near)]
            for n in wanted:
                out[rows, n] = _statistic(context[n].statistic, columns[context[n].column], around, start, rows)
    return out


def _statistic(
    statistic: str, values: Array, around: NDArray[np.intp], start: NDArray[np.intp], rows: NDArray[np.intp]
) -> Array:
    seen = np.isfinite(values[around])
    count = np.add.reduceat(seen.astype(np.float64), start)
    level = float(np.nanmean(values)) if np.isfinite(values).any() else 0.0
    shifted = np.where(seen, values[around] - level, 0.0)  # around their level, so that squares keep their digits
    many = np.maximum(count, 1.0)
    mean = np.add.reduceat(shifted, start) / many
    if statistic == "spread":
        result = np.sqrt(np.maximum(np.add.reduceat(shifted**2, start) / many - mean**2, 0.0))
    else:
        result = mean + level if statistic == "mean" else values[rows] - level - mean
    return np.where(count > 0, result, np.nan)
