"""Rank statistics of simulation-based calibration, and what a test of them can see."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from survey.values import ORDNANCE_GROUPS

NAMES = ("total", *ORDNANCE_GROUPS)
"""What is judged: the number of all items of a hectare, and that of each group."""
BINS = 20
LEVEL = 0.001
"""A world is said to break where its ranks are so unlikely: six worlds then raise one false alarm in 170 reports."""
AIM = 0.02
"""A 90 % interval is to cover 90 % within so much."""
STRETCH = 1.1
"""Alternative that power is stated for: a posterior whose standard deviation is too small by so much."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Uniformity:
    """Chi-square test of ranks in `BINS` equal bins."""

    statistic: float
    p_value: float
    power: float
    """Chance that the test at `LEVEL` notices the alternative."""
    counts: tuple[int, ...]


def ranks(below: Array, at_most: Array, *, rng: np.random.Generator) -> Array:
    """Return the randomised rank of a true count in its posterior: uniform in 0..1 if the posterior is right.

    F(n - 1) + V P(n) with V uniform: what the rank among infinitely many posterior draws is, ties broken at random.
    """
    rank: Array = below + rng.random(below.shape) * (at_most - below)
    return rank


def chance_inside(below: Array, at_most: Array) -> Array:
    """Return the chance that a randomised rank lies in 5..95 %: what one draw of ties tells, without its noise."""
    width = at_most - below
    shared = np.minimum(at_most, 0.95) - np.maximum(below, 0.05)
    chance: Array = np.clip(shared / np.maximum(width, 1e-12), 0, 1)
    return chance


def coverage(
    below: Array, at_most: Array, *, truth: NDArray[np.intp], interval: tuple[Array, Array], rng: np.random.Generator
) -> dict[str, Any]:
    """Return the test of ranks and what 90 % intervals cover, of the total and of each group, as plain numbers.

    Args:
        below: (cells, 1 + groups) P(items < truth).
        at_most: The same of P(items <= truth).
        truth: (cells, 1 + groups) true numbers.
        interval: 5 % and 95 % quantiles, whole numbers, each (cells, 1 + groups).
        rng: Breaks ties.
    """
    low, high = interval
    out: dict[str, Any] = {}
    for place, name in enumerate(NAMES):
        rank = ranks(below[:, place], at_most[:, place], rng=rng)
        inside = (truth[:, place] >= low[:, place]) & (truth[:, place] <= high[:, place])
        out[name] = {
            "ranks": asdict(uniformity(rank)),
            "coverage_90": float(((rank >= 0.05) & (rank <= 0.95)).mean()),
            "coverage_q05_q95": float(inside.mean()),
        }
    return out


def uniformity(rank: Array) -> Uniformity:
    """Test whether ranks are uniform."""
    counts = np.histogram(rank, BINS, (0, 1))[0]
    expected = len(rank) / BINS
    statistic = float(np.sum((counts - expected) ** 2) / expected)
    return Uniformity(
        statistic, float(stats.chi2.sf(statistic, BINS - 1)), power(len(rank)), tuple(int(n) for n in counts)
    )


def power(count: int, *, level: float = LEVEL) -> float:
    """Return the chance to notice ranks Phi(`STRETCH` z), z standard normal, among `count` at a level."""
    edges = stats.norm.ppf(np.linspace(0, 1, BINS + 1)) / STRETCH
    share = np.diff(stats.norm.cdf(edges))
    shift = count * float(np.sum((share - 1 / BINS) ** 2) * BINS)
    return float(stats.ncx2.sf(stats.chi2.ppf(1 - level, BINS - 1), BINS - 1, shift))
