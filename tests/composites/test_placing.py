"""Pictures and positions turn together, on pixel edges."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survey.composites.placing import Turn, around, turned_layers, warped

TURNS = st.builds(Turn, st.floats(0.5, 2), st.floats(0, 6.2), st.booleans())


def test_the_identity_changes_no_pixel() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    matrix = around(Turn(1, 0), source=(15, 10), target=(15, 10))
    assert np.array_equal(warped(picture, matrix, (30, 20)), picture)


def test_a_quarter_turn_is_clockwise_and_mirroring_swaps_east_and_west() -> None:
    picture = np.zeros((8, 8), np.uint8)
    picture[:4, :4] = 200  # north-west
    middle = {"source": (4.0, 4.0), "target": (4.0, 4.0)}
    turned = warped(picture, around(Turn(1, np.pi / 2), **middle), (8, 8))
    assert np.array_equal(turned, np.rot90(picture, -1))
    mirrored = warped(picture, around(Turn(1, 0, mirrored=True), **middle), (8, 8))
    assert np.array_equal(mirrored, picture[:, ::-1])


@given(TURNS, st.floats(0, 359))
@settings(deadline=None, max_examples=40)
def test_an_azimuth_turns_as_the_picture_does(turn: Turn, azimuth: float) -> None:
    east, south = np.sin(np.radians(azimuth)), -np.cos(np.radians(azimuth))
    x, y = turn.linear() @ np.array([east, south])
    assert np.degrees(np.arctan2(x, -y)) % 360 == pytest.approx(turn.azimuth(azimuth), abs=1e-6) or (
        abs((np.degrees(np.arctan2(x, -y)) - turn.azimuth(azimuth) + 180) % 360 - 180) < 1e-6
    )


@given(TURNS, st.floats(10, 30), st.floats(10, 30))
@settings(deadline=None, max_examples=40)
def test_a_disc_keeps_its_middle_and_its_area(turn: Turn, row: float, col: float) -> None:
    layers = np.zeros((40, 40, 1), np.float32)
    rows, cols = np.mgrid[:40, :40] + 0.5
    layers[..., 0] = np.clip(8.5 - np.hypot(rows - row, cols - col), 0, 1)
    turned, center = turned_layers(layers, turn, center=(row, col))
    weight = np.squeeze(turned)
    rows, cols = np.mgrid[: weight.shape[0], : weight.shape[1]] + 0.5
    at = ((rows * weight).sum() / weight.sum(), (cols * weight).sum() / weight.sum())
    assert at == pytest.approx(center, abs=0.15)
    assert weight.sum() == pytest.approx(layers.sum() * turn.scale**2, rel=0.06)


def test_outside_is_filled_or_mirrored() -> None:
    picture = np.full((4, 4), 9, np.uint8)
    shifted = around(Turn(1, 0), source=(0, 0), target=(3, 0))
    assert warped(picture, shifted, (8, 4), fill=5)[0].tolist() == [5, 5, 5, 9, 9, 9, 9, 5]
    assert set(warped(picture, shifted, (8, 4), border=cv2.BORDER_REFLECT_101).ravel().tolist()) == {9}
