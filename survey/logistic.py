"""Logistic regression by Newton's method, with the covariance of its coefficients."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

RIDGE = 1e-3
"""Keeps the fit finite where the outcomes can be told apart without error; of no weight beside hundreds of trials."""
ROUNDS, SETTLED = 100, 1e-10

Array = NDArray[np.float64]


def fit_logistic(
    terms: Array, found: NDArray[np.bool_], *, weights: Array | None = None, ridge: float = RIDGE
) -> tuple[Array, Array]:
    """Return the (K,) coefficients and their (K, K) covariance: the inverse of the penalised information.

    Args:
        terms: (N, K), the first column ones.
        found: (N,).
        weights: (N,) of the outcomes; None: 1 each.
        ridge: Penalty on half the coefficients' squares.
    """
    weights = np.ones(len(terms)) if weights is None else weights
    penalty = ridge * np.eye(terms.shape[1])
    coefficients = np.zeros(terms.shape[1])
    for _ in range(ROUNDS):
        chance = expit(terms @ coefficients)
        information = (terms * (weights * chance * (1 - chance))[:, None]).T @ terms + penalty
        slope = terms.T @ (weights * (found - chance)) - penalty @ coefficients
        step = np.linalg.solve(information, slope)
        # A full step may overshoot where chances are near 0 or 1: shorten it until the likelihood does not fall.
        before, length = _objective(terms, found, coefficients, weights, ridge), 1.0
        while length > 1e-6:
            if _objective(terms, found, coefficients + length * step, weights, ridge) >= before - 1e-12:
                break
            length /= 2
        coefficients = coefficients + length * step
        if float(np.max(np.abs(length * step))) < SETTLED:
            break
    chance = expit(terms @ coefficients)
    covariance = np.linalg.inv((terms * (weights * chance * (1 - chance))[:, None]).T @ terms + penalty)
    return coefficients, (covariance + covariance.T) / 2


def _objective(terms: Array, found: NDArray[np.bool_], coefficients: Array, weights: Array, ridge: float) -> float:
    value = terms @ coefficients
    return float(np.sum(weights * (found * value - np.logaddexp(0, value))) - ridge * np.sum(coefficients**2) / 2)
