"""The field of a layer: how strongly it speaks of each cell, as a mean and a mean square.

A field is what is multiplied by a density (or by a recall) to give the layer's effect. Where a layer may be wrong, or
may be displaced, the field is a random variable, and both moments are needed for the spread of the prior.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from survey.evidence.cells import Cells, CellWindow
from survey.evidence.kernels import Boundary, blurred, decay_kernel, reach_cells, spread
from survey.values import HectareGrid

Array = NDArray[np.float64]
Moments = tuple[Array, Array]


class Field(Protocol):
    """How strongly a layer speaks of cells."""

    def moments(self, window: CellWindow) -> Moments | None:
        """Return mean and mean square over a window, each (rows, cols); None where both are 0 throughout."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class AreaField:
    """Areas, as a whole right with probability `weight`, as a whole displaced by the location error, fading outside."""

    cells: Cells
    grid: HectareGrid
    weight: float
    location_error_m: float
    boundary: Boundary | None = None

    def moments(self, window: CellWindow) -> Moments | None:
        """Return the moments of the share of a cell that lies in the areas, and of their influence beyond."""
        margin = reach_cells(location_error_m=self.location_error_m)
        around = window.grown(margin)
        inside = self.cells.within(around)
        if self.boundary is not None:
            fading = self.boundary.influence(around, grid=self.grid)
            if fading is not None:
                inside = fading if inside is None else inside + (1 - inside) * fading
        if inside is None:
            return None
        mean, square = (blurred(values, self.location_error_m) for values in (inside, inside**2))
        return self.weight * _core(mean, margin), self.weight * _core(square, margin)


@dataclass(frozen=True, slots=True, eq=False)
class RecordField:
    """Recorded minefields, and those that lie elsewhere or were never recorded, around them."""

    near: AreaField
    """Its weight is the probability that a record is right."""
    elsewhere: float
    """Hectares of minefield that lie around the recorded ones, for each recorded hectare."""
    kernel: Array

    def moments(self, window: CellWindow) -> Moments | None:
        """Return the moments of the share of a cell that is minefield.

        A cell lies in a minefield elsewhere as a whole or not at all; that and the records are independent.
        """
        margin = len(self.kernel) // 2
        recorded = self.near.cells.within(window.grown(margin))
        at_place = self.near.moments(window)
        if recorded is None:
            return at_place
        around = np.minimum(self.elsewhere * _core(spread(recorded, self.kernel), margin), 1)
        if at_place is None:
            return around, around
        mean, square = at_place
        return mean + around, square + around + 2 * mean * around


@dataclass(frozen=True, slots=True, eq=False)
class PointField:
    """Points that items lie around, by a kernel; each is displaced by the location error on its own."""

    cells: Cells
    weight: float
    kernel: Array
    """Mean over the location error of where the items of a point come to lie."""
    scatter: Array
    """Variance, over the location error, of the same."""

    @classmethod
    def of(cls, cells: Cells, *, weight: float, half_distance_m: float, location_error_m: float) -> "PointField":
        """Return the field of counted points."""
        extra = reach_cells(location_error_m=location_error_m)
        still = np.pad(decay_kernel(half_distance_m), extra)
        kernel = blurred(still, location_error_m)
        scatter = np.maximum(blurred(still**2, location_error_m) - kernel**2, 0)
        return cls(cells, weight, kernel, scatter)

    def moments(self, window: CellWindow) -> Moments | None:
        """Return the moments of the number of points' worth of items in a cell."""
        margin = len(self.kernel) // 2
        count = self.cells.within(window.grown(margin))
        if count is None:
            return None
        mean = _core(spread(count, self.kernel), margin)
        square = mean**2 + _core(spread(count, self.scatter), margin)
        return self.weight * mean, self.weight * square


def _core(values: Array, margin: int) -> Array:
    """Return the values without the cells around them."""
    return values[margin:-margin, margin:-margin] if margin else values
