"""How items among detections divide among the groups."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from survey.risk.polynomials import log_product, log_rising

Array = NDArray[np.float64]


class Division:
    """How items among the detections divide among the groups, given how many they are."""

    def __init__(self, shape: Array, log_group: Array, log_untold: Array) -> None:
        self.shape, self.log_untold = shape, log_untold
        self.width = log_group.shape[2] - 1
        self.rising = log_rising(shape, self.width)
        self.group = log_group  # without the rising factorials
        named = [log_group[:, g] + self.rising[:, g] for g in range(shape.shape[1])]
        left, right = log_product(named[0], named[1]), log_product(named[2], named[3])
        self.rest = [log_product(named[1 - g], right) if g < 2 else log_product(named[5 - g], left) for g in range(4)]
        whole = log_product(left, right)
        size = shape.sum(axis=1)
        even = whole - log_rising(size, whole.shape[1] - 1)
        joint = log_product(even, log_untold)
        self.joint = joint + log_rising(size, joint.shape[1] - 1)
        """(cells, N + 1) log coefficient of n items among all detections."""

    def splits(self, last: int) -> Iterator[Array]:
        """Yield P(t items of the group | n items), (cells, T, last + 1), of each group, n = 0..last."""
        for g in range(self.shape.shape[1]):
            group, rest = self.group[:, g, : last + 1], self.rest[g][:, : last + 1]
            yield self._split(group, rest, own=self.shape[:, g], last=last)

    def _split(self, group: Array, rest: Array, *, own: Array, last: int) -> Array:
        untold = min(self.log_untold.shape[1] - 1, last)
        joint = self.joint[:, : last + 1]
        other = self.shape.sum(axis=1) - own
        even = rest - log_rising(other, rest.shape[1] - 1)
        width = min(group.shape[1] + untold, last + 1)
        table = np.full((len(own), width, last + 1), -np.inf)  # t, n
        log_factorial = log_rising(np.ones(1), untold)[0]
        for j in range(untold + 1):  # untold ones that are of this group; the others of them go with the rest
            u = np.arange(j, untold + 1)
            chance = log_factorial[u] - log_factorial[j] - log_factorial[u - j]
            others = log_product(self.log_untold[:, u] + chance, even)[:, : last + 1 - j]
            for t in range(min(group.shape[1], last + 1 - j)):
                row = table[:, t + j, t + j : t + j + others.shape[1]]
                np.logaddexp(row, group[:, t, None] + others[:, : row.shape[1]], out=row)
        rising, rest_rising = log_rising(own, table.shape[1] - 1), log_rising(other, last)
        left = np.maximum(np.arange(last + 1) - np.arange(table.shape[1])[:, None], 0)
        known = np.where(np.isfinite(joint), joint, 0.0)
        log_share = table + rising[:, :, None] + rest_rising[:, left] - known[:, None, :]
        share: Array = np.exp(np.minimum(log_share, 0.0))
        return share
