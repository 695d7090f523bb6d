"""Gamma densities known by their mean and by the probability that a hectare holds nothing.

With mean m and shape a, P(no item in 1 ha) = (1 + m / a)^-a. Of a sum of independent densities, means add and these
probabilities multiply, whatever their distributions. A Gamma with the same mean and the same probability is therefore
right in both; one with the same variance is not: a rare dense source would lower P(at least one) of the cells that it
is added to.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_T = np.logspace(-12, 300, 40_000)
"""Mean / shape. Beyond 1e12 from either end the Gamma is a constant, or is nothing."""
_LOG_RATIO = np.log(np.log1p(_T) / _T)
_NEWTON = 2
"""Steps after the table; they bring the relative error below 1e-9."""


def surprise(mean: Array | float, shape: Array | float) -> Array:
    """Return h = -ln P(no item in a hectare) = a ln(1 + m / a)."""
    return np.asarray(shape * np.log1p(np.divide(mean, shape)))


def shape_of(mean: Array, h: Array) -> Array:
    """Return the shape of the Gamma density with a mean and h = -ln P(no item), 0 < h <= mean; arrays of one shape.

    t = mean / shape solves ln(1 + t) / t = h / mean, which depends on one number: from a table, then by Newton's method
    on the logarithms.
    """
    target = np.log(np.minimum(h / mean, 1 - 1e-12))
    log_t = np.interp(-target, -_LOG_RATIO, np.log(_T))
    for _ in range(_NEWTON):
        t = np.exp(log_t)
        ratio = np.log1p(t)
        slope = t / ((1 + t) * ratio) - 1
        log_t = log_t - (np.log(ratio) - log_t - target) / np.where(np.abs(slope) > 1e-7, slope, -np.inf)
    return np.asarray(mean / np.exp(log_t))
