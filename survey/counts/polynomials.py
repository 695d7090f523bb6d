"""Polynomials with positive coefficients, lowest power first: as logarithms of them, or as they are."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Array = NDArray[np.float64]
Values = TypeVar("Values", Array, NDArray[np.complex128])

_LONG = 32
"""Terms of a power series from which on each series is multiplied by itself."""


def log_symmetric(log_ratio: Array, log_constant: Array | None = None) -> Array:
    """Return log of the coefficients of prod_k (c_k + r_k x), powers 0..K, of each row.

    With c = 1 these are the elementary symmetric polynomials e_m(r). All terms are positive, so the recurrence
    e_m <- c_k e_m + r_k e_(m-1) loses no digits in log space.

    Args:
        log_ratio: (..., K) log r; -inf leaves the factor c.
        log_constant: (..., K) log c; -inf leaves the factor r x. 0 where absent.
    """
    k = log_ratio.shape[-1]
    log_e = np.full((*log_ratio.shape[:-1], k + 1), -np.inf)
    log_e[..., 0] = 0
    for n in range(k):
        kept = log_e[..., : n + 2] if log_constant is None else log_e[..., : n + 2] + log_constant[..., n : n + 1]
        log_e[..., 1 : n + 2] = np.logaddexp(kept[..., 1:], log_e[..., : n + 1] + log_ratio[..., n : n + 1])
        log_e[..., 0] = kept[..., 0]
    return log_e


def log_rising(start: Array, count: int) -> Array:
    """Return log of the rising factorials (a)_0..(a)_count = Gamma(a + m) / Gamma(a), powers along a new last axis."""
    a = np.asarray(start)[..., None]
    rising: Array = gammaln(a + np.arange(count + 1)) - gammaln(a)
    return rising


def convolved(first: Values, second: Values) -> Values:
    """Return the first terms of the product of two power series, as many as they have, powers along the first axis."""
    if len(first) > _LONG:
        return _column_by_column(first, second, slice(len(first)))
    out = np.zeros_like(first)
    for n in range(len(first)):
        out[n:] += first[n] * second[: len(second) - n]
    return out


def correlated(pool: Array, sequence: Array) -> Array:
    """Return sum_w pool(v + w) sequence(w) of every v; arrays as those of `convolved`."""
    if len(sequence) > _LONG:
        return _column_by_column(pool, sequence[::-1], slice(len(sequence) - 1, None))
    out = np.zeros_like(sequence)
    for n in range(len(sequence)):
        out[: len(sequence) - n] += pool[n:] * sequence[n]
    return out


def _column_by_column(first: Values, second: Values, part: slice) -> Values:
    """Return a part of the whole product, which for long series is faster where each lies in one piece."""
    left, right = (np.ascontiguousarray(v.reshape(len(v), -1).T) for v in (first, second))
    product: Values = np.stack([np.convolve(a, b)[part] for a, b in zip(left, right, strict=True)], axis=1)
    return product.reshape(first.shape)
