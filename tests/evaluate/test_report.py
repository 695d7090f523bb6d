"""The report counts at the operating point, by site and by what the items are like."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from survey.datasets.sources import Picture
from survey.detect import Detector
from survey.errors import TrainingError
from survey.evaluate import Scores, evaluation, report
from survey.evaluate.strata import confusion, strata

Make = Callable[..., Scores]


def test_the_report_counts_at_the_operating_point(scores: Make) -> None:
    found = scores((0.9, True), (0.8, False), (0.5, True), (0.2, True), (0.1, False), items=4, area=2.0)
    told = evaluation(found, least_score=0.3)
    assert (told["recall"]["count"], told["recall"]["of"], told["recall"]["value"]) == (2, 4, 0.5)
    assert told["false_alarms_per_ha"]["value"] == 0.5
    assert told["false_alarms_per_ha"] == told["false_alarms_per_ha_by_site"]["a"]
    assert (told["found_by_class"]["ap_mine"], told["false_alarms_by_class"]["ap_mine"]) == (2, 1)
    assert told["position_error_m"] == pytest.approx(0.1)
    assert [point["per_ha"] for point in told["froc"]] == [0.1, 1, 10, 100, 1000]
    assert [point["recall"] for point in told["froc"]] == [0.25, 0.75, 0.75, 0.75, 0.75]
    assert [point["resolved"] for point in told["froc"]] == [False, True, True, True, True]
    assert told["froc"][0]["recall_interval"][0] == pytest.approx(0.0063, abs=1e-4)
    assert told["alarms_at_recall"][0] == {"recall": 0.9, "score": None, "false_alarms_per_ha": None}
    assert told["curve"] == {"score": [0.9, 0.5, 0.2, 0.1], "found": [1, 2, 3, 3], "false_alarms": [0, 1, 1, 2]}
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_sites_are_reported_apart(scores: Make) -> None:
    found = scores((0.9, True), (0.8, False, "b"), (0.7, True, "b"), items=3)
    told = evaluation(found, least_score=0.3)
    assert (told["by_site"]["b"]["items"], told["by_site"]["b"]["false_alarms_per_ha"]["count"]) == (1, 1)
    assert (told["by_site"]["a"]["recall"]["of"], told["by_site"]["a"]["centre_ap"]) == (2, 0.5)
    assert told["false_alarms_per_ha"]["interval"] == "bootstrap over 2 sites, at least Poisson"


def test_a_model_that_finds_nothing_is_reported_as_such(scores: Make) -> None:
    told = evaluation(scores((0.05, False), items=3), least_score=0.3)
    assert (told["recall"]["value"], told["position_error_m"]) == (0, None)
    assert (told["calibration"]["kind"], told["calibration"]["prevalence"]) == ("constant", 0.5)


def test_ground_without_items_is_measured_for_false_alarms_alone(scores: Make) -> None:
    told = evaluation(scores((0.9, False), (0.8, False), items=0, area=2.0), least_score=0.3)
    assert told["false_alarms_per_ha"]["value"] == 1
    assert (told["recall"]["value"], told["centre_ap"], told["froc"][1]["recall"]) == (None, None, None)
    assert json.dumps(told, allow_nan=False)


def test_training_needs_an_item_to_find(
    told: Callable[..., Detector], picture: Callable[..., Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "probing", lambda detector: detector)
    with pytest.raises(TrainingError, match="hold out a site that has some"):
        report.evaluate(told([(5, 5, 0.5)]), [picture()], least_score=0.3)


def test_strata_split_the_items_and_name_what_is_not_known(scores: Make) -> None:
    found = scores((0.9, True), (0.8, True), (0.1, True), items=4)
    items = replace(
        found.items,
        size_m=np.array([0.05, 0.1, 0.16, 0.9]),
        gsd_m=np.array([0.004, 0.01, 0.01, 0.05]),
        green=np.array([0.0, 0.3, 0.9, np.nan]),
    )
    parts = strata(replace(found, items=items), least_score=0.3)
    assert [(s["stratum"], s["count"], s["of"]) for s in parts["size_at_model_gsd"]] == [
        ("< 8 px", 1, 1),
        ("8 to 16 px", 1, 1),
        ("16 to 32 px", 0, 1),
        (">= 64 px", 0, 1),
    ]
    assert [s["stratum"] for s in parts["gsd"]] == ["< 0.5 cm", "1 to 1.5 cm", ">= 3 cm"]
    assert [s["of"] for s in parts["green_cover"]] == [1, 1, 1, 1]
    assert parts["green_cover"][-1]["stratum"] == "not known"
    assert parts["texture"] == [{**parts["texture"][0], "stratum": "not known", "count": 2, "of": 4}]
    assert parts["class"][0]["stratum"] == "ap_mine"


def test_confusion_counts_classes_misses_and_false_alarms(scores: Make) -> None:
    found = scores((0.9, True), (0.8, True), (0.7, False), (0.1, True), items=4)
    seen = replace(found.sightings, class_index=np.array([0, 1, 1, 0]))
    items = replace(found.items, label=np.array([0, 0, 1, 1]))
    told = confusion(replace(found, sightings=seen, items=items, labels=("ap_mine", "bomb")), least_score=0.3)
    assert told["rows"] == ["ap_mine", "bomb", "(no item)"]
    assert told["columns"] == ["ap_mine", "at_mine", "(not found)"]
    assert told["counts"] == [[1, 1, 0], [0, 0, 2], [0, 1, 0]]
    assert (told["class_right"]["count"], told["class_right"]["of"]) == (1, 2)
    assert cast(float, told["class_right"]["high"]) < 1
