"""How many times less a model finds on this ground than on the ground of its card: a ratio of two shares, at most 1."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import betainc

from survey.counts.quadrature import beta_nodes

_JEFFREYS = 0.5
_NODES = 256
"""Over the reference's share. Of 16 pairs of counts from 0 of 1 to 1000 of 1000, moments and intervals were the same to
1e-8 with 128, but for 0 of 1 on both (6e-6)."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Ratio:
    """min(1, p / q), p and q independent, each the Beta of its counts with Jeffreys' prior.

    p is the share of items found on this ground, q that on the reference ground.
    """

    laid: int
    found: int
    reference_laid: int
    reference_found: int

    def __post_init__(self) -> None:
        for found, laid in ((self.found, self.laid), (self.reference_found, self.reference_laid)):
            if not 0 <= found <= laid or laid == 0:
                msg = f"a share needs items, and no more are found than there are: got {found} of {laid}"
                raise ValueError(msg)

    @property
    def mean(self) -> float:
        """Expected ratio."""
        return min(1.0, self.moment(1))

    def moment(self, power: int) -> float:
        """Return E[ratio ** power].

        Given q it is in closed form: E[p^k; p < q] = E[p^k] I_q(a + k, b).
        """
        a, b = self._here
        q, weight = self._reference
        steps = np.arange(power)
        whole = float(np.prod((a + steps) / (a + b + steps)))  # E[p^k]
        return float(weight @ (whole * betainc(a + power, b, q) / q**power + 1 - betainc(a, b, q)))

    def quantile(self, level: float) -> float:
        """Return the value that the ratio is at most with chance `level`; 1 where more lies on 1 than is left."""
        if self._below(1.0) <= level:
            return 1.0
        return float(brentq(lambda t: self._below(t) - level, 0.0, 1.0, xtol=1e-9))

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval."""
        return self.quantile(0.025), self.quantile(0.975)

    @property
    def below_one(self) -> float:
        """Chance that less is found here than on the reference ground."""
        return self._below(1.0)

    def thinned(self, found: float, missed: float) -> tuple[float, float]:
        """Return the Beta with mean and variance of recall times the ratio, recall ~ Beta(found, missed).

        Its mean is never above that of recall.
        """
        size = found + missed
        recall = found / size
        square = recall * (found + 1) / (size + 1)
        mean = recall * self.mean
        variance = square * self.moment(2) - mean**2
        strength = mean * (1 - mean) / variance - 1
        return mean * strength, (1 - mean) * strength

    @property
    def _here(self) -> tuple[float, float]:
        return self.found + _JEFFREYS, self.laid - self.found + _JEFFREYS

    @property
    def _reference(self) -> tuple[Array, Array]:
        missed = self.reference_laid - self.reference_found
        return beta_nodes(self.reference_found + _JEFFREYS, missed + _JEFFREYS, _NODES)

    def _below(self, at: float) -> float:
        """Return P(p < at q), at most 1."""
        q, weight = self._reference
        return float(weight @ betainc(*self._here, at * q))
