"""What is held to be true of a hectare before any image of it was searched."""

from dataclasses import dataclass
from math import isfinite
from typing import Self

import numpy as np
from numpy.typing import NDArray

from survey.values import HECTARE_EDGE_M, ORDNANCE_GROUPS

CELL_HA = HECTARE_EDGE_M**2 / 10_000
"""A: hectares of a cell."""
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
        return PriorField(shape, np.full_like(shape, self.rate_ha))


@dataclass(frozen=True, slots=True, eq=False)
class PriorField:
    """A prior of each cell: density of group g ~ Gamma(shape_g, rate_g), groups independent.

    So the total of a cell is what follows from independent groups: means add, and the probabilities of none multiply.
    """

    shape: NDArray[np.float64]
    """(cells, groups)."""
    rate_ha: NDArray[np.float64]
    """(cells, groups) hectares."""

    def __post_init__(self) -> None:
        for name in ("shape", "rate_ha"):
            values = getattr(self, name)
            if values.shape != (cells := (len(self.shape), len(ORDNANCE_GROUPS))):
                msg = f"prior {name} {values.shape} does not fit {cells[0]} cells of {cells[1]} groups"
                raise ValueError(msg)
            if not (np.isfinite(values).all() and (values > 0).all()):
                msg = f"prior {name} is positive and finite in every cell"
                raise ValueError(msg)

    @classmethod
    def of(cls, mean_ha: NDArray[np.floating], shape: NDArray[np.floating]) -> Self:
        """Return the prior with expected items per hectare and shapes, (cells, groups)."""
        return cls(shape.astype(np.float64), shape.astype(np.float64) / mean_ha)

    @property
    def mean_ha(self) -> NDArray[np.float64]:
        """Expected items per hectare, (cells, groups)."""
        return self.shape / self.rate_ha

    def expected(self) -> NDArray[np.float64]:
        """Return the expected items of each cell, (cells, 1 + groups): in total, then of each group."""
        mean = self.mean_ha * CELL_HA
        return np.column_stack([mean.sum(axis=1), mean])

    def present(self) -> NDArray[np.float64]:
        """Return P(at least one item) of each cell, (cells, 1 + groups)."""
        log_none = -self.shape * np.log1p(CELL_HA / self.rate_ha)
        present: NDArray[np.float64] = -np.expm1(np.column_stack([log_none.sum(axis=1), log_none]))
        return present
