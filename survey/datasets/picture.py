"""A picture of ground as training and evaluation hold it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.datasets.judged import Judged
from survey.labels import Boxes
from survey.simulate.sun import Sun

STORED_GSD_M = 0.0035
"""Grounds finer than this are reduced to it: seven tenths of the finest GSD trained at, and memory is bounded."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture of ground with what is known to be in it."""

    site: str
    name: str
    rgb: NDArray[np.uint8]
    gsd_m: float
    items: Boxes
    disturbed: tuple[tuple[float, float, float, float], ...] | None
    """(x, y, width, height) of dug soil; None: nothing is known. Empty tuple: there is none."""
    weight: float
    sun: Sun | None = None
    """Where the light of the picture comes from, if that is known."""
    judged: Judged | None = None
    """Of a picture that people judged in part; None: all items of it are known."""
    imaged_px: int | None = None
    """Pixels that show ground; None: all of them."""
