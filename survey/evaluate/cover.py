"""What covers the ground around an item: two proxies computed from the picture itself."""

import cv2
import numpy as np
from numpy.typing import NDArray

LEAST_RADIUS_M = 0.5
"""Ground this far around an item is looked at, or three times the item's size if that is more."""
EXCESS_GREEN = 0.06
"""Chromatic excess green (2g - r - b) / (r + g + b) above which a pixel counts as green plants.

Woebbecke et al. 1995 (Trans. ASAE 38:259). Dry soil and dead grass lie at -0.02 to 0.04, living grass at 0.1 and more.
"""
TEXTURE_M = 0.05
"""Side of the squares within which brightness is compared: the scale of tufts, clods and stones."""


def cover_around(rgb: NDArray[np.uint8], *, row: float, col: float, size_m: float, gsd_m: float) -> tuple[float, float]:
    """Return (green share, texture) of the ground around an item, the item itself left out.

    Dead grass is not green but rough, and a lawn is green but smooth: so there are two figures. Both depend on
    light and camera; they sort pictures roughly and are no measurement of plant cover.

    Args:
        rgb: uint8 (H, W, 3).
        row: Of the item's centre, pixels.
        col: Of the item's centre, pixels.
        size_m: Longest extent of the item.
        gsd_m: Ground distance of a pixel.

    Returns:
        Share of green pixels, and the mean standard deviation of brightness (0..255) within 5 cm; NaN where
        no ground around the item is in the picture.
    """
    radius = max(LEAST_RADIUS_M, 3 * size_m) / gsd_m
    top, left = max(0, int(row - radius)), max(0, int(col - radius))
    part = rgb[top : max(0, int(row + radius) + 1), left : max(0, int(col + radius) + 1)]
    if not part.size:
        return float("nan"), float("nan")
    y, x = np.ogrid[: part.shape[0], : part.shape[1]]
    away = np.hypot(y + top + 0.5 - row, x + left + 0.5 - col)
    ring = (away <= radius) & (away > 0.75 * size_m / gsd_m)
    if not ring.any():
        return float("nan"), float("nan")
    values = part.astype(np.float32)
    total = values.sum(axis=2) + 1
    green = (2 * values[..., 1] - values[..., 0] - values[..., 2]) / total > EXCESS_GREEN
    brightness = total / 3
    edge = max(3, round(TEXTURE_M / gsd_m) | 1)
    mean = cv2.blur(brightness, (edge, edge))
    spread = np.sqrt(np.maximum(cv2.blur(brightness**2, (edge, edge)) - mean**2, 0))
    return float(green[ring].mean()), float(spread[ring].mean())
