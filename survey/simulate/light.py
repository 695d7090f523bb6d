"""Light on a height field: slopes, cast shadows, and how much sky a place sees."""

from math import ceil, log2

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.simulate.sun import Sun

AMBIENT = 0.24
"""Share of the light on flat ground that comes from the sky; the rest comes straight from the sun."""
GAMMA = 2.2
"""Of sRGB, near enough: light scaled by k scales stored values by k ** (1 / GAMMA)."""
_BRIGHTEST = 2.2
"""Surfaces that face a low sun get many times the light of flat ground; a camera clips long before."""

Field = NDArray[np.float32]


def cast_shadow(height: Field, *, cell_m: float, sun: Sun, reach_m: float) -> Field:
    """Return how much of the sun is hidden at each place, 0 to 1.

    The highest sun ray blocked over each place is found in log2(reach) passes, each
    looking twice as far as the one before.

    Args:
        height: (h, w) metres.
        cell_m: Edge of a cell, metres.
        sun: Where the light comes from.
        reach_m: Longest shadow to be found, metres of ground.
    """
    step_row, step_col = sun.toward
    blocked = height
    passes = max(1, ceil(log2(max(2.0, reach_m / cell_m))))
    for far in (2**n for n in range(passes)):
        shift = np.array([[1, 0, far * step_col], [0, 1, far * step_row]], np.float64)
        seen = cv2.warpAffine(
            blocked,
            shift,
            (height.shape[1], height.shape[0]),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        blocked = np.maximum(blocked, seen - np.float32(far * cell_m * sun.slope))
    soft_m = max(0.35 * cell_m * sun.slope, 1e-4)
    hidden: Field = np.clip((blocked - height) / np.float32(soft_m), 0, 1)
    return hidden


def sky_view(height: Field, *, cell_m: float, radius_m: float) -> Field:
    """Return the share of the sky seen, about 0.35 (deep in a hole) to 1 (flat ground and higher)."""
    sigma = max(0.6, radius_m / cell_m / 2)
    # Wide blurs are taken on a coarser copy: the same to the eye, and many times faster.
    factor = max(1, int(sigma / 3))
    size = (max(1, height.shape[1] // factor), max(1, height.shape[0] // factor))
    small = cv2.resize(height, size, interpolation=cv2.INTER_AREA) if factor > 1 else height
    around = cv2.GaussianBlur(small, (0, 0), sigma / factor, borderType=cv2.BORDER_REPLICATE)
    if factor > 1:
        around = cv2.resize(around, height.shape[::-1], interpolation=cv2.INTER_LINEAR)
    rise = around - height
    seen: Field = np.clip(1 - 1.2 * rise / np.float32(radius_m), 0.35, 1)
    return seen


def slopes(height: Field, *, cell_m: float) -> tuple[Field, Field]:
    """Return the rise per metre along rows (southwards) and along columns (eastwards)."""
    scale = 0.5 / cell_m
    row = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=1, scale=scale, borderType=cv2.BORDER_REPLICATE)
    col = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=1, scale=scale, borderType=cv2.BORDER_REPLICATE)
    return row, col


def irradiance(height: Field, *, cell_m: float, sun: Sun, hidden: Field, sky: Field) -> Field:
    """Return the light on a matt surface (Lambert), where flat open ground receives 1."""
    row, col = slopes(height, cell_m=cell_m)
    flat = (1 - sun.height**2) ** 0.5
    step_row, step_col = sun.toward
    facing = sun.height - np.float32(flat * step_row) * row - np.float32(flat * step_col) * col
    facing /= np.sqrt(1 + row * row + col * col)
    direct = np.clip(facing, 0, None) * np.float32((1 - AMBIENT) / sun.height) * (1 - hidden)
    light: Field = np.clip(direct + np.float32(AMBIENT) * sky, 0.03, _BRIGHTEST)
    return light


def glint(height: Field, *, cell_m: float, sun: Sun, power: float) -> Field:
    """Return the mirror-like share of the sun's light that goes straight up (Blinn-Phong), 0 to 1."""
    row, col = slopes(height, cell_m=cell_m)
    flat = (1 - sun.height**2) ** 0.5
    step_row, step_col = sun.toward
    half = np.array([step_row * flat, step_col * flat, sun.height + 1])
    half /= np.linalg.norm(half)
    cosine = half[2] - np.float32(half[0]) * row - np.float32(half[1]) * col
    cosine /= np.sqrt(1 + row * row + col * col)
    shine: Field = np.clip(cosine, 0, 1).astype(np.float32) ** np.float32(power)
    return shine


def stored(light: Field) -> Field:
    """Return the factor on stored (gamma-coded) values for a factor on light."""
    factor: Field = np.power(light, np.float32(1 / GAMMA))
    return factor
