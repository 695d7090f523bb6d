"""What remains after work on the ground, against a simulation that knows nothing of the formulas."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import beta

from survey.risk import UNIDENTIFIED, Belief, CellEvidence, PriorField, Taught, Work, infer, infer_worked
from survey.risk.belief import UNIDENTIFIED_SHARE
from survey.risk.worked import quality_at, quality_levels

GROUPS = 4
SHAPE, RATE = np.array([0.6, 0.5, 0.15, 0.1]), 0.5
BELIEF = Belief(found=4.5, missed=3.5, alarms=(0.8, 0.6, 0.3, 0.3, 0.5), area_ha=1.0)
QUALITY = ((0.7, 6.0), (0.9, 12.0), (0.5, 4.0), (0.6, 4.0))
"""(mean, strength) of the recall of the work by group."""
PIECES = {(0, True): 0.3, (0, False): 0.1, (1, True): 0.4, (1, False): 0.2}
"""Hectares by (worked, searched)."""
P_HIGH = (0.25, 0.75)
"""P(high score) of false alarms and of items: likelihood ratios are 3 and 1/3."""


def left_by_work() -> NDArray[np.float64]:
    level, _ = quality_levels()
    own = np.column_stack([1 - quality_at(mean, strength, level) for mean, strength in QUALITY])
    return np.stack([np.ones_like(own), own])


def work_of(at: list[int], finds: list[tuple[int, int, int]], *, cell: int = 0) -> Work:
    """Return work with kinds of ground under sightings and finds of (mark, kind, seen)."""
    mark, kind, seen = (np.array([f[k] for f in finds], np.intp) for k in range(3))
    return Work(
        left_by_work(),
        cell=np.array([cell]),
        kind=np.array([1]),
        area_ha=np.array([0.6]),
        searched_ha=np.array([0.4]),
        at=np.array(at, np.intp),
        find_cell=np.full(len(finds), cell, np.intp),
        find_mark=mark,
        find_kind=kind,
        find_seen=seen.astype(np.int8),
    )


def evidence_of(sightings: list[tuple[int, bool]], *, searched: float = 0.7, confirmed: bool = False) -> CellEvidence:
    ratio = np.array([3.0 if high else 1 / 3 for _, high in sightings])
    return CellEvidence(
        np.array([searched]),
        log_ratio=np.log(ratio),
        cell=np.zeros(len(sightings), np.intp),
        mark=np.array([m for m, _ in sightings], np.intp),
        confirmed=np.full(len(sightings), confirmed),
    )


def drawn(
    sightings: list[tuple[int, bool, int]], finds: list[tuple[int, int, int]], *, draws: int = 400_000
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return (draws kept, groups) items that remain, and those neither sighted nor found, of draws that look the same.

    A draw looks the same if every kind of sighting and of find is there as often as told.
    """
    rng = np.random.default_rng(5)
    density = rng.gamma(SHAPE, 1 / RATE, (draws, GROUPS))
    recall = rng.beta(BELIEF.found, BELIEF.missed, draws)
    alarms = rng.gamma(BELIEF.alarms, 1 / BELIEF.area_ha, (draws, GROUPS + 1))
    level = rng.random(draws)
    keep = np.ones(draws, bool)
    state = {"density": density, "recall": recall, "alarms": alarms, "level": level}
    fine = np.linspace(0, 1, 2001)
    quality = np.column_stack([np.interp(level, fine, beta.ppf(fine, m * s, (1 - m) * s)) for m, s in QUALITY])

    def sieve(count: NDArray[np.intp], wanted: int, others: list[NDArray[np.intp]]) -> list[NDArray[np.intp]]:
        """Drop the draws with another count, so that later draws are fewer."""
        nonlocal quality
        same = count == wanted
        for name in state:
            state[name] = state[name][same]
        quality = quality[same]
        return [values[same] for values in others]

    remain: list[NDArray[np.intp]] = [np.zeros((draws, GROUPS), np.intp), np.zeros((draws, GROUPS), np.intp)]
    del keep
    for (worked, searched), area in PIECES.items():
        for g in range(GROUPS):
            for found in (True, False) if worked else (False,):
                for seen in (True, False) if searched else (False,):
                    q, r = quality[:, g] * worked, state["recall"] * searched
                    mean = state["density"][:, g] * area * (q if found else 1 - q) * (r if seen else 1 - r)
                    if found:
                        key = (g, 1, 1 if seen else 0 if searched else -1)
                        remain = sieve(rng.poisson(mean), finds.count(key), remain)
                        continue
                    if not seen:
                        count = rng.poisson(mean)
                        remain[0][:, g] += count
                        remain[1][:, g] += count
                        continue
                    for mark in (g, UNIDENTIFIED):
                        share = UNIDENTIFIED_SHARE if mark == UNIDENTIFIED else 1 - UNIDENTIFIED_SHARE
                        for high in (True, False):
                            p = P_HIGH[1] if high else 1 - P_HIGH[1]
                            state[f"{worked}{g}{mark}{high}"] = rng.poisson(mean[: len(state["level"])] * share * p)
    for worked, area in ((0, PIECES[0, True]), (1, PIECES[1, True])):
        for mark in range(GROUPS + 1):
            for high in (True, False):
                p = P_HIGH[0] if high else 1 - P_HIGH[0]
                total = rng.poisson(state["alarms"][:, mark] * area * p)
                owners = range(GROUPS) if mark == UNIDENTIFIED else (mark,)
                for g in owners:
                    total = total + state[f"{worked}{g}{mark}{high}"]
                remain = sieve(total, sightings.count((mark, high, worked)), remain)
    for worked in (0, 1):
        for g in range(GROUPS):
            for mark in (g, UNIDENTIFIED):
                for high in (True, False):
                    remain[0][:, g] += state[f"{worked}{g}{mark}{high}"]
    return remain[0], remain[1]


CASES = {
    "nothing found, nothing sighted": ([], []),
    "a find that was sighted": ([], [(0, 1, 1)]),
    "a find that was missed, and one beyond the flight": ([], [(0, 1, 0), (1, 1, -1)]),
    "sightings that work did not find": ([(0, True, 1), (1, True, 0)], []),
    "of no group, on worked ground": ([(UNIDENTIFIED, True, 1)], [(1, 1, 1)]),
    "of no group, off it": ([(UNIDENTIFIED, True, 0), (0, False, 1)], []),
}


@pytest.mark.parametrize("name", CASES)
def test_what_remains_equals_brute_force(name: str) -> None:
    sightings, finds = CASES[name]
    told = infer_worked(
        work_of([kind for *_, kind in sightings], finds),
        evidence_of([(mark, high) for mark, high, _ in sightings]),
        prior=PriorField(SHAPE[None], np.array([RATE])),
        belief=BELIEF,
    ).posterior
    items, unseen = drawn(sightings, finds)
    assert len(items) > 500
    for place in range(1 + GROUPS):
        n, u = (v.sum(axis=1) if place == 0 else v[:, place - 1] for v in (items, unseen))
        error = 4.5 / np.sqrt(len(n))
        assert told.expected_items[0, place] == pytest.approx(n.mean(), abs=error * max(n.std(), 0.05))
        assert told.p_at_least_one[0, place] == pytest.approx((n > 0).mean(), abs=error * 0.5)
        assert told.p_unseen[0, place] == pytest.approx((u > 0).mean(), abs=error * 0.5)
        assert (n <= told.q05[0, place]).mean() > 0.05 - 0.5 * error
        assert (n < told.q95[0, place]).mean() < 0.95 + 0.5 * error
