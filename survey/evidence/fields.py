"""The field of a layer: how strongly it speaks of each cell.

A field is what is multiplied by a density (or by a recall) to give the layer's effect. Where a layer may be wrong, or
may be displaced, its field in a cell is a random variable. It is given by nodes: values with their probabilities.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from survey.evidence.cells import Cells, CellWindow
from survey.evidence.kernels import Boundary, blurred, decay_kernel, displaced, reach_cells, spread
from survey.values import HectareGrid

Array = NDArray[np.float64]
_LEVELS = (1 / 16, 1 / 4, 1 / 2, 1.0)
"""Values that the field of displaced areas takes."""


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A value that a field has with a probability; arrays over a window (rows, cols)."""

    likely: Array
    value: Array


class Field(Protocol):
    """How strongly a layer speaks of cells."""

    def nodes(self, window: CellWindow) -> tuple[Node, ...]:
        """Return the values over a window that are not 0; nothing where it is 0 throughout."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class AreaField:
    """Areas, as a whole right with probability `weight`, as a whole displaced by the location error, fading outside."""

    cells: Cells
    grid: HectareGrid
    weight: float
    location_error_m: float
    boundary: Boundary | None = None

    def nodes(self, window: CellWindow) -> tuple[Node, ...]:
        """Return the share of a cell that lies in the areas, and their influence beyond."""
        margin = reach_cells(location_error_m=self.location_error_m)
        around = window.grown(margin)
        inside = self.cells.within(around)
        if self.boundary is not None:
            fading = self.boundary.influence(around, grid=self.grid)
            if fading is not None:
                inside = fading if inside is None else inside + (1 - inside) * fading
        if inside is None:
            return ()
        if self.location_error_m == 0:
            return (Node(np.where(inside > 0, self.weight, 0.0), inside),)
        likely = displaced(inside, self.location_error_m, _LEVELS)
        return tuple(
            Node(self.weight * _core(p, margin), np.full((window.rows, window.cols), level))
            for p, level in zip(likely, _LEVELS, strict=True)
        )


@dataclass(frozen=True, slots=True, eq=False)
class AroundField:
    """Areas of unknown place around known ones: a cell lies in one as a whole, or not at all."""

    cells: Cells
    """Shares of the known areas."""
    elsewhere: float
    """Hectares of unknown place for each known hectare."""
    kernel: Array

    def nodes(self, window: CellWindow) -> tuple[Node, ...]:
        """Return the probability that a cell lies in such an area."""
        margin = len(self.kernel) // 2
        known = self.cells.within(window.grown(margin))
        if known is None:
            return ()
        likely = np.minimum(self.elsewhere * _core(spread(known, self.kernel), margin), 1)
        return (Node(likely, np.ones_like(likely)),)


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

    def nodes(self, window: CellWindow) -> tuple[Node, ...]:
        """Return the number of points' worth of items in a cell, as of one value or none with the right two moments."""
        margin = len(self.kernel) // 2
        count = self.cells.within(window.grown(margin))
        if count is None:
            return ()
        mean = _core(spread(count, self.kernel), margin)
        square = mean**2 + _core(spread(count, self.scatter), margin)
        value = np.divide(square, mean, out=np.zeros_like(mean), where=mean > 0)
        likely = np.divide(mean, value, out=np.zeros_like(mean), where=value > 0)
        return (Node(self.weight * likely, value),)


def _core(values: Array, margin: int) -> Array:
    """Return the values without the cells around them."""
    return values[margin:-margin, margin:-margin] if margin else values
