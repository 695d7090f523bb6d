"""The one light of a scene: where the sun stands."""

from dataclasses import dataclass
from math import cos, radians, sin, tan

import numpy as np


@dataclass(frozen=True, slots=True)
class Sun:
    """Position of the sun over flat ground. Images are north up: rows grow southwards."""

    azimuth_deg: float
    """Clockwise from north, towards the sun."""
    elevation_deg: float
    """Above the horizon, in (0, 90]."""

    def __post_init__(self) -> None:
        if not 0 < self.elevation_deg <= 90:
            msg = f"the sun stands above the horizon, in (0, 90] degrees, got {self.elevation_deg}"
            raise ValueError(msg)

    @classmethod
    def sample(cls, rng: np.random.Generator) -> "Sun":
        """Draw a sun of a working day: any azimuth, 22 to 68 degrees high.

        Survey flights avoid the first and last hours of light, when shadows hide more than they tell.
        """
        return cls(float(rng.uniform(0, 360)), float(rng.uniform(22, 68)))

    @property
    def toward(self) -> tuple[float, float]:
        """Unit step (rows, cols) on the ground towards the sun."""
        azimuth = radians(self.azimuth_deg)
        return -cos(azimuth), sin(azimuth)

    @property
    def slope(self) -> float:
        """Metres that a sun ray climbs over a metre of ground."""
        return tan(radians(min(self.elevation_deg, 89.9)))

    @property
    def height(self) -> float:
        """Sine of the elevation: the light that flat ground receives."""
        return sin(radians(self.elevation_deg))
