"""Cover from colours and relief: what it tells apart, and that tiles do not matter."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from survey.cover import CELL_PX, cover_cells
from survey.values import CoverCode

HALO = 208
EDGE = 640
SOIL, GRASS, WATER = (160, 138, 112), (92, 128, 66), (30, 48, 62)


def ground(colour: tuple[int, int, int], *, spread: float, grain_px: int, seed: int = 0) -> NDArray[np.uint8]:
    """Return a square of one colour whose brightness varies by a share over patches of some size."""
    rng = np.random.default_rng(seed)
    coarse = rng.standard_normal((EDGE // grain_px + 1, EDGE // grain_px + 1))
    light = np.kron(coarse, np.ones((grain_px, grain_px)))[:EDGE, :EDGE, None]
    shot = np.array(colour) * (1 + spread * light) + rng.normal(0, 2, (EDGE, EDGE, 3))
    return np.asarray(np.clip(shot, 0, 255), np.uint8)


def codes_of(
    picture: NDArray[np.uint8], valid: NDArray[np.bool_] | None = None, *, gsd_m: float = 0.01
) -> NDArray[np.uint8]:
    valid = np.ones(picture.shape[:2], bool) if valid is None else valid
    padded = cv2.copyMakeBorder(picture, HALO, HALO, HALO, HALO, cv2.BORDER_CONSTANT, value=(127,) * 3)
    return cover_cells(np.asarray(padded, np.uint8), np.pad(valid, HALO), gsd_m=gsd_m, halo_px=HALO)


@pytest.mark.parametrize(
    ("colour", "spread", "grain_px", "cover"),
    [
        (SOIL, 0.1, 4, CoverCode.OPEN),
        (SOIL, 0.3, 24, CoverCode.OPEN),  # rubble is rough and not green
        (GRASS, 0.1, 4, CoverCode.LOW_VEGETATION),
        (GRASS, 0.45, 16, CoverCode.CANOPY),
        (WATER, 0.0, 8, CoverCode.WATER),
        ((28, 26, 24), 0.3, 8, CoverCode.DEEP_SHADOW),
        ((0, 0, 0), 0.0, 8, CoverCode.DEEP_SHADOW),
    ],
)
def test_ground_of_one_kind_is_told(
    colour: tuple[int, int, int], spread: float, grain_px: int, cover: CoverCode
) -> None:
    codes = codes_of(ground(colour, spread=spread, grain_px=grain_px))
    assert codes.shape == (EDGE // CELL_PX, EDGE // CELL_PX)
    assert np.mean(codes == cover) > 0.9, np.bincount(codes.ravel(), minlength=len(CoverCode))


def test_shade_beside_light_is_deep_and_the_same_brightness_alone_is_not() -> None:
    dusk = ground((54, 54, 58), spread=0.1, grain_px=8)
    assert np.mean(codes_of(dusk) == CoverCode.OPEN) > 0.9
    sunny = dusk.copy()
    sunny[:, EDGE // 2 :] = ground((190, 170, 150), spread=0.1, grain_px=8)[:, EDGE // 2 :]
    shaded = codes_of(sunny)[:, EDGE // 2 // CELL_PX - 12 : EDGE // 2 // CELL_PX - 1]
    assert np.mean(shaded == CoverCode.DEEP_SHADOW) > 0.9


def test_a_straight_edge_of_a_lawn_is_no_canopy() -> None:
    lawn = ground(GRASS, spread=0.08, grain_px=4)
    lawn[:, : EDGE // 3] = ground((55, 62, 60), spread=0.05, grain_px=4)[:, : EDGE // 3]
    assert np.mean(codes_of(lawn) == CoverCode.CANOPY) < 0.02


def test_ground_that_was_not_imaged_is_unknown_and_does_not_tell_of_its_neighbours() -> None:
    picture = ground(SOIL, spread=0.1, grain_px=4)
    valid = np.ones(picture.shape[:2], bool)
    valid[:, 203:] = False
    first = codes_of(picture, valid)
    other = picture.copy()
    other[:, 203:] = (0, 255, 0)
    assert np.array_equal(codes_of(other, valid), first)
    assert (first[:, 26:] == CoverCode.UNKNOWN).all()
    assert (first[:, :25] == CoverCode.OPEN).all()


def mixed(rows: int, cols: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 4, (rows // 96 + 1, cols // 96 + 1))
    kind = np.kron(coarse, np.ones((96, 96), int))[:rows, :cols]
    colours = np.array([SOIL, GRASS, WATER, (30, 30, 30)])[kind]
    relief = np.kron(rng.standard_normal((rows // 16 + 1, cols // 16 + 1)), np.ones((16, 16)))[:rows, :cols, None]
    picture = np.clip(colours * (1 + 0.3 * (kind == 1)[..., None] * relief) + rng.normal(0, 1, (rows, cols, 3)), 0, 255)
    valid = np.kron(rng.random((rows // 64 + 1, cols // 64 + 1)) < 0.9, np.ones((64, 64), bool))[:rows, :cols]
    return picture.astype(np.uint8), valid


@settings(deadline=None, max_examples=12)
@given(
    seed=st.integers(0, 99),
    cut=st.tuples(st.integers(1, 40), st.integers(1, 50)),
    end=st.tuples(st.integers(0, 15), st.integers(0, 15)),
    gsd_m=st.sampled_from([0.004, 0.01, 0.03]),
)
def test_tiles_tell_what_the_whole_picture_tells(
    seed: int, cut: tuple[int, int], end: tuple[int, int], gsd_m: float
) -> None:
    rows, cols = 672 - end[0], 832 - end[1]
    picture, valid = mixed(rows, cols, seed)
    whole = codes_of(picture, valid, gsd_m=gsd_m)
    assert len(np.unique(whole)) > 2
    padded = np.pad(picture, ((HALO, HALO), (HALO, HALO), (0, 0)), constant_values=127)
    around = np.pad(valid, HALO)
    row, col = cut[0] * 16, cut[1] * 16
    pieces = np.full_like(whole, 99)
    for top, bottom in ((0, row), (row, rows)):
        for left, right in ((0, col), (col, cols)):
            place = (slice(top, bottom + 2 * HALO), slice(left, right + 2 * HALO))
            found = cover_cells(padded[place], around[place], gsd_m=gsd_m, halo_px=HALO)
            pieces[top // 8 : top // 8 + found.shape[0], left // 8 : left // 8 + found.shape[1]] = found
    assert np.array_equal(pieces, whole)
