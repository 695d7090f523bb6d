"""Closed-form posterior of the number of items in each hectare, given detections that nobody has reviewed yet.

Density of items lam ~ Gamma(a, rate b). In a cell of A hectares of which P are effectively searched (recall x
searched area), true items are detected as a Poisson process of lam P with score density f1, false alarms as one
of phi per searched hectare with score density f0. Up to factors without lam the likelihood of K detections is

    L(lam) = exp(-lam P) prod_k (1 + lam r_k),        r_k = recall f1(s_k) / (phi f0(s_k)).

Multiplied out, prod_k (1 + lam r_k) = sum_m e_m(r) lam^m with the elementary symmetric polynomials e_m: the term m
holds every way in which exactly m of the K detections are items. Hence, exactly,

    posterior = sum_m w_m Gamma(a + m, b + P),        w_m ~ e_m(r) Gamma(a + m) / (b + P)^m,

and given m the items not detected are Poisson(lam (A - P)), that is negative binomial with size a + m and success
probability (b + P) / (b + A). Confirmed items enter as r = infinity: they move a to a + n and are counted apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, gammaln

from survey.risk.prior import Prior
from survey.values import HECTARE_EDGE_M, Performance

CELL_HA = HECTARE_EDGE_M**2 / 10_000
"""A: hectares of a cell."""
_CERTAINTY = 1e-6
"""A calibrated probability is held inside [1e-6, 1 - 1e-6]: no unreviewed sighting is a certainty."""
_CHUNK = 1 << 20
"""Cells x components held at once (8 MB of float64)."""
_CDF_SLACK = 1e-12
"""Rounding of a sum of weights that should reach a quantile exactly."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """One value per cell; every array is float64 of shape (cells,)."""

    expected_items: Array
    """Expected number of items, detected and not."""
    p_at_least_one: Array
    """P(at least one item)."""
    p_unseen: Array
    """P(at least one item that was not detected)."""
    q05: Array
    """Smallest n with P(items <= n) >= 5 %."""
    q95: Array
    """Smallest n with P(items <= n) >= 95 %."""


@dataclass(frozen=True, slots=True, eq=False)
class _Mixture:
    """Cells with equally many detections: weights (cells, K + 1) and what each component needs."""

    weight: Array
    known: Array
    """Items that component m counts as found: confirmed + m."""
    size: Array
    """Size of the negative binomial of undetected items: a + confirmed + m."""
    keep: Array
    """(cells, 1): (b + P) / (b + A)."""


def log_evidence(probability: NDArray[np.floating], *, performance: Performance) -> Array:
    """Return log r_k, the log likelihood ratio of each detection per unit of density (log hectares).

    Args:
        probability: Calibrated probabilities (K,), valid at `performance.prevalence`.
        performance: Operating point of the model that made the detections.
    """
    p = np.clip(probability.astype(np.float64), _CERTAINTY, 1 - _CERTAINTY)
    prior_odds = performance.prevalence / (1 - performance.prevalence)
    ratio = np.log(p) - np.log1p(-p) - np.log(prior_odds)
    evidence: Array = ratio + np.log(performance.recall) - np.log(performance.false_alarms_per_ha)
    return evidence


def items_per_cell(
    effective_ha: Array,
    *,
    log_ratio: Array,
    cell: NDArray[np.intp],
    prior: Prior,
    confirmed: NDArray[np.intp] | None = None,
) -> Posterior:
    """Compute the posterior of the number of items in each cell.

    Args:
        effective_ha: (cells,) effectively searched hectares P = recall x searched area, in 0..1.
        log_ratio: (K,) from `log_evidence`, one per unreviewed detection.
        cell: (K,) cell number of each detection.
        prior: Density of items before the search.
        confirmed: (cells,) items confirmed by review; none where absent.

    Raises:
        ValueError: `effective_ha` leaves 0..1, or a detection lies in no cell.
    """
    cells = len(effective_ha)
    if not np.all((effective_ha >= 0) & (effective_ha <= CELL_HA)):
        msg = f"effectively searched area must lie within 0..{CELL_HA} ha in every cell"
        raise ValueError(msg)
    if len(cell) and not (cell.min() >= 0 and cell.max() < cells):
        msg = f"cell numbers of detections must lie within 0..{cells - 1}, got {cell.min()}..{cell.max()}"
        raise ValueError(msg)
    known = np.zeros(cells) if confirmed is None else confirmed.astype(np.float64)
    out = {name: np.empty(cells) for name in Posterior.__slots__}
    for chosen, ratios in _groups(log_ratio, cell=cell, cells=cells):
        mixture = _mixture(ratios, effective_ha=effective_ha[chosen], known=known[chosen], prior=prior)
        mean, variance = _moments(mixture)
        none_unseen = mixture.keep**mixture.size
        out["expected_items"][chosen] = mean
        out["p_unseen"][chosen] = 1 - (mixture.weight * none_unseen).sum(axis=1)
        nothing = np.where(mixture.known[:, 0] == 0, mixture.weight[:, 0] * none_unseen[:, 0], 0.0)
        out["p_at_least_one"][chosen] = 1 - nothing
        for name, level in (("q05", 0.05), ("q95", 0.95)):
            out[name][chosen] = _quantile(mixture, level=level, mean=mean, variance=variance)
    return Posterior(**{name: np.maximum(values, 0.0) for name, values in out.items()})


def _groups(log_ratio: Array, *, cell: NDArray[np.intp], cells: int) -> Iterator[tuple[NDArray[np.intp], Array]]:
    """Yield (cell numbers, their log ratios (cells, K)) for cells with equally many detections."""
    order = np.lexsort((log_ratio, cell))
    count = np.bincount(cell, minlength=cells)
    start = np.concatenate([[0], np.cumsum(count)[:-1]])
    ratios = log_ratio[order]
    for k in np.unique(count):
        members = np.flatnonzero(count == k)
        step = max(1, _CHUNK // int(k + 1))
        for first in range(0, len(members), step):
            chosen = members[first : first + step]
            yield chosen, ratios[start[chosen][:, None] + np.arange(k)]


def _mixture(log_ratio: Array, *, effective_ha: Array, known: Array, prior: Prior) -> _Mixture:
    """Return the mixture of cells with K detections each."""
    cells, k = log_ratio.shape
    rate = (prior.rate_ha + effective_ha)[:, None]
    found = known[:, None] + np.arange(k + 1)
    size = prior.shape + found
    log_weight = _log_symmetric(log_ratio) + gammaln(size) - np.arange(k + 1) * np.log(rate)
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True)) if cells else log_weight
    weight /= weight.sum(axis=1, keepdims=True)
    return _Mixture(weight, found, size, rate / (prior.rate_ha + CELL_HA))


def _log_symmetric(log_ratio: Array) -> Array:
    """Return log e_m(r), m = 0..K, of each row of log r (cells, K).

    All terms are positive, so the recurrence e_m <- e_m + r_k e_(m-1) loses no digits in log space.
    """
    cells, k = log_ratio.shape
    log_e = np.full((cells, k + 1), -np.inf)
    log_e[:, 0] = 0
    for n in range(k):
        log_e[:, 1 : n + 2] = np.logaddexp(log_e[:, 1 : n + 2], log_e[:, : n + 1] + log_ratio[:, n : n + 1])
    return log_e


def _moments(mixture: _Mixture) -> tuple[Array, Array]:
    """Return mean and variance of the number of items of each cell."""
    odds = (1 - mixture.keep) / mixture.keep
    mean = mixture.known + mixture.size * odds
    total: Array = (mixture.weight * mean).sum(axis=1)
    spread: Array = mixture.size * odds / mixture.keep + (mean - total[:, None]) ** 2
    variance: Array = (mixture.weight * spread).sum(axis=1)
    return total, variance


def _quantile(mixture: _Mixture, *, level: float, mean: Array, variance: Array) -> Array:
    """Return the smallest n with P(items <= n) >= level, by bisection of whole numbers.

    Cantelli's inequality brackets the quantile, so the search takes log2 of a few standard deviations.
    """
    sd = np.sqrt(variance)
    low = np.floor(np.maximum(mean - sd * np.sqrt((1 - level) / level), 0)) - 1  # P(items <= low) < level
    high: Array = np.ceil(mean + sd * np.sqrt(level / (1 - level))) + 1  # P(items <= high) >= level
    while (active := np.flatnonzero(high - low > 1)).size:
        middle = np.floor((low[active] + high[active]) / 2)
        reached = _cdf(mixture, rows=active, n=middle) >= level - _CDF_SLACK
        high[active[reached]] = middle[reached]
        low[active[~reached]] = middle[~reached]
    return high


def _cdf(mixture: _Mixture, *, rows: NDArray[np.intp], n: Array) -> Array:
    """Return P(items <= n) for some cells of a mixture."""
    unseen = n[:, None] - mixture.known[rows]
    weight = mixture.weight[rows]
    matters = (unseen >= 0) & (weight > _CDF_SLACK / (weight.shape[1] * 10))
    row, component = np.nonzero(matters)
    keep = mixture.keep[rows[row], 0]
    share = betainc(mixture.size[rows[row], component], unseen[row, component] + 1, keep)
    return np.bincount(row, weight[row, component] * share, minlength=len(rows)).astype(np.float64)
