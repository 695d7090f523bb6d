import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survey.simulate import Sun, Terrain
from survey.simulate.noise import fractal_noise, value_noise
from survey.simulate.terrain import BLOCK


@pytest.fixture(scope="module")
def terrain() -> Terrain:
    return Terrain(3, 0.02, Sun(200, 40))


@given(
    row=st.integers(-700, 700), col=st.integers(-700, 700), height=st.integers(1, 300), width=st.integers(1, 300),
    shift=st.tuples(st.integers(-200, 200), st.integers(-200, 200)),
)  # fmt: skip
@settings(max_examples=15, deadline=None)
def test_windows_that_overlap_show_the_same_ground(
    terrain: Terrain, row: int, col: int, height: int, width: int, shift: tuple[int, int]
) -> None:
    first = terrain.window(row, col, height, width)
    second = terrain.window(row + shift[0], col + shift[1], height, width)
    row0, row1 = max(row, row + shift[0]), min(row, row + shift[0]) + height
    col0, col1 = max(col, col + shift[1]), min(col, col + shift[1]) + width
    assert first.shape == (height, width, 3)
    if row0 < row1 and col0 < col1:
        mine = first[row0 - row : row1 - row, col0 - col : col1 - col]
        other = second[row0 - row - shift[0] : row1 - row - shift[0], col0 - col - shift[1] : col1 - col - shift[1]]
        assert np.array_equal(mine, other)


def test_blocks_join_without_a_seam(terrain: Terrain) -> None:
    ground = terrain.window(BLOCK - 60, 0, 120, 2 * BLOCK).astype(float).mean(axis=2)
    steps = np.abs(np.diff(ground, axis=0)).mean(axis=1)
    assert steps[59] < steps.mean() + 4 * steps.std()


def test_the_seed_decides() -> None:
    again, other = (Terrain(seed, 0.05, Sun(200, 40)) for seed in (3, 4))
    first = Terrain(3, 0.05, Sun(200, 40)).window(5, 5, 64, 64)
    assert np.array_equal(first, again.window(5, 5, 64, 64))
    assert not np.array_equal(first, other.window(5, 5, 64, 64))


def test_the_ground_is_textured_and_does_not_repeat(terrain: Terrain) -> None:
    ground = terrain.window(0, 0, 256, 256).astype(float)
    assert ground.std(axis=(0, 1)).min() > 8
    for period in (1536, 1250):
        far = terrain.window(period, period, 256, 256).astype(float)
        assert np.corrcoef(ground.mean(axis=2).ravel(), far.mean(axis=2).ravel())[0, 1] < 0.9


def test_noise_is_a_function_of_the_place_alone() -> None:
    rows, cols = np.arange(-40, 90) * 0.37, np.arange(-3000, 3000) * 0.21
    whole = value_noise(rows, cols, seed=5)
    part = value_noise(rows[20:60], cols[1000:1100], seed=5)
    assert np.allclose(whole[20:60, 1000:1100], part, atol=1e-5)
    assert np.abs(whole).max() <= 1
    assert 0.2 < fractal_noise(rows, cols[:400], cell=3, octaves=4, seed=6).std() < 0.8


def test_a_ground_without_scale_is_refused() -> None:
    with pytest.raises(ValueError, match="GSD"):
        Terrain(0, 0.0, Sun(0, 45))
