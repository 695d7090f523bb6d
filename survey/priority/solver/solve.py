"""Choose areas, methods and crews: HiGHS through SciPy, with the greedy choice to fall back on."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from survey.priority.solver.core import Core, core_of
from survey.priority.solver.greedy import greedy, packed
from survey.priority.solver.problem import Choice, Problem, is_feasible, total_benefit

Pairs = NDArray[np.intp]


def solve(problem: Problem, *, solver: str, gap: float, nodes: int) -> Choice:
    """Return the best choice found and the bound that no choice exceeds.

    First as if a method's crews were one, which has no symmetry and bounds the rest; that choice is packed into
    crews. Only if the gap asked for is not reached so, crews are variables too. Nodes end the search, not the clock:
    the same input gives the same plan on any machine. The greedy choice is the least that is given.

    Of very many areas the solver chooses among the best and bundles of the others, which bound all choices; then, as a
    part of a bundle is no plan, among the best alone.

    Args:
        problem: What there is to choose from.
        solver: 'milp' or 'greedy'; the greedy choice is bounded by the linear relaxation.
        gap: Relative gap at which the solver may stop.
        nodes: Nodes of each search tree after which it stops.
    """
    best = Choice(*greedy(problem), bound=np.inf, solver="greedy", problem=problem)
    pairs = np.argwhere(problem.possible & (problem.benefit > 0))
    if not len(pairs):
        return best.bounded(0.0)
    bound, worth = _relaxation(problem, pairs)
    best = best.bounded(bound)
    core = core_of(problem, pairs, worth)
    searches = [(core, False), (core, True), *([] if core.whole.all() else [(core.alone, True)])]
    for part, by_crew in searches:
        if solver == "greedy" or best.gap <= gap:
            break
        method, crew, bound = _milp(part, by_crew=by_crew, gap=gap if by_crew else gap / 2, nodes=nodes)
        best = best.bounded(bound if part is core else np.inf)
        if method is None:
            continue
        if crew is None or not is_feasible(problem, method, crew):
            method, crew = packed(problem, method)
        if total_benefit(problem, method) > best.benefit:
            better = Choice(method, crew, bound=best.bound, solver="HiGHS", problem=problem)
            best = better.bounded(best.bound)
    return best


def _milp(
    core: Core, *, by_crew: bool, gap: float, nodes: int
) -> tuple[NDArray[np.intp] | None, NDArray[np.intp] | None, float]:
    """Return method, crew (None if not `by_crew`) and bound of a mixed-integer program over areas and methods."""
    problem, pairs = core.problem, core.pairs
    crews = np.array(problem.crews)
    units, capacity = (crews, np.ones(len(crews))) if by_crew else (np.ones_like(crews), crews)
    each = units[pairs[:, 1]]
    triples = np.column_stack([np.repeat(pairs, each, axis=0), np.concatenate([np.arange(n) for n in each])])
    area, method, crew = triples.T
    whole = np.repeat(core.whole, each)
    benefit = problem.benefit[area, method]
    first = np.cumsum([0, *units])
    rows = [
        _row_sums(area, np.ones(len(area))),
        _row_sums(first[method] + crew, problem.weeks[area, method] / (problem.horizon * capacity[method])),
    ]
    if np.isfinite(problem.budget):
        rows.append(sparse.csr_array(problem.cost[area, method][None, :] / problem.budget))
    with _quiet():
        result = milp(
            -benefit,
            integrality=whole,
            bounds=Bounds(0, 1),
            constraints=LinearConstraint(sparse.vstack(rows), -np.inf, 1),
            options={"mip_rel_gap": gap, "node_limit": nodes},
        )
    bound = np.inf if result.mip_dual_bound is None else -float(result.mip_dual_bound)
    if result.x is None:
        return None, None, bound
    taken = (result.x > 0.5) & whole
    by_method, crew_of = (np.full(core.areas, -1, np.intp) for _ in range(2))
    by_method[area[taken]], crew_of[area[taken]] = method[taken], crew[taken]
    return by_method, crew_of if by_crew else None, bound


def _relaxation(problem: Problem, pairs: Pairs) -> tuple[float, NDArray[np.float64]]:
    """Return the benefit if areas could be done in part, a bound that needs no search, and (N,) what pairs add to it.

    Both follow from the prices of the means, whatever these are, so the bound does not rest on the solver.
    """
    area, method = pairs.T
    crews = np.array(problem.crews)
    rows = [
        _row_sums(area, np.ones(len(area))),
        _row_sums(method, problem.weeks[area, method] / (problem.horizon * crews[method])),
    ]
    if np.isfinite(problem.budget):
        rows.append(sparse.csr_array(problem.cost[area, method][None, :] / problem.budget))
    matrix, benefit = sparse.vstack(rows), problem.benefit[area, method]
    result = linprog(-benefit, A_ub=matrix, b_ub=np.ones(matrix.shape[0]), bounds=(0, 1), method="highs")
    price = np.zeros(matrix.shape[0]) if result.x is None else np.maximum(-result.ineqlin.marginals, 0)
    worth = benefit - matrix.T @ price
    return float(price.sum() + np.maximum(worth, 0).sum()), worth


def _row_sums(row: NDArray[np.intp], values: NDArray[np.float64]) -> sparse.csr_array:
    """Return a matrix whose row r sums the values of the columns with that row number."""
    used = np.unique(row, return_inverse=True)[1]
    return sparse.csr_array((values, (used, np.arange(len(row)))))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep standard output free of what HiGHS prints there although it is told not to."""
    sys.stdout.flush()
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(nowhere)
        os.close(kept)
