"""The prior that evidence gives: a Gamma density of items for each cell and group, and where it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.evidence.groups import GROUPS
from survey.evidence.vectors import VectorReport
from survey.risk import PriorField
from survey.values import HectareGrid

Bands = Mapping[str, NDArray[np.float32]]
NO_EVIDENCE, INDIRECT, DIRECT = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """Density of items before any search; arrays have the grid's shape, items per hectare in float32.

    Density of group g in a cell ~ Gamma with mean `rate[g]` and shape `shape[g]`, which has the mean and the
    P(no item) of the layers put together.
    """

    grid: HectareGrid
    rate: Bands
    """Mean items per hectare by group."""
    shape: Bands
    background: Mapping[str, float]
    """Items per hectare where no layer says anything, by group."""
    contributions: Mapping[str, Bands]
    """Change of the mean by each layer, in order of date; background + all contributions = rate."""
    evidence_class: NDArray[np.uint8]
    """0 none, 1 indirect, 2 direct evidence of at least the notable density."""
    reports: Mapping[str, VectorReport]
    """What became of each layer's rows."""

    def __post_init__(self) -> None:
        for name in ("rate", "shape"):
            for group in GROUPS:
                values = getattr(self, name)[group]
                if values.shape != self.grid.shape or not (np.isfinite(values).all() and (values > 0).all()):
                    msg = f"Prior.{name}[{group!r}] is not positive and finite on {self.grid.shape}"
                    raise ValueError(msg)

    def field(self) -> PriorField:
        """Return the same prior for a search, cells in reading order."""
        mean, shape = (np.stack([of[g].ravel() for g in GROUPS], axis=1) for of in (self.rate, self.shape))
        return PriorField.of(mean, shape)
