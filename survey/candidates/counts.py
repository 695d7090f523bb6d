"""How many items several hectares hold together, with an interval."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import lambertw

from survey.evidence.gamma import shape_of

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
_TAIL = 12.0
"""Standard deviations beyond the mean that a distribution is computed for."""
_MOST = 1 << 20


def interval(mean: Array, none: Array, low: Array, high: Array) -> tuple[float, float]:
    """Return the 5 and 95 % quantile of the sum of independent numbers of items.

    The layers of a run say of each hectare the mean, P(no item) and both quantiles, not the distribution. Taken is the
    negative binomial of that mean and that chance; or, where a find makes the chance smaller than Poisson's, one item
    with some chance and a Poisson number; or, of hectares that hold an item almost surely, the lower quantile and a
    negative binomial or Poisson number with what is left of mean and spread. The sum follows from the product of their
    generating functions.

    Args:
        mean: (N,) expected items.
        none: (N,) P(no item).
        low: (N,) 5 % quantiles.
        high: (N,) 95 % quantiles.
    """
    mean, none = np.maximum(mean, 0.0), np.clip(none, 1e-12, 1.0)
    sd = np.maximum(high - low, 1.0) / 3.29
    total, spread = float(mean.sum()), float(np.sqrt((sd**2 + mean).sum()))
    length = 1 << int(np.ceil(np.log2(total + _TAIL * spread + 16)))
    if length > _MOST:  # so many that the sum is normal
        return max(0.0, total - 1.645 * float(np.sqrt((sd**2).sum()))), total + 1.645 * float(np.sqrt((sd**2).sum()))
    away = 1 - np.exp(-2j * np.pi * np.arange(length) / length)  # 1 - z
    log = np.zeros(length, np.complex128)
    for m, p, q, s in zip(mean, none, low, sd, strict=True):
        log += _log_generating(m, p, np.floor(q), s, away)
    chance = np.maximum(np.fft.ifft(np.exp(log)).real, 0.0)
    reached = np.cumsum(chance) / chance.sum()
    return float(np.searchsorted(reached, 0.05)), float(np.searchsorted(reached, 0.95))


def _log_generating(mean: float, none: float, low: float, sd: float, away: Complex) -> Complex:
    """Return the logarithm of E[z^N] at z = 1 - away."""
    if mean <= 1e-12:
        return np.zeros_like(away)
    if low >= 1:
        left = max(mean - low, 1e-9)
        over = sd**2 - left
        rest = -left * away if over <= 0 else -(left**2 / over) * np.log1p(over / left * away)
        return np.asarray(low * np.log1p(-away * (1 - 1e-12)) + rest, np.complex128)
    h = -np.log(none)
    if h < mean * (1 - 1e-9):
        shape = float(shape_of(np.array([mean]), np.array([h]))[0])
        return np.asarray(-shape * np.log1p(mean / shape * away), np.complex128)
    # one item with chance s and Poisson(mean - s): (1 - s) exp(s) = none exp(mean)
    s = float(np.clip(1 + lambertw(-np.exp(min(0.0, mean - h) - 1)).real, 0.0, min(1.0, mean)))
    return np.asarray(np.log1p(-s * away * (1 - 1e-12)) - (mean - s) * away, np.complex128)
