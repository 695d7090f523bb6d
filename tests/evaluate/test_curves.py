"""FROC and average precision against values worked out by hand."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from survey.datasets.sources import Picture
from survey.detect import Detector
from survey.evaluate import Scores, average_precision, curve, recall_at, score_pictures
from survey.evaluate.coco import coco_ap
from survey.evaluate.curves import operating_points, score_for_recall

Make = Callable[..., Scores]


def test_average_precision_by_hand(scores: Make) -> None:
    # Ranked: true, false, true; of three items: (1/1 + 2/3) / 3.
    assert average_precision(scores((0.9, True), (0.8, False), (0.7, True), items=3)) == pytest.approx(5 / 9)
    assert average_precision(scores((0.9, True), (0.8, True), items=2)) == 1
    assert average_precision(scores((0.9, False), items=2)) == 0
    assert np.isnan(average_precision(scores((0.9, False), items=0)))
    assert average_precision(scores(items=2)) == 0


def test_equal_scores_are_one_threshold_in_whatever_order_they_come(scores: Make) -> None:
    tied = [(0.9, True), (0.5, True), (0.5, False), (0.5, False)]
    for rows in (tied, tied[::-1]):
        points = curve(scores(*rows, items=2))
        assert (points.found.tolist(), points.alarms.tolist()) == ([1, 2], [0, 2])
        assert average_precision(scores(*rows, items=2)) == pytest.approx((1 + 2 / 4) / 2)


def test_recall_at_a_rate_of_false_alarms(scores: Make) -> None:
    found = scores((0.9, True), (0.8, False), (0.7, True), (0.6, False), (0.5, True), items=4, area=0.5)
    assert recall_at(found, 0) == pytest.approx((0.25, 0.9))
    assert recall_at(found, 2) == pytest.approx((0.5, 0.7))
    assert recall_at(found, 3.9) == pytest.approx((0.5, 0.7))
    assert recall_at(found, 4) == pytest.approx((0.75, 0.5))
    assert recall_at(scores((0.9, False), (0.8, True), items=1), 0.5) == (0, 1)
    assert recall_at(scores(items=1), 1) == (0, 1)


def test_the_score_that_reaches_a_recall(scores: Make) -> None:
    found = scores((0.9, True), (0.8, False), (0.7, True), (0.6, False), items=2)
    assert score_for_recall(found, 0.5) == 0.9
    assert score_for_recall(found, 0.9) == 0.7
    assert score_for_recall(scores((0.9, True), items=2), 0.9) is None


def test_operating_points_count_scores_at_and_above(scores: Make) -> None:
    found = scores((0.9, True), (0.8, False, "b"), (0.3, True), items=4, area=2.0)
    high, low = operating_points(found, [0.31, 0.3])
    assert (high.recall.count, low.recall.count, low.recall.of) == (1, 2, 4)
    assert (low.alarms.value, low.alarms.of) == (0.25, 4.0)
    assert low.alarms.interval.startswith("bootstrap over 2 sites")


def test_coco_ap_of_a_perfect_and_of_a_half_right_detector(
    told: Callable[..., Detector], picture: Callable[..., Picture]
) -> None:
    pytest.importorskip("torchmetrics")
    frames = [picture((50, 50)), picture((30, 150))]
    right = score_pictures(told([(50, 50, 0.9)], [(30, 150, 0.8)], size_m=0.1), frames)
    assert coco_ap(right) == {"ap": 1.0, "ap50": 1.0, "by_class": {"ap_mine": {"ap": 1.0, "ap50": 1.0}}}
    # One of two found, no false alarm: precision 1 at the 51 of 101 recalls up to 0.5.
    half = score_pictures(told([(50, 50, 0.9)], [], size_m=0.1), frames)
    assert coco_ap(half)["ap50"] == pytest.approx(51 / 101)
    # Shifted by 2 of 10 px: IoU is 80 / 120 = 0.667, above 4 of the 10 thresholds.
    shifted = score_pictures(told([(50, 52, 0.9)], [(30, 152, 0.8)], size_m=0.1), frames)
    assert coco_ap(shifted)["ap"] == pytest.approx(0.4)
    assert coco_ap(shifted)["ap50"] == 1


def test_coco_ap_agrees_with_torchmetrics_own_summary(scores: Make) -> None:
    pytest.importorskip("torchmetrics")
    import torch
    from torchmetrics.detection import MeanAveragePrecision

    made = scores((0.9, True), (0.8, False), (0.7, True), (0.6, False), (0.5, True), items=4)
    rng = np.random.default_rng(0)
    seen = replace(made.sightings, x=rng.uniform(0, 3, 5), size_m=rng.uniform(0.5, 1.5, 5))
    there = replace(made.items, x=rng.uniform(0, 3, 4), size_m=rng.uniform(0.5, 1.5, 4))
    made = replace(made, sightings=seen, items=there)

    def boxes(x: np.ndarray, size: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.column_stack([x - size / 2, -size / 2, x + size / 2, size / 2]).astype(np.float32))

    metric = MeanAveragePrecision()
    zeros = torch.zeros
    metric.update(
        [{"boxes": boxes(seen.x, seen.size_m), "scores": torch.from_numpy(seen.score), "labels": zeros(5).long()}],
        [{"boxes": boxes(there.x, there.size_m), "labels": zeros(4).long()}],
    )
    theirs = metric.compute()
    ours = coco_ap(made)
    assert 0 < ours["ap"] < 1
    assert (ours["ap"], ours["ap50"]) == pytest.approx((float(theirs["map"]), float(theirs["map_50"])), abs=1e-6)


def test_without_torchmetrics_the_report_says_what_is_missing(scores: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("survey.evaluate.coco.find_spec", lambda name: None)
    assert "survey[evaluate]" in coco_ap(scores((0.9, True), items=1))["omitted"]
