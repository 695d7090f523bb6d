"""Crops of ground: what a picture is known to hold lies where the crop shows it."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from survey.composites.ground import IGNORED, crop_picture, cut_away
from survey.datasets.sources import Boxes, Picture, Sources
from survey.networks import FILL
from survey.simulate import Sun
from survey.values import DISTURBANCES


def spotted(rows: NDArray[np.float64], cols: NDArray[np.float64], sun: Sun | None = None) -> Picture:
    """Grey ground with a red disc of 13 px at each item."""
    rgb = np.full((300, 400, 3), 100, np.uint8)
    for row, col in zip(rows, cols, strict=True):
        cv2.circle(rgb, (int(col - 0.5), int(row - 0.5)), 6, (255, 0, 0), -1)
    items = Boxes(rows, cols, np.full(len(rows), 13.0), ("ap_mine",) * len(rows))
    return Picture("a", "spots", rgb, 0.01, items, ((200, 100, 60, 60),), 1.0, sun)


def reddest(rgb: NDArray[np.uint8]) -> tuple[NDArray[np.float64], float]:
    """Return the middle (row, col) of what is red, and its extent."""
    red = np.clip(rgb[..., 0].astype(float) - rgb[..., 1], 0, None)
    rows, cols = np.mgrid[: rgb.shape[0], : rgb.shape[1]] + 0.5
    at = np.array([(rows * red).sum(), (cols * red).sum()]) / red.sum()
    return at, 2 * np.sqrt((red / red.max()).sum() / np.pi)


def test_items_lie_where_the_turned_and_scaled_crop_shows_them() -> None:
    picture = spotted(np.array([150.5]), np.array([200.5]))
    seen = 0
    for seed in range(60):
        crop = crop_picture(picture, 128, 0.01, np.random.default_rng(seed))
        (item,) = crop.items
        if not (18 < item.row < 110 and 18 < item.col < 110):
            continue
        seen += 1
        at, across = reddest(crop.rgb)
        assert np.hypot(*(at - [item.row, item.col])) < 0.3
        assert item.size_px == pytest.approx(across, rel=0.12)
    assert seen > 20


def test_a_crop_shows_what_it_is_aimed_at() -> None:
    empty = Picture("a", "e", spotted(np.array([150.5]), np.array([200.5])).rgb, 0.01, Boxes.none(), (), 1.0)
    for seed in range(20):
        crop = crop_picture(empty, 128, 0.01, np.random.default_rng(seed), aim=(150.5, 200.5))
        assert crop.aimed is not None
        assert 30 < min(crop.aimed) < max(crop.aimed) < 98
        assert np.hypot(*(reddest(crop.rgb)[0] - crop.aimed)) < 0.3
    assert crop_picture(empty, 128, 0.01, np.random.default_rng(0)).aimed is None


def test_the_sun_of_a_picture_turns_with_it() -> None:
    picture = spotted(np.array([150.5]), np.array([200.5]), Sun(90, 40))
    crops = [crop_picture(picture, 64, 0.01, np.random.default_rng(seed)) for seed in range(20)]
    suns = [crop.sun for crop in crops if crop.sun]
    assert len(suns) == 20
    assert {s.elevation_deg for s in suns} == {40}
    assert np.std([s.azimuth_deg for s in suns]) > 60


def test_enlarged_ground_is_known_to_be_soft() -> None:
    coarse = Picture("a", "c", np.zeros((100, 100, 3), np.uint8), 0.03, Boxes.none(), (), 1.0)
    fine = Picture("a", "f", np.zeros((900, 900, 3), np.uint8), 0.004, Boxes.none(), (), 1.0)
    assert all(crop_picture(coarse, 64, 0.01, np.random.default_rng(s)).softness_px > 0.4 for s in range(9))
    assert all(crop_picture(fine, 64, 0.01, np.random.default_rng(s)).softness_px == 0 for s in range(9))


def test_dug_soil_is_marked_inside_its_box_and_unknown_elsewhere() -> None:
    picture = spotted(np.array([130.5]), np.array([230.5]))  # an item in the middle of the dug ellipse
    code = 1 + DISTURBANCES.index("disturbed_soil")
    hits = 0
    for seed in range(20):
        crop = crop_picture(picture, 128, 0.01, np.random.default_rng(seed))
        assert set(np.unique(crop.mask)) <= {code, IGNORED}
        row, col = int(crop.items[0].row), int(crop.items[0].col)
        if 0 <= row < 128 and 0 <= col < 128:
            hits += 1
            assert crop.mask[row, col] == code
    assert hits > 5


def test_ground_known_to_be_undisturbed_is_marked_so(sources: Sources) -> None:
    assert not crop_picture(sources.pictures[0], 64, 0.01, np.random.default_rng(0)).mask.any()


def test_what_is_cut_away_is_nodata_and_undisturbed() -> None:
    rgb, mask = np.full((96, 96, 3), 200, np.uint8), np.full((96, 96), 2, np.uint8)
    gone = cut_away(rgb, mask, np.random.default_rng(0))
    assert 0.02 < gone.mean() < 0.7
    assert (rgb[gone] == FILL).all()
    assert (rgb[~gone] == 200).all()
    assert not mask[gone].any()
    assert (mask[~gone] == 2).all()
