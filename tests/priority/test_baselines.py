"""What a plan is compared with: fair where areas are alike."""

from itertools import permutations

import numpy as np
import pytest

from survey.priority.solver.baselines import DRAWS, Stakes, compare, drawn_orders, in_order, middle_order
from survey.priority.solver.problem import Problem
from survey.priority.solver.solve import solve
from tests.priority.test_solve import make_problem


def stakes(problem: Problem) -> Stakes:
    """Items are what an area is worth, and all are found."""
    items = problem.benefit[:, 0]
    return Stakes(items, np.zeros(len(items)), float(items.sum()), 0.0, 1.0, np.ones(1))


def five_alike() -> Problem:
    """One crew, which can do two of five areas."""
    return make_problem(np.array([[9.0], [7.0], [3.0], [1.0], [0.5]]), np.full((5, 1), 4.0), crews=(1,))


def test_areas_that_are_alike_reach_what_chance_reaches_and_not_what_their_numbers_reach() -> None:
    problem = five_alike()
    by_chance = [problem.benefit[in_order(problem, np.array(order))[1], 0].sum() for order in permutations(range(5))]
    choice = solve(problem, solver="milp", gap=0, nodes=100)
    rows = compare(
        problem, choice, stakes=stakes(problem), figures={"alike": np.full(5, 0.3)}, solver="greedy", nodes=1
    )
    plan, alike = (row for row in rows if row["budget_share"] == 1)
    spread = np.std(by_chance) / np.sqrt(DRAWS)
    assert alike["items"] == pytest.approx(np.mean(by_chance), abs=3 * spread)
    assert alike["items"] < plan["items"] - 3 * spread  # by their numbers the baseline would be the plan
    assert (plan["items"], plan["orders"], alike["orders"]) == (16, 1, DRAWS)
    assert alike["worth_share_q05"] < alike["worth_share"] < alike["worth_share_q95"]
    assert plan["worth_share_q05"] == plan["worth_share"]


def test_only_areas_that_are_alike_change_places() -> None:
    figure = np.array([3.0, 1.0, 2.0 + 1e-12, 2.0, np.inf, np.inf])
    orders = drawn_orders(figure)
    assert {tuple(order) for order in orders} == {
        (1, *middle, 0, *last) for middle in ((2, 3), (3, 2)) for last in ((4, 5), (5, 4))
    }
    (only,) = drawn_orders(np.array([3.0, 1.0, 2.0]))
    assert only.tolist() == [1, 2, 0]
    again = drawn_orders(figure)
    assert all((a == b).all() for a, b in zip(orders, again, strict=True))


def test_the_curve_is_of_an_order_in_the_middle() -> None:
    problem = five_alike()
    areas, curve = middle_order(problem, np.zeros(5), stakes=stakes(problem))
    steps = [problem.benefit[in_order(problem, order)[1], 0].cumsum() @ [4, 2] for order in drawn_orders(np.zeros(5))]
    assert curve["benefit"] @ [4, 2] == pytest.approx(np.sort(steps)[(DRAWS - 1) // 2])
    assert len(areas) == 2


def test_a_baseline_takes_the_method_that_finds_more_where_means_allow() -> None:
    weeks = np.array([[4.0, 2.0], [4.0, 2.0]])
    benefit = np.array([[1.0, 0.9], [1.0, 0.9]])
    rich = make_problem(benefit, weeks, crews=(1, 1), horizon=8.0)
    assert in_order(rich, np.array([0, 1]))[0].tolist() == [0, 0]
    poor = make_problem(benefit, weeks, crews=(1, 1), horizon=3.9)
    assert in_order(poor, np.array([1, 0]))[1] == [1]
    few = make_problem(benefit, weeks, crews=(1, 1), horizon=4.0, budget=4.0)
    assert in_order(few, np.array([0, 1]))[0].tolist() == [1, 1]
