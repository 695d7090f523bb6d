"""Fine grain of the ground: textures that repeat without a seam, made once per scene."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.simulate.sun import Sun

Field = NDArray[np.float32]
_BLADES_M2 = 420
_BLADES_PX = 0.045
"""Blades of grass on a square metre, and at most on a pixel: coarse pixels blur them into one tone anyway."""


@dataclass(frozen=True, slots=True, eq=False)
class Wrapped:
    """A periodic texture, stored with a margin so that every window up to the margin's size is a plain view."""

    period: int
    values: Field
    """(period + margin, period + margin)."""

    @classmethod
    def of(cls, values: Field, *, margin: int) -> "Wrapped":
        """Return the texture of one period (n, n) with its first rows and columns repeated at the end."""
        return cls(values.shape[0], np.ascontiguousarray(np.pad(values, (0, margin), mode="wrap")))

    def window(self, row: int, col: int, size: int) -> Field:
        """Return a (size, size) view at any place of the plane."""
        row, col = row % self.period, col % self.period
        return self.values[row : row + size, col : col + size]


def soil_grain(period: int, *, gsd_m: float, sun: Sun, rng: np.random.Generator) -> Field:
    """Return the relative brightness of rough soil, mean 0, spread 1: its relief under the sun, and its own grain.

    Made from a spectrum, so it has no seam: heights fall off with the wavelength between 1.5 m and the
    pixel, and light follows the slope towards the sun.
    """
    frequency_row = np.fft.fftfreq(period)[:, None] / gsd_m
    frequency_col = np.fft.rfftfreq(period)[None, :] / gsd_m
    frequency = np.hypot(frequency_row, frequency_col)
    noise = np.fft.rfft2(rng.standard_normal((period, period)))
    heights = noise / (1 / 1.5**2 + frequency**2) ** 0.85 * np.exp(-((frequency * 1.1 * gsd_m) ** 2))
    step_row, step_col = sun.toward
    # Ground that rises away from the sun faces it.
    slope = heights * (-2j * np.pi) * (frequency_row * step_row + frequency_col * step_col)
    light = _standard(np.fft.irfft2(slope, s=(period, period)))
    spots = _standard(
        np.fft.irfft2(np.fft.rfft2(rng.standard_normal((period, period))) / (3 + frequency), s=(period, period))
    )
    return _standard(0.85 * light + 0.5 * spots)


def grass_cover(period: int, *, gsd_m: float, rng: np.random.Generator) -> Field:
    """Return short grass seen from above, mean 0, spread 1: blades of all directions, brighter on top."""
    margin = max(8, round(0.16 / gsd_m))
    canvas = np.zeros((period + 2 * margin, period + 2 * margin), np.float32)
    count = round(period**2 * min(_BLADES_M2 * gsd_m**2, _BLADES_PX))
    start = rng.uniform(margin, period + margin, (count, 2))
    length, angle = rng.uniform(0.03, 0.14, count) / gsd_m, rng.uniform(0, 2 * np.pi, count)
    end = start + length[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    tone = rng.uniform(-1, 1, count)
    fixed = 8
    for first, last, value in zip(
        np.rint(start * fixed).astype(int).tolist(),
        np.rint(end * fixed).astype(int).tolist(),
        tone.tolist(),
        strict=True,
    ):
        cv2.line(canvas, first, last, value, 1, cv2.LINE_8, 3)
    # What leaves one side comes in at the other.
    canvas[margin : 2 * margin] += canvas[-margin:]
    canvas[-2 * margin : -margin] += canvas[:margin]
    canvas[:, margin : 2 * margin] += canvas[:, -margin:]
    canvas[:, -2 * margin : -margin] += canvas[:, :margin]
    inner = np.pad(canvas[margin:-margin, margin:-margin], 4, mode="wrap")
    soft = cv2.GaussianBlur(inner, (0, 0), 0.7)[4:-4, 4:-4]
    # Blades that happen to cross would glare.
    return np.clip(_standard(soft), -2.2, 2.2)


def _standard(values: NDArray[np.floating[Any]]) -> Field:
    """Return the values with mean 0 and spread 1."""
    standard: Field = ((values - values.mean()) / values.std()).astype(np.float32)
    return standard
