"""The posterior of the total and of every group of cells from how their detections divide."""

import numpy as np
from numpy.typing import NDArray

from survey.counts.division import Division
from survey.counts.mixture import CountMixture, Odds, Posterior
from survey.counts.totals import Totals

_UNLIKELY = 1e-12
"""Probability of a node of recall that is left out where series are long."""
_LONG = 8

Array = NDArray[np.float64]


def summarised(
    division: Division, odds: tuple[Odds, ...], *, known: Array, counts: NDArray[np.integer] | None
) -> dict[str, Array]:
    """Return (cells, 1 + groups) of every field of a `Posterior`: of the total, then of each group.

    Args:
        division: How the detections divide.
        odds: Of the items of each group that were not detected.
        known: (cells, groups) further items that are there for certain.
        counts: (cells, 1 + groups) numbers of items; `at_most` and `below` tell their cumulative probability.
    """
    if len(division.pool) > _LONG or division.told.shape[1] > _LONG:
        likely = division.node.max(axis=0) > _UNLIKELY
        division, odds = division.at(likely).without_many(), tuple(own.at(likely) for own in odds)
    certain, starts = known.sum(axis=1), division.shape[:, :, 0]
    groups = [CountMixture(*of) for of in zip(division.groups(), starts, odds, known.T, strict=True)]
    found = [group.summary() for group in groups]
    whole: CountMixture | Totals
    if _one_rate(division, odds):
        whole = CountMixture(division.together(), starts.sum(axis=0), odds[0], certain)
    else:
        whole = Totals(division, odds, certain, np.sum([f.expected_items for f in found], axis=0))
    found.insert(0, whole.summary())
    out = {name: np.column_stack([getattr(f, name) for f in found]) for name in Posterior.__slots__}
    if counts is not None:
        for name, number in (("at_most", counts), ("below", counts - 1)):
            each = zip((whole, *groups), number.T.astype(np.float64), strict=True)
            out[name] = np.column_stack([numbers.at_most(n) for numbers, n in each])
    return out


def _one_rate(division: Division, odds: tuple[Odds, ...]) -> bool:
    """Return whether groups differ in nothing but their shapes, so that they add up to one group."""
    return all(
        np.array_equal(own.keep, odds[0].keep) and np.array_equal(ratio, division.ratio[0])
        for own, ratio in zip(odds[1:], division.ratio[1:], strict=True)
    )
