"""The choice to be made: which areas, by which method, by which crew."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from survey.priority.config import PriorityConfig

Array = NDArray[np.float64]
TOLERANCE = 1e-6
"""Of the horizon and of the budget, as a share of them: as near as the solver keeps its constraints."""


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Areas A by methods M, and what there is to spend."""

    benefit: Array
    """(A, M) what the work is worth; not negative."""
    weeks: Array
    """(A, M) weeks that a crew needs; infinite where the method cannot be used."""
    effort: Array
    """(A, M) the same in team-weeks."""
    cost: Array
    """(A, M) money; infinite as the weeks."""
    crews: tuple[int, ...]
    """(M) crews of each method; each works on one area at a time."""
    teams: tuple[int, ...]
    """(M) teams of each method, in crews of equal size."""
    horizon: float
    """Weeks that each crew has."""
    budget: float
    """Money for everything; infinite if there is no such limit."""

    @property
    def possible(self) -> NDArray[np.bool_]:
        """Return (A, M) where a crew of the method can finish the area."""
        fits = (self.weeks <= self.horizon * (1 + TOLERANCE)) & (self.cost <= self.budget * (1 + TOLERANCE))
        return fits & (np.array(self.crews) > 0)

    def cut(self, share: float) -> "Problem":
        """Return the same choice with a share of the money or, if money is no limit, of all team-weeks there are."""
        cost, budget = (self.cost, self.budget) if np.isfinite(self.budget) else (self.effort, self.team_weeks)
        return Problem(
            self.benefit, self.weeks, self.effort, cost, self.crews, self.teams, self.horizon, budget * share
        )

    @property
    def team_weeks(self) -> float:
        """Return what all teams can work within the horizon."""
        return float(sum(self.teams) * self.horizon)


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What was chosen for each area, and how good it can be shown to be."""

    method: NDArray[np.intp]
    """(A,) -1: not chosen."""
    crew: NDArray[np.intp]
    """(A,) of the method's crews; -1: not chosen."""
    bound: float
    """No choice has more benefit than this."""
    solver: str
    problem: Problem

    @property
    def benefit(self) -> float:
        """Return what the choice is worth."""
        return total_benefit(self.problem, self.method)

    def bounded(self, bound: float) -> "Choice":
        """Return the choice with the lower of two bounds, which is not below what it is worth itself."""
        return replace(self, bound=max(self.benefit, min(self.bound, bound)))

    @property
    def gap(self) -> float:
        """Return the share of the bound that may be missing: 0 is proven best."""
        return max(0.0, 1 - self.benefit / self.bound) if self.bound > 0 else 0.0

    @property
    def chosen(self) -> NDArray[np.intp]:
        """Return the areas that were chosen."""
        return np.flatnonzero(self.method >= 0)


def is_feasible(problem: Problem, method: NDArray[np.intp], crew: NDArray[np.intp]) -> bool:
    """Tell whether every crew ends within the horizon and the money suffices."""
    chosen = np.flatnonzero(method >= 0)
    if not problem.possible[chosen, method[chosen]].all():
        return False
    for m, crews in enumerate(problem.crews):
        mine = chosen[method[chosen] == m]
        if mine.size and (crew[mine].min() < 0 or crew[mine].max() >= crews):
            return False
        busy = np.bincount(crew[mine], problem.weeks[mine, m], minlength=crews)
        if (busy > problem.horizon * (1 + TOLERANCE)).any():
            return False
    return bool(problem.cost[chosen, method[chosen]].sum() <= problem.budget * (1 + TOLERANCE))


def total_benefit(problem: Problem, method: NDArray[np.intp]) -> float:
    """Return what a choice is worth."""
    chosen = np.flatnonzero(method >= 0)
    return float(problem.benefit[chosen, method[chosen]].sum())


def make_problem(config: PriorityConfig, *, worth: Array, area: NDArray[np.intp], weeks: dict[str, Array]) -> Problem:
    """Add up hectares to areas.

    Args:
        config: Methods, horizon and budget.
        worth: (H, W) what finding everything in a hectare is worth.
        area: (H, W) number of the hectare's area, -1 where there is none.
        weeks: (H, W) team-weeks by method.
    """
    inside = area >= 0
    number, count = area[inside], int(area.max()) + 1
    whole = np.bincount(number, worth[inside], minlength=count)
    effort = np.stack([np.bincount(number, weeks[name][inside], minlength=count) for name in config.methods], axis=1)
    methods = list(config.methods.values())
    per_crew = np.array([m.teams_per_area for m in methods], np.float64)
    duration = effort / per_crew + np.array([m.setup_weeks for m in methods])
    price = np.array([m.cost_per_team_week for m in methods])
    usable = np.isfinite(duration)
    cost = np.where(usable, np.where(usable, duration, 0) * per_crew * price, np.inf)
    return Problem(
        benefit=whole[:, None] * np.array([m.found_share for m in methods]),
        weeks=duration,
        effort=duration * per_crew,
        cost=cost,
        crews=tuple(m.crews for m in methods),
        teams=tuple(m.teams for m in methods),
        horizon=config.horizon_weeks,
        budget=np.inf if config.budget is None else config.budget,
    )
