"""Choices against all choices there are."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from survey.priority.solver.baselines import _filled
from survey.priority.solver.greedy import Room, _fill, greedy, packed
from survey.priority.solver.problem import Problem, is_feasible, total_benefit
from survey.priority.solver.schedule import make_schedule
from survey.priority.solver.solve import _quiet, solve


def make_problem(
    benefit: NDArray[np.float64],
    weeks: NDArray[np.float64],
    *,
    crews: tuple[int, ...],
    horizon: float = 10.0,
    price: float = 1.0,
    budget: float = np.inf,
) -> Problem:
    return Problem(benefit, weeks, weeks, weeks * price, crews, crews, horizon, budget)


def best_by_hand(problem: Problem) -> float:
    """Try every method and crew of every area."""
    options = [(-1, -1), *((m, c) for m, crews in enumerate(problem.crews) for c in range(crews))]
    best = 0.0
    for choice in product(options, repeat=len(problem.benefit)):
        method, crew = (np.array(part, np.intp) for part in zip(*choice, strict=True))
        if is_feasible(problem, method, crew):
            best = max(best, total_benefit(problem, method))
    return best


def random_problem(seed: int, *, budget: bool) -> Problem:
    rng = np.random.default_rng(seed)
    benefit, weeks = rng.uniform(1, 10, (5, 2)), rng.uniform(1, 9, (5, 2))
    weeks[rng.random((5, 2)) < 0.2] = np.inf
    return make_problem(benefit, weeks, crews=(2, 1), horizon=8.0, budget=12.0 if budget else np.inf)


def greedy_benefit(problem: Problem) -> float:
    return total_benefit(problem, greedy(problem)[0])


@pytest.mark.parametrize("budget", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_the_solver_finds_the_best_of_all_choices(seed: int, budget: bool) -> None:
    problem = random_problem(seed, budget=budget)
    best = best_by_hand(problem)
    choice = solve(problem, solver="milp", gap=0.0, nodes=10_000)
    assert choice.benefit == pytest.approx(best)
    assert choice.gap == pytest.approx(0, abs=1e-6)
    assert is_feasible(problem, choice.method, choice.crew)


@pytest.mark.parametrize("budget", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_the_greedy_choice_is_near_and_its_gap_is_no_smaller_than_what_is_missing(seed: int, budget: bool) -> None:
    problem = random_problem(seed, budget=budget)
    best = best_by_hand(problem)
    choice = solve(problem, solver="greedy", gap=0.0, nodes=1)
    assert is_feasible(problem, choice.method, choice.crew)
    assert 0.8 * best <= choice.benefit <= best * (1 + 1e-9)
    assert choice.bound >= best * (1 - 1e-9)
    assert choice.gap >= 1 - choice.benefit / best - 1e-9


@pytest.mark.parametrize("budget", [False, True])
@pytest.mark.parametrize("most", [1, 3, 6])
@pytest.mark.parametrize("seed", range(8))
def test_the_bound_holds_for_pairs_that_the_search_leaves_out_too(
    seed: int, most: int, budget: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("survey.priority.solver.core.MOST_PAIRS", most)
    problem = random_problem(seed, budget=budget)
    best = best_by_hand(problem)
    choice = solve(problem, solver="milp", gap=0.0, nodes=10_000)
    assert is_feasible(problem, choice.method, choice.crew)
    assert greedy_benefit(problem) <= choice.benefit + 1e-9 <= best * (1 + 1e-9) + 1e-9
    assert choice.bound >= best * (1 - 1e-9)


def test_a_few_pairs_suffice_where_most_areas_are_worth_little() -> None:
    # 60 areas for 12 places: those left out are bounded by what the means are worth.
    rng = np.random.default_rng(0)
    benefit = np.concatenate([rng.uniform(8, 10, (20, 1)), rng.uniform(0, 2, (40, 1))])
    problem = make_problem(benefit, np.full((60, 1), 2.5), crews=(3,))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("survey.priority.solver.core.MOST_PAIRS", 15)
        choice = solve(problem, solver="milp", gap=0.0, nodes=200)
    assert choice.benefit == pytest.approx(np.sort(benefit.ravel())[-12:].sum())
    assert choice.gap == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_looking_at_pairs_in_blocks_places_the_same(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    benefit, weeks = rng.uniform(1, 10, (80, 3)), rng.uniform(1, 9, (80, 3))
    weeks[rng.random((80, 3)) < 0.2] = np.inf
    problem = make_problem(benefit, weeks, crews=(2, 1, 0), horizon=20.0, budget=70.0)
    order = rng.permutation(np.argwhere(problem.possible))
    plain = Room(problem)
    placed = [plain.place(area, method) for area, method in order.tolist()]
    monkeypatch.setattr("survey.priority.solver.greedy.BLOCK", block)
    room = _fill(Room(problem), order)
    assert 5 < sum(placed) < 40
    assert (room.method == plain.method).all()
    assert (room.crew == plain.crew).all()
    monkeypatch.setattr("survey.priority.solver.baselines.BLOCK", block)
    areas, plain = rng.permutation(80), Room(problem)
    by_cost = [[m for m in np.argsort(problem.cost[a], kind="stable") if problem.possible[a, m]] for a in areas]
    taken = [a for a, methods in zip(areas.tolist(), by_cost, strict=True) if any(plain.place(a, m) for m in methods)]
    method, done = _filled(problem, areas, by=problem.cost)
    assert done == taken
    assert (method == plain.method).all()


def test_the_greedy_choice_gives_way_where_two_small_areas_are_worth_more_than_a_large_one() -> None:
    # By benefit a week the first goes first, and fills what the two others would have used in full.
    problem = make_problem(np.array([[6.6], [5.0], [5.0]]), np.array([[6.0], [5.0], [5.0]]), crews=(1,))
    method, _ = greedy(problem)
    assert method.tolist() == [-1, 0, 0]


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_no_crew_works_longer_than_the_horizon_and_no_more_is_spent_than_there_is(seed: int, greedily: bool) -> None:
    rng = np.random.default_rng(seed)
    problem = make_problem(
        rng.uniform(0, 5, (15, 3)), rng.uniform(0.5, 12, (15, 3)), crews=(1, 2, 0), budget=float(rng.uniform(5, 60))
    )
    choice = solve(problem, solver="greedy" if greedily else "milp", gap=0.05, nodes=5)
    assert is_feasible(problem, choice.method, choice.crew)
    assert not (choice.method == 2).any()  # a method without teams
    assert choice.benefit <= choice.bound
    plan = make_schedule(problem, choice)
    for m in range(3):
        mine = np.flatnonzero(choice.method == m)
        for crew in np.unique(plan.crew[mine]):
            its = mine[plan.crew[mine] == crew]
            its = its[np.argsort(plan.begin[its])]
            assert (plan.begin[its][1:] >= plan.end[its][:-1] - 1e-9).all()
        assert (plan.end[mine] <= problem.horizon * (1 + 1e-5)).all()


def test_a_search_cut_short_states_what_is_not_proven() -> None:
    rng = np.random.default_rng(3)
    problem = make_problem(rng.uniform(1, 2, (16, 1)), rng.uniform(2, 4, (16, 1)), crews=(3,), horizon=7.3)
    short = solve(problem, solver="milp", gap=0.0, nodes=1)
    quick = solve(problem, solver="greedy", gap=0.0, nodes=1)
    assert short.gap > 0
    assert short.gap == pytest.approx(1 - short.benefit / short.bound)
    assert quick.benefit <= short.benefit <= short.bound <= quick.bound * (1 + 1e-9)


def test_what_is_chosen_as_if_crews_were_one_is_packed_into_them() -> None:
    # Ten weeks of work fit two crews of five weeks as one, but no crew can do 4 and 2, or 4 and 4.
    problem = make_problem(np.array([[4.0], [4.0], [2.0]]), np.array([[4.0], [4.0], [2.0]]), crews=(2,), horizon=5.0)
    method, crew = packed(problem, np.array([0, 0, 0]))
    assert method.tolist() == [0, 0, -1]
    assert sorted(crew.tolist()) == [-1, 0, 1]
    choice = solve(problem, solver="milp", gap=0.0, nodes=100)
    assert choice.benefit == 8.0
    assert choice.gap == pytest.approx(0)


def test_nothing_that_can_be_finished_is_a_plan_without_areas() -> None:
    choice = solve(make_problem(np.ones((2, 1)), np.full((2, 1), 11.0), crews=(1,)), solver="milp", gap=0, nodes=1)
    assert choice.chosen.size == 0
    assert choice.gap == 0


def test_the_same_problem_gives_the_same_choice() -> None:
    rng = np.random.default_rng(5)
    problem = make_problem(rng.uniform(1, 5, (12, 2)), rng.uniform(1, 6, (12, 2)), crews=(2, 1))
    first, second = (solve(problem, solver="milp", gap=0.01, nodes=20) for _ in range(2))
    assert first.method.tolist() == second.method.tolist()
    assert first.crew.tolist() == second.crew.tolist()
    assert first.bound == second.bound


def test_what_the_solver_prints_is_kept_from_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    import os

    with _quiet():
        os.write(1, b"noise")
    os.write(1, b"told")
    assert capfd.readouterr().out == "told"


def test_the_schedule_hands_the_next_area_to_the_next_free_crew() -> None:
    problem = make_problem(np.array([[8.0], [3.0], [2.0]]), np.array([[4.0], [3.0], [4.0]]), crews=(2,))
    choice = solve(problem, solver="milp", gap=0, nodes=100)
    plan = make_schedule(problem, choice)
    assert plan.order.tolist() == [0, 1, 2]
    assert plan.begin.tolist() == [0, 0, 3]
    assert plan.end.tolist() == [4, 3, 7]
