"""Cells with hundreds of sightings, most of no group: finite, right, and of bounded work."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import convolve
from scipy.special import gammaln, logsumexp

from survey.counts import totals as totals_module
from survey.counts.division import Division
from survey.risk import UNIDENTIFIED, Belief, CellEvidence, Inference, PriorField, Work, infer, infer_worked
from survey.risk.work import LEVELS

GROUPS = 4
BELIEF = Belief(found=12.5, missed=26.5, alarms=(1.2, 0.9, 0.6, 0.3, 8.0), area_ha=0.1, untold=0.7)
WEAK = replace(BELIEF, area_ha=0.02)
"""Of many more false alarms."""
ONE = PriorField(np.array([[0.2, 0.15, 0.1, 0.05]]), np.full((1, GROUPS), 0.5))
OWN = PriorField(np.array([[0.05, 0.4, 0.02, 1.5]]), np.array([[0.02, 0.5, 0.3, 6.0]]))
SEARCHED = 0.9
FIELDS = ("expected_items", "p_at_least_one", "p_unseen", "q05", "q95")


def seen_of(marks: list[int], *, spread: float = 1.5, seed: int = 0) -> CellEvidence:
    """Return sightings of one cell whose scores spread so much."""
    log_ratio = np.random.default_rng(seed).normal(0, spread, len(marks))
    return CellEvidence(
        np.array([SEARCHED]),
        log_ratio=log_ratio,
        cell=np.zeros(len(marks), np.intp),
        mark=np.array(marks, np.intp),
        confirmed=np.zeros(len(marks), bool),
    )


def work_of(at: NDArray[np.intp], left: list[list[float]]) -> Work:
    """Return work on kinds of ground that leaves as much at all levels of quality, half a hectare of it searched."""
    kinds = len(left)
    none = np.zeros(0, np.intp)
    return Work(
        np.repeat(np.array([[1.0] * GROUPS, *left])[:, None], LEVELS, axis=1),
        cell=np.zeros(kinds, np.intp),
        kind=np.arange(1, kinds + 1),
        area_ha=np.full(kinds, 0.6 / kinds),
        searched_ha=np.full(kinds, 0.5 / kinds),
        at=at,
        find_cell=none,
        find_mark=none,
        find_kind=none,
        find_seen=none.astype(np.int8),
        find_removed=none.astype(bool),
    )


def both(found: Inference, name: str) -> NDArray[np.float64]:
    """Return the total and the groups of a cell."""
    return np.append(getattr(found.total, name), getattr(found.groups, name))


def expected_of_one_rate(seen: CellEvidence, kept: NDArray[np.float64], *, nu: tuple[float, float]) -> list[float]:
    """Return expected items of total and groups of one rate, where all sightings are of no group.

    The number n of items among them then tells all: recall is integrated on a grid, and groups share items by shapes.

    Args:
        seen: Sightings.
        kept: (K,) chance that work leaves an item at each sighting.
        nu: Not sighted and left: beta - recall x alpha.
    """
    shape, rate, n = ONE.shape[0], float(ONE.rate_ha[0, 0]), np.arange(len(kept) + 1)
    log_e = np.full(len(n), -np.inf)
    log_e[0] = 0
    for log_r in seen.log_ratio + np.log(BELIEF.untold * kept):
        log_e[1:] = np.logaddexp(log_e[1:], log_e[:-1] + log_r)
    alarms = BELIEF.alarms[UNIDENTIFIED]
    log_e += gammaln(alarms + len(kept) - n) + n * np.log(BELIEF.area_ha + SEARCHED) + gammaln(shape.sum() + n)
    recall = ((np.arange(4000) + 0.5) / 4000)[:, None]
    left = nu[0] - recall * nu[1]
    log_weight = log_e + (BELIEF.found - 1) * np.log(recall) + (BELIEF.missed - 1) * np.log1p(-recall)
    log_weight = log_weight + n * np.log(recall) - (shape.sum() + n) * np.log(rate + 1 - left)
    weight = np.exp(log_weight - logsumexp(log_weight))
    items = float((weight * (n + (shape.sum() + n) * left / (rate + 1 - left))).sum())
    return [items, *(items * shape / shape.sum())]


@pytest.mark.parametrize("spread", [0.0, 1.5, 4.0])
def test_600_sightings_of_no_group_are_shared_as_the_formula_for_one_rate_has_it(spread: float) -> None:
    seen = seen_of([UNIDENTIFIED] * 600, spread=spread)
    told = both(infer(seen, prior=ONE, belief=BELIEF), "expected_items")
    assert told == pytest.approx(expected_of_one_rate(seen, np.ones(600), nu=(1.0, SEARCHED)), rel=1e-6)


@pytest.mark.parametrize("spread", [0.0, 1.5, 4.0])
def test_600_on_two_kinds_of_worked_ground_too(spread: float) -> None:
    """Work leaves all groups alike, so that sightings on several kinds of ground are brought onto one exactly."""
    seen, at = seen_of([UNIDENTIFIED] * 600, spread=spread), np.arange(600) % 3
    left = np.array([1.0, 0.4, 0.1])
    told = infer_worked(work_of(at, [[0.4] * 4, [0.1] * 4]), seen, prior=ONE, belief=BELIEF).posterior
    beta, alpha = 0.4 + 0.3 * 0.4 + 0.3 * 0.1, 0.4 + 0.25 * 0.4 + 0.25 * 0.1
    expected = expected_of_one_rate(seen, left[at], nu=(beta, alpha))
    assert told.expected_items[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("prior", "each"), [(ONE, 20), (OWN, 20), (OWN, 120)], ids=["one rate", "rates of their own", "of all marks"]
)
def test_crowded_cells_are_finite_and_work_that_finds_nothing_changes_nothing(prior: PriorField, each: int) -> None:
    seen = seen_of([UNIDENTIFIED] * 600 + [g for g in range(GROUPS) for _ in range(each)])
    nothing = work_of(np.arange(len(seen.mark)) % 2, [[1.0] * GROUPS])
    plain, worked = infer(seen, prior=prior, belief=BELIEF), infer_worked(nothing, seen, prior=prior, belief=BELIEF)
    for name in FIELDS:
        value, counted = getattr(worked.posterior, name)[0], name.startswith("q")
        assert np.isfinite(value).all()
        assert value == pytest.approx(both(plain, name), rel=5e-3 if counted else 1e-4, abs=counted), name
    assert plain.groups.expected_items.sum() == pytest.approx(plain.total.expected_items[0], rel=1e-9)
    assert plain.total.q05[0] < plain.total.expected_items[0] < plain.total.q95[0]


@pytest.mark.parametrize("spread", [0.0, 1.5])
def test_numbers_beyond_the_bound_count_for_nothing(spread: float, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = seen_of([UNIDENTIFIED] * 120 + [0, 1, 3, 3], spread=spread)
    reached, reach = [], Division.reach

    def followed(division: Division) -> int:
        reached.append(reach(division))
        return reached[-1]

    monkeypatch.setattr(Division, "reach", followed)
    bounded = infer(seen, prior=OWN, belief=WEAK)
    monkeypatch.setattr(Division, "reach", lambda division: len(division.pool))
    whole = infer(seen, prior=OWN, belief=WEAK)
    assert 5 < reached[0] < 115
    for name in FIELDS:
        assert both(bounded, name) == pytest.approx(both(whole, name), rel=1e-9), name


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("crowd", [[0] * 100 + [3] * 100, [1] * 400], ids=["two groups", "one group"])
def test_a_crowded_cell_leaves_the_others_of_its_block_as_they_are(crowd: list[int]) -> None:
    """Bounds are of each cell: with those of another, powers overflowed, and what may count went missing unseen."""
    cells = [seen_of([UNIDENTIFIED] * 600 + crowd), seen_of([UNIDENTIFIED] * 10)]
    both_cells = CellEvidence(
        np.full(2, SEARCHED),
        log_ratio=np.concatenate([seen.log_ratio for seen in cells]),
        cell=np.repeat(np.arange(2), [len(seen.mark) for seen in cells]),
        mark=np.concatenate([seen.mark for seen in cells]),
        confirmed=np.concatenate([seen.confirmed for seen in cells]),
    )
    prior = PriorField(np.repeat(OWN.shape, 2, axis=0), np.repeat(OWN.rate_ha, 2, axis=0))
    together = infer(both_cells, prior=prior, belief=WEAK).total
    for n, seen in enumerate(cells):
        alone = infer(seen, prior=OWN, belief=WEAK).total
        for name in FIELDS:
            assert getattr(together, name)[n] == pytest.approx(getattr(alone, name)[0], rel=1e-9), (n, name)


def test_groups_of_nearly_one_rate_are_as_those_of_one() -> None:
    """The one sum over all groups, and groups apart with the total from points."""
    seen = seen_of([UNIDENTIFIED] * 200 + [0, 1, 1, 3])
    nearly = PriorField(ONE.shape, ONE.rate_ha * (1 + 1e-9 * np.arange(GROUPS)))
    counts = both(infer(seen, prior=ONE, belief=BELIEF), "expected_items").round().astype(np.intp)[None]
    one, apart = (infer(seen, prior=p, belief=BELIEF, counts=counts) for p in (ONE, nearly))
    for name in FIELDS[:3]:
        assert both(apart, name) == pytest.approx(both(one, name), rel=1e-6)
    for name in ("at_most", "below"):
        chance, truth = getattr(apart, name)[0], getattr(one, name)[0]
        assert 0.3 < truth[0] < 0.8
        assert chance[0] == pytest.approx(truth[0], abs=0.004)
        assert chance[1:] == pytest.approx(truth[1:], rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_points_tell_totals_as_values_on_a_circle_do(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(seed)
    seen = seen_of([UNIDENTIFIED] * 30 + rng.integers(0, GROUPS, 6).tolist(), seed=seed)
    prior = PriorField(np.exp(rng.normal(-1.5, 1.5, (1, GROUPS))), np.exp(rng.normal(-1, 1.5, (1, GROUPS))))
    found = infer(seen, prior=prior, belief=BELIEF).total
    counts = np.repeat([found.q05, found.expected_items.round(), found.q95], 1 + GROUPS, axis=1).astype(np.intp)
    monkeypatch.setattr(totals_module, "_CROWDED", 1000)
    for n, level in zip(counts, (0.05, None, 0.95), strict=True):
        circle = infer(seen, prior=prior, belief=BELIEF, counts=n[None])
        monkeypatch.setattr(totals_module, "_CROWDED", 10)
        points = infer(seen, prior=prior, belief=BELIEF, counts=n[None])
        monkeypatch.setattr(totals_module, "_CROWDED", 1000)
        assert circle.at_most is not None
        assert points.at_most is not None
        assert points.at_most[0, 0] == pytest.approx(circle.at_most[0, 0], abs=0.006)
        assert level is None or circle.at_most[0, 0] > level - 0.004


def on_two_kinds(seen: CellEvidence, at: NDArray[np.intp], left: NDArray[np.float64], recall: float) -> list[float]:
    """Return expected items of each group from all numbers of items of each on each of two kinds of ground."""
    counts = np.bincount(at)
    v = np.add.outer(np.arange(counts[0] + 1), np.arange(counts[1] + 1))
    factorials = np.add.outer(gammaln(np.arange(counts[0] + 1) + 1), gammaln(np.arange(counts[1] + 1) + 1))
    nu = 0.4 + 0.6 * left[1] - recall * (0.4 + 0.5 * left[1])
    keep = OWN.rate_ha[0] + 1 - nu
    log_pool = factorials + gammaln(BELIEF.alarms[UNIDENTIFIED] + len(at) - v) + v * np.log(BELIEF.area_ha + SEARCHED)
    for kind in (0, 1):
        e = np.ones(1)
        for r in np.exp(seen.log_ratio[at == kind]) * BELIEF.untold * recall:
            e = np.convolve(e, [1.0, r])
        log_pool = log_pool + np.log(e)[:, None] if kind == 0 else log_pool + np.log(e)
    pool = np.exp(log_pool - log_pool.max())
    whole, mean = [], []
    for g in range(GROUPS):
        share = np.outer(left[0, g] ** np.arange(counts[0] + 1), left[1, g] ** np.arange(counts[1] + 1))
        size = OWN.shape[0, g] + v
        one = share * np.exp(gammaln(size) - gammaln(OWN.shape[0, g]) - factorials) * keep[g] ** -size.astype(float)
        whole.append(one)
        mean.append(one * (v + size * nu[g] / keep[g]))
    rows, cols = pool.shape

    def weighed(parts: list[NDArray[np.float64]]) -> float:
        out = parts[0]
        for part in parts[1:]:
            out = convolve(out, part, method="direct")[:rows, :cols]
        return float((pool * out).sum())

    norm = weighed(whole)
    return [weighed([*whole[:g], mean[g], *whole[g + 1 :]]) / norm for g in range(GROUPS)]


@pytest.mark.parametrize(
    ("off", "error"),
    [(1, 1e-4), (2, 1e-4), (6, 0.03), (15, 0.03)],
    ids=["one off", "two off", "six off", "as many off"],
)
@pytest.mark.parametrize("spread", [0.0, 2.0])
def test_sightings_on_two_kinds_of_ground(off: int, error: float, spread: float) -> None:
    """A few on the second kind are dealt out exactly; of more the tangent is right to three per cent here."""
    left = np.array([[1.0] * GROUPS, [0.1, 0.5, 0.9, 0.3]])
    at = np.repeat([0, 1], [15, off])
    seen, recall = seen_of([UNIDENTIFIED] * len(at), spread=spread), 0.4
    known = Belief(recall * 1e7, (1 - recall) * 1e7, BELIEF.alarms, BELIEF.area_ha, untold=BELIEF.untold)
    told = infer_worked(work_of(at, left[1:].tolist()), seen, prior=OWN, belief=known).posterior.expected_items[0, 1:]
    expected = on_two_kinds(seen, at, left, recall)
    assert told == pytest.approx(expected, rel=error)
