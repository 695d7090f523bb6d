"""Bands of the risk value."""

import numpy as np
import pytest

from survey.errors import SurveyError
from survey.risk import Prior, PriorField, Review, assess
from survey.values import ORDNANCE_GROUPS, RISK_BANDS, Detections, HectareGrid, Performance, Risk, SearchedArea

GRID = HectareGrid("EPSG:32638", 500_000, 4_400_200, 2, 2)
PRIOR = Prior(mean_items_per_ha=0.5, shape=0.5)
MILLION = 1_000_000
PERFORMANCE = Performance(0.9, (0.899, 0.901), 1.0, (0.998, 1.002), 0.5, 0.02, MILLION, 900_000, MILLION, MILLION)
"""Measured so well that it is as good as known."""
SEARCHED = SearchedArea(
    GRID,
    flown=np.array([[1.0, 0.5], [0.2, 0.0]]),
    searched=np.array([[1.0, 0.4], [0.0, 0.0]]),
    disturbed=np.array([[0.25, 0.0], [0.0, 0.0]]),
)


def found(places: list[tuple[float, float, float]]) -> Detections:
    """Return sightings at (x, y, probability)."""
    n = len(places)
    x, y, p = (np.array([q[k] for q in places], float) for k in range(3))
    return Detections(
        ("ap_mine",),
        ("0" * 16,),
        "m",
        np.zeros(n, np.int16),
        p.astype(np.float32),
        p.astype(np.float32),
        y,
        x,
        x,
        y,
        np.full(n, 0.1, np.float32),
        np.full(n, 0.02, np.float32),
        np.zeros(n, np.int32),
        np.zeros(n, np.int32),
    )


def test_bands_of_a_small_survey() -> None:
    sightings = found([(500_050, 4_400_150, 0.9), (500_050, 4_400_150, 0.4), (500_060, 4_400_150, 0.2)])
    items = np.array([0, 0, 1], np.intp)
    risk = assess(SEARCHED, detections=sightings, items=items, performance=PERFORMANCE, prior=PRIOR)
    assert all(np.isnan(getattr(risk, band)[1, 1]) for band in RISK_BANDS)
    assert risk.detections[0].tolist() == [2, 0]
    assert risk.p_at_least_one[1, 0] == pytest.approx(0.293, abs=5e-4)  # flown, not searched: the prior
    assert risk.p_unseen[0, 1] == pytest.approx(1 - (1.36 / 2) ** 0.5, abs=1e-5)
    assert risk.disturbance_fraction[0, 0] == 0.25
    assert np.isnan(risk.disturbance_fraction[1, 0])
    assert risk.p_at_least_one[0, 0] > 0.5 > risk.p_unseen[0, 0]
    alone = assess(
        SEARCHED, detections=sightings.take(np.array([0, 2])), items=items[1:], performance=PERFORMANCE, prior=PRIOR
    )
    for band in RISK_BANDS:  # the weaker view of an item adds nothing
        assert np.array_equal(getattr(alone, band), getattr(risk, band), equal_nan=True)


def test_what_made_the_risk_adds_up_and_groups_do() -> None:
    sightings = found([(500_050, 4_400_150, 0.9), (500_060, 4_400_150, 0.6)])
    risk = assess(
        SEARCHED, detections=sightings, items=np.arange(2, dtype=np.intp), performance=PERFORMANCE, prior=PRIOR
    )
    flown = np.isfinite(risk.expected_items)
    steps = risk.prior_items + risk.search_change + risk.detection_change
    assert steps[flown] == pytest.approx(risk.expected_items[flown], abs=1e-6)
    groups = sum(getattr(risk, f"expected_items_{group}") for group in ORDNANCE_GROUPS)
    assert groups[flown] == pytest.approx(risk.expected_items[flown], abs=1e-5)
    assert (risk.prior_items[flown] == 0.5).all()
    assert risk.search_change[1, 0] == 0  # flown, not searched
    assert risk.detection_change[0, 1] == pytest.approx(0, abs=1e-6)
    assert risk.detection_change[0, 0] > 0 > risk.search_change[0, 0]
    assert risk.p_at_least_one_ap[0, 0] > 0.5 > risk.p_at_least_one_uxo[0, 0]
    assert risk.effective_search[0] == pytest.approx([0.9, 0.36], abs=1e-5)


