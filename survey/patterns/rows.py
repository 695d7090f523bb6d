"""A mixture of straight rows and clutter over the plane (after Dasgupta and Raftery 1998), fitted by EM.

A row is a segment: items lie evenly along it and normally across it. Clutter lies evenly over the searched ground.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.patterns.settings import PatternSettings

Array = NDArray[np.float64]

ROUNDS = 40
SETTLED = 1e-6
NARROWEST_M = 0.03
"""Least standard deviation across: below the error of any position."""
PARAMETERS = 6
"""Of a row: direction, offset, two ends, width, share."""


@dataclass(frozen=True, slots=True)
class Row:
    """A segment with a width. Metres and radians."""

    x: float
    y: float
    angle: float
    """From east towards north, in 0..pi."""
    start: float
    """Of the first member along the direction, from (x, y)."""
    end: float
    sigma_m: float
    share: float
    """Of all items."""

    @property
    def length_m(self) -> float:
        """From the first member to the last."""
        return self.end - self.start

    def along_across(self, points: Array) -> tuple[Array, Array]:
        """Return how far (N, 2) points lie along the direction, and across it to the left."""
        away = points - (self.x, self.y)
        c, s = np.cos(self.angle), np.sin(self.angle)
        return away @ np.array([c, s]), away @ np.array([-s, c])

    def at(self, along: Array) -> Array:
        """Return the (N, 2) points at distances along the row."""
        return np.column_stack([self.x + along * np.cos(self.angle), self.y + along * np.sin(self.angle)])

    def density(self, points: Array, *, slack_m: float = 0.0) -> Array:
        """Return the density per m² at (N, 2) points, of a row longer by `slack_m` at either end."""
        along, across = self.along_across(points)
        inside = (along >= self.start - slack_m - 1e-9) & (along <= self.end + slack_m + 1e-9)
        normal = np.exp(-0.5 * (across / self.sigma_m) ** 2) / (self.sigma_m * np.sqrt(2 * np.pi))
        return np.asarray(inside * normal / (self.length_m + 2 * slack_m), np.float64)


def log_likelihood(points: Array, rows: Sequence[Row], area_m2: float) -> float:
    """Return the log density of the points under rows and clutter."""
    clutter = max(1.0 - sum(row.share for row in rows), 1e-9)
    density = clutter / area_m2 + sum((row.share * row.density(points) for row in rows), np.zeros(len(points)))
    return float(np.log(density).sum())


def bic(points: Array, rows: Sequence[Row], area_m2: float) -> float:
    """Return Schwarz's criterion; less is better."""
    return PARAMETERS * len(rows) * float(np.log(len(points))) - 2 * log_likelihood(points, rows, area_m2)


def memberships(points: Array, rows: Sequence[Row], area_m2: float, *, slack: bool = False) -> Array:
    """Return (N, R) probabilities that each point belongs to each row.

    Args:
        points: (N, 2).
        rows: R rows.
        area_m2: Of the searched ground.
        slack: Let rows reach twice their mean spacing beyond their ends, so that they can grow.
    """
    parts = []
    for row in rows:
        spacing = row.length_m / max(row.share * len(points) - 1, 1.0)
        parts.append(row.share * row.density(points, slack_m=2 * spacing if slack else 0.0))
    of_rows = np.column_stack(parts) if parts else np.empty((len(points), 0))
    clutter = max(1.0 - sum(row.share for row in rows), 1e-9) / area_m2
    return np.asarray(of_rows / (clutter + of_rows.sum(axis=1))[:, None], np.float64)


def refine(points: Array, rows: Sequence[Row], area_m2: float, *, settings: PatternSettings) -> tuple[Row, ...]:
    """Fit rows and clutter together; rows left with fewer than the least number of members go.

    Args:
        points: (N, 2), metres.
        rows: To start from.
        area_m2: Of the searched ground.
        settings: What counts as a row.
    """
    current = tuple(rows)
    before = -np.inf
    for _ in range(ROUNDS):
        chance = memberships(points, current, area_m2, slack=True)
        moved = (_moved(points, chance[:, n], settings) for n in range(len(current)))
        current = tuple(row for row in moved if row is not None)
        now = log_likelihood(points, current, area_m2)
        if abs(now - before) < SETTLED:
            break
        before = now
    return current


def _moved(points: Array, chance: Array, settings: PatternSettings) -> Row | None:
    """Return the row that fits weighted points best; None where it lost its members or broke in two."""
    own = np.flatnonzero(chance > 0.5)
    if len(own) < settings.least_members:
        return None
    weight = chance / chance.sum()
    middle = weight @ points
    away = points - middle
    spread = (away * weight[:, None]).T @ away
    angle = float(0.5 * np.arctan2(2 * spread[0, 1], spread[0, 0] - spread[1, 1]) % np.pi)
    bare = Row(float(middle[0]), float(middle[1]), angle, 0.0, 1.0, 1.0, 0.0)
    along, across = bare.along_across(points)
    sigma = float(np.clip(np.sqrt(weight @ across**2), NARROWEST_M, settings.width_m))
    own_along = np.sort(along[own])
    length = float(own_along[-1] - own_along[0])
    if np.diff(own_along).max() > settings.gap_m or length < 8 * sigma:
        return None
    start, end = float(own_along[0]), float(own_along[-1])
    return Row(bare.x, bare.y, angle, start, end, sigma, float(chance.mean()))
