"""What the imagery says about each patch of ground: searched or not, disturbed or not."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray

from survey.values.cover import COVERS, merge_covers
from survey.values.grid import HectareGrid
from survey.values.window import Window

DISTURBANCES = ("crater", "trench", "disturbed_soil")


class GroundCode(IntEnum):
    """State of one ground pixel. Higher wins where images overlap, except NOT_SEARCHED (see `merge_codes`)."""

    NOT_FLOWN = 0
    """No valid pixel of any image: nothing is known."""
    SEARCHED = 1
    """The network looked and saw no disturbance. That is not absence of ordnance."""
    CRATER = 2
    TRENCH = 3
    DISTURBED_SOIL = 4
    NOT_SEARCHED = 255
    """Imaged, but not searched: the block was unreadable, or the image is too coarse."""


def merge_codes(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Join two views of the same ground: disturbed > searched > not searched > not flown."""
    rank = np.arange(256, dtype=np.uint8)
    rank[GroundCode.NOT_SEARCHED] = 1
    rank[1:5] = np.arange(2, 6, dtype=np.uint8)
    return np.where(rank[second] > rank[first], second, first)


@dataclass(frozen=True, slots=True, eq=False)
class GroundView:
    """How well a rectangle of ground was seen; arrays of shape (height, width)."""

    cover: NDArray[np.uint8]
    """`CoverCode`."""
    best: NDArray[np.uint8]
    """Share of recall left in the best view, in 255ths; 0 where the ground was not searched."""
    total: NDArray[np.uint16]
    """The same added up over all views."""

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> Self:
        """Return ground that nobody has seen yet."""
        return cls(np.zeros(shape, np.uint8), np.zeros(shape, np.uint8), np.zeros(shape, np.uint16))

    def part(self, place: tuple[slice, slice]) -> Self:
        """Return the view of a part."""
        return type(self)(self.cover[place], self.best[place], self.total[place])

    def add(self, place: tuple[slice, slice], other: Self) -> None:
        """Join another view into a place: least cover, best view, and the sum of views. In any order the same."""
        self.cover[place] = merge_covers(self.cover[place], other.cover)
        self.best[place] = np.maximum(self.best[place], other.best)
        total = self.total[place].astype(np.uint32) + other.total
        self.total[place] = np.minimum(total, np.iinfo(np.uint16).max).astype(np.uint16)


@dataclass(frozen=True, slots=True, eq=False)
class GroundPatch:
    """Codes of a rectangle of a `GroundGrid`, as one block of one image saw it."""

    window: Window
    """Place in the ground grid, in ground pixels."""
    codes: NDArray[np.uint8]
    """(height, width) of `GroundCode`."""
    view: GroundView | None = None
    """How well it was seen; None: nothing is known of that."""

    def __post_init__(self) -> None:
        if self.codes.shape != (self.window.height, self.window.width) or self.codes.dtype != np.uint8:
            msg = f"codes {self.codes.dtype} {self.codes.shape} do not fit {self.window}"
            raise ValueError(msg)
        if self.view is not None and self.view.cover.shape != self.codes.shape:
            msg = f"a view of {self.view.cover.shape} does not fit {self.window}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, eq=False)
class SearchedArea:
    """Per hectare: how much ground was imaged, how much of it was searched, how much is disturbed.

    Every array has the grid's shape; values are shares of a cell's area in 0..1.
    """

    grid: HectareGrid
    flown: NDArray[np.float64]
    """Share with a valid pixel of any image, inside the AOI."""
    searched: NDArray[np.float64]
    """Share that the network looked at, at a GSD the model can work with."""
    disturbed: NDArray[np.float64]
    """Share with any disturbance class."""
    looks: NDArray[np.float64] | None = None
    """Effective number of independent looks at the searched ground; None: one everywhere."""
    visible: NDArray[np.float64] | None = None
    """Share of recall that is left on the searched ground, under its cover and at its GSD; None: all of it."""
    cover: NDArray[np.float64] | None = None
    """(covers, rows, cols) share of a cell's area under each of `COVERS`; None: not asked for."""

    def __post_init__(self) -> None:
        for name in ("flown", "searched", "disturbed", "looks", "visible"):
            values = getattr(self, name)
            if values is not None and values.shape != self.grid.shape:
                msg = f"SearchedArea.{name} has shape {values.shape}, the grid {self.grid.shape}"
                raise ValueError(msg)
        if self.cover is not None and self.cover.shape != (len(COVERS), *self.grid.shape):
            msg = f"SearchedArea.cover has shape {self.cover.shape}, expected {(len(COVERS), *self.grid.shape)}"
            raise ValueError(msg)
