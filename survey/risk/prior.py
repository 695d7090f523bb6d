"""What is held to be true of a hectare before any image of it was searched."""

from dataclasses import dataclass
from math import isfinite


@dataclass(frozen=True, slots=True)
class Prior:
    """Gamma distribution of the density of items per hectare.

    A small `shape` says that most hectares hold few items and some hold many.
    """

    mean_items_per_ha: float
    shape: float

    def __post_init__(self) -> None:
        for name in ("mean_items_per_ha", "shape"):
            value = getattr(self, name)
            if not (isfinite(value) and value > 0):
                msg = f"prior {name} is positive and finite, got {value}"
                raise ValueError(msg)

    @property
    def rate_ha(self) -> float:
        """Rate of the Gamma distribution, in hectares: shape / mean."""
        return self.shape / self.mean_items_per_ha
