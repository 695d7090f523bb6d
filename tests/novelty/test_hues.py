"""What false colour is told by."""

import colorsys

import numpy as np
import pytest
from numpy.typing import NDArray

from survey.novelty.hues import CHROMAS, FEATURES, HARMONICS, cells_of, hues_of

WAVES = 1 + 2 * HARMONICS


def patch(hue: float, *, saturation: float = 0.3, seed: int = 0) -> NDArray[np.uint8]:
    """Return cells of one hue (0 to 1) and changing brightness, (32, 32, 3)."""
    value = np.random.default_rng(seed).uniform(0.3, 0.8, (32, 32))
    return np.asarray([[colorsys.hsv_to_rgb(hue, saturation, v) for v in row] for row in value] * np.array(255)).astype(
        np.uint8
    )


def told(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what is counted at each chroma: all, cosines, sines; (chromas, waves)."""
    return features[: (len(CHROMAS) - 1) * WAVES].reshape(-1, WAVES)


def test_there_are_as_many_as_they_say() -> None:
    assert hues_of(patch(0.1)).shape == (FEATURES,)
    assert np.isfinite(hues_of(np.zeros((5, 3), np.uint8))).all()


def test_a_turned_hue_turns_the_first_wave_by_as_much() -> None:
    first = told(hues_of(patch(0.08))).sum(axis=0)
    second = told(hues_of(patch(0.08 + 1 / 3))).sum(axis=0)
    angles = [np.degrees(np.arctan2(f[1 + HARMONICS], f[1])) for f in (first, second)]
    assert (angles[1] - angles[0]) % 360 == pytest.approx(120, abs=3)
    assert second[0] == pytest.approx(first[0], abs=0.05)


def test_grey_has_no_hue() -> None:
    grey = np.repeat(np.random.default_rng(1).integers(40, 200, (32, 32, 1)), 3, axis=2).astype(np.uint8)
    assert np.abs(told(hues_of(grey))).max() < 1e-9


def test_it_does_not_matter_how_bright_a_picture_is() -> None:
    bright = patch(0.1)
    assert np.allclose(told(hues_of(bright)), told(hues_of((bright * 0.7).astype(np.uint8))), atol=0.08)


def test_how_colour_goes_with_brightness_has_a_sign() -> None:
    warm, cold = np.array([120, 100, 80]), np.array([80, 100, 120])
    bright_warm = np.array([1.6 * warm] * 50 + [0.6 * cold] * 50).astype(np.uint8)
    bright_cold = np.array([1.6 * cold] * 50 + [0.6 * warm] * 50).astype(np.uint8)
    after = (len(CHROMAS) - 1) * WAVES
    assert hues_of(bright_warm)[after] > 0.5
    assert hues_of(bright_cold)[after] < -0.5


def test_cells_are_means() -> None:
    picture = np.random.default_rng(2).integers(0, 256, (16, 24, 3)).astype(np.uint8)
    expected = picture.reshape(4, 4, 6, 4, 3).mean(axis=(1, 3))
    assert np.abs(cells_of(picture) - expected).max() <= 0.5 + 1e-6
