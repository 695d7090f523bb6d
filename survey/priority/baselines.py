"""What the plan is compared with: the same areas in simpler orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.priority.greedy import Room
from survey.priority.problem import Choice, Problem
from survey.priority.solve import solve

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


def in_order(problem: Problem, order: NDArray[np.intp]) -> tuple[NDArray[np.intp], list[int]]:
    """Take areas in an order as long as means last, each by the cheapest method that has room.

    An area that does not fit any more is passed over.

    Returns:
        (A,) methods, -1 where not taken; and the areas taken, in order.
    """
    room, taken = Room(problem), []
    possible = problem.possible
    for area in order.tolist():
        methods = [m for m in np.argsort(problem.cost[area], kind="stable").tolist() if possible[area, m]]
        if any(room.place(area, m) for m in methods):
            taken.append(area)
    return room.method, taken


def compare(
    problem: Problem, choice: Choice, *, stakes: Stakes, orders: Mapping[str, NDArray[np.intp]], solver: str, nodes: int
) -> list[dict[str, Any]]:
    """Return what the plan and the orders reach at shares of the budget, each planned anew for that share.

    Args:
        problem: The whole choice.
        choice: What was chosen with the whole budget.
        stakes: What can be reached.
        orders: (A,) areas, first to be done first, by the name of the order.
        solver: As for `solve`.
        nodes: As for `solve`.
    """
    rows = []
    for share in SHARES:
        part = problem.cut(share)
        best = choice if share == 1 else solve(part, solver=solver, gap=COMPARED_GAP, nodes=nodes)
        entries = {"plan": best.method} | {name: in_order(part, order)[0] for name, order in orders.items()}
        for name, method in entries.items():
            gap = best.gap if name == "plan" else None
            rows.append({"budget_share": share, "order": name, "gap": gap, **stakes.reached(method)})
    return rows


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
