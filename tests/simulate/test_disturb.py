import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from survey.simulate import Disturbance, Sun, disturb, work_in
from survey.simulate.earthworks import Crater, Outline, Trench
from survey.values import DISTURBANCES

SUN = Sun(90, 35)


def plain(height: int = 240, width: int = 260) -> NDArray[np.uint8]:
    grain = np.random.default_rng(0).normal(130, 12, (height, width, 1))
    return np.repeat(np.clip(grain, 0, 255).astype(np.uint8), 3, axis=2)


def round_crater(radius_m: float = 0.8) -> Disturbance:
    bowl = Crater(Outline(radius_m, (0.0,) * 6, (0.0,) * 6), 0.4 * radius_m, 0.8, (0.0, 1.0, 2.0, 3.0, 4.0), 5)
    return Disturbance("crater", bowl, (130.0, 130.0, 130.0), 9)


@pytest.mark.parametrize("kind", DISTURBANCES)
@pytest.mark.parametrize("gsd_m", [0.005, 0.02])
def test_every_kind_changes_the_ground_and_marks_where(kind: str, gsd_m: float) -> None:
    ground = plain()
    before = ground.copy()
    # The middle of a zig-zag may miss the trench itself; its first bend does not.
    drawn = Disturbance.sample(kind, rng=np.random.default_rng(1))
    where = (120.0, 130.0)
    if isinstance(drawn.work, Trench):
        y, x = drawn.work.points[0]
        where = (120 - y / gsd_m, 130 - x / gsd_m)
    changed, mask = disturb(ground, kind=kind, gsd_m=gsd_m, sun=SUN, rng=np.random.default_rng(1), where=where)
    assert np.array_equal(ground, before)
    assert mask.shape == ground.shape[:2]
    assert mask.dtype == np.bool_
    assert mask[120, 130]
    difference = np.abs(changed.astype(int) - ground).mean(axis=2)
    assert difference[mask].mean() > 6
    assert changed.dtype == np.uint8


def test_the_wall_that_faces_the_sun_is_the_bright_one() -> None:
    ground = np.full((300, 300, 3), 130, np.uint8)
    work_in(ground, round_crater(), gsd_m=0.01, sun=SUN, where=(150, 150))
    row = ground[140:160].mean(axis=(0, 2))
    west_wall, east_wall = row[85:115].mean(), row[185:215].mean()
    assert west_wall > 1.5 * east_wall


@given(row=st.integers(-120, 360), col=st.integers(-120, 360), top=st.integers(0, 60), left=st.integers(0, 60))
@settings(max_examples=20, deadline=None)
def test_windows_of_one_picture_fit_together(row: int, col: int, top: int, left: int) -> None:
    """Centres outside the picture included: only the window differs, not the structure."""
    whole = plain()
    ground = whole.copy()
    part = ground[2 * top : 2 * top + 100, 2 * left : 2 * left + 120].copy()
    mask = work_in(whole, round_crater(), gsd_m=0.01, sun=SUN, where=(row, col))
    part_mask = work_in(part, round_crater(), gsd_m=0.01, sun=SUN, where=(row - 2 * top, col - 2 * left))
    window = (slice(2 * top, 2 * top + 100), slice(2 * left, 2 * left + 120))
    # Only sums in another order, and the blur of the sky at the window's rim, may differ.
    difference = np.abs(part.astype(int) - whole[window])
    assert np.quantile(difference, 0.98) <= 3
    assert (part_mask != mask[window]).mean() < 0.002


@pytest.mark.parametrize("kind", DISTURBANCES)
def test_a_structure_far_away_changes_nothing(kind: str) -> None:
    ground = plain()
    changed, mask = disturb(
        ground, kind=kind, gsd_m=0.01, sun=SUN, rng=np.random.default_rng(2), where=(9000.0, -9000.0)
    )
    assert np.array_equal(changed, ground)
    assert not mask.any()


@pytest.mark.parametrize("seed", range(8))
def test_craters_and_trenches_have_the_proportions_of_real_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    crater, trench = Crater.sample(rng), Trench.sample(rng)
    assert 0.8 <= 2 * crater.outline.radius_m <= 8
    assert 0.15 <= crater.depth_m / (2 * crater.outline.radius_m) <= 0.3
    at = np.arange(-1.5, 1.5, 0.02) * crater.outline.radius_m
    height = crater.shape(at, at).height
    assert height.min() < -0.8 * crater.depth_m
    assert height.max() > 0.05 * crater.depth_m
    assert 0.6 <= trench.width_m <= 1.5


def test_the_same_seed_gives_the_same_structure_and_an_unknown_kind_is_refused() -> None:
    first, second = (
        disturb(plain(), kind="crater", gsd_m=0.01, sun=SUN, rng=np.random.default_rng(3), where=(100, 100))
        for _ in range(2)
    )
    assert np.array_equal(first[0], second[0])
    with pytest.raises(ValueError, match=r"'pit'.*crater"):
        disturb(plain(), kind="pit", gsd_m=0.01, sun=SUN, rng=np.random.default_rng(3), where=(0, 0))
