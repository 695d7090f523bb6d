"""Sun and sky of a sprite, and the exposure that goes with them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.simulate.sun import Sun

Field = NDArray[np.float64]
_ROWS, _COLS = 16, 32
GREY = 0.22
"""Albedo of the matt grey card that sets the exposure."""
GREY_LEVELS = (110.0, 130.0)
"""sRGB values, 0 to 255, that it is stored as, from one sprite to another."""
OVERCAST_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Light:
    """The light over one sprite."""

    sun: Sun
    overcast: bool
    sun_share: float
    """Share of the light on flat ground that comes from the sun's disc; 0 if overcast."""
    blue: float
    """How blue the sky is beside the sun, 0 to 1."""
    glow: float
    """How much brighter the sky is around the sun."""
    grey_level: float
    """sRGB value, 0 to 255, that flat matt ground of albedo `GREY` gets."""

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Light":
        """Draw the light of a working day: the sun 15 to 75 degrees high, one in five without a sun."""
        sun = Sun(float(rng.uniform(0, 360)), float(rng.uniform(15, 75)))
        overcast = bool(rng.random() < OVERCAST_SHARE)
        # Of clear-sky light on flat ground 10 to 20 % is diffuse at a high sun, up to 40 % at a low one or in haze.
        share = float(rng.uniform(0.62, 0.9) - 0.12 * (1 - sun.height))
        return cls(sun, overcast, 0.0 if overcast else share, float(rng.uniform(0.3, 1)), float(rng.uniform(0, 2)),
                   float(rng.uniform(*GREY_LEVELS)))  # fmt: skip

    @property
    def toward(self) -> Field:
        """(3,) unit vector towards the sun: x east, y north, z up."""
        rows, cols = self.sun.toward
        level = np.sqrt(1 - self.sun.height**2)
        return np.array([cols * level, -rows * level, self.sun.height])

    def dome(self) -> NDArray[np.float32]:
        """Return the sky as a (16, 32, 3) latitude-longitude picture, zenith first.

        Its irradiance on flat ground is 1 in every channel: the camera is white-balanced on the ground, so a
        blue sky is told by the shadows. Columns run clockwise from north, half a column in, as Mitsuba reads
        them once its own up (y) is turned to z.
        """
        theta = (np.arange(_ROWS) + 0.5) * np.pi / _ROWS
        phi = (np.arange(_COLS) + 0.5) * 2 * np.pi / _COLS
        up, level = np.cos(theta)[:, None], np.sin(theta)[:, None]
        ways = np.stack([level * np.sin(phi), level * np.cos(phi), np.broadcast_to(up, (_ROWS, _COLS))], -1)
        if self.overcast:
            bright = np.broadcast_to((1 + 2 * np.maximum(up, 0)) / 3, (_ROWS, _COLS))  # CIE standard overcast sky
        else:
            bright = 1 + 0.6 * (1 - np.maximum(up, 0)) + self.glow * np.exp(-3.5 * (1 - ways @ self.toward))
        bright = np.where(ways[..., 2] > 0, bright, 0.0)
        solid_angle = level * (np.pi / _ROWS) * (2 * np.pi / _COLS)
        total = (bright * np.maximum(ways[..., 2], 0) * solid_angle).sum()
        return np.repeat((bright / total)[..., None], 3, -1).astype(np.float32)

    def tints(self) -> tuple[Field, Field]:
        """Return the (3,) irradiances of sun and sky on flat ground; they add up to 1 in every channel."""
        if self.overcast:
            return np.zeros(3), np.ones(3)
        sky = (1 - self.sun_share) * (1 + self.blue * np.array([-0.3, -0.04, 0.42]))
        return 1 - sky, sky

    def exposed(self, radiance: Field) -> NDArray[np.uint8]:
        """Return sRGB, 0 to 255, of linear radiance under which flat matt ground of albedo a shows a / pi."""
        level = self.grey_level / 255
        gain = ((level + 0.055) / 1.055) ** 2.4 / (GREY / np.pi)
        value = np.clip(radiance * gain, 0, None)
        value = np.where(value > 0.8, 0.8 + 0.2 * (1 - np.exp(-(value - 0.8) / 0.2)), value)  # a camera's soft shoulder
        stored = np.where(value <= 0.0031308, 12.92 * value, 1.055 * np.maximum(value, 1e-9) ** (1 / 2.4) - 0.055)
        return np.asarray(np.clip(np.rint(stored * 255), 0, 255), np.uint8)
