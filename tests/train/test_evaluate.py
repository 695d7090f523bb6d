"""Counts, intervals and curves against values worked out by hand or published."""

from dataclasses import replace
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, logit

from survey.detect import Detector
from survey.errors import TrainingError
from survey.train.evaluate import (
    MATCH_M,
    Scores,
    alarm_rate,
    average_precision,
    calibration_error,
    evaluation,
    fit_calibration,
    recall_at,
    recall_rate,
    score_pictures,
)
from survey.train.sources import Boxes, Picture
from survey.values import Detections


class Told:
    """Stands in for a detector: returns what it was told, (row, col, score), picture by picture."""

    def __init__(self, *pictures: list[tuple[float, float, float]]) -> None:
        self.pictures = list(pictures)

    def detect(self, image: NDArray[np.uint8], *, gsd_m: float) -> Detections:
        table = np.array(self.pictures.pop(0), float).reshape(-1, 3)
        none = Detections.empty(classes=("ap_mine",))
        columns: dict[str, NDArray[np.generic]] = {
            name: np.zeros(len(table), array.dtype) for name, array in none.arrays().items()
        }
        row, col, score = table.T
        return none.replace(**{**columns, "row": row, "col": col, "score": score.astype(np.float32)})


def picture(*items: tuple[float, float], site: str = "a", size_px: float = 10) -> Picture:
    row, col = np.array(items, float).reshape(-1, 2).T
    boxes = Boxes(row, col, np.full(len(items), size_px), ("ap_mine",) * len(items))
    return Picture(site, "-", np.zeros((100, 200, 3), np.uint8), 0.01, boxes, (), 1.0)


def scored(told: Told, *pictures: Picture) -> Scores:
    return score_pictures(cast(Detector, told), pictures)


def scores(*pairs: tuple[float, bool], items: int, area: float = 1.0) -> Scores:
    score, true = (np.array(v) for v in zip(*pairs, strict=True))
    errors = np.where(true, 0.1, np.nan)
    return Scores(logit(score), true, errors, np.array(["a"] * len(pairs)), items, {"a": area})


def test_an_item_is_found_once_by_its_best_sighting() -> None:
    found = scored(Told([(50, 52, 0.5), (50, 60, 0.9), (50, 51, 0.4)]), picture((50, 50)))
    assert found.true.tolist() == [True, False, False]
    assert expit(found.logit) == pytest.approx([0.9, 0.5, 0.4], abs=1e-6)
    assert found.error_m[0] == pytest.approx(0.10)
    assert np.isnan(found.error_m[1:]).all()


def test_a_sighting_finds_one_item_the_nearest_still_free() -> None:
    found = scored(Told([(50, 58, 0.9), (50, 59, 0.8), (50, 57, 0.7)]), picture((50, 50), (50, 60)))
    assert found.true.tolist() == [True, True, False]
    assert found.error_m[:2] == pytest.approx([0.02, 0.09])


def test_a_match_reaches_the_fixed_distance_or_half_the_item() -> None:
    near, far = MATCH_M / 0.01 - 0.5, MATCH_M / 0.01 + 0.5
    assert scored(Told([(50, 50 + near, 0.9)]), picture((50, 50))).true.all()
    assert not scored(Told([(50, 50 + far, 0.9)]), picture((50, 50))).true.any()
    assert scored(Told([(50, 50 + far, 0.9)]), picture((50, 50), size_px=64)).true.all()


def test_areas_items_and_sites_are_counted() -> None:
    found = scored(
        Told([(1, 1, 0.9)], [], [(2, 2, 0.8)]), picture(), picture((5, 5), (9, 90), site="b"), picture(site="b")
    )
    assert found.items == 2
    assert found.area_ha == pytest.approx({"a": 2e-4, "b": 4e-4})
    assert found.site.tolist() == ["a", "b"]


def test_clopper_pearson() -> None:
    rate = recall_rate(16, 16)
    assert (rate.value, rate.high, rate.count, rate.of) == (1, 1, 16, 16)
    assert rate.low == pytest.approx(0.025 ** (1 / 16))  # the exact bound where all are found: 0.794
    assert rate.low == pytest.approx(0.794, abs=5e-4)
    none = recall_rate(0, 16)
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(1 - rate.low)
    half = recall_rate(5, 10)
    assert (half.low, half.high) == pytest.approx((0.1871, 0.8129), abs=1e-4)


def test_poisson_interval() -> None:
    none = alarm_rate(0, 2.0)
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(3.689 / 2, abs=1e-3)
    ten = alarm_rate(10, 1.0)
    assert (ten.low, ten.high) == pytest.approx((4.795, 18.390), abs=1e-3)


