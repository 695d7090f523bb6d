"""How false alarms differ between sites: what counts on some sites tell of the rate on the next one."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import digamma, gammaln, polygamma

LEAST_SHAPE = 0.5
"""A Gamma of a rate is never vaguer than Jeffreys' prior with nothing counted."""
_SPREADS = np.linspace(0.02, LEAST_SHAPE**-0.5, 120)
"""Standard deviations between sites, in units of the mean, that are integrated over."""
_MEANS = 240
_REACH = 6.0
"""Means within e^6 of the pooled rate are integrated over."""

Array = NDArray[np.float64]


def next_site(counts: Sequence[int], area_ha: Sequence[float]) -> tuple[float, float]:
    """Return (shape, area) of the Gamma that the rate of false alarms on a new site is believed to follow.

    Counts are Poisson of theta_i times the site's area, theta_i ~ Gamma(k, rate k / mu): negative binomial. The
    prior of mu given k is Jeffreys', that of the spread between sites, k^-1/2, half a Cauchy of scale 1, cut off where
    k is `LEAST_SHAPE`. Integrated over both, log theta of a new site has a mean and a variance, and the Gamma is the
    one that has them too. One site alone says little of how sites differ, and then the prior decides.

    Args:
        counts: False alarms of each site.
        area_ha: Hectares that they were counted on.

    Raises:
        ValueError: There is no area.
    """
    n, area = np.asarray(counts, np.float64), np.asarray(area_ha, np.float64)
    if n.shape != area.shape or not len(n) or not (area > 0).all() or (n < 0).any():
        msg = f"{len(n)} counts of false alarms on {len(area)} areas: each has one, and areas are positive"
        raise ValueError(msg)
    k = (_SPREADS**-2)[:, None]
    pooled = (n.sum() + 0.5) / area.sum()
    mu = pooled * np.exp(np.linspace(-_REACH, _REACH, _MEANS))
    rate = k / mu
    log_weight = -np.log1p(_SPREADS**2)[:, None] + 0.5 * np.log(
        _information(mu, k, area) / _information(pooled, k, area)
    )
    for seen, ha in zip(n, area, strict=True):
        log_weight += gammaln(k + seen) - gammaln(k) + k * np.log(rate / (rate + ha)) + seen * np.log(ha / (rate + ha))
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    centre = digamma(k) - np.log(rate)
    mean = float((weight * centre).sum())
    variance = float((weight * (polygamma(1, k) + (centre - mean) ** 2)).sum())
    shape = shape_of(variance)
    return shape, float(np.exp(digamma(shape) - mean))


def _information(mu: Array | float, k: Array, area_ha: Array) -> Array:
    """Return what counts on these areas tell of log mu, up to a constant: Fisher's information."""
    return np.asarray(sum(mu * ha / (1 + mu * ha / k) for ha in area_ha.tolist()), np.float64)


def shape_of(variance: float) -> float:
    """Return the shape of the Gamma whose logarithm has this variance, or `LEAST_SHAPE` if that is more."""
    if variance >= polygamma(1, LEAST_SHAPE):
        return LEAST_SHAPE
    return float(brentq(lambda shape: float(polygamma(1, shape)) - variance, LEAST_SHAPE, 4 / variance + 4))
