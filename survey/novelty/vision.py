"""Could anything be seen in a window? Whether it is too dark, without colour or blurred, told by its pixels alone."""

from collections.abc import Mapping
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

VISION = "vision"
"""What `vision_of` returns, in a signature."""
LEAST: Mapping[str, float] = MappingProxyType({"brightness": 16.0, "chroma": 1.0, "detail": 0.44})
"""Least of each: mean brightness and mean distance from grey, both in levels of 255, and how much there is of detail.

At a GSD of 5 mm windows of six grounds by day, also through a mild camera, have at least 19, 1.4 and (the median of a
picture's windows) 0.68, of a soft orthomosaic at 2 cm 0.56; at night, grey and blurred by 4 cm at most 8.5, 0 and 0.34.
At 1 cm detail is at least 0.64, 0.53 and at most 0.35.
"""
_FINE_M, _BROAD_M = 0.015, 0.03
"""Detail is what a Gaussian of the first standard deviation takes away, beside what lies between the two."""
_PLAIN = 0.6
"""Added to the broader detail, in levels of 255: a plain plane has none of either."""
_ROUNDING = 1 / 36
"""Variance that rounding gives the mean of three channels, which is no detail."""


def vision_of(pixels: NDArray[np.uint8], imaged: NDArray[np.bool_], *, gsd_m: float) -> NDArray[np.float64]:
    """Return the (3,) quantities of `LEAST`.

    Args:
        pixels: uint8 (H, W, 3) RGB.
        imaged: bool (H, W), some of them; the others do not count.
        gsd_m: Ground distance of a pixel, metres.
    """
    colours = pixels[imaged].astype(np.float64)
    grey = colours.mean(axis=1, keepdims=True)
    level = np.where(imaged, pixels.astype(np.float32).mean(axis=2), np.float32(grey.mean()))
    fine, broad = (cv2.GaussianBlur(level, (0, 0), sigma / gsd_m) for sigma in (_FINE_M, _BROAD_M))
    detail = np.sqrt(max(float((level - fine)[imaged].var()) - _ROUNDING, 0.0))
    return np.array(
        [grey.mean(), np.abs(colours - grey).mean(), detail / (float((fine - broad)[imaged].std()) + _PLAIN)]
    )


def shortfalls(vision: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what is asked as a multiple of what there is, (N, 3): above 1 for what cannot be searched."""
    return np.asarray(np.array(list(LEAST.values())) / np.maximum(vision, 1e-6))
