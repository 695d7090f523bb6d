import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from survey.simulate import ITEMS, Sprite, Sun, occlude, paste, render_item
from survey.values import DISTURBANCES

CLASSES = {"ap_mine", "at_mine", "submunition", "projectile", "other_uxo", "anomaly"}


def longest_extent_m(alpha: NDArray[np.float32], *, gsd_m: float) -> float:
    fine = cv2.resize(np.pad(alpha, 2), None, fx=8, fy=8, interpolation=cv2.INTER_LINEAR)
    rows, cols = np.nonzero(fine > 0.5)
    hull = cv2.convexHull(np.stack([cols, rows], axis=1).astype(np.int32))[:, 0].astype(float)
    return float(np.hypot(*(hull[:, None] - hull[None]).transpose(2, 0, 1)).max()) * gsd_m / 8


@pytest.mark.parametrize("kind", ITEMS)
def test_every_kind_has_a_class_of_the_model_and_renders_within_its_arrays(kind: str) -> None:
    sprite = render_item(kind, gsd_m=0.01, sun=Sun(200, 40), rng=np.random.default_rng(0))
    assert sprite.class_name in CLASSES
    assert sprite.class_name not in DISTURBANCES
    assert sprite.rgb.dtype == np.uint8
    assert sprite.rgb.shape == (*sprite.alpha.shape, 3)
    assert sprite.shadow.shape == sprite.alpha.shape
    for layer in (sprite.alpha, sprite.shadow):
        assert layer.dtype == np.float32
        assert layer.min() >= 0
        assert layer.max() <= 1
    assert sprite.alpha.max() > 0.9
    assert sprite.shadow[sprite.alpha < 0.05].max() > 0.5
    assert sprite.size_m == ITEMS[kind].size_m
    assert 0 < sprite.visible <= 1


@pytest.mark.parametrize("gsd_m", [0.005, 0.01, 0.02])
@pytest.mark.parametrize("kind", ["tm_62m", "pmn", "pfm_1", "pom_2", "9n210", "mortar_120", "projectile_122"])
def test_a_sprite_is_as_long_as_its_item(kind: str, gsd_m: float) -> None:
    lengths = [
        longest_extent_m(
            render_item(kind, gsd_m=gsd_m, sun=Sun(90, 45), rng=np.random.default_rng(seed)).alpha, gsd_m=gsd_m
        )
        for seed in range(3)
    ]
    tolerance = 0.15 * ITEMS[kind].size_m + 0.25 * gsd_m
    assert abs(float(np.median(lengths)) - ITEMS[kind].size_m) < tolerance


@pytest.mark.parametrize("azimuth", [0, 45, 110, 200, 300])
def test_shadows_fall_away_from_the_sun(azimuth: float) -> None:
    sun = Sun(azimuth, 35)
    sprite = render_item("pom_2", gsd_m=0.005, sun=sun, rng=np.random.default_rng(1))
    ground_shadow = np.where(sprite.alpha < 0.05, sprite.shadow, 0)
    rows, cols = np.indices(sprite.alpha.shape) + 0.5
    mean = [float((at * ground_shadow).sum() / ground_shadow.sum()) for at in (rows, cols)]
    away = np.array(mean) - np.array(sprite.center)
    assert away @ np.array(sun.toward) < -0.85 * np.linalg.norm(away)


def test_a_low_sun_casts_longer_shadows() -> None:
    low, high = (
        render_item("pom_2", gsd_m=0.01, sun=Sun(180, elevation), rng=np.random.default_rng(2))
        for elevation in (20, 60)
    )
    assert low.shadow.sum() > 2 * high.shadow.sum()


def test_the_sunny_side_is_the_bright_side() -> None:
    sprite = render_item("shoab_0_5", gsd_m=0.001, sun=Sun(270, 40), rng=np.random.default_rng(3))
    grey = sprite.rgb.mean(axis=2)
    on, cols = sprite.alpha > 0.9, np.indices(sprite.alpha.shape)[1]
    assert grey[on & (cols < sprite.center[1] - 8)].mean() > 1.2 * grey[on & (cols > sprite.center[1] + 8)].mean()


def test_the_same_generator_state_gives_the_same_sprite() -> None:
    first, second, other = (
        render_item("pmn_2", gsd_m=0.01, sun=Sun(10, 50), rng=np.random.default_rng(seed)) for seed in (4, 4, 5)
    )
    assert all(np.array_equal(getattr(first, n), getattr(second, n)) for n in ("rgb", "alpha", "shadow"))
    assert first.center == second.center
    assert first.rgb.shape != other.rgb.shape or not np.array_equal(first.rgb, other.rgb)


def test_an_unknown_kind_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'pmn_3'.*pmn_2"):
        render_item("pmn_3", gsd_m=0.01, sun=Sun(0, 45), rng=np.random.default_rng(0))


@given(row=st.floats(-30, 130), col=st.floats(-30, 130))
@settings(max_examples=30, deadline=None)
def test_pasting_is_cut_at_the_borders_and_equals_a_crop_of_pasting_on_more_ground(row: float, col: float) -> None:
    sprite = a_sprite()
    large = np.full((300, 300, 3), 140, np.uint8)
    small = large[100:200, 100:200].copy()
    paste(small, sprite, row=row, col=col)
    # A whole shift keeps the rounding to pixels as it was.
    moved = (
        round(row - sprite.center[0]) + 100 + sprite.center[0],
        round(col - sprite.center[1]) + 100 + sprite.center[1],
    )
    paste(large, sprite, row=moved[0], col=moved[1])
    assert np.array_equal(small, large[100:200, 100:200])


def a_sprite() -> Sprite:
    return render_item("tm_57", gsd_m=0.01, sun=Sun(220, 40), rng=np.random.default_rng(6))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_occlusion_hides_about_the_share_asked_for_and_says_so(share: float) -> None:
    whole = a_sprite()
    part = occlude(whole, share=share, gsd_m=0.01, rng=np.random.default_rng(7))
    assert part.visible / whole.visible == pytest.approx(1 - share, abs=0.12)
    assert part.alpha.sum() / whole.alpha.sum() == pytest.approx(part.visible / whole.visible, abs=1e-3)


def test_an_impossible_share_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.\.1"):
        occlude(a_sprite(), share=1.2, gsd_m=0.01, rng=np.random.default_rng(0))


def test_a_sun_below_the_horizon_is_refused() -> None:
    with pytest.raises(ValueError, match="horizon"):
        Sun(0, -3)
