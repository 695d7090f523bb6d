"""Sizes no item of the class has, and labels whose size is that of another class."""

import numpy as np
import pytest

from survey.audit.finding import Check, Finding
from survey.audit.pictures import Marks
from survey.audit.sizes import LEAST_LABELS, RANGES_M, check_sizes
from survey.simulate.items import ITEMS
from survey.values import CLASSES
from tests.audit.conftest import boxes, marks


def test_every_simulated_item_lies_in_the_range_of_its_class() -> None:
    for item in ITEMS.values():
        least, most = RANGES_M[item.class_name]
        assert least <= item.size_m <= most, item.title
    assert set(CLASSES) - set(RANGES_M) == {"anomaly"}


def labelled(
    *sizes: tuple[str, float], site: str = "a", gsd_m: float = 0.01, known: bool = True
) -> list[tuple[str, str, Marks]]:
    """Return a file for each label (class, longest side in px) with a box in its middle."""
    return [
        (site, f"{site}{n}.png", marks(boxes((80 - s / 2, 100, 80 + s / 2, 103, name)), gsd_m=gsd_m, scale_known=known))
        for n, (name, s) in enumerate(sizes)
    ]


def of(findings: list[Finding], check: Check) -> list[str]:
    return [f.spot.file for f in findings if f.check is check]


@pytest.mark.parametrize(
    ("name", "size_px", "gsd_m", "odd"),
    [
        ("ap_mine", 11, 0.01, False),
        ("ap_mine", 3, 0.01, False),  # 3 cm as drawn, but drawn to 2 px: it may be 5 cm
        ("ap_mine", 3, 0.002, True),
        ("ap_mine", 90, 0.01, True),
        ("ap_mine", 60, 0.01, False),  # within the slack around 43 cm
        ("at_mine", 32, 0.01, False),
        ("at_mine", 6, 0.01, True),
        ("at_mine", 32, 0.1, True),
        ("projectile", 60, 0.01, False),
        ("anomaly", 150, 0.1, False),
        ("tin", 150, 0.1, False),
    ],
)
def test_a_size_that_no_item_of_the_class_has_is_found(name: str, size_px: float, gsd_m: float, odd: bool) -> None:
    findings, (sizes, _) = check_sizes(labelled((name, size_px), gsd_m=gsd_m))
    assert of(findings, Check.SIZES) == (["a0.png"] if odd else [])
    published = name in RANGES_M
    assert sizes.status == ("partly done" if published else "not done")
    assert any("none are known here for this class" in words for words in sizes.left_out) is not published
    assert f"a: 1 label of {name} not compared with each other: 8 are needed" in sizes.left_out


AP = [("ap_mine", s) for s in (10, 11, 11.5, 12, 12, 12.5, 13, 14)]
AT = [("at_mine", s) for s in (29, 30, 31, 31, 32, 33, 34, 35)]


def test_a_label_of_another_class_s_size_is_a_swap_and_no_odd_size() -> None:
    findings, (sizes, swaps) = check_sizes(labelled(*AP, ("ap_mine", 31), *AT, ("at_mine", 12)))
    assert of(findings, Check.CLASSES_BY_SIZE) == ["a8.png", "a17.png"]
    assert of(findings, Check.SIZES) == []
    assert "perhaps it is at_mine" in findings[0].words
    assert findings[0].numbers["other_class"] == "at_mine"
    assert (sizes.status, swaps.status, swaps.looked_at) == ("done", "done", 18)


def test_an_outlier_that_fits_no_class_is_an_odd_size() -> None:
    findings, _ = check_sizes(labelled(*AP, ("ap_mine", 55), *AT))
    assert [(f.check, f.spot.file) for f in findings] == [(Check.SIZES, "a8.png")]
    assert "the middle one of the site is 12 cm" in findings[0].words


def test_sizes_that_spread_or_are_all_alike_are_no_outliers() -> None:
    spread = [("ap_mine", s) for s in np.geomspace(8, 40, 12)]
    alike = [("at_mine", 32.0)] * 9 + [("at_mine", 47.0), ("at_mine", 22.0)]
    assert check_sizes(labelled(*spread, *alike))[0] == []


def test_classes_with_few_labels_are_not_judged_and_that_is_said() -> None:
    few = AP[: LEAST_LABELS - 1]
    findings, (sizes, swaps) = check_sizes(labelled(*few, *AT, ("at_mine", 12)))
    assert of(findings, Check.CLASSES_BY_SIZE) == []
    assert of(findings, Check.SIZES) == ["a15.png"]
    assert swaps.status == "not done"
    assert swaps.left_out == (
        "a: 7 labels of ap_mine: 8 are needed",
        "a: 9 labels of at_mine: no other class of the site has so many",
    )
    assert sizes.left_out == ("a: 7 labels of ap_mine not compared with each other: 8 are needed",)


def test_labels_of_other_sites_are_no_measure() -> None:
    findings, (_, swaps) = check_sizes([*labelled(*AP, ("ap_mine", 31)), *labelled(*AT, site="b")])
    assert [f.check for f in findings] == [Check.SIZES]
    assert swaps.status == "not done"


def test_where_the_gsd_follows_from_the_boxes_only_they_are_compared() -> None:
    wide = [("ap_mine", s * 8) for _, s in AP]
    findings, (sizes, _) = check_sizes(labelled(*wide, ("ap_mine", 20), known=False))
    assert [(f.check, f.spot.file) for f in findings] == [(Check.SIZES, "a8.png")]
    assert "none of the frames' own" in findings[0].words
    assert "the GSD of their frames follows from them" in sizes.left_out[0]


def test_boxes_that_are_cut_are_left_out_and_counted() -> None:
    cut = ("a", "cut.png", marks(boxes((0, 100, 150, 110, "ap_mine"), (-90, 0, -10, 9, "ap_mine"))))
    findings, (sizes, _) = check_sizes([*labelled(*AP), cut])
    assert findings == []
    assert sizes.looked_at == 8
    assert sizes.left_out[0].startswith("2 labels: the box is cut")
