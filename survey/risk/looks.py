"""What several views of one place are worth."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def effective_looks(views: ArrayLike, *, correlation: float) -> Array:
    """Return how many independent views `views` dependent ones are worth: m / (1 + (m - 1) rho).

    This is the effective sample size of a cluster of m outcomes with intraclass correlation rho: m by the design effect
    1 + (m - 1) rho (Kish, Survey Sampling, 1965). What hides an item in one image, a bush or its own colour, mostly
    hides it in the next: rho is to be fitted on seeded or reviewed items seen several times.
    rho = 1, every view repeats the first, gives 1; rho = 0 gives m.

    Args:
        views: Number of images that show the place, 0 or more; a mean over a cell may be fractional.
        correlation: rho, 0..1, of finding one item in two views.

    Raises:
        ValueError: A number of views is negative or not finite, or rho leaves 0..1.
    """
    m = np.asarray(views, np.float64)
    if not (np.isfinite(m).all() and (m >= 0).all()):
        msg = "numbers of views are finite and not negative"
        raise ValueError(msg)
    if not 0 <= correlation <= 1:
        msg = f"the correlation of two views lies in 0..1, got {correlation}"
        raise ValueError(msg)
    worth: Array = m / (1 + np.maximum(m - 1, 0) * correlation)
    return worth


def recall_after(recall: ArrayLike, looks: ArrayLike) -> Array:
    """Return 1 - (1 - recall)^looks: the chance that an item is found in at least one of independent views."""
    found: Array = -np.expm1(np.asarray(looks, np.float64) * np.log1p(-np.minimum(recall, 1 - 1e-15)))
    return found
