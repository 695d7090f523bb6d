"""Nodes and weights over a Beta distribution: few for smooth integrands, graded ones for those that rise towards 0."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

_RATIO = 4.0
_PANELS = 14
"""The lowest ends at 4^-13, about 1e-8."""

Array = NDArray[np.float64]


def beta_nodes(found: float, missed: float, count: int) -> tuple[Array, Array]:
    """Return (nodes, weights) of Gauss-Jacobi quadrature over Beta(found, missed).

    From the recurrence of the monic Jacobi polynomials on 0..1 (Golub and Welsch 1969), with weights that add up to 1,
    so that no Gamma function of large counts is needed. Exact for polynomials of degree 2 count - 1.

    Args:
        found: First parameter, above 0.
        missed: Second parameter, above 0.
        count: Number of nodes, at least 2.
    """
    a, b = missed - 1, found - 1  # exponents of (1 - x) and (1 + x) on -1..1
    n = np.arange(2, count, dtype=np.float64)
    twice = 2 * n + a + b
    diagonal = [(b - a) / (a + b + 2)]
    # The general term of n = 1 is 0 / 0 where a + b = -1, as in Jeffreys' prior.
    square = [4 * (1 + a) * (1 + b) / ((2 + a + b) ** 2 * (3 + a + b))]
    diagonal += [(b * b - a * a) / ((a + b + 2) * (a + b + 4)), *((b * b - a * a) / (twice * (twice + 2)))]
    square += [*(4 * n * (n + a) * (n + b) * (n + a + b) / (twice**2 * (twice + 1) * (twice - 1)))]
    x, vectors = eigh_tridiagonal(np.array(diagonal), np.sqrt(square))
    weight = vectors[0] ** 2
    return np.clip((1 + x) / 2, 1e-12, 1 - 1e-12), weight / weight.sum()


def graded_beta_nodes(found: float, missed: float, each: int) -> tuple[Array, Array]:
    """Return (nodes, weights) over Beta(found, missed) for integrands with a pole a little below 0, as 1 / (d + x).

    Panels end at powers of 4; a function with a pole at -d is about as smooth on each of them, however small d is. The
    lowest panel and the highest have the distribution's own power as the weight of their quadrature.

    Args:
        found: First parameter, above 0.
        missed: Second parameter, above 0.
        each: Nodes of a panel, at least 2.
    """
    edges = _RATIO ** np.arange(1 - _PANELS, 1, dtype=np.float64)
    low, (plain, even), high = beta_nodes(found, 1, each), beta_nodes(1, 1, each), beta_nodes(1, missed, each)
    start, width = edges[:-2, None], np.diff(edges)[:-1, None]
    middle = (start + width * plain).ravel()
    x = np.concatenate([edges[0] * low[0], middle, edges[-2] + (1 - edges[-2]) * high[0]])
    first, last = x < edges[0], x > edges[-2]
    log_weight = np.concatenate(
        [
            np.log(low[1]) + found * np.log(edges[0]) - np.log(found),
            np.log(width * even).ravel(),
            np.log(high[1]) + missed * np.log(1 - edges[-2]) - np.log(missed),
        ]
    )
    log_weight += np.where(first, 0.0, (found - 1) * np.log(x)) + np.where(last, 0.0, (missed - 1) * np.log1p(-x))
    weight = np.exp(log_weight - log_weight.max())
    return x, weight / weight.sum()