def test_average_precision_by_hand() -> None:
    # Ranked: true, false, true; of three items: (1/1 + 2/3) / 3.
    assert average_precision(scores((0.9, True), (0.8, False), (0.7, True), items=3)) == pytest.approx(5 / 9)
    assert average_precision(scores((0.9, True), (0.8, True), items=2)) == 1
    assert average_precision(scores((0.9, False), items=2)) == 0


def test_recall_at_a_rate_of_false_alarms() -> None:
    found = scores((0.9, True), (0.8, False), (0.7, True), (0.6, False), (0.5, True), items=4, area=0.5)
    assert recall_at(found, 0) == pytest.approx((0.25, 0.9))
    assert recall_at(found, 2) == pytest.approx((0.5, 0.7))
    assert recall_at(found, 3.9) == pytest.approx((0.5, 0.7))
    assert recall_at(found, 4) == pytest.approx((0.75, 0.5))
    assert recall_at(scores((0.9, False), (0.8, True), items=1), 0.5) == (0, 1)


def simulated(scale: float, offset: float, count: int) -> Scores:
    rng = np.random.default_rng(8)
    x = rng.normal(0.5, 2, count)
    true = rng.random(count) < expit(scale * x + offset)
    return Scores(x, true, np.where(true, 0.05, np.nan), np.array(["a"] * count), count, {"a": 1.0})


def test_calibration_recovers_what_made_the_scores() -> None:
    fit = fit_calibration(simulated(0.7, -1.1, 20_000), least_score=0.02)
    assert (fit.scale, fit.offset) == pytest.approx((0.7, -1.1), abs=0.06)


def test_calibration_uses_only_what_lies_above_the_operating_point_and_says_its_prevalence() -> None:
    made = simulated(0.7, -1.1, 4000)
    above = made.logit >= logit(0.3)
    changed = replace(made, true=np.where(above, made.true, ~made.true))
    fit = fit_calibration(made, least_score=0.3)
    assert fit == fit_calibration(changed, least_score=0.3)
    assert fit.prevalence == pytest.approx(made.true[above].mean())


@pytest.mark.parametrize("true", [True, False])
def test_sightings_of_one_kind_only_give_a_flat_smoothed_probability(true: bool) -> None:
    fit = fit_calibration(scores((0.9, true), (0.8, true), items=2), least_score=0.3)
    assert fit.scale == 0
    assert expit(fit.offset) == pytest.approx(0.75 if true else 0.25)
    assert fit.prevalence == pytest.approx(0.75 if true else 0.25)


def test_scores_that_mislead_give_a_flat_probability() -> None:
    fit = fit_calibration(simulated(-2.0, 0.0, 2000), least_score=0.02)
    assert fit.scale == 0
    assert expit(fit.offset) == pytest.approx(fit.prevalence) == pytest.approx(0.5, abs=0.1)


def test_calibration_error() -> None:
    assert calibration_error(np.full(10, 0.3), np.arange(10) < 3, bins=1) == pytest.approx(0)
    assert calibration_error(np.full(10, 0.9), np.zeros(10, bool), bins=5) == pytest.approx(0.9)
    assert calibration_error(np.empty(0), np.empty(0, bool)) == 0


def test_the_report_counts_at_the_operating_point() -> None:
    found = scores((0.9, True), (0.8, False), (0.5, True), (0.2, True), (0.1, False), items=4, area=2.0)
    report = evaluation(found, least_score=0.3)
    assert (report["recall"]["count"], report["recall"]["of"], report["recall"]["value"]) == (2, 4, 0.5)
    assert report["false_alarms_per_ha"]["value"] == 0.5
    assert report["false_alarms_per_ha"] == report["false_alarms_per_ha_by_site"]["a"]
    assert report["position_error_m"] == pytest.approx(0.1)
    assert [point["per_ha"] for point in report["froc"]] == [1, 10, 100, 1000]
    assert report["froc"][0]["recall"] == 0.75
    assert report["ece_after"] <= 1


def test_a_model_that_finds_nothing_is_reported_as_such() -> None:
    report = evaluation(scores((0.05, False), items=3), least_score=0.3)
    assert (report["recall"]["value"], report["position_error_m"]) == (0, None)
    assert report["calibration"]["prevalence"] == 0.5


def test_without_an_item_to_find_there_is_no_recall() -> None:
    with pytest.raises(TrainingError, match="hold out a site that has some"):
        evaluation(scores((0.5, False), items=0), least_score=0.3)
