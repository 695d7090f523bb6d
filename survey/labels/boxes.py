"""Items of a picture, and what cannot be one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from survey.errors import InputError

COARSEST_GSD_M = 0.3
"""Pictures of people's labels are not coarser: a pixel would be larger than most ordnance. A GSD above it is one in
centimetres, and a picture stretched by it to the model's would fill any memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Items of a picture: centre, longest extent in its pixels, class; arrays of shape (N,)."""

    row: NDArray[np.float64]
    col: NDArray[np.float64]
    size_px: NDArray[np.float64]
    classes: tuple[str, ...]
    extent_px: NDArray[np.float64] | None = None
    """(N, 2) height and width, where the labels are boxes; None where only the longest extent is known."""

    @classmethod
    def none(cls) -> "Boxes":
        """Return no items."""
        return cls(np.empty(0), np.empty(0), np.empty(0), ())

    def scaled(self, factor: float) -> "Boxes":
        """Return the same items after the picture was scaled by `factor`."""
        extent = None if self.extent_px is None else self.extent_px * factor
        return Boxes(self.row * factor, self.col * factor, self.size_px * factor, self.classes, extent)

    def moved(self, row: float, col: float) -> "Boxes":
        """Return the same items in a picture whose first pixel is (row, col) of this one."""
        return replace(self, row=self.row - row, col=self.col - col)

    def chosen(self, which: NDArray[np.bool_]) -> "Boxes":
        """Return the items where `which`, bool (N,), is true."""
        names = tuple(name for name, wanted in zip(self.classes, which, strict=True) if wanted)
        extent = None if self.extent_px is None else self.extent_px[which]
        return Boxes(self.row[which], self.col[which], self.size_px[which], names, extent)

    @property
    def edges(self) -> NDArray[np.float64]:
        """(N, 4) top, left, bottom and right in pixels; a square where only the longest extent is known."""
        square = np.column_stack([self.size_px, self.size_px])
        half = (square if self.extent_px is None else self.extent_px) / 2
        middle = np.column_stack([self.row, self.col])
        return np.hstack([middle - half, middle + half])


def boxes_of(rows: Sequence[tuple[float, float, float, float]], names: Sequence[str]) -> Boxes:
    """Return boxes given by (row, col, height, width)."""
    table = np.array(rows, np.float64).reshape(-1, 4)
    return Boxes(table[:, 0], table[:, 1], table[:, 2:].max(axis=1), tuple(names), table[:, 2:])


def fault_of(row: Sequence[float], shape: tuple[int, ...]) -> str | None:
    """Return what is wrong with a box (row, col, height, width) of a picture; None if nothing is."""
    if not np.isfinite(row).all():
        return "the box has no place: its numbers are not finite"
    middle_row, middle_col, height, width = row
    if not (height > 0 and width > 0):
        return f"the box has no extent: {width:.3g} x {height:.3g} pixels"
    beside = abs(middle_row - shape[0] / 2) >= (shape[0] + height) / 2
    if beside or abs(middle_col - shape[1] / 2) >= (shape[1] + width) / 2:
        return f"the box lies outside the picture of {shape[1]} x {shape[0]} pixels"
    return None


def check_gsd(gsd_m: float, *, where: str) -> None:
    """Refuse a ground distance of a pixel that cannot be one in metres.

    Raises:
        InputError: It is not finite, not above 0, or so coarse that it is likely in centimetres.
    """
    if not 0 < gsd_m <= COARSEST_GSD_M:
        msg = f"{where}: is {gsd_m:g}; give metres, above 0 and at most {COARSEST_GSD_M} (1 cm is 0.01)"
        raise InputError(msg)


def first_of(names: Sequence[str]) -> str:
    """Return the first names of many for one line."""
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def read_text(path: Path) -> str:
    """Return the text of a file of labels.

    Raises:
        InputError: It is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")  # some editors begin a file with a byte order mark
    except UnicodeDecodeError as error:
        msg = f"{path}: is not UTF-8 text; save it as UTF-8"
        raise InputError(msg) from error
