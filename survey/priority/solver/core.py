"""Of very many areas those that a solver chooses among; the others stand for what they could add at most."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from survey.priority.solver.problem import Problem

MOST_PAIRS = 8000
"""Pairs of area and method that are chosen among one by one: the best by the prices of the relaxation."""
GROWTH = 1.5
"""By what each bundle of the others is larger than the one before it, which holds better ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Core:
    """A smaller choice than the whole one, whose bound holds for the whole one too."""

    problem: Problem
    """The whole one, with a row behind the areas for each bundle."""
    pairs: NDArray[np.intp]
    """(N, 2) area or bundle, and method."""
    whole: NDArray[np.bool_]
    """(N,) taken as a whole or not at all; False: a bundle, of which a part may be taken."""
    areas: int
    """Rows of the problem before the bundles."""

    @property
    def alone(self) -> "Core":
        """Return the core without bundles, whose bound is its own; in a plan there are no parts of them."""
        return replace(self, pairs=self.pairs[self.whole], whole=self.whole[self.whole])


def core_of(problem: Problem, pairs: NDArray[np.intp], worth: NDArray[np.float64]) -> Core:
    """Return the pairs worth most, and the others in bundles.

    Pairs of a method go into bundles by benefit a week. A bundle has the weeks of its pairs, the best benefit a week
    and the least cost a week among them, any part of it may be taken, and an area may be in several. So what a choice
    takes of the pairs in it can be taken of the bundle, at no less benefit and no more weeks or money.

    Args:
        problem: The whole choice.
        pairs: (N, 2) possible area and method.
        worth: (N,) what a pair adds, less the price of the means that it takes.
    """
    if len(pairs) <= MOST_PAIRS:
        return Core(problem, pairs, np.ones(len(pairs), bool), len(problem.benefit))
    order = np.argsort(-worth, kind="stable")
    kept, others = pairs[np.sort(order[:MOST_PAIRS])], pairs[order[MOST_PAIRS:]]
    rows: list[tuple[int, float, float, float]] = []
    for method in np.unique(others[:, 1]).tolist():
        area = others[others[:, 1] == method, 0]
        weeks, benefit, cost = (values[area, method] for values in (problem.weeks, problem.benefit, problem.cost))
        best = np.argsort(-benefit / weeks, kind="stable")
        for part in np.split(best, _ends(len(best))):
            whole = float(weeks[part].sum())
            rows.append(
                (method, whole, whole * (benefit[part] / weeks[part]).max(), whole * (cost[part] / weeks[part]).min())
            )
    method = np.array([row[0] for row in rows], np.intp)
    count, at = len(problem.benefit), np.arange(len(rows))
    added = np.zeros((3, len(rows), problem.benefit.shape[1]))
    added[:, at, method] = np.array([row[1:] for row in rows]).T
    larger = replace(
        problem,
        weeks=np.concatenate([problem.weeks, added[0]]),
        benefit=np.concatenate([problem.benefit, added[1]]),
        cost=np.concatenate([problem.cost, added[2]]),
    )
    bundles = np.column_stack([count + at, method])
    return Core(larger, np.concatenate([kept, bundles]), np.arange(len(kept) + len(rows)) < len(kept), count)


def _ends(count: int) -> NDArray[np.intp]:
    """Return where the bundles of so many pairs end but for the last: a few small ones, then larger and larger ones."""
    sizes = np.cumsum(np.ceil(GROWTH ** np.arange(np.ceil(np.log(count + 1) / np.log(GROWTH)) + 1))).astype(np.intp)
    return sizes[sizes < count]
