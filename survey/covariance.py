"""Covariance of features, of which there may be too few to tell it as it is."""

import numpy as np
from numpy.typing import NDArray


def shrunk_covariance(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (D, D) covariance of (N, D) values of mean 0, shrunk towards a sphere (Ledoit and Wolf 2004)."""
    count, size = centred.shape
    sample = centred.T @ centred / count
    level = float(np.trace(sample)) / size
    away = float(np.sum((sample - level * np.eye(size)) ** 2))
    noise = float(np.sum(np.sum(centred**2, axis=1) ** 2) / count - np.sum(sample**2)) / count
    share = min(1.0, max(noise, 0.0) / away) if away > 0 else 1.0
    return np.asarray((1 - share) * sample + share * level * np.eye(size))
