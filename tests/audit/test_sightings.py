"""What the model sees against what is labelled: swapped, missing, and what was not compared."""

import pytest

from survey.audit.finding import Check, Coverage, Finding
from survey.audit.sightings import Judge
from survey.values import Window
from tests.audit.conftest import BLUE, GREEN, RED, boxes, painted, sees_paint, texture, view

ITEM = (50, 60, 12, RED)
LABEL = (44.0, 54.0, 56.0, 66.0)


def told(findings: list[Finding]) -> list[tuple[Check, tuple[float, ...]]]:
    return [(f.check, f.spot.place or ()) for f in findings]


def covered(judge: Judge) -> tuple[Coverage, Coverage]:
    swapped, missing = judge.coverage()
    return swapped, missing


def test_labels_and_sightings_that_agree_are_no_findings() -> None:
    judge = Judge({"a": sees_paint()}, score=None)
    shown = view(painted(texture(1), ITEM), boxes((*LABEL, "ap_mine"), (100, 100, 112, 112, "ap_mine")))
    assert judge.judge(shown, file="one.png", labelled=True) == []
    swapped, missing = covered(judge)
    assert (swapped.status, swapped.looked_at) == ("partly done", 1)
    assert "1 of 2 labels" in swapped.left_out[0]
    assert (missing.status, missing.looked_at) == ("done", 1)


def test_a_label_that_the_model_gives_another_class_is_found() -> None:
    judge = Judge({"a": sees_paint()}, score=None)
    shown = view(
        painted(texture(1), ITEM, (100, 200, 12, BLUE)), boxes((*LABEL, "at_mine"), (94, 194, 106, 206, "at_mine"))
    )
    (finding,) = judge.judge(shown, file="one.png", labelled=True)
    assert told([finding]) == [(Check.CLASSES_BY_MODEL, LABEL)]
    assert "labelled at_mine; the model takes it for ap_mine of 12 cm (score 0.80)" in finding.words
    assert covered(judge)[0].status == "done"


def test_a_class_that_the_model_does_not_know_is_not_compared() -> None:
    judge = Judge({"a": sees_paint(learnt="ap_mine")}, score=None)
    two = boxes((*LABEL, "at_mine"), (94, 194, 106, 206, "ap_mine"))
    assert judge.judge(view(painted(texture(1), ITEM, (100, 200, 12, GREEN)), two), file="f", labelled=True) == []
    swapped, missing = covered(judge)
    assert (swapped.status, missing.status) == ("not done", "done")
    assert "2 of 2 labels" in swapped.left_out[0]


def test_a_sighting_without_a_label_is_found_and_a_second_one_on_an_item_is_not() -> None:
    judge = Judge({"a": sees_paint()}, score=None)
    beside = (50, 80, 6, BLUE)  # within 0.3 m of the item
    shown = view(painted(texture(1), ITEM, beside, (120, 200, 20, RED)), boxes((*LABEL, "ap_mine")))
    (finding,) = judge.judge(shown, file="one.png", labelled=True)
    assert finding.check is Check.MISSING
    assert finding.spot.place == pytest.approx((110, 190, 130, 210))
    assert "the model sees ap_mine of 20 cm (score 0.80) where nothing is labelled" in finding.words
    (finding,) = judge.judge(view(painted(texture(1), ITEM)), file="empty.png", labelled=False)
    assert "on ground that is listed as empty" in finding.words


def test_below_the_operating_score_nothing_is_said() -> None:
    shown = view(painted(texture(1), ITEM))
    assert len(Judge({"a": sees_paint()}, score=0.7).judge(shown, file="f", labelled=True)) == 1
    assert Judge({"a": sees_paint()}, score=0.9).judge(shown, file="f", labelled=True) == []


def test_without_a_model_or_where_it_is_too_coarse_the_checks_are_not_done() -> None:
    judge = Judge({"b": sees_paint()}, score=None)
    shown = painted(texture(1), ITEM)
    assert judge.judge(view(shown), file="f", labelled=True) == []
    assert judge.judge(view(shown, site="b", gsd_m=0.03), file="g", labelled=True) == []
    for check in covered(judge):
        assert check.status == "not done"
        assert check.left_out == (
            "a: no model for 1 picture or part",
            "b: too coarse for the model: 1 picture or part",
        )


def test_places_of_a_part_are_those_of_its_file_and_each_belongs_to_one_part() -> None:
    judge = Judge({"a": sees_paint()}, score=None)
    ground = painted(texture(1), (50, 60, 12, RED), (50, 220, 12, RED))
    part = view(ground, core=Window(0, 0, 160, 200), origin=(1000.0, 4000.0), step=(2.0, 2.0))
    assert part.place == (1000, 4000, 1320, 4480)
    (finding,) = judge.judge(part, file="one.tif", labelled=True)
    assert finding.spot.place == pytest.approx((1088, 4108, 1112, 4132))
