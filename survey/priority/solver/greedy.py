"""A good choice without a solver: most benefit for the scarcest means first, then exchanges that gain."""

import numpy as np
from numpy.typing import NDArray

from survey.priority.solver.problem import TOLERANCE, Problem, total_benefit

Ints = NDArray[np.intp]
ROUNDS = 20
"""Of exchanges at most; each has to gain, and a handful is the rule."""
WINDOW = 60
"""Pairs that are tried in the place of an area: the best of those that are not in the choice."""
BLOCK = 256
"""Pairs or areas of an order that are looked at together, for whether there is room for them at all."""


class Room:
    """What is left of the crews' weeks and of the money while areas are placed."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.method: Ints = np.full(len(problem.benefit), -1, np.intp)
        self.crew: Ints = np.full(len(problem.benefit), -1, np.intp)
        self.weeks = [np.full(crews, problem.horizon * (1 + TOLERANCE)) for crews in problem.crews]
        self.money = problem.budget * (1 + TOLERANCE)

    def place(self, area: int, method: int) -> bool:
        """Give an area to the fullest crew of a method that can still finish it; tell whether one can."""
        need = self.problem.weeks[area, method]
        if self.problem.cost[area, method] > self.money or self.method[area] >= 0:
            return False
        left = self.weeks[method]
        fitting = np.flatnonzero(left >= need)
        if not fitting.size:
            return False
        crew = int(fitting[np.argmin(left[fitting])])
        left[crew] -= need
        self.money -= self.problem.cost[area, method]
        self.method[area], self.crew[area] = method, crew
        return True

    def has_room(self, areas: Ints) -> NDArray[np.bool_]:
        """Return (N, M) where a crew could take an area now; while areas are only placed, room does not come back."""
        longest = np.array([left.max(initial=-np.inf) for left in self.weeks])
        free = (self.problem.weeks[areas] <= longest) & (self.problem.cost[areas] <= self.money)
        return free & (self.method[areas] < 0)[:, None]

    def remove(self, area: int) -> tuple[int, int]:
        """Take an area back; return its method and crew."""
        method, crew = int(self.method[area]), int(self.crew[area])
        self.weeks[method][crew] += self.problem.weeks[area, method]
        self.money += self.problem.cost[area, method]
        self.method[area] = self.crew[area] = -1
        return method, crew

    def put_back(self, area: int, method: int, crew: int) -> None:
        """Undo `remove`."""
        self.weeks[method][crew] -= self.problem.weeks[area, method]
        self.money -= self.problem.cost[area, method]
        self.method[area], self.crew[area] = method, crew


def greedy(problem: Problem) -> tuple[Ints, Ints]:
    """Return (A,) method and crew of each area, -1 where it is not chosen.

    Two orders are tried, benefit for the share of all means and benefit alone, and the better one is improved: an
    area gives way to others where that gains.
    """
    order_by_rate = _order(problem)
    most_first = order_by_rate[np.argsort(-problem.benefit[tuple(order_by_rate.T)], kind="stable")]
    rooms = [_fill(Room(problem), order) for order in (order_by_rate, most_first)]
    return _improve(max(rooms, key=lambda r: total_benefit(problem, r.method)), order_by_rate)


def packed(problem: Problem, method: Ints) -> tuple[Ints, Ints]:
    """Return a choice that is near one made as if a method's crews were one: the longest areas are given out first.

    What no crew can finish is left; what is left of the crews' weeks is filled and improved as in `greedy`.
    """
    room, order = Room(problem), _order(problem)
    chosen = np.flatnonzero(method >= 0)
    for area in chosen[np.argsort(-problem.weeks[chosen, method[chosen]], kind="stable")].tolist():
        room.place(area, int(method[area]))
    return _improve(_fill(room, order), order)


def _improve(room: Room, order: NDArray[np.intp]) -> tuple[Ints, Ints]:
    for _ in range(ROUNDS):
        if not _exchange(room, order):
            break
    return room.method, room.crew


def _order(problem: Problem) -> NDArray[np.intp]:
    """Return the possible (area, method) pairs, most benefit for their share of weeks and money first."""
    pairs = np.argwhere(problem.possible & (problem.benefit > 0))
    area, method = pairs.T
    means = problem.weeks[area, method] / (problem.horizon * np.array(problem.crews)[method])
    if np.isfinite(problem.budget):
        means = means + problem.cost[area, method] / problem.budget
    rate = problem.benefit[area, method] / np.maximum(means, np.finfo(float).tiny)
    return pairs[np.argsort(-rate, kind="stable")]


def _fill(room: Room, order: NDArray[np.intp]) -> Room:
    for first in range(0, len(order), BLOCK):
        block = order[first : first + BLOCK]
        free = room.has_room(block[:, 0])[np.arange(len(block)), block[:, 1]]
        for area, method in block[free].tolist():
            room.place(area, method)
    return room


def _exchange(room: Room, order: NDArray[np.intp]) -> bool:
    """Try each chosen area without itself: others may use its place better. Tell whether anything was gained."""
    gained = False
    benefit = room.problem.benefit
    rank = np.full(benefit.shape, len(order), np.intp)
    rank[tuple(order.T)] = np.arange(len(order))
    for area in np.flatnonzero(room.method >= 0).tolist():
        was = room.remove(area)
        # Pairs of areas in the choice are passed over; so many of the first pairs hold all that are tried.
        head = order[: WINDOW + (int((room.method >= 0).sum()) + 1) * benefit.shape[1]]
        waiting = head[(room.method[head[:, 0]] < 0) & (head[:, 0] != area)][:WINDOW]
        own = [(area, m) for m in np.argsort(rank[area]).tolist() if rank[area, m] < len(order)]
        added = [(a, m) for a, m in [*waiting.tolist(), *own] if room.place(a, m)]
        if sum(benefit[pair] for pair in added) > benefit[area, was[0]] * (1 + TOLERANCE):
            gained = True
            continue
        for a, _ in added:
            room.remove(a)
        room.put_back(area, *was)
    return gained
