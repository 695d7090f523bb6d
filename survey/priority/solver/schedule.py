"""The order of the work, and when each area is begun and completed."""

from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from survey.priority.solver.problem import TOLERANCE, Choice, Problem

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """All areas in order: those of the plan first."""

    order: NDArray[np.intp]
    """(A,) areas, first rank first."""
    crew: NDArray[np.intp]
    """(A,) -1: not in the plan."""
    begin: Array
    """(A,) weeks from the start; NaN: not in the plan."""
    end: Array

    def first_day(self, area: int, start: date) -> date:
        """Return the day on which work on an area begins."""
        return start + timedelta(days=floor(7 * self.begin[area] + TOLERANCE))

    def last_day(self, area: int, start: date) -> date:
        """Return the day on which an area is completed."""
        return start + timedelta(days=max(ceil(7 * self.end[area] - TOLERANCE) - 1, 0))


def best_methods(problem: Problem, choice: Choice) -> NDArray[np.intp]:
    """Return (A,) the method chosen or, of other areas, the one with most benefit a team-week; -1 if there is none."""
    rate = _rates(problem)
    best = np.where(rate.max(axis=1) >= 0, rate.argmax(axis=1), -1)
    return np.where(choice.method >= 0, choice.method, best).astype(np.intp)


def make_schedule(problem: Problem, choice: Choice) -> Schedule:
    """Order areas by benefit a team-week, the plan before the rest, and give each to the next free crew.

    Where handing on in that order would overrun the horizon, the crews of the choice keep their own areas, which fit.
    """
    count = len(problem.benefit)
    method = best_methods(problem, choice)
    rate = np.where(method >= 0, _rates(problem)[np.arange(count), method], -1.0)
    order = np.lexsort((np.arange(count), -rate, choice.method < 0))
    crew, begin, end = np.full(count, -1, np.intp), np.full(count, np.nan), np.full(count, np.nan)
    for m, crews in enumerate(problem.crews):
        mine = [int(a) for a in order if choice.method[a] == m]
        free = np.zeros(crews)
        for hand_on in (True, False):
            free = np.zeros(crews)
            for a in mine:
                crew[a] = int(free.argmin()) if hand_on else choice.crew[a]
                begin[a] = free[crew[a]]
                end[a] = free[crew[a]] = begin[a] + problem.weeks[a, m]
            if (free <= problem.horizon * (1 + TOLERANCE)).all():
                break
    return Schedule(order, crew, begin, end)


def _rates(problem: Problem) -> Array:
    """Return (A, M) benefit a team-week, -1 where the method cannot be used."""
    usable = np.isfinite(problem.effort) & (np.array(problem.crews) > 0)
    rates: Array = np.full(problem.benefit.shape, -1.0)
    np.divide(problem.benefit, problem.effort, out=rates, where=usable)
    return rates
