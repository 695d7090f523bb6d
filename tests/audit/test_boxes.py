"""Each planted fault is found, and nothing else."""

from pathlib import Path

import numpy as np
import pytest

from survey.audit.boxes import check_boxes, is_whole, overlaps
from survey.audit.finding import Check, Severity
from survey.labels import Boxes, read_coco, read_yolo
from tests.audit.conftest import boxes, marks

GOOD = (50.0, 60.0, 70.0, 90.0, "ap_mine")


@pytest.mark.parametrize(
    ("box", "severity", "said"),
    [
        ((-40, 10, -20, 30), Severity.ERROR, "outside the picture of 240 × 160 px"),
        ((10, 240, 30, 260), Severity.ERROR, "outside"),
        ((10, 10, 10, 30), Severity.ERROR, "no extent: 20 × 0 px"),
        ((10, 10, 30, 9), Severity.ERROR, "no extent"),
        ((np.nan, 10, 30, 30), Severity.ERROR, "not finite"),
        ((150, 10, 170, 30), Severity.WARNING, "reaches 10.0 px beyond"),
        ((10, -5, 30, 20), Severity.WARNING, "reaches 5.0 px beyond"),
        ((140, 10, 160, 30), Severity.INFO, "edge cuts the item"),
        ((10, 0.4, 30, 20), Severity.INFO, "edge cuts the item"),
        ((10, 225, 30, 240.6), Severity.INFO, "edge cuts the item"),
    ],
)
def test_a_box_that_no_item_has_is_found(box: tuple[float, ...], severity: Severity, said: str) -> None:
    bad = (*box[:4], "at_mine")
    found = check_boxes(marks(boxes(GOOD, bad)), site="a", file="one.png")  # type: ignore[arg-type]
    (finding,) = found
    assert (finding.check, finding.severity, finding.spot.file) == (Check.BOXES, severity, "one.png")
    assert finding.words.startswith("at_mine: ")
    assert said in finding.words
    assert finding.spot.place == (pytest.approx(box) if np.isfinite(box).all() else None)
    assert is_whole(marks(boxes(GOOD, bad))).tolist() == [True, False]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "severity", "said"),
    [("ap_mine", Severity.WARNING, "boxed twice"), ("at_mine", Severity.ERROR, "boxed as ap_mine and as at_mine")],
)
def test_a_thing_that_is_boxed_twice_is_found(name: str, severity: Severity, said: str) -> None:
    again, beside = (51.0, 61.0, 71.0, 91.0, name), (60.0, 60.0, 80.0, 90.0, name)
    (finding,) = check_boxes(marks(boxes(GOOD, beside, again)), site="a", file="f")
    assert finding.severity is severity
    assert said in finding.words
    assert finding.spot.place == again[:4]
    assert finding.beside is not None
    assert finding.beside.place == GOOD[:4]


def test_boxes_without_fault_are_no_findings() -> None:
    near = (50.0, 90.0, 70.0, 120.0, "at_mine")
    assert check_boxes(marks(boxes(GOOD, near, (2, 2, 158, 238, "at_mine"))), site="a", file="f") == []
    assert check_boxes(marks(Boxes.none()), site="a", file="f") == []


def test_shared_area_is_that_of_counted_pixels() -> None:
    draw = np.random.default_rng(3)
    corners = np.sort(draw.integers(0, 30, (40, 2, 2)), axis=1).reshape(40, 4).astype(float)
    corners[:, 2:] += 1
    masks = np.zeros((40, 31, 31), bool)
    for mask, (top, left, bottom, right) in zip(masks, corners.astype(int), strict=True):
        mask[top:bottom, left:right] = True
    counted = [(masks[0] & m).sum() / (masks[0] | m).sum() for m in masks]
    assert np.allclose(overlaps(corners[0], corners), counted)


def test_readers_keep_height_and_width_and_on_request_empty_boxes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.1 0\n0 0.5 0.5 0.1 0.4\n")
    read = read_yolo(tmp_path / "a.txt", shape=(100, 200), classes=("m",), keep_faulty=True)
    assert read.edges.tolist() == [[50, 90, 50, 110], [30, 90, 70, 110]]
    moved = read.scaled(2).moved(10, 20).chosen(np.array([False, True]))
    assert moved.edges.tolist() == [[50, 160, 130, 200]]
    (tmp_path / "c.json").write_text(
        '{"images": [{"id": 1, "file_name": "a.png"}], "categories": [{"id": 1, "name": "m"}],'
        ' "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [90, 50, 20, 0]}]}'
    )
    kept = read_coco(tmp_path / "c.json", keep_faulty=True).of(Path("a.png"), (100, 200))
    assert kept.edges.tolist() == [[50, 90, 50, 110]]
    point = Boxes(np.array([5.0]), np.array([7.0]), np.array([4.0]), ("m",))
    assert point.edges.tolist() == [[3, 5, 7, 9]]
