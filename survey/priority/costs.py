"""How long each method takes on each hectare, and where it cannot be used."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from survey.priority.config import Method


def weeks_per_hectare(method: Method, conditions: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the team-weeks that one team needs for a hectare, infinite where the method cannot be used.

    The speed is `ha_per_week` times one factor a condition, read off the method's curves.

    Args:
        method: Speed, curves and limits.
        conditions: Values on the grid, by name.
    """
    shape = next(iter(conditions.values())).shape
    speed = np.full(shape, method.ha_per_week)
    for name, curve in method.speed.items():
        at, factor = zip(*curve, strict=True)
        speed = speed * np.interp(conditions[name], at, factor)
    usable = np.full(shape, method.teams > 0)
    for name, most in method.limits.items():
        usable &= conditions[name] <= most
    return np.where(usable, 1 / speed, np.inf)
