"""Copies are known by their pixels and by their looks; other pictures are not taken for copies."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from survey.audit.duplicates import NEAR_BITS, Print, find_copies, perceptual_hash, print_of
from survey.audit.finding import Severity, Spot
from survey.audit.pictures import Group
from survey.photograph import read_picture
from tests.audit.conftest import boxes, texture, view

Pixels = NDArray[np.uint8]


def jpeg(rgb: Pixels, quality: int) -> Pixels:
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", rgb, [1, quality])[1], 1), np.uint8)


COPIES: dict[str, Callable[[Pixels], Pixels]] = {
    "half the size": lambda p: np.asarray(cv2.resize(p, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8),
    "larger": lambda p: np.asarray(cv2.resize(p, None, fx=1.7, fy=1.7, interpolation=cv2.INTER_CUBIC), np.uint8),
    "a square": lambda p: np.asarray(cv2.resize(p, (200, 200)), np.uint8),
    "JPEG": lambda p: jpeg(p, 50),
    "poor JPEG": lambda p: jpeg(p, 20),
    "small JPEG": lambda p: jpeg(np.asarray(cv2.resize(p, None, fx=0.3, fy=0.3), np.uint8), 50),
    "brighter": lambda p: np.asarray(cv2.convertScaleAbs(p, alpha=1.1, beta=8), np.uint8),
}


def apart(one: Pixels, two: Pixels) -> int:
    first, second = perceptual_hash(one), perceptual_hash(two)
    assert first is not None
    assert second is not None
    return (first ^ second).bit_count()


@pytest.mark.parametrize("copy", COPIES)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_copy_keeps_its_hash(copy: str, seed: int) -> None:
    picture = texture(seed)
    assert apart(picture, COPIES[copy](picture)) <= NEAR_BITS


def test_different_ground_is_never_taken_for_a_copy() -> None:
    hashes = np.array([perceptual_hash(texture(seed)) for seed in range(300)], np.uint64)
    distances = np.bitwise_count(hashes[:, None] ^ hashes[None])[np.triu_indices(len(hashes), 1)]
    assert distances.min() > NEAR_BITS
    assert abs(float(distances.mean()) - 31.5) < 1


def test_the_hash_holds_on_real_pictures(shared_data: Path) -> None:
    folders = ("pom-drone/images", "ground-dunes/images", "ground-lawn-flight", "ground-steppe/images")
    paths = [sorted(p for p in (shared_data / f).glob("*.[jJ]*"))[::12] for f in (*folders, "ground-soil-weeds/images")]
    sites = [n for n, own in enumerate(paths) for _ in own]
    pictures = [read_picture(path) for own in paths for path in own]
    assert len(pictures) > 12
    for one, first in zip(sites, pictures, strict=True):
        assert all(apart(first, copy(first)) <= 6 for copy in COPIES.values())
        assert all(apart(first, other) >= 18 for two, other in zip(sites, pictures, strict=True) if two != one)


def prints(*pictures: tuple[Pixels, Group], labels: int = 0) -> list[Print]:
    marked = boxes(*[(1, 1, 9, 9, "ap_mine")] * labels)
    return [print_of(view(rgb, marked), spot=Spot(f"{n}.png"), group=g) for n, (rgb, g) in enumerate(pictures)]


A, A_LATER, A_VAL, B = Group("a", "1", "train"), Group("a", "2", "train"), Group("a", "1", "val"), Group("b", "1", "x")


@pytest.mark.parametrize(
    ("other", "severity", "said"),
    [
        (A, Severity.INFO, "in the same folder"),
        (A_LATER, Severity.ERROR, "in another flight (1): whatever is split by it leaks"),
        (A_VAL, Severity.ERROR, "in another folder (train)"),
        (B, Severity.ERROR, "in another site (a)"),
    ],
)
@pytest.mark.parametrize("same", [True, False])
def test_a_copy_in_another_group_leaks(other: Group, severity: Severity, said: str, same: bool) -> None:
    picture = texture(1)
    copied = picture if same else COPIES["half the size"](picture)
    findings, covered = find_copies(prints((texture(2), A), (picture, A), (texture(3), B), (copied, other)))
    (finding,) = findings
    assert (finding.severity, finding.spot.file) == (severity, "3.png")
    assert finding.beside == Spot("1.png")
    assert said in finding.words
    assert ("pixel for pixel" in finding.words) is same
    assert (covered.status, covered.looked_at) == ("done", 4)


def test_of_several_copies_the_one_that_leaks_is_named() -> None:
    picture = texture(1)
    near = COPIES["JPEG"](picture)
    findings, _ = find_copies(prints((near, B), (picture, A), (picture, A)))
    assert [(f.spot.file, f.beside.file if f.beside else "", f.severity) for f in findings] == [
        ("1.png", "0.png", Severity.ERROR),
        ("2.png", "0.png", Severity.ERROR),
    ]


def test_copies_with_other_labels_contradict_each_other() -> None:
    (first,), (second,) = prints((texture(1), A)), prints((texture(1), A), labels=2)
    (finding,), _ = find_copies([first, second])
    assert finding.severity is Severity.ERROR
    assert "one has 2 labels, the other 0" in finding.words


def test_flat_pictures_are_compared_by_their_pixels_only_and_that_is_said() -> None:
    grey, paler = np.full((50, 60, 3), 120, np.uint8), np.full((50, 60, 3), 121, np.uint8)
    assert perceptual_hash(grey) is None
    findings, covered = find_copies(prints((grey, A), (paler, B), (grey, B)))
    assert [(f.spot.file, f.numbers["bits"]) for f in findings] == [("2.png", 0)]
    assert covered.status == "partly done"
    assert "3 pictures or parts have too little contrast" in covered.left_out[0]


def test_a_turned_shape_with_the_same_bytes_is_no_copy() -> None:
    picture = texture(1)
    findings, _ = find_copies(prints((picture, A), (picture.reshape(240, 160, 3), A)))
    assert findings == []
