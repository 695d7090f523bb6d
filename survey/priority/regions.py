"""Contiguous work areas of a wanted size, grown hectare by hectare."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Cell = tuple[int, int]
NOTHING = -1
MOST = 1.5
"""What a fragment may make of its neighbour, in wanted sizes."""


def grow_areas(
    density: NDArray[np.float64], suitable: NDArray[np.int64], *, wanted: int, least: int, compactness: float
) -> NDArray[np.intp]:
    """Return the number of each hectare's area, from 0 in the order of growth; `NOTHING` where there is no work.

    The densest hectare left is a seed. It takes in neighbours across its edges, those first that are dense and that
    lie in a corner of what it has, until it has the wanted size. Its hectares share the methods that suit them. What
    is smaller than the least size then joins the neighbour with the longest common edge, if a method suits both and
    the two are not too large together.

    Args:
        density: (H, W) what a hectare is worth for its effort; not negative where a method is suitable.
        suitable: (H, W) bit set of methods; 0 where none can be used.
        wanted: Hectares of an area.
        least: Hectares below which an area is a fragment.
        compactness: What each further edge in common counts, in shares of the greatest density.
    """
    area: NDArray[np.intp] = np.full(density.shape, NOTHING, np.intp)
    seeds = np.flatnonzero(suitable.ravel())
    top = float(density.ravel()[seeds].max(initial=0.0)) or 1.0
    scaled = density / top
    count = 0
    for seed in seeds[np.argsort(-density.ravel()[seeds], kind="stable")]:
        row, col = divmod(int(seed), area.shape[1])
        cell = (row, col)
        if area[cell] == NOTHING:
            _grow(area, cell, number=count, scaled=scaled, suitable=suitable, wanted=wanted, compactness=compactness)
            count += 1
    _join_fragments(area, suitable, least=least, most=max(wanted, int(MOST * wanted)))
    return _renumbered(area)


def neighbours(cell: Cell, shape: tuple[int, ...]) -> Iterator[Cell]:
    """Yield the cells that share an edge with a cell."""
    row, col = cell
    for r, c in ((row - 1, col), (row, col - 1), (row, col + 1), (row + 1, col)):
        if 0 <= r < shape[0] and 0 <= c < shape[1]:
            yield r, c


def _grow(  # noqa: PLR0913 - one state of growth
    area: NDArray[np.intp],
    seed: Cell,
    *,
    number: int,
    scaled: NDArray[np.float64],
    suitable: NDArray[np.int64],
    wanted: int,
    compactness: float,
) -> None:
    """Number the hectares of one area in `area`."""
    edges: Counter[Cell] = Counter()
    cell, size = seed, 0
    while True:
        area[cell] = number
        size += 1
        edges.pop(cell, None)
        edges.update(n for n in neighbours(cell, area.shape) if area[n] == NOTHING and suitable[n] == suitable[seed])
        if size == wanted or not edges:
            return
        cell = max(edges, key=lambda n: (scaled[n] + compactness * edges[n], -n[0], -n[1]))


def _join_fragments(area: NDArray[np.intp], suitable: NDArray[np.int64], *, least: int, most: int) -> None:
    """Give small areas to a neighbour, the smallest first, until no such join is possible."""
    cells: dict[int, list[Cell]] = {}
    for row, col in np.argwhere(area != NOTHING).tolist():
        cells.setdefault(int(area[row, col]), []).append((row, col))
    methods = {number: int(suitable[inside[0]]) for number, inside in cells.items()}
    waiting = sorted((n for n in cells if len(cells[n]) < least), key=lambda n: (len(cells[n]), n))
    for fragment in waiting:
        if fragment not in cells or len(cells[fragment]) >= least:
            continue
        shared = Counter(int(area[n]) for cell in cells[fragment] for n in neighbours(cell, area.shape))
        fitting = [
            other
            for other in shared
            if other not in {NOTHING, fragment}
            and methods[other] & methods[fragment]
            and len(cells[other]) + len(cells[fragment]) <= most
        ]
        if not fitting:
            continue
        into = max(fitting, key=lambda n: (shared[n], -n))
        for cell in cells[fragment]:
            area[cell] = into
        cells[into] += cells.pop(fragment)
        methods[into] &= methods.pop(fragment)


def _renumbered(area: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the areas numbered without gaps, in their order."""
    numbers = np.unique(area[area != NOTHING])
    return np.where(area == NOTHING, NOTHING, np.searchsorted(numbers, area)).astype(np.intp)
