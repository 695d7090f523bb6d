"""Patches of ground merged hectare row by hectare row, in bounded memory."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from survey.values import (
    DISTURBANCES,
    GroundCode,
    GroundGrid,
    GroundPatch,
    GroundView,
    SearchedArea,
    Window,
    merge_codes,
)

SEGMENT_CELLS = 16
"""Hectare cells held at once: 80 MB of codes and views at 0.1 m."""


@dataclass(frozen=True, slots=True)
class GroundPart:
    """A patch that can be loaded when its turn comes."""

    window: Window
    """Ground pixels of the patch."""
    load: Callable[[], GroundPatch]
    """May be called once for each segment that the window touches."""


def merge_ground(
    ground: GroundGrid, *, parts: Sequence[GroundPart], cells: int = SEGMENT_CELLS
) -> Iterator[GroundPatch]:
    """Yield the merged codes of all parts, north to south, west to east.

    Each patch covers up to `cells` whole cells of one hectare row; runs of cells without any part are left out.
    The answer does not depend on the order of `parts` (`merge_codes` is a maximum, and views join in any order) nor
    on `cells`. A segment has a view if any of its parts has one.

    Args:
        ground: Ground grid of the run.
        parts: Patches inside the grid, overlapping or not.
        cells: Hectare cells merged at once.

    Raises:
        ValueError: A part leaves the grid, or loads as another window than it said.
    """
    whole = Window(0, 0, ground.height, ground.width)
    by_row: dict[int, list[GroundPart]] = defaultdict(list)
    for part in parts:
        if part.window.intersection(whole) != part.window:
            msg = f"{part.window} leaves the ground grid of {ground.height} x {ground.width} pixels"
            raise ValueError(msg)
        for row in range(part.window.row // ground.per_edge, (part.window.row_end - 1) // ground.per_edge + 1):
            by_row[row].append(part)
    for row in sorted(by_row):
        for window in _segments(ground, row=row, parts=by_row[row], cells=cells):
            yield _merge(window, by_row[row])


class AreaTally:
    """Counts of ground pixels per hectare cell. Whole numbers, so tallies add up exactly."""

    __slots__ = ("disturbed", "flown", "ground", "searched")

    def __init__(self, ground: GroundGrid) -> None:
        self.ground = ground
        shape = ground.hectares.shape
        self.flown, self.searched, self.disturbed = (np.zeros(shape, np.int64) for _ in range(3))

    def add(self, patch: GroundPatch) -> None:
        """Count the pixels of a patch; patches of one tally must not overlap (`merge_ground`'s do not)."""
        codes = patch.codes
        flown = codes != GroundCode.NOT_FLOWN
        searched = flown & (codes != GroundCode.NOT_SEARCHED)
        disturbed = searched & (codes != GroundCode.SEARCHED)
        for total, mask in ((self.flown, flown), (self.searched, searched), (self.disturbed, disturbed)):
            sum_by_cell(self.ground, mask, patch.window, total)

    def __iadd__(self, other: "AreaTally") -> Self:
        if other.ground != self.ground:
            msg = f"tallies of different grids cannot be added: {self.ground} and {other.ground}"
            raise ValueError(msg)
        self.flown += other.flown
        self.searched += other.searched
        self.disturbed += other.disturbed
        return self

    def searched_area(self) -> SearchedArea:
        """Return the counts as shares of a cell's area."""
        per_cell = self.ground.per_edge**2
        return SearchedArea(
            self.ground.hectares, self.flown / per_cell, self.searched / per_cell, self.disturbed / per_cell
        )


def sum_by_cell(ground: GroundGrid, values: NDArray[np.generic], window: Window, total: NDArray[np.int64]) -> None:
    """Add the whole numbers of a window of ground pixels (height, width) to the cells they lie in.

    Args:
        ground: Ground grid.
        values: bool or unsigned integers.
        window: Their place.
        total: (rows, cols) of the hectare grid, added to in place.
    """
    edge = ground.per_edge
    rows, row_starts = _cell_starts(window.row, window.row_end, edge)
    cols, col_starts = _cell_starts(window.col, window.col_end, edge)
    for row, start, end in zip(rows, row_starts, [*row_starts[1:], window.height], strict=True):
        part = values[start:end]
        per_column = np.count_nonzero(part, axis=0) if part.dtype == bool else part.sum(axis=0, dtype=np.int64)
        total[row, cols[0] : cols[-1] + 1] += np.add.reduceat(per_column, col_starts)


def _cell_starts(first: int, end: int, edge: int) -> tuple[range, list[int]]:
    """Return the cells that pixels first..end touch, and where each begins, counted from `first`."""
    cells = range(first // edge, (end - 1) // edge + 1)
    return cells, [max(first, cell * edge) - first for cell in cells]


def _segments(ground: GroundGrid, *, row: int, parts: list[GroundPart], cells: int) -> Iterator[Window]:
    """Yield windows of at most `cells` cells that together cover every cell of the row some part touches."""
    edge = ground.per_edge
    touched = np.zeros(ground.hectares.cols, bool)
    for part in parts:
        touched[part.window.col // edge : (part.window.col_end - 1) // edge + 1] = True
    col = 0
    while (ahead := np.flatnonzero(touched[col:])).size:
        start = col + int(ahead[0])
        gap = np.flatnonzero(~touched[start : start + cells])
        col = start + (int(gap[0]) if gap.size else min(cells, len(touched) - start))
        yield Window(row * edge, start * edge, edge, (col - start) * edge)


def _merge(window: Window, parts: list[GroundPart]) -> GroundPatch:
    """Merge the parts of one segment."""
    codes = np.zeros((window.height, window.width), np.uint8)
    view: GroundView | None = None
    for part in parts:
        common = part.window.intersection(window)
        if common is None:
            continue
        patch = part.load()
        if patch.window != part.window:
            msg = (
                f"a part announced as {part.window} loads as {patch.window}; its file was replaced, start the run anew"
            )
            raise ValueError(msg)
        place = common.slices(window)
        codes[place] = merge_codes(codes[place], patch.codes[common.slices(patch.window)])
        if patch.view is not None:
            view = view if view is not None else GroundView.empty(codes.shape)
            view.add(place, patch.view.part(common.slices(patch.window)))
    return GroundPatch(window, codes, view)


assert [code.name.lower() for code in GroundCode if GroundCode.SEARCHED < code < GroundCode.NOT_SEARCHED] == list(
    DISTURBANCES
)
