"""How contrast with the ground counts beside the heatmap, and with what contrast is measured close by."""

from typing import Annotated

import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch.nn import functional

from survey.networks import COARSE_STRIDE

_LEAST_WEIGHT = 1e-3
_USUAL_SPREAD, _LEAST_SPREAD = 0.2, 0.1
"""Of ln(distance) in a square around something that stands out. A square that shows a thing and little else, at the
edge of the imagery, is not calm for that."""


class Around(BaseModel):
    """A square around a place, which is told from what lies there: a shrub's twigs stand out from sand, not from shrub.

    Of the place's own ln(distance), `level` times the mean over the square and `unrest` times the logarithm of the
    standard deviation there, as a share of a usual one, are subtracted. A thing in a calm square counts more than one
    among many.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cells: Annotated[int, Field(gt=1)]
    """Edge of the square in cells of `COARSE_STRIDE`, an odd number."""
    level: Annotated[float, Field(ge=0, le=1)]
    unrest: Annotated[float, Field(ge=0, le=1)]

    @field_validator("cells")
    @classmethod
    def _has_a_middle(cls, cells: int) -> int:
        if cells % 2 == 0:
            msg = f"the square around a cell has an odd number of cells along its edge, got {cells}"
            raise ValueError(msg)
        return cells

    @property
    def reach_px(self) -> int:
        """Pixels that it reaches beyond its cell."""
        return self.cells // 2 * COARSE_STRIDE

    def surroundings(self, log_distance: torch.Tensor, shown: torch.Tensor) -> torch.Tensor:
        """Return what is to be subtracted from ln(distance), of the same shape; 0 where nothing was imaged.

        Args:
            log_distance: (N, 1, h, w).
            shown: (N or 1, 1, h, w), share of each cell's pixels that show ground; the square's statistics are
                weighted by it.
        """
        weight = self._sum(shown)
        known = weight > _LEAST_WEIGHT
        weight = weight.clamp_min(_LEAST_WEIGHT)
        mean = self._sum(log_distance * shown) / weight
        variance = self._sum(log_distance.square() * shown) / weight - mean.square()
        spread = variance.clamp_min(_LEAST_SPREAD**2).sqrt()
        return torch.where(known, self.level * mean + self.unrest * (spread / _USUAL_SPREAD).log(), 0.0)

    def _sum(self, values: torch.Tensor) -> torch.Tensor:
        """Return the sum of (N, 1, h, w) values over the square around each cell, as far as there are cells."""
        return functional.avg_pool2d(values, self.cells, stride=1, padding=self.cells // 2, divisor_override=1)


class ContrastCard(BaseModel):
    """Weights of the sum that tells items: `bias + heat * heatmap + contrast * ln(distance to the ground)`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    heat: Annotated[float, Field(ge=0)]
    contrast: Annotated[float, Field(ge=0)]
    bias: float
    trimmed: Annotated[float, Field(ge=0, lt=0.5)]
    """Share of the cells, those farthest from the rest, that is left out of the measure of the ground."""
    usual_tail: Annotated[float, Field(gt=0)] | None = None
    """Most that 98 % of a flight's ln(distance) lie below on usual ground. Beyond, the ground is full of things, and
    ln(distance) counts as many times less; None: it counts in full everywhere."""
    around: Around | None = None
    """Surroundings that ln(distance) is taken relative to; None: it counts as it is."""

    @property
    def reach_px(self) -> int:
        """Pixels beyond the network's reach that a place depends on."""
        return COARSE_STRIDE + (self.around.reach_px if self.around is not None else 0)
