from typing import Any

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from rasterio.transform import rowcol

from survey.errors import InputError
from survey.patterns import FoundRow, Recall, SearchedGround, estimate_spacing, hazard_along, hazard_raster
from survey.patterns.hazard import _goes_on
from survey.patterns.rows import Row
from tests.patterns.sites import Array

GOOD = Recall(0.75, 0.70, 0.80)
EVERYWHERE = SearchedGround(shapely.box(-300, -50, 400, 50))


def _found(along: NDArray[Any], *, regular: bool = True) -> tuple[FoundRow, Array]:
    points = np.column_stack([along, np.zeros(len(along))])
    row = Row(0.0, 0.0, 0.0, float(along.min()), float(along.max()), 0.2, 1.0)
    return FoundRow(row, np.arange(len(along)), 10.0, 0.01, estimate_spacing(along) if regular else None), points


def _seen(rng: np.random.Generator, *, laid: int, occupied: float, recall: float) -> tuple[NDArray[Any], NDArray[Any]]:
    places = np.arange(laid) * 4.0
    there = rng.random(laid) < occupied
    seen = there & (rng.random(laid) < recall)
    return places[seen], places[there & ~seen]


def test_what_was_left_between_members_is_expected_in_the_right_number() -> None:
    rng = np.random.default_rng(1)
    expected, left, rows = 0.0, 0, 0
    for _ in range(120):
        occupied = rng.random()
        seen, unseen = _seen(rng, laid=25, occupied=occupied, recall=rng.normal(0.75, 0.025))
        if len(seen) < 8:
            continue
        found, points = _found(seen)
        if found.spacing is None or abs(found.spacing.metres - 4) > 0.1:
            continue
        hazard = hazard_along(found, points, EVERYWHERE, recall=GOOD)
        expected += float(hazard.expected[~hazard.beyond].sum())
        left += int(((unseen > seen.min()) & (unseen < seen.max())).sum())
        rows += 1
    assert rows > 60
    assert expected == pytest.approx(left, rel=0.15)


def test_a_member_leaves_no_vacancy_and_a_gap_does() -> None:
    found, points = _found(np.array([0, 1, 2, 3, 5, 6, 7, 8, 9, 10]) * 4.0)
    hazard = hazard_along(found, points, EVERYWHERE, recall=GOOD)
    within = hazard.along[~hazard.beyond]
    assert within == pytest.approx([16.0], abs=0.1)
    assert 0.2 < hazard.expected[~hazard.beyond][0] < 0.95


def test_hazard_goes_on_where_nobody_looked() -> None:
    along = np.arange(12) * 4.0
    found, points = _found(along)
    half = SearchedGround(shapely.box(-300, -50, 46, 50))
    hazard = hazard_along(found, points, half, recall=GOOD)
    right, left = hazard.along > along.max(), hazard.along < along.min()
    assert not hazard.searched[right].any()
    assert hazard.searched[left].all()
    assert hazard.expected[right].sum() > 10 * hazard.expected[left].sum()
    assert (np.diff(hazard.expected[right]) <= 1e-12).all(), "farther off less is expected"
    assert (np.diff(hazard.sigma_m[right]) > 0).all(), "farther off it is less known where"
    assert ((hazard.low <= hazard.expected + 1e-12) & (hazard.expected <= hazard.high + 1e-12)).all()


def test_going_on_follows_bayes() -> None:
    away, length, miss = np.array([5.0, 10.0]), 10.0, np.array([[0.4, 1.0]])
    before, middle, after = 1 - 10 / 15, 10 / 15 - 10 / 20, 10 / 20
    total = before + 0.4 * middle + 0.4 * after
    assert _goes_on(away, length, miss=miss)[0] == pytest.approx([0.4 * (middle + after) / total, 0.4 * after / total])


def test_without_spacing_the_rate_is_that_of_the_members() -> None:
    rng = np.random.default_rng(2)
    along = np.sort(np.append(rng.uniform(0, 100, 38), [0.0, 100.0]))
    found, points = _found(along, regular=False)
    hazard = hazard_along(found, points, EVERYWHERE, recall=GOOD)
    within = hazard.expected[~hazard.beyond].sum()
    assert within == pytest.approx(40 * 0.25 / 0.75, rel=0.2)


def test_less_recall_means_more_left_behind() -> None:
    found, points = _found(np.array([0, 1, 2, 4, 5, 8, 9, 10, 12]) * 4.0)
    sums = [
        hazard_along(found, points, EVERYWHERE, recall=recall).expected.sum()
        for recall in (Recall(0.9, 0.88, 0.92), Recall(0.5, 0.45, 0.55), Recall(0.01, 0.0, 0.06))
    ]
    assert sums[0] < sums[1] < sums[2]
    assert np.isfinite(sums).all()


def test_the_raster_holds_what_the_places_hold_and_nothing_elsewhere() -> None:
    found, points = _found(np.array([0, 1, 2, 4, 5, 8, 9, 10, 12]) * 4.0)
    hazard = hazard_along(found, points, EVERYWHERE, recall=GOOD)
    raster = hazard_raster((hazard,))
    assert np.nansum(raster.expected) * 25 / 10_000 == pytest.approx(hazard.expected.sum(), rel=1e-3)
    row, col = rowcol(raster.transform, 12.0, 0.0)
    assert raster.expected[row, col] > 0
    assert np.isnan(raster.expected[0, 0])
    assert (raster.transform.c % 5, raster.transform.f % 5) == (0, 0)
    with pytest.raises(InputError, match="no row was found"):
        hazard_raster(())
