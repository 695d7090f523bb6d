"""Work on the ground after simulated campaigns: is what remains right about its own uncertainty, round after round?"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from survey.risk import CellEvidence, Work, infer, infer_worked
from survey.risk.work import LEVELS, quality_at, quality_levels
from survey.values import HECTARE_EDGE_M, ORDNANCE_GROUPS
from survey.worlds.ranks import AIM, LEVEL, coverage
from survey.worlds.world import BELIEF, EDGE_CELLS, Campaigns, World, simulate

ROUNDS = 3
WORKED = 0.5
"""Chance that a hectare is worked on in a round, on a strip across it."""
METHODS = (
    ((0.93, 25.0), (0.95, 25.0), (0.9, 25.0), (0.8, 12.0)),
    ((0.6, 8.0), (0.7, 8.0), (0.5, 8.0), (0.4, 8.0)),
)
"""(mean, strength) of recall by group: clearance, and a technical survey of the ground."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WorkWorld:
    """A campaign and the rounds of work after it."""

    name: str
    world: World
    quality_factor: float = 1.0
    """What true recall of the work is multiplied by, unknown to those who infer."""

    @property
    def as_assumed(self) -> bool:
        """Whether the world is drawn from what is assumed of it."""
        return self.world.as_assumed and self.quality_factor == 1


WORK_WORLDS = (
    WorkWorld("3 rounds of work", World("work", 1.0, 0.5)),
    WorkWorld("work finds half of belief", World("work", 1.0, 0.5), quality_factor=0.5),
)


@dataclass(frozen=True, slots=True, eq=False)
class Worked:
    """What is known after some rounds, and what is true."""

    work: Work
    evidence: CellEvidence
    """Of the flight, without the detections that were found to be items."""
    remaining: NDArray[np.intp]
    """(cells, groups)."""


def work_on(
    found: Campaigns, *, rounds: int, rng: np.random.Generator, quality_factor: float = 1.0, worked: float = WORKED
) -> Worked:
    """Let people work for some rounds after the flight.

    In each round a hectare is worked on with a chance, by one of the methods, on a strip from west to east; strips of
    rounds may overlap. How good the work of a hectare is is drawn anew for every hectare, so that they are independent.
    """
    cells = len(found.items)
    method = np.where(rng.random((cells, rounds)) < worked, rng.integers(len(METHODS), size=(cells, rounds)), -1)
    ends = np.sort(rng.uniform(0, HECTARE_EDGE_M, (cells, rounds, 2)), axis=2)
    kinds = _Kinds(method, ends)
    gone = _gone(found, kinds, quality_factor=quality_factor, rng=rng)
    seen = found.item_detection >= 0
    detections = np.ones(len(found.evidence.cell), bool)
    detections[found.item_detection[gone & seen]] = False
    e = found.evidence
    kept = replace(
        e,
        log_ratio=e.log_ratio[detections],
        cell=e.cell[detections],
        mark=e.mark[detections],
        confirmed=e.confirmed[detections],
    )
    remaining = found.items.copy()
    np.subtract.at(remaining, (found.item_cell[gone], found.item_group[gone]), 1)
    return Worked(_as_reported(found, kinds, gone=gone, left=detections), kept, remaining)


