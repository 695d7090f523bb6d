"""From craters to duds: a crater is a munition that went off, others of the same fire did not.

Of N munitions a share d fails, so c craters stand for c d / (1 - d) duds. With d ~ Beta(a, b), d / (1 - d) is beta
prime: its mean a / (b - 1) exceeds what the mean rate would give, for the relation is convex.
"""

from dataclasses import dataclass

from scipy.stats import betaprime


@dataclass(frozen=True, slots=True)
class DudRate:
    """Share of munitions that fail, Beta distributed."""

    mean: float
    strength: float
    """How many munitions the knowledge is worth; (1 - mean) strength exceeds 2."""

    def __post_init__(self) -> None:
        if not (0 < self.mean < 1 and self._b > 2):
            msg = f"a dud rate lies between 0 and 1 and has (1 - mean) * strength > 2, got {self}"
            raise ValueError(msg)

    @property
    def _a(self) -> float:
        return self.mean * self.strength

    @property
    def _b(self) -> float:
        return (1 - self.mean) * self.strength

    @property
    def per_crater(self) -> float:
        """Expected duds for each crater."""
        return self._a / (self._b - 1)

    @property
    def per_crater_second(self) -> float:
        """Mean square of the duds for each crater."""
        return self._a * (self._a + 1) / ((self._b - 1) * (self._b - 2))

    @property
    def shape(self) -> float:
        """Shape of the Gamma distribution with the same mean and variance."""
        return self.per_crater**2 / (self.per_crater_second - self.per_crater**2)

    def quantile(self, share: float, *, craters: float) -> float:
        """Return the quantile of the expected duds of so many craters, whose rate is one and the same."""
        return float(craters * betaprime.ppf(share, self._a, self._b))
