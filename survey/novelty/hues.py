"""Are the colours of a picture those of ground, or false? Hues by chroma, and how they go with brightness."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

CELL_PX = 4
"""Pixels are averaged over cells of this edge: noise and a camera's own handling of edges say nothing of its bands."""
CHROMAS = (0.0, 0.03, 0.06, 0.1, 0.16, 0.25, 0.4, 0.7)
"""Distances from grey, as shares of brightness, between which hues are counted; grey itself has none."""
HARMONICS = 4
"""Waves around the circle of hues: brown, olive, green and blue can be told apart, neighbouring shades cannot.

Of 3, 4 and 5 with four chromas, and of 3 and 4 with six, 4 with six told most false colour on five real sites left out,
and would have been chosen without any one of them (without steppe, 4 with four does as well). The seventh chroma, which
plants reach in near infrared, told as much and flagged less ground of sites left out.
"""
FEATURES = (len(CHROMAS) - 1) * (1 + 2 * HARMONICS) + 7
MOST_LOGIT = 4.0
"""A window weighs no more than this: a blue car is not a false-coloured picture."""
_DARK = 8.0
"""Added to brightness before colours are divided by it: in the dark, noise has any hue."""


@dataclass(frozen=True, slots=True, eq=False)
class Hues:
    """What tells false colour from ground: one logistic regression."""

    weights: NDArray[np.float64]
    """(1 + FEATURES,), the first by itself."""
    threshold: float
    """Mean logit of a picture's windows beyond which its colours are false."""

    def logits(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ln(odds) that windows of (N, FEATURES) are of false colour, within `MOST_LOGIT`; (N,)."""
        return np.asarray(np.clip(features @ self.weights[1:] + self.weights[0], -MOST_LOGIT, MOST_LOGIT))


def cells_of(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) averaged over cells, (H // 4, W // 4, 3), at least one."""
    height, width = (max(1, extent // CELL_PX) for extent in pixels.shape[:2])
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def hues_of(cells: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the features of (..., 3) RGB cells, (FEATURES,).

    For each chroma the cells near it, counted with waves of 1 to `HARMONICS` periods over their hue. Then how
    brightness goes with the two axes of colour, and they with each other; what the brightest quarter has more of each
    than the darkest; and ln(spread) of each.
    """
    values = cells.reshape(-1, 3).astype(np.float64)
    brightness = values.mean(axis=1)
    red, green, blue = (values / (brightness[:, None] + _DARK)).T
    axes = (2 * red - green - blue) / np.sqrt(6), (green - blue) / np.sqrt(2)
    chroma = np.hypot(*axes)
    place = np.interp(chroma, CHROMAS, np.arange(len(CHROMAS)))
    near = np.stack([np.clip(1 - np.abs(place - n), 0, 1) for n in range(1, len(CHROMAS))])
    turns = np.cumprod(np.tile((axes[0] + 1j * axes[1]) / np.maximum(chroma, 1e-9), (HARMONICS, 1)), axis=0)
    waves = np.concatenate([np.ones((1, len(values))), turns.real, turns.imag])
    one, other = (axis - axis.mean() for axis in axes)
    spread = float(one.std()) + 0.02, float(other.std()) + 0.02
    bright = (brightness - brightness.mean()) / (float(brightness.std()) + 4)
    order, quarter = np.argsort(brightness, kind="stable"), max(1, len(values) // 4)
    more = [float(axis[order[-quarter:]].mean() - axis[order[:quarter]].mean()) for axis in axes]
    together = [np.mean(bright * one) / spread[0], np.mean(bright * other) / spread[1]]
    own = [np.mean(one * other) / (spread[0] * spread[1]), *more, *np.log(np.array(spread) - 0.01)]
    return np.concatenate([(near @ waves.T).ravel() / len(values), together, own])
