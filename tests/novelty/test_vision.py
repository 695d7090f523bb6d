"""What cannot be searched by anyone: the dark, grey pictures, and blur."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from survey.novelty.vision import LEAST, shortfalls, vision_of

Picture = NDArray[np.uint8]
WHOLE = np.ones((256, 256), bool)


def ground(seed: int = 1) -> Picture:
    """Return brown ground, rough at every scale."""
    rng = np.random.default_rng(seed)
    rough = sum(
        cv2.resize(rng.normal(0, 8, (size, size)), (256, 256), interpolation=cv2.INTER_LINEAR)
        for size in (8, 32, 128, 256)
    )
    return np.asarray((np.array([120, 100, 80]) + np.asarray(rough)[..., None]).clip(0, 255), np.uint8)


def short(picture: Picture) -> list[str]:
    """Return what a picture lacks."""
    lacks = shortfalls(vision_of(picture, WHOLE, gsd_m=0.005)[None])[0] > 1
    return [name for name, lacking in zip(LEAST, lacks, strict=True) if lacking]


def as_jpeg(picture: Picture) -> Picture:
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", picture)[1], cv2.IMREAD_COLOR), np.uint8)


@pytest.mark.parametrize(
    ("alter", "lacks"),
    [
        (lambda p: p, []),
        (lambda p: np.asarray(cv2.GaussianBlur(p, (0, 0), 1.5), np.uint8), []),
        (lambda p: (p * 0.1).astype(np.uint8), ["brightness"]),
        (lambda p: np.repeat(p[..., :1], 3, axis=2), ["chroma"]),
        (lambda p: as_jpeg(np.repeat(p[..., :1], 3, axis=2)), ["chroma"]),
        (lambda p: np.asarray(cv2.GaussianBlur(p, (0, 0), 8), np.uint8), ["detail"]),
        (lambda p: np.full_like(p, 100), ["chroma", "detail"]),
    ],
)
def test_each_lack_is_told_and_no_other(alter: Callable[[Picture], Picture], lacks: list[str]) -> None:
    assert short(alter(ground())) == lacks


def test_imagery_three_times_as_coarse_is_not_taken_for_blurred() -> None:
    coarse = cv2.resize(ground(), (85, 85), interpolation=cv2.INTER_AREA)
    assert short(np.asarray(cv2.resize(coarse, (256, 256), interpolation=cv2.INTER_LINEAR), np.uint8)) == []


def test_what_was_not_imaged_does_not_count() -> None:
    picture, imaged = ground(), WHOLE.copy()
    imaged[:, 128:] = False
    black, white = picture.copy(), picture.copy()
    black[:, 128:], white[:, 128:] = 0, 255
    one, other = (vision_of(p, imaged, gsd_m=0.005) for p in (black, white))
    assert np.array_equal(one, other)
    assert one == pytest.approx(vision_of(picture, WHOLE, gsd_m=0.005), rel=0.2)


@pytest.mark.parametrize("gsd_m", [0.005, 0.01])
def test_blur_is_told_by_its_width_on_the_ground(gsd_m: float) -> None:
    soft, softer = (cv2.GaussianBlur(ground(), (0, 0), width / gsd_m) for width in (0.01, 0.04))
    assert vision_of(np.asarray(soft, np.uint8), WHOLE, gsd_m=gsd_m)[2] > LEAST["detail"]
    assert vision_of(np.asarray(softer, np.uint8), WHOLE, gsd_m=gsd_m)[2] < LEAST["detail"]
