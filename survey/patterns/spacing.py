"""Whether the members of a row lie at a regular spacing, some missing, and at which."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import i0e, i1e

Array = NDArray[np.float64]

LEAST_MEMBERS = 5
LEAST_M = 0.4
"""Nothing is laid closer."""
LEVEL = 0.05
SIMULATIONS = 199
HALF_WIDTH = 1.92
"""Fall of the log likelihood at the ends of a 95 % interval: half the quantile of chi-squared with one degree."""
ALIKE = 1.0
"""Nats within which spacings count as equally good; the widest is taken: its teeth are the least often vacant."""
MOST_TIMES = 6
"""Up to how many times the likeliest spacing is looked at too."""
_STEPS_A_TURN = 8
_KAPPA = np.concatenate([[0.0], np.geomspace(0.01, 1e4, 400)])
_KAPPA_R = i1e(_KAPPA) / i0e(_KAPPA)
_MOST_KAPPA = 200.0
"""Members lie no nearer to their places than 1 % of the spacing: a few might seem perfect by chance."""


@dataclass(frozen=True, slots=True)
class Spacing:
    """Places of a comb."""

    metres: float
    interval: tuple[float, float]
    """95 %, by the profile of the likelihood around its greatest value."""
    p_value: float
    """Share of rows with as many members strewn evenly whose best comb is as good."""
    phase_m: float
    """Place of a tooth, along the row."""
    places: int
    """Teeth from the first member to the last."""


def estimate_spacing(along: Array, *, seed: int = 0) -> Spacing | None:
    """Return the spacing of members at (M,) distances along a row; None where none is surer than chance.

    The members are teeth of a comb, with errors and any number of teeth missing: the phase 2 pi s / d is von Mises
    distributed around that of the comb, of a concentration fitted for every d, against phases spread evenly. Half the
    true spacing fits as well in place, but doubles the errors in phase, and so is less likely.

    Args:
        along: Distances in metres, in any order.
        seed: Of the simulated rows.
    """
    if len(along) < LEAST_MEMBERS:
        return None
    length = float(np.ptp(along))
    periods = _periods(length, len(along))
    if not periods.size:
        return None
    gain = _gains(along, periods)
    rng = np.random.default_rng([seed, len(along)])
    inner = rng.uniform(0, length, (SIMULATIONS, len(along)))
    inner[:, 0], inner[:, 1] = 0.0, length  # a row ends at members
    best = float(gain.max())
    beaten = sum(float(_gains(row, periods).max()) >= best for row in inner)
    p_value = (beaten + 1) / (SIMULATIONS + 1)
    if p_value > LEVEL:
        return None
    near = float(periods[int(gain.argmax())])
    around = [_around(along, near * times) for times in range(1, MOST_TIMES + 1) if near * times <= length / 2]
    around = around or [_around(along, near)]
    best = max(float(profile.max()) for _, profile in around)
    fine, profile = next(a for a in reversed(around) if float(a[1].max()) >= best - ALIKE)
    top = int(profile.argmax())
    inside = profile >= profile[top] - HALF_WIDTH
    low = fine[top - int(np.argmin(inside[top::-1])) + 1] if not inside[: top + 1].all() else fine[0]
    high = fine[top + int(np.argmin(inside[top:])) - 1] if not inside[top:].all() else fine[-1]
    period = float(fine[top])
    turned = np.exp(2j * np.pi * along / period).sum()
    phase = float(np.angle(turned) / (2 * np.pi) * period)
    first, last = (round((float(s) - phase) / period) for s in (along.min(), along.max()))
    return Spacing(period, (float(low), float(high)), p_value, phase, last - first + 1)


def _around(along: Array, period: float) -> tuple[Array, Array]:
    """Return spacings around one, up to where the comb slips by a tooth along the row, and their gains."""
    step = period**2 / float(np.ptp(along))
    fine = np.linspace(max(period - step, LEAST_M / 2), period + step, 2001)
    return fine, _gains(along, fine)


def _periods(length: float, count: int) -> Array:
    """Return spacings from the least to what leaves three teeth, evenly in frequency.

    Of spacings below a third of the mean distance most teeth would be missing: they are not looked for.
    """
    least = max(LEAST_M, length / (count - 1) / 3)
    greatest = length / 2
    if greatest <= least:
        return np.empty(0)
    steps = int((1 / least - 1 / greatest) * length * _STEPS_A_TURN) + 2
    return np.asarray(1 / np.linspace(1 / greatest, 1 / least, steps), np.float64)


def _gains(along: Array, periods: Array) -> Array:
    """Return for each spacing the log likelihood over phases spread evenly, at its best phase and concentration."""
    count = len(along)
    resultant = np.abs(np.exp(2j * np.pi * along[None] / periods[:, None]).sum(axis=1)) / count
    kappa = np.minimum(np.interp(resultant, _KAPPA_R, _KAPPA), _MOST_KAPPA)
    return np.asarray(count * (kappa * resultant - np.log(i0e(kappa)) - kappa), np.float64)
