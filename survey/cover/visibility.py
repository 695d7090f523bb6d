"""What share of recall is left under each cover and at an image's sharpness."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from survey.detect import Detectability
from survey.values import CoverCode

ITEM_M = 0.1
"""Extent of the item that recall is compared for: a blast mine against persons, the smallest that is common. Larger
items lose less."""
FULL = 255
"""Whole visibility: shares are kept in 255ths, so that sums over ground are whole numbers."""


def visibility(
    detectability: Detectability | None, *, hides: Sequence[float], blur_px: float, gsd_m: float
) -> NDArray[np.uint8]:
    """Return the share of recall left by cover code, in 255ths, against open, sharp ground at the model's GSD.

    Args:
        detectability: The model's curve; None leaves the share of an item that shows, and blur is not counted.
        hides: Share of an item hidden under each of `COVERS`, 0..1; 1 leaves nothing.
        blur_px: Blur beyond sharp imagery, working pixels.
        gsd_m: Edge of a working pixel in metres.

    Returns:
        (codes,) uint8 to be indexed with `CoverCode`. Unknown cover hides as open ground does: that an image is not
        searched is said by the ground codes.
    """
    hidden = np.array([hides[0], *hides], np.float64)
    assert len(hidden) == len(CoverCode)
    left = 1 - hidden if detectability is None else detectability.relative(ITEM_M / gsd_m, hidden, blur_px)
    least = np.where(hidden < 1, 1, 0)
    shares = np.maximum(np.rint(FULL * np.where(hidden < 1, left, 0)), least)
    return np.asarray(shares, np.uint8)
