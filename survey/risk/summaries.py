"""The posterior of the total and of every group of cells from how their detections divide."""

import numpy as np
from numpy.typing import NDArray

from survey.risk.division import Division
from survey.risk.mixture import CountMixture, Odds, Posterior
from survey.risk.totals import Totals

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
    totals, certain = Totals(division, odds), known.sum(axis=1)
    mixtures = [
        CountMixture(weight, start[:, 0], own, sure)
        for weight, start, own, sure in zip(division.groups(), division.shape, odds, known.T, strict=True)
    ]
    found = [mixture.summary() for mixture in mixtures]
    total = Posterior(
        np.sum([f.expected_items for f in found], axis=0),
        np.where(certain > 0, 1.0, totals.present()),
        totals.unseen(),
        *(totals.quantiles() + certain),
    )
    out = {name: np.column_stack([getattr(f, name) for f in (total, *found)]) for name in Posterior.__slots__}
    if counts is not None:
        for name, number in (("at_most", counts), ("below", counts - 1)):
            n = number.T.astype(np.float64)
            by_group = [mixture.at_most(k) for mixture, k in zip(mixtures, n[1:], strict=True)]
            out[name] = np.column_stack([totals.at_most(n[0] - certain), *by_group])
    return out
