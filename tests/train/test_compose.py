"""Crops are a pure function of seed and number, and their truth lies where the picture shows it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from survey.detect import FILL, MASK_STRIDE
from survey.simulate import Sprite
from survey.train import CLASSES
from survey.train.compose import IGNORED, LEAST_VISIBLE, Composer, Recipe, Sample, crop_picture
from survey.train.paste import Pasted, paste
from survey.train.sources import Boxes, Picture, Sources
from survey.values import DISTURBANCES

RECIPE = Recipe(crop_px=96, gsd_m=0.01, classes=CLASSES)


def same(first: Sample, second: Sample) -> bool:
    return all(getattr(first, f.name).tobytes() == getattr(second, f.name).tobytes() for f in fields(Sample))


def test_a_crop_depends_on_seed_and_number_only(sources: Sources) -> None:
    composer = Composer(sources, RECIPE, seed=3)
    alone = [composer.compose(n) for n in range(12)]
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(Composer(sources, RECIPE, seed=3).compose, reversed(range(12))))[::-1]
    assert all(same(a, b) for a, b in zip(alone, threaded, strict=True))
    assert not any(same(a, b) for a, b in pairwise(alone))
    assert not same(alone[0], Composer(sources, RECIPE, seed=4).compose(0))


def test_samples_keep_their_promises(sources: Sources) -> None:
    recipe = replace(RECIPE, disturbance_share=0.6, nodata_share=0.5)
    samples = [Composer(sources, recipe, seed=1).compose(n) for n in range(40)]
    size, cells = recipe.crop_px, recipe.crop_px // MASK_STRIDE
    for sample in samples:
        assert sample.pixels.shape == (size, size, 3)
        assert sample.pixels.dtype == np.uint8
        assert sample.mask.shape == (cells, cells)
        demanded = ~sample.ignored
        assert np.all((sample.row[demanded] >= 0) & (sample.row[demanded] < size))
        assert np.all((sample.col[demanded] >= 0) & (sample.col[demanded] < size))
        assert np.all(sample.size_px > 0)
    masks = np.concatenate([s.mask.ravel() for s in samples])
    assert set(np.unique(masks)) == {0, 1, 2, 3, IGNORED}
    named = {CLASSES[i] for s in samples for i in s.class_index}
    assert {"ap_mine", "at_mine"} <= named
    assert any(len(s.row) == 0 for s in samples)
    assert any(s.ignored.any() for s in samples)
    assert any((s.pixels == FILL).all(axis=2).mean() > 0.1 for s in samples)


def spotted(rows: NDArray[np.float64], cols: NDArray[np.float64]) -> Picture:
    """Grey ground with a red disc of 13 px at each item."""
    rgb = np.full((300, 400, 3), 100, np.uint8)
    for row, col in zip(rows, cols, strict=True):
        cv2.circle(rgb, (int(col - 0.5), int(row - 0.5)), 6, (255, 0, 0), -1)
    items = Boxes(rows, cols, np.full(len(rows), 13.0), ("ap_mine",) * len(rows))
    return Picture("a", "spots", rgb, 0.01, items, ((200, 100, 60, 60),), 1.0)


def test_items_lie_where_the_turned_and_scaled_crop_shows_them() -> None:
    picture = spotted(np.array([150.5]), np.array([200.5]))
    seen = 0
    for seed in range(60):
        rgb, items, _ = crop_picture(picture, 128, 0.01, np.random.default_rng(seed))
        red = np.clip(rgb[..., 0].astype(float) - rgb[..., 1], 0, None)
        (item,) = items
        if not (14 < item.row < 114 and 14 < item.col < 114):
            continue
        seen += 1
        rows, cols = np.mgrid[:128, :128] + 0.5
        at = np.array([(rows * red).sum(), (cols * red).sum()]) / red.sum()
        # Centres are turned on pixel edges, pixels on pixel centres: up to sqrt(0.5) (1 + exp(0.3)) px between them.
        assert np.hypot(*(at - [item.row, item.col])) < 1.7
        across = 2 * np.sqrt((red / red.max()).sum() / np.pi)
        assert item.size_px == pytest.approx(across, rel=0.12)
    assert seen > 20


def test_dug_soil_is_marked_inside_its_box_and_unknown_elsewhere() -> None:
    picture = spotted(np.array([130.5]), np.array([230.5]))  # an item in the middle of the dug ellipse
    code = 1 + DISTURBANCES.index("disturbed_soil")
    hits = 0
    for seed in range(20):
        _, items, mask = crop_picture(picture, 128, 0.01, np.random.default_rng(seed))
        assert set(np.unique(mask)) <= {code, IGNORED}
        row, col = int(items[0].row), int(items[0].col)
        if 0 <= row < 128 and 0 <= col < 128:
            hits += 1
            assert mask[row, col] == code
    assert hits > 5


def test_ground_known_to_be_undisturbed_is_marked_so(sources: Sources) -> None:
    _, _, mask = crop_picture(sources.pictures[0], 64, 0.01, np.random.default_rng(0))
    assert not mask.any()


def round_sprite(side: int = 31) -> Sprite:
    alpha = np.zeros((side, side), np.float32)
    cv2.circle(alpha, (side // 2, side // 2), 8, 1.0, -1)
    red = np.zeros((side, side, 3), np.uint8)
    red[..., 0] = 255
    return Sprite(red, alpha, np.zeros_like(alpha), "ap_mine", "disc", 0.17, (side / 2, side / 2))


def pasted(seed: int, *, covered: bool = False) -> tuple[NDArray[np.uint8], Pasted]:
    image = np.full((96, 96, 3), 100, np.uint8)
    return image, paste(image, round_sprite(), np.random.default_rng(seed), covered=covered)


def test_a_pasted_item_lies_where_it_says() -> None:
    seen = 0
    for seed in range(40):
        image, item = pasted(seed)
        if not (10 < item.row < 86 and 10 < item.col < 86):
            continue
        seen += 1
        rows, cols = np.nonzero(image[..., 0] != image[..., 1])
        assert (rows.mean() + 0.5, cols.mean() + 0.5) == pytest.approx((item.row, item.col), abs=0.3)
        assert item.visible == pytest.approx(1)
        assert item.size_px == 17
    assert seen > 15


def test_cover_and_edges_lower_what_can_be_seen() -> None:
    assert np.mean([pasted(seed, covered=True)[1].visible for seed in range(20)]) < 0.95
    cut = [item for _, item in (pasted(seed) for seed in range(200)) if min(item.row, item.col) < 6]
    assert cut
    assert all(item.visible < 0.95 for item in cut)
    assert 0 < LEAST_VISIBLE < 1
