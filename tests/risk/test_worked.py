"""What remains after work on the ground, against a simulation that knows nothing of the formulas."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import beta

from survey.risk import UNIDENTIFIED, Belief, CellEvidence, PriorField, Taught, Work, infer, infer_worked
from survey.risk.belief import UNIDENTIFIED_SHARE
from survey.risk.work import quality_at, quality_levels

GROUPS = 4
SHAPE, RATE = np.array([0.6, 0.5, 0.15, 0.1]), 1.0
PRIOR = PriorField(SHAPE[None], np.full((1, GROUPS), RATE))
BELIEF = Belief(found=4.5, missed=3.5, alarms=(0.8, 0.6, 0.3, 0.3, 0.5), area_ha=1.0)
QUALITY = ((0.7, 6.0), (0.9, 12.0), (0.5, 4.0), (0.6, 4.0))
"""(mean, strength) of the recall of the work by group."""
PIECES = {(0, True): 0.3, (0, False): 0.1, (1, True): 0.4, (1, False): 0.2}
"""Hectares by (worked, searched)."""


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
        find_removed=np.ones(len(finds), bool),
    )


def evidence_of(marks: list[int], *, searched: float = 0.7, confirmed: bool = False) -> CellEvidence:
    """Return sightings whose scores say nothing."""
    count = len(marks)
    return CellEvidence(
        np.array([searched]),
        log_ratio=np.zeros(count),
        cell=np.zeros(count, np.intp),
        mark=np.array(marks, np.intp),
        confirmed=np.full(count, confirmed),
    )


Counts = dict[tuple[str | int, ...], NDArray[np.intp]]


def campaigns(rng: np.random.Generator, draws: int) -> Counts:
    """Return hectares as they come: numbers of finds, of sightings without a find, and of what remains."""
    density = rng.gamma(SHAPE, 1 / RATE, (draws, GROUPS))
    recall = rng.beta(BELIEF.found, BELIEF.missed, draws)
    alarms = rng.gamma(BELIEF.alarms, 1 / BELIEF.area_ha, (draws, GROUPS + 1))
    level, fine = rng.random(draws), np.linspace(0, 1, 2001)
    quality = [np.interp(level, fine, beta.ppf(fine, m * s, (1 - m) * s)) for m, s in QUALITY]
    out: Counts = {("sighting", mark, worked): np.zeros(draws, np.intp) for mark in range(5) for worked in (0, 1)}
    out |= {(name, g): np.zeros(draws, np.intp) for name in ("remains", "unseen") for g in range(GROUPS)}
    for (worked, searched), area in PIECES.items():
        for g in range(GROUPS):
            items = rng.poisson(density[:, g] * area)
            sighted = rng.binomial(items, recall * searched)
            found_sighted = rng.binomial(sighted, quality[g] * worked)
            found_missed = rng.binomial(items - sighted, quality[g] * worked)
            untold = rng.binomial(sighted - found_sighted, UNIDENTIFIED_SHARE)
            out["sighting", g, worked] += sighted - found_sighted - untold
            out["sighting", UNIDENTIFIED, worked] += untold
            out["remains", g] += items - found_sighted - found_missed
            out["unseen", g] += items - sighted - found_missed
            if worked:
                out["find", g, 0 if searched else -1] = found_missed
                if searched:
                    out["find", g, 1] = found_sighted
        if searched:
            for mark in range(GROUPS + 1):
                out["sighting", mark, worked] += rng.poisson(alarms[:, mark] * area)
    return out


@pytest.fixture(scope="module")
def simulated() -> Counts:
    """Hectares with at most 2 sightings and 2 finds."""
    rng, parts = np.random.default_rng(5), []
    for _ in range(10):
        part = campaigns(rng, 120_000)
        kept = np.ones(120_000, bool)
        for name in ("sighting", "find"):
            kept &= np.sum([v for key, v in part.items() if key[0] == name], axis=0) <= 2
        parts.append({key: values[kept] for key, values in part.items()})
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def like(simulated: Counts, sightings: list[tuple[int, int]], finds: list[tuple[int, int]]) -> Counts:
    """Return the hectares that look the same: every kind of sighting and of find is there as often."""
    same = np.ones(len(simulated["remains", 0]), bool)
    for (name, *key), values in simulated.items():
        if name in {"sighting", "find"}:
            same &= values == (sightings if name == "sighting" else finds).count(tuple(key))  # type: ignore[arg-type]
    return {key: values[same] for key, values in simulated.items()}


CASES: dict[str, tuple[list[tuple[int, int]], list[tuple[int, int]]]] = {
    "nothing found, nothing sighted": ([], []),
    "a find that was sighted": ([], [(0, 1)]),
    "a find that was missed, and one beyond the flight": ([], [(0, 0), (1, -1)]),
    "sightings that work did not find": ([(0, 1), (1, 0)], []),
    "of no group, on worked ground": ([(UNIDENTIFIED, 1)], [(1, 1)]),
    "two of no group, off it": ([(UNIDENTIFIED, 0), (UNIDENTIFIED, 0)], []),
}


@pytest.mark.parametrize("name", CASES)
def test_what_remains_equals_brute_force(name: str, simulated: Counts) -> None:
    sightings, finds = CASES[name]
    told = infer_worked(
        work_of([worked for _, worked in sightings], [(g, 1, seen) for g, seen in finds]),
        evidence_of([mark for mark, _ in sightings]),
        prior=PRIOR,
        belief=BELIEF,
    ).posterior
    drawn = like(simulated, sightings, finds)
    items, unseen = (np.stack([drawn[name, g] for g in range(GROUPS)], axis=1) for name in ("remains", "unseen"))
    assert len(items) > 300
    for place in range(1 + GROUPS):
        n, u = (v.sum(axis=1) if place == 0 else v[:, place - 1] for v in (items, unseen))
        error = 4.5 / np.sqrt(len(n))
        assert told.expected_items[0, place] == pytest.approx(n.mean(), abs=error * max(float(n.std()), 0.05))
        for p, truth in ((told.p_at_least_one[0, place], n > 0), (told.p_unseen[0, place], u > 0)):
            assert p == pytest.approx(truth.mean(), abs=error * np.sqrt(p * (1 - p)) + 1e-3)
        assert (n <= told.q05[0, place]).mean() > 0.05 - 0.5 * error
        assert (n < told.q95[0, place]).mean() < 0.95 + 0.5 * error


def test_work_that_finds_nothing_at_all_is_no_work() -> None:
    """With a recall of 0 the posterior is that of the flight alone, by the closed form."""
    nothing = replace(work_of([1, 0, 1], []), left=np.ones_like(left_by_work()))
    seen = replace(evidence_of([0, UNIDENTIFIED, 2]), log_ratio=np.array([1.0, 2.0, -0.5]))
    told = infer_worked(nothing, seen, prior=PRIOR, belief=BELIEF).posterior
    plain = infer(seen, prior=PRIOR, belief=BELIEF)
    for name in ("expected_items", "p_at_least_one", "p_unseen", "q05", "q95"):
        both = np.concatenate([getattr(plain.total, name), getattr(plain.groups, name)[0]])
        assert getattr(told, name)[0] == pytest.approx(both, abs=1e-6), name


def test_a_worked_hectare_keeps_a_risk_and_a_poor_work_more() -> None:
    p = [
        infer_worked(replace(work_of([], []), left=left), evidence_of([]), prior=PRIOR, belief=BELIEF).posterior
        for left in (left_by_work(), left_by_work() ** 0.5)
    ]
    assert 0 < p[0].p_at_least_one[0, 0] < p[1].p_at_least_one[0, 0]


def test_what_is_known_and_left_in_place_remains() -> None:
    gone = work_of([], [(0, 1, 1), (1, 0, -1)])
    left = replace(gone, find_removed=np.array([True, False]))
    for work, known in ((gone, 0), (left, 1)):
        counts = np.array([[3, 1, 1, 1, 1]])
        told = infer_worked(work, evidence_of([]), prior=PRIOR, belief=BELIEF, counts=counts)
        assert (told.posterior.p_at_least_one[0, [0, 2]] == 1).all() == bool(known)
        assert told.posterior.q05[0, 2] >= known
        assert told.at_most is not None
        assert told.below is not None
        assert (told.below <= told.at_most).all()
        if known:
            assert told.below[0, 2] == 0


def test_what_the_belief_learnt_from_all_work_is_not_counted_twice() -> None:
    """One hectare is the whole site: teaching the belief and leaving it out of the hectare is the same as neither."""
    work, seen = work_of([1, 1], [(0, 1, 1), (1, 1, 0), (1, 1, -1)]), evidence_of([0, UNIDENTIFIED])
    alone = infer_worked(work, seen, prior=PRIOR, belief=BELIEF).posterior
    belief = BELIEF.reviewed(found=1, missed=1, rejected=[1, 0, 0, 0, 1], searched_ha=0.4)
    told = infer_worked(work, seen, prior=PRIOR, belief=belief, taught=Taught(recall=True, kinds=(1,))).posterior
    for name in ("expected_items", "p_at_least_one", "p_unseen"):
        assert getattr(told, name) == pytest.approx(getattr(alone, name), rel=1e-3), name


def test_many_sightings_of_no_group_are_what_they_are_to_the_flight_alone() -> None:
    """Groups have rates of their own, and the sightings lie on both kinds of ground; the work finds nothing."""
    belief = replace(BELIEF, alarms=(0.1, 0.1, 0.1, 0.1, 4.0), untold=0.9)
    prior = PriorField(np.array([[0.05, 0.4, 0.02, 1.5]]), np.array([[0.02, 0.5, 0.3, 6.0]]))
    seen = evidence_of([UNIDENTIFIED] * 9 + [0], searched=0.9)
    nothing = replace(work_of([0, 1] * 5, []), left=np.ones_like(left_by_work()))
    told = infer_worked(nothing, seen, prior=prior, belief=belief).posterior
    plain = infer(seen, prior=prior, belief=belief)
    for name in ("expected_items", "p_at_least_one", "p_unseen", "q05", "q95"):
        both = np.concatenate([getattr(plain.total, name), getattr(plain.groups, name)[0]])
        assert getattr(told, name)[0] == pytest.approx(both, rel=1e-4, abs=1e-6), name
