"""The estimate of blur, on pictures that were blurred by a known amount."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from survey.cover import blur_of, excess_blur, window_blurs
from survey.values import Window


def scene(edge: int = 384, seed: int = 0) -> NDArray[np.float32]:
    """Return overlapping squares: steps in all directions, as stones, tufts and shadows make them."""
    rng = np.random.default_rng(seed)
    picture = np.full((edge, edge, 3), 120, np.float32)
    for _ in range(edge * 2):
        row, col, size, angle = *rng.uniform(0, edge, 2), rng.uniform(6, 30), rng.uniform(0, 360)
        corners = cv2.boxPoints(((col, row), (size, size * 0.7), angle))
        cv2.fillPoly(picture, [np.rint(corners * 16).astype(np.int32)], [float(rng.uniform(50, 200))] * 3, shift=4)
    return picture


def shot(blur: float, *, seed: int = 0) -> NDArray[np.uint8]:
    soft = cv2.GaussianBlur(scene(seed=seed), (0, 0), blur) if blur else scene(seed=seed)
    noise = np.random.default_rng(seed).normal(0, 2, soft.shape)
    return np.clip(soft + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("blur", [1.5, 2.0, 3.0, 4.0])
def test_a_known_blur_is_measured(blur: float) -> None:
    windows = np.array([blur_of(shot(blur, seed=seed)[:128, :128]) for seed in range(6)], np.float32)
    assert excess_blur(windows, enlarged=1.0) == pytest.approx(blur, rel=0.3)


def test_more_blur_is_never_measured_as_less() -> None:
    found = [blur_of(shot(blur)) for blur in (0, 0.5, 1, 1.5, 2, 3, 4, 6)]
    assert found == sorted(found)
    assert excess_blur(np.array(found[:1], np.float32), enlarged=1.0) == 0


def test_ground_without_edges_tells_nothing_and_enlarging_is_known() -> None:
    flat = np.random.default_rng(0).normal(120, 2, (128, 128, 3)).astype(np.uint8)
    assert np.isnan(blur_of(flat))
    assert excess_blur(np.array([np.nan], np.float32), enlarged=1.0) == 0
    assert excess_blur(np.array([], np.float32), enlarged=2.0) == pytest.approx(0.42 * 3**0.5)


def test_windows_belong_to_one_tile_each() -> None:
    halo, rows, cols = 208, 1100, 1300
    picture = np.tile(shot(1.0), (3, 4, 1))[:rows, :cols]
    padded = np.pad(picture, ((halo, halo), (halo, halo), (0, 0)), constant_values=127)
    valid = np.pad(np.ones((rows, cols), bool), halo)
    valid[halo + 600, halo + 600] = False
    whole = window_blurs(padded, valid, core=Window(0, 0, rows, cols), halo_px=halo)
    assert len(whole) == 3 * 3 - 1 - 3  # one has a hole, the lower three leave the picture
    pieces = []
    for top, bottom in ((0, 528), (528, rows)):
        for left, right in ((0, 512), (512, 1056), (1056, cols)):
            place = (slice(top, bottom + 2 * halo), slice(left, right + 2 * halo))
            core = Window(top, left, bottom - top, right - left)
            pieces.append(window_blurs(padded[place], valid[place], core=core, halo_px=halo))
    assert sorted(np.concatenate(pieces)) == sorted(whole)