def test_review_confirms_rejects_and_teaches_the_sites_false_alarms() -> None:
    places = [(500_050.0, 4_400_150.0, 0.5), (500_050.0, 4_400_150.0, 0.4), (500_150.0, 4_400_150.0, 0.5)]
    items = np.array([0, 0, 1], np.intp)
    barely = Performance(0.9, (0.8, 0.95), 1.0, (0.5, 2.0), 0.5, 0.02, 100, 90, 3, 3.0)

    def judged(verdict: list[int], **more: float) -> Risk:
        review = Review(np.array(verdict, np.int8), **more)  # type: ignore[arg-type]
        return assess(SEARCHED, detections=found(places), items=items, performance=barely, prior=PRIOR, review=review)

    unread, confirmed, rejected = judged([0, 0, 0]), judged([0, 1, -1]), judged([-1, 0, 0])
    assert confirmed.p_at_least_one[0, 0] == confirmed.confirmed[0, 0] == confirmed.q05[0, 0] == 1
    assert confirmed.detections[0].tolist() == [1, 0]
    assert confirmed.detection_change[0, 1] == pytest.approx(0, abs=1e-6)
    assert rejected.detections[0].tolist() == [0, 1]
    assert rejected.p_at_least_one[0, 0] < unread.p_at_least_one[0, 0]
    assert rejected.p_at_least_one[0, 1] == unread.p_at_least_one[0, 1]  # without an area a rejection is no rate
    dirty, clean = judged([-1, 0, 0], searched_ha=0.1), judged([-1, 0, 0], searched_ha=50.0)
    assert dirty.p_at_least_one[0, 1] < rejected.p_at_least_one[0, 1] < clean.p_at_least_one[0, 1]
    poor = judged([0, 0, 0], missed=200)
    assert poor.p_unseen[0, 0] > unread.p_unseen[0, 0]


def test_verdicts_must_fit() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        assess(
            SEARCHED,
            detections=found([(500_050, 4_400_150, 0.9)]),
            items=np.zeros(1, np.intp),
            performance=PERFORMANCE,
            prior=PRIOR,
            review=Review(np.zeros(2, np.int8)),
        )


def test_no_detections_is_a_result_too() -> None:
    nothing = Detections.empty(classes=("ap_mine",))
    risk = assess(SEARCHED, detections=nothing, items=np.empty(0, np.intp), performance=PERFORMANCE, prior=PRIOR)
    assert risk.p_at_least_one[0, 0] == pytest.approx(0.025, abs=5e-4)
    assert np.array_equal(risk.p_at_least_one, risk.p_unseen, equal_nan=True)


def test_a_cell_with_an_item_is_never_nodata() -> None:
    risk = assess(
        SEARCHED,
        detections=found([(500_150, 4_400_050, 0.9)]),
        items=np.zeros(1, np.intp),
        performance=PERFORMANCE,
        prior=PRIOR,
    )
    assert risk.p_at_least_one[1, 1] > 0.5


@pytest.mark.parametrize("place", [(499_998.9, 4_400_150, 0.9), (500_050, 4_400_201.1, 0.9)])
def test_detections_outside_the_grid_are_an_error(place: tuple[float, float, float]) -> None:
    with pytest.raises(SurveyError, match="outside the hectare grid"):
        assess(SEARCHED, detections=found([place]), items=np.zeros(1, np.intp), performance=PERFORMANCE, prior=PRIOR)


def test_a_centre_on_the_far_side_of_the_grids_edge_belongs_to_the_cell_there() -> None:
    places = [(500_200.0, 4_400_150, 0.9), (500_050, 4_400_000.0, 0.9), (499_999.99, 4_400_200.01, 0.9)]
    items = np.arange(3, dtype=np.intp)
    risk = assess(SEARCHED, detections=found(places), items=items, performance=PERFORMANCE, prior=PRIOR)
    assert risk.detections[0].tolist() == [1, 1]
    assert risk.detections[1, 0] == 1


def test_detections_without_a_place_are_an_error() -> None:
    with pytest.raises(SurveyError, match="no place on the ground"):
        assess(
            SEARCHED,
            detections=found([(np.nan, np.nan, 0.9)]),
            items=np.zeros(1, np.intp),
            performance=PERFORMANCE,
            prior=PRIOR,
        )


def test_items_must_fit() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        assess(
            SEARCHED,
            detections=found([(500_050, 4_400_150, 0.9)]),
            items=np.zeros(2, np.intp),
            performance=PERFORMANCE,
            prior=PRIOR,
        )


def test_a_prior_of_each_cell_is_that_of_its_own_cell() -> None:
    """Cells are judged by themselves: each is as if the whole grid had its prior."""
    sightings = found([(500_050, 4_400_150, 0.9), (500_160, 4_400_150, 0.3), (500_010, 4_400_050, 0.5)])
    items = np.arange(3, dtype=np.intp)
    priors = [Prior(0.5, 0.5), Prior(3.0, 1e-4, (0.97, 0.01, 0.01, 0.01)), Prior(0.002, 0.05), Prior(1.0, 1.0)]
    rows = [prior.over(1) for prior in priors]
    field = PriorField(np.concatenate([r.shape for r in rows]), np.concatenate([r.rate_ha for r in rows]))

    def bands(prior: Prior | PriorField) -> Risk:
        return assess(SEARCHED, detections=sightings, items=items, performance=PERFORMANCE, prior=prior)

    together, alone = bands(field), [bands(prior) for prior in priors]
    for band in RISK_BANDS:
        values = [getattr(risk, band).ravel()[n] for n, risk in enumerate(alone)]
        assert getattr(together, band).ravel() == pytest.approx(values, rel=1e-5, abs=1e-6, nan_ok=True)
    assert together.prior_items.ravel()[:3] == pytest.approx([0.5, 3.0, 0.002])
    with pytest.raises(ValueError, match="a prior of 3 cells does not fit a search of 4"):
        bands(PriorField(field.shape[:3], field.rate_ha[:3]))
