"""Chance in one hand: every measure, choice and detail of an item is drawn here."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


class Draw:
    """Draws measures around published ones.

    Args:
        rng: Decides everything.
        spread: 1 as it should be for training, 0 for the published measures themselves.
    """

    def __init__(self, rng: np.random.Generator, *, spread: float = 1.0) -> None:
        self.rng = rng
        self._spread = spread

    def near(self, value: float, share: float = 0.06) -> float:
        """Return a measure within a share of the published one."""
        return float(value * (1 + self._spread * self.rng.uniform(-share, share)))

    def between(self, low: float, high: float) -> float:
        """Return a number between two, the middle one without spread."""
        middle, half = (low + high) / 2, (high - low) / 2
        return float(middle + self._spread * self.rng.uniform(-half, half))

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of the choices, all as likely."""
        return choices[int(self.rng.integers(len(choices)))]

    def chance(self, share: float) -> bool:
        """Tell whether something that happens this often happens now."""
        return bool(self.rng.random() < share)

    def count(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        return int(self.rng.integers(low, high + 1))