def _gone(found: Campaigns, kinds: "_Kinds", *, quality_factor: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which items (I,) some round found and removed."""
    level = rng.random(len(found.items))
    fine = np.linspace(0, 1, 4001)
    true = np.array([[beta.ppf(fine, m * s, (1 - m) * s) for m, s in by_group] for by_group in METHODS])
    cell = found.item_cell
    gone = np.zeros(len(cell), bool)
    for number, covered in enumerate(kinds.covers(cell, found.item_place[:, 1]).T):
        place = np.flatnonzero(covered)
        at = level[cell[place]] * (len(fine) - 1)
        low = np.minimum(at.astype(np.intp), len(fine) - 2)
        curve = true[kinds.method[cell[place], number], found.item_group[place]]
        rows = np.arange(len(place))
        q = curve[rows, low] + (at - low) * (curve[rows, low + 1] - curve[rows, low])
        gone[place[rng.random(len(place)) < q * quality_factor]] = True
    return gone


def _as_reported(found: Campaigns, kinds: "_Kinds", *, gone: NDArray[np.bool_], left: NDArray[np.bool_]) -> Work:
    """Return the work as those who infer hear of it.

    Args:
        found: Before the work.
        kinds: Where it was done.
        gone: (I,) items that it removed.
        left: (K,) detections that were not found to be items.
    """
    e, cell = found.evidence, found.item_cell
    row = e.cell % EDGE_CELLS**2 // EDGE_CELLS  # in its campaign
    under = kinds.at(e.cell, found.y - row * HECTARE_EDGE_M)[left]
    searched = found.item_place[:, 0] < e.searched_ha[cell] * HECTARE_EDGE_M
    piece_cell, piece_kind, area_ha = kinds.pieces()
    return Work(
        kinds.left(),
        cell=piece_cell,
        kind=piece_kind,
        area_ha=area_ha,
        searched_ha=area_ha * e.searched_ha[piece_cell],
        at=under,
        find_cell=cell[gone],
        find_mark=found.item_group[gone],
        find_kind=kinds.at(cell, found.item_place[:, 1])[gone],
        find_seen=np.where(found.item_detection >= 0, 1, np.where(searched, 0, -1))[gone].astype(np.int8),
        find_removed=np.ones(int(gone.sum()), bool),
    )


def score_work(world: WorkWorld, *, hectares: int, seed: Sequence[int], threads: int = 1) -> dict[str, Any]:
    """Return how well what remains after all rounds is covered, as plain numbers."""
    rng = np.random.default_rng(seed)
    found = simulate(world.world, hectares=hectares, rng=rng)
    after = work_on(found, rounds=ROUNDS, rng=rng, quality_factor=world.quality_factor)
    truth = np.column_stack([after.remaining.sum(axis=1), after.remaining])
    plain = infer(after.evidence, prior=found.prior, belief=BELIEF, threads=threads, counts=truth)
    told = infer_worked(after.work, after.evidence, prior=found.prior, belief=BELIEF, counts=truth)
    assert plain.at_most is not None
    assert plain.below is not None
    assert told.at_most is not None
    assert told.below is not None
    at_most, below = plain.at_most.copy(), plain.below.copy()
    at_most[told.cell], below[told.cell] = told.at_most, told.below
    expected, low, high = (
        np.column_stack([getattr(plain.total, n), getattr(plain.groups, n)]) for n in ("expected_items", "q05", "q95")
    )
    for values, name in ((expected, "expected_items"), (low, "q05"), (high, "q95")):
        values[told.cell] = getattr(told.posterior, name)
    by_name = coverage(below, at_most, truth=truth, interval=(low, high), rng=rng)
    total = by_name["total"]
    return {
        "world": asdict(world),
        "drawn_as_assumed": world.as_assumed,
        "rounds": ROUNDS,
        "hectares": len(truth),
        "hectares_worked_on": len(told.cell),
        "items": int(truth[:, 0].sum()),  # that remain
        "found_and_removed": len(after.work.find_cell),
        "expected_items": float(expected[:, 0].sum()),
        "calibration": by_name,
        "holds": bool(total["ranks"]["p_value"] >= LEVEL and abs(total["coverage_90"] - 0.9) <= AIM),
    }


class _Kinds:
    """Which methods worked where: a kind of ground is a set of (round, method)."""

    def __init__(self, method: NDArray[np.intp], ends: Array) -> None:
        self.method, self.ends = method, ends
        self.base = len(METHODS) + 1
        self.count = self.base ** method.shape[1]

    def covers(self, cell: NDArray[np.intp], north: Array) -> NDArray[np.bool_]:
        """Return (places, rounds) whether a round worked at places of hectares."""
        inside = (north[:, None] >= self.ends[cell, :, 0]) & (north[:, None] < self.ends[cell, :, 1])
        return np.asarray(inside & (self.method[cell] >= 0), np.bool_)

    def at(self, cell: NDArray[np.intp], north: Array) -> NDArray[np.intp]:
        """Return the kind of ground at places of hectares."""
        digits = np.where(self.covers(cell, north), self.method[cell] + 1, 0)
        kind: NDArray[np.intp] = (digits * self.base ** np.arange(digits.shape[1])).sum(axis=1)
        return kind

    def pieces(self) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
        """Return (cell, kind, area) of all worked ground, between one end of a strip and the next."""
        cells = len(self.method)
        edges = np.sort(np.concatenate([self.ends.reshape(cells, -1), np.zeros((cells, 1))], axis=1), axis=1)
        width = np.diff(np.concatenate([edges, np.full((cells, 1), HECTARE_EDGE_M)], axis=1), axis=1)
        cell = np.repeat(np.arange(cells), width.shape[1])
        kind = self.at(cell, (edges + width / 2).ravel())
        worked = (kind > 0) & (width.ravel() > 0)
        return cell[worked], kind[worked], width.ravel()[worked] / HECTARE_EDGE_M

    def left(self) -> Array:
        """Return (kinds, levels, groups) probability that an item is left."""
        level, _ = quality_levels()
        left = np.ones((self.count, LEVELS, len(ORDNANCE_GROUPS)))
        own = [np.column_stack([1 - quality_at(mean, strength, level) for mean, strength in m]) for m in METHODS]
        for kind in range(self.count):
            rest = kind
            while rest:
                if digit := rest % self.base:
                    left[kind] *= own[digit - 1]
                rest //= self.base
        return left
