"""Ordnance on simulated ground, drawn from a stated prior hectare by hectare, so that the truth is known of each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import Point, Polygon

from survey.risk import Prior
from survey.risk.groups import GROUP_OF_CLASS
from survey.simulate import ITEMS, ORIGIN, PlacedItem, drawn_hidden
from survey.values import HECTARE_EDGE_M, ORDNANCE_GROUPS, HectareGrid

_TRIES = 400
_APART_M = 1.5
"""Between items, as in every simulated flight."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Ordnance:
    """N items on whole hectares, those outside the flown outline too. Arrays of shape (N,)."""

    grid: HectareGrid
    cell: NDArray[np.intp]
    """Place in the grid, row by row."""
    group: NDArray[np.intp]
    """Place in `ORDNANCE_GROUPS`."""
    kind: tuple[str, ...]
    hidden: Array
    place: Array
    """(N, 2) east and north, metres."""

    @property
    def counts(self) -> NDArray[np.intp]:
        """Return (cells, groups) true numbers."""
        counts = np.zeros((self.grid.rows * self.grid.cols, len(ORDNANCE_GROUPS)), np.intp)
        np.add.at(counts, (self.cell, self.group), 1)
        return counts

    def on(self, outline: Polygon, taken: Sequence[tuple[float, float, float]]) -> list[PlacedItem]:
        """Return the items that lie on a flight; of each hectare as many as were drawn.

        An item on ground that is taken is moved within its hectare, onto or off the flight alike. One for which no
        place is found stays where it is.

        Args:
            outline: Flown area, metres east and south of the image's corner.
            taken: Ground that is not free, (y, x, radius).
        """
        rng = np.random.default_rng(len(self.cell))
        used, placed = list(taken), []
        for n in range(len(self.cell)):
            x, y = self._from_corner(self.place[n])
            for _ in range(_TRIES):
                if not outline.contains(Point(x, y)) or _is_free(y, x, used):
                    break
                x, y = self._from_corner(within(self.grid, self.cell[n : n + 1], rng)[0])
            used.append((y, x, _APART_M))
            if outline.contains(Point(x, y)):
                placed.append(PlacedItem(self.kind[n], y, x, float(self.hidden[n])))
        return placed

    @staticmethod
    def _from_corner(place: Array) -> tuple[float, float]:
        return float(place[0] - ORIGIN[0]), float(ORIGIN[1] - place[1])


def draw(prior: Prior, grid: HectareGrid, *, rng: np.random.Generator) -> Ordnance:
    """Draw items of every hectare: density of each group ~ Gamma, numbers Poisson, places even, kinds alike."""
    cells = grid.rows * grid.cols
    field = prior.over(cells)
    density = rng.gamma(field.shape) / field.rate_ha
    cell, group = np.nonzero(numbers := rng.poisson(density))
    times = numbers[cell, group]
    cell, group = np.repeat(cell, times), np.repeat(group, times)
    kinds = [sorted(k for k, i in ITEMS.items() if GROUP_OF_CLASS.get(i.class_name) == g) for g in ORDNANCE_GROUPS]
    kind = tuple(str(rng.choice(kinds[g])) for g in group)
    hidden = np.array([drawn_hidden(rng) for _ in cell], np.float64)
    return Ordnance(grid, cell, group, kind, hidden, within(grid, cell, rng))


def within(grid: HectareGrid, cell: NDArray[np.intp], rng: np.random.Generator) -> Array:
    """Return (N, 2) places drawn evenly in cells."""
    row, col = np.divmod(cell, grid.cols)
    corner = np.column_stack([grid.x_min + col * HECTARE_EDGE_M, grid.y_max - (row + 1) * HECTARE_EDGE_M])
    place: Array = corner + rng.uniform(0, HECTARE_EDGE_M, (len(cell), 2))
    return place


def _is_free(y: float, x: float, taken: Sequence[tuple[float, float, float]]) -> bool:
    return all((y - b) ** 2 + (x - a) ** 2 > r * r for b, a, r in taken)
