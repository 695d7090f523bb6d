"""Closed-form posterior of the number of items in each hectare for a recall and a false-alarm rate that are known.

`superposition` is what a run uses; this is its simplest case, to check it by and to explain it with.

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

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from survey.counts.mixture import CountMixture, Odds, Posterior
from survey.counts.polynomials import log_symmetric
from survey.risk.prior import CELL_HA, Prior
from survey.values import Performance

_CERTAINTY = 1e-6
"""A calibrated probability is held inside [1e-6, 1 - 1e-6]: no unreviewed sighting is a certainty."""
_CHUNK = 1 << 20
"""Cells x components held at once (8 MB of float64)."""

Array = NDArray[np.float64]


def log_score_ratio(probability: NDArray[np.floating], *, prevalence: float) -> Array:
    """Return log f1 / f0 of each detection: the log odds of its probability less those that it was calibrated at.

    Args:
        probability: Calibrated probabilities (K,).
        prevalence: Share of true items among the detections of the calibration.
    """
    p = np.clip(probability.astype(np.float64), _CERTAINTY, 1 - _CERTAINTY)
    ratio: Array = np.log(p) - np.log1p(-p) - np.log(prevalence / (1 - prevalence))
    return ratio


def log_label_ratio(
    probability: NDArray[np.floating],
    *,
    class_index: NDArray[np.integer],
    classes: Sequence[str],
    performance: Performance,
) -> Array:
    """Return log f1 / f0 of each detection's score among those of its class: what the score says beyond the class.

    What the class says enters by its rate of false alarms. A probability from a curve of its class's own holds that
    already, so its odds are compared with those of the class. A curve that all classes share knows no class: score and
    class are then taken to be independent among items, and among false alarms. Where the card does not count classes,
    they say nothing but what the probability does.

    Args:
        probability: Calibrated probabilities (K,).
        class_index: (K,) into `classes`.
        classes: The model's.
        performance: Its operating point.
    """
    ratio = log_score_ratio(probability, prevalence=performance.prevalence)
    found, alarms = performance.found_by_class, performance.false_alarms_by_class
    if found is None or alarms is None:
        return ratio
    for name in set(performance.own_curves) & set(classes):
        chosen = class_index == classes.index(name)
        true, false = found.get(name, 0) + 0.5, alarms.get(name, 0) + 0.5
        ratio[chosen] = log_score_ratio(probability[chosen], prevalence=true / (true + false))
    return ratio


def log_evidence(probability: NDArray[np.floating], *, performance: Performance) -> Array:
    """Return log r_k, the log likelihood ratio of each detection per unit of density (log hectares).

    Args:
        probability: Calibrated probabilities (K,), valid at `performance.prevalence`.
        performance: Operating point of the model that made the detections.
    """
    ratio = log_score_ratio(probability, prevalence=performance.prevalence)
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
        found = _mixture(ratios, effective_ha=effective_ha[chosen], known=known[chosen], prior=prior).summary()
        for name, values in out.items():
            values[chosen] = getattr(found, name)
    return Posterior(**out)


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


def _mixture(log_ratio: Array, *, effective_ha: Array, known: Array, prior: Prior) -> CountMixture:
    """Return the mixture of cells with K detections each."""
    cells, k = log_ratio.shape
    rate = (prior.rate_ha + effective_ha)[:, None]
    found = known[:, None] + np.arange(k + 1)
    size = prior.shape + found
    log_weight = log_symmetric(log_ratio) + gammaln(size) - np.arange(k + 1) * np.log(rate)
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True)) if cells else log_weight
    weight /= weight.sum(axis=1, keepdims=True)
    odds = Odds.of(np.full((cells, 1), prior.rate_ha), effective_ha[:, None], CELL_HA)
    return CountMixture(weight.T[:, :, None], size[:, 0], odds, known)
