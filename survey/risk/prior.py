"""What is held to be true of a hectare before any image of it was searched."""

from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from survey.values import ORDNANCE_GROUPS

EQUAL_SHARES = (1 / len(ORDNANCE_GROUPS),) * len(ORDNANCE_GROUPS)


@dataclass(frozen=True, slots=True)
class Prior:
    """Gamma distribution of the density of items per hectare.

    A small `shape` says that most hectares hold few items and some hold many.
    """

    mean_items_per_ha: float
    shape: float
    shares: tuple[float, ...] = EQUAL_SHARES
    """Expected share of each of `ORDNANCE_GROUPS` among the items; they add up to 1."""

    def __post_init__(self) -> None:
        for name in ("mean_items_per_ha", "shape"):
            value = getattr(self, name)
            if not (isfinite(value) and value > 0):
                msg = f"prior {name} is positive and finite, got {value}"
                raise ValueError(msg)
        if len(self.shares) != len(ORDNANCE_GROUPS) or min(self.shares) <= 0 or abs(sum(self.shares) - 1) > 1e-6:
            msg = (
                f"prior shares are one for each of {', '.join(ORDNANCE_GROUPS)}, above 0, adding up to 1: {self.shares}"
            )
            raise ValueError(msg)

    @property
    def rate_ha(self) -> float:
        """Rate of the Gamma distribution, in hectares: shape / mean."""
        return self.shape / self.mean_items_per_ha

    def over(self, cells: int) -> "PriorField":
        """Return the same prior for each of many cells."""
        shape = np.tile(self.shape * np.array(self.shares), (cells, 1))
        return PriorField(shape, np.full(cells, self.rate_ha))


@dataclass(frozen=True, slots=True, eq=False)
class PriorField:
    """A prior of each cell: density of group g ~ Gamma(shape_g, rate_ha), groups independent.

    The rate is common to a cell's groups, so their sum is Gamma(sum of shapes, rate_ha) and the split among them
    does not depend on it. Means of groups differ by their shapes: mean_g = shape_g / rate_ha.
    """

    shape: NDArray[np.float64]
    """(cells, groups)."""
    rate_ha: NDArray[np.float64]
    """(cells,) hectares."""

    def __post_init__(self) -> None:
        if self.shape.shape != (len(self.rate_ha), len(ORDNANCE_GROUPS)):
            msg = (
                f"prior shapes {self.shape.shape} do not fit {len(self.rate_ha)} cells of {len(ORDNANCE_GROUPS)} groups"
            )
            raise ValueError(msg)
        for name in ("shape", "rate_ha"):
            values = getattr(self, name)
            if not (np.isfinite(values).all() and (values > 0).all()):
                msg = f"prior {name} is positive and finite in every cell"
                raise ValueError(msg)
