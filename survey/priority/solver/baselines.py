"""What the plan is compared with: the same areas in simpler orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.priority.solver.greedy import BLOCK, Room
from survey.priority.solver.problem import Choice, Problem, total_benefit
from survey.priority.solver.solve import solve

DRAWS = 32
"""Orders drawn where areas have the same figure; what they reach is given as mean with 5 and 95 %."""
SAME = 1e-9
"""Share by which figures differ that are the same but for rounding."""
REACHED = ("areas", "items", "exposure", "items_share", "exposure_share", "worth_share")
SHARES = (0.1, 0.25, 0.5, 1.0)
"""Of the budget at which orders are compared."""
COMPARED_GAP = 0.005
"""To which plans for a share of the budget are proven: they are compared, not carried out."""
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Stakes:
    """What is at stake in the areas, and in all the ground of the plan."""

    items: Array
    """(A,) expected items."""
    exposure: Array
    """(A,) P(at least one) times weighted exposure, added up over hectares."""
    all_items: float
    all_exposure: float
    items_weight: float
    """Of an expected item beside exposure, which has its weights in it."""
    found: Array
    """(M) share of the items that each method finds."""

    def reached(self, method: NDArray[np.intp]) -> dict[str, float]:
        """Return what a choice of methods reaches, as shares of everything."""
        chosen = np.flatnonzero(method >= 0)
        found = self.found[method[chosen]]
        items, exposure = float((self.items[chosen] * found).sum()), float((self.exposure[chosen] * found).sum())
        worth, whole = (self.items_weight * i + e for i, e in ((items, exposure), (self.all_items, self.all_exposure)))
        return {
            "areas": float(chosen.size),
            "items": items,
            "exposure": exposure,
            "items_share": items / self.all_items if self.all_items else 0.0,
            "exposure_share": exposure / self.all_exposure if self.all_exposure else 0.0,
            "worth_share": worth / whole if whole else 0.0,
        }


def drawn_orders(figure: Array) -> list[NDArray[np.intp]]:
    """Return areas by a figure, the smallest first; where areas have the same figure, `DRAWS` orders of them by chance.

    Areas are numbered in the order in which they were grown, the best for the effort first; to leave equal ones in it
    would lend the baseline the judgement that it is compared with.

    Args:
        figure: (A,) finite, or infinite where there is none.
    """
    first = np.argsort(figure, kind="stable")
    ranked = np.where(np.isfinite(figure), figure, np.finfo(np.float64).max)[first]
    tied = ranked[1:] - ranked[:-1] <= SAME * np.abs(ranked[1:])
    if not tied.any():
        return [first]
    group = np.concatenate([[0], np.cumsum(~tied)])
    by_chance = np.random.default_rng(0)
    return [first[np.lexsort((by_chance.random(len(first)), group))] for _ in range(DRAWS)]


def in_order(problem: Problem, order: NDArray[np.intp]) -> tuple[NDArray[np.intp], list[int]]:
    """Take areas in an order as long as means last; an area that does not fit any more is passed over.

    An order says nothing of methods. Each area gets the cheapest that has room, or each the one that finds most:
    whichever of the two is worth more, for the cheapest is right where means are few and wrong where some are to spare.

    Returns:
        (A,) methods, -1 where not taken; and the areas taken, in order.
    """
    ways = [_filled(problem, order, by=by) for by in (problem.cost, -problem.benefit)]
    return max(ways, key=lambda way: total_benefit(problem, way[0]))


def _filled(problem: Problem, order: NDArray[np.intp], *, by: Array) -> tuple[NDArray[np.intp], list[int]]:
    """Take areas in an order, each by the method of the least figure that has room."""
    room, taken = Room(problem), []
    possible, ranked = problem.possible, np.argsort(by, axis=1, kind="stable")
    for first in range(0, len(order), BLOCK):
        block = order[first : first + BLOCK]
        free = possible[block] & room.has_room(block)
        for row in np.flatnonzero(free.any(axis=1)).tolist():
            area = int(block[row])
            if any(room.place(area, m) for m in ranked[area].tolist() if free[row, m]):
                taken.append(area)
    return room.method, taken


def compare(
    problem: Problem, choice: Choice, *, stakes: Stakes, figures: Mapping[str, Array], solver: str, nodes: int
) -> list[dict[str, Any]]:
    """Return what the plan and the baselines reach at shares of the budget, each planned anew for that share.

    Areas with the same figure are taken in `DRAWS` orders by chance: what is reached is the mean over them, with 5 and
    95 % of the shares. The chance is the same in every call.

    Args:
        problem: The whole choice.
        choice: What was chosen with the whole budget.
        stakes: What can be reached.
        figures: (A,) what a baseline orders areas by, the smallest first, by the baseline's name.
        solver: As for `solve`.
        nodes: As for `solve`.
    """
    orders = {name: drawn_orders(figure) for name, figure in figures.items()}
    rows = []
    for share in SHARES:
        part = problem.cut(share)
        best = choice if share == 1 else solve(part, solver=solver, gap=COMPARED_GAP, nodes=nodes)
        rows.append({"budget_share": share, "order": "plan", "gap": best.gap, **_over([stakes.reached(best.method)])})
        for name, drawn in orders.items():
            reached = [stakes.reached(in_order(part, order)[0]) for order in drawn]
            rows.append({"budget_share": share, "order": name, "gap": None, **_over(reached)})
    return rows


def _over(reached: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return means over orders, and 5 and 95 % of the shares."""
    values = {name: np.array([one[name] for one in reached]) for name in REACHED}
    told: dict[str, float] = {"orders": len(reached)} | {name: float(v.mean()) for name, v in values.items()}
    for name in REACHED[3:]:
        told |= {f"{name}_q{q:02}": float(np.quantile(values[name], q / 100)) for q in (5, 95)}
    return told


def middle_order(problem: Problem, figure: Array, *, stakes: Stakes) -> tuple[list[int], dict[str, Array]]:
    """Return areas and curve of a baseline, of the orders drawn the one in the middle.

    In the middle is the one with the median area under benefit over team-weeks, all means spent.
    """
    taken = []
    for order in drawn_orders(figure):
        method, areas = in_order(problem, order)
        taken.append((areas, curve_of(problem, areas, method=method, stakes=stakes)))
    under = [_under(curve, until=problem.team_weeks) for _, curve in taken]
    return taken[int(np.argsort(under, kind="stable")[(len(under) - 1) // 2])]


def _under(curve: Mapping[str, Array], *, until: float) -> float:
    """Return the area under benefit over team-weeks, level after the last area."""
    lasts = np.diff(np.concatenate([curve["team_weeks"], [until]]))
    return float((curve["benefit"] * lasts).sum())


def curve_of(problem: Problem, taken: Sequence[int], *, method: NDArray[np.intp], stakes: Stakes) -> dict[str, Array]:
    """Return cumulative effort and what it reaches, one step an area, in the order taken."""
    areas = np.array(taken, np.intp)
    m = method[areas]
    found = stakes.found[m]
    steps = {
        "team_weeks": problem.effort[areas, m],
        "cost": problem.cost[areas, m],
        "benefit": problem.benefit[areas, m],
        "items_found": stakes.items[areas] * found,
        "exposure_relieved": stakes.exposure[areas] * found,
    }
    return {name: np.cumsum(values) for name, values in steps.items()}
