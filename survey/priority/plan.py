"""From hectares to a plan: worth, areas, choice, schedule. Pure: files are read and written elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.priority.config import PriorityConfig
from survey.priority.costs import weeks_per_hectare
from survey.priority.ground import Ground
from survey.priority.regions import grow_areas
from survey.priority.solver.baselines import Stakes
from survey.priority.solver.problem import Choice, Problem, make_problem
from survey.priority.solver.schedule import Schedule, best_methods, make_schedule
from survey.priority.solver.solve import solve

Array = NDArray[np.float64]
ITEMS = "items"


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Everything that was decided, and what it was decided on."""

    config: PriorityConfig
    ground: Ground
    exposed: Mapping[str, Array]
    """(H, W) share 0 to 1 by exposure layer."""
    worth: Mapping[str, Array]
    """(H, W) what finding everything is worth: `items`, then one part a layer; 0 outside."""
    weeks: Mapping[str, Array]
    """(H, W) team-weeks by method, infinite where it cannot be used."""
    conditions: Mapping[str, Array]
    """(H, W) values that decide how fast teams are, by condition."""
    unsuitable: Mapping[str, NDArray[np.bool_]]
    """(H, W) ground that no team can work on, by the name of the layer that says so."""
    area: NDArray[np.intp]
    """(H, W) number of the work area, -1 where there is none."""
    problem: Problem
    choice: Choice
    method: NDArray[np.intp]
    """(A,) chosen, or what suits best; -1 if no method can be used."""
    schedule: Schedule

    @property
    def count(self) -> int:
        """Return the number of areas."""
        return len(self.method)

    def sums(self, values: Array) -> Array:
        """Add up the hectares of each area."""
        inside = self.area >= 0
        return np.bincount(self.area[inside], values[inside], minlength=self.count).astype(np.float64)

    @property
    def stakes(self) -> Stakes:
        """Return what is at stake in the areas and in all ground, whether or not anyone can work on it."""
        exposure = sum((part for name, part in self.worth.items() if name != ITEMS), np.zeros(self.area.shape))
        items = np.where(self.ground.inside, self.ground.items, 0)
        found = np.array([m.found_share for m in self.config.methods.values()])
        return Stakes(
            self.sums(items),
            self.sums(exposure),
            float(items.sum()),
            float(exposure.sum()),
            self.config.items_weight,
            found,
        )


def make_plan(
    config: PriorityConfig,
    ground: Ground,
    *,
    exposed: Mapping[str, Array],
    conditions: Mapping[str, Array],
    unsuitable: Mapping[str, NDArray[np.bool_]],
) -> Plan:
    """Weigh the hectares, grow areas, and choose areas, methods and dates.

    A hectare is worth `items_weight` × expected items + P(at least one) × the sum of weight × share exposed over the
    layers, so every figure is a sum of its parts.

    Args:
        config: Weights, methods and means.
        ground: Risk of the hectares.
        exposed: (H, W) 0 to 1, by layer.
        conditions: (H, W) values, by condition.
        unsuitable: (H, W) where nobody can work, by layer.
    """
    inside = ground.inside
    items, p = np.where(inside, ground.items, 0), np.where(inside, ground.p, 0)
    worth = {ITEMS: config.items_weight * items}
    worth |= {name: p * layer.weight * exposed[name] for name, layer in config.exposure.items()}
    barred = ~inside | np.any([np.zeros(inside.shape, bool), *unsuitable.values()], axis=0)
    on_grid = {**conditions, "": np.zeros(inside.shape)}  # the last gives the shape where there is no condition
    weeks = {n: np.where(barred, np.inf, weeks_per_hectare(m, on_grid)) for n, m in config.methods.items()}
    whole = np.sum(list(worth.values()), axis=0)
    suitable = sum((np.isfinite(w).astype(np.int64) << n for n, w in enumerate(weeks.values())), np.int64(0))
    least = np.min(list(weeks.values()), axis=0)
    area = grow_areas(
        whole / least,
        np.asarray(suitable, np.int64),
        wanted=config.area_ha,
        least=config.least_area_ha,
        compactness=config.compactness,
    )
    problem = make_problem(config, worth=whole, area=area, weeks=weeks)
    choice = solve(problem, solver=config.solver, gap=config.gap, nodes=config.nodes)
    return Plan(
        config,
        ground,
        exposed,
        worth,
        weeks,
        conditions,
        unsuitable,
        area,
        problem,
        choice,
        best_methods(problem, choice),
        make_schedule(problem, choice),
    )
