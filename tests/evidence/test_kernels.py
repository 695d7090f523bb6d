import numpy as np
import pytest
import shapely

from survey.evidence.cells import CellWindow
from survey.evidence.kernels import Boundary, blurred, decay_kernel, error_weights, spread
from tests.evidence.conftest import GRID


def test_an_error_of_location_moves_ground_as_draws_say() -> None:
    rng = np.random.default_rng(2)
    for error in (10.0, 150.0):
        weights = error_weights(error)
        moved = np.floor(rng.random(400_000) + rng.normal(0, error / 100, 400_000)).astype(int)
        half = len(weights) // 2
        drawn = np.array([(moved == k).mean() for k in range(-half, half + 1)])
        assert np.abs(weights - drawn).max() < 0.004


def test_blurring_keeps_the_sum() -> None:
    field = np.zeros((41, 41))
    field[20, 20] = 1
    assert blurred(field, 150).sum() == pytest.approx(1, abs=1e-4)
    assert blurred(field, 0) is field


@pytest.mark.parametrize("half", [50, 400, 2000])
def test_a_kernel_halves_every_half_distance(half: float) -> None:
    kernel = decay_kernel(half)
    assert kernel.sum() == pytest.approx(1)
    middle = len(kernel) // 2
    step = max(2, round(2 * half / 100))
    assert kernel[middle, middle + 2 * step] / kernel[middle, middle + step] == pytest.approx(
        2.0 ** (-100 * step / half), rel=0.25 if half == 50 else 0.05
    )


def test_a_kernel_is_where_draws_fall() -> None:
    """Draws of the density 2^(-d / half) about a uniform place in a cell: radius is Gamma(2) with scale half / ln 2."""
    rng = np.random.default_rng(3)
    n, half = 400_000, 80.0
    radius, angle = rng.gamma(2, half / np.log(2), n), rng.uniform(0, 2 * np.pi, n)
    place = np.floor((rng.random((2, n)) * 100 + radius * np.array([np.cos(angle), np.sin(angle)])) / 100)
    kernel = decay_kernel(half)
    middle = len(kernel) // 2
    for row, col in ((0, 0), (0, 1), (1, 1), (2, 0), (3, 2)):
        drawn = ((place[0] == row) & (place[1] == col)).mean()
        assert kernel[middle + row, middle + col] == pytest.approx(drawn, abs=0.004)


def test_spreading_is_a_sum_over_sources() -> None:
    kernel = decay_kernel(100)
    reach = len(kernel) // 2
    values = np.zeros((2 * reach + 9, 2 * reach + 9))
    values[reach, reach], values[reach + 4, reach + 2] = 1, 3
    laid = spread(values, kernel)
    assert laid[reach, reach] == pytest.approx(kernel[reach, reach] + 3 * kernel[reach - 4, reach - 2])
    assert (laid >= 0).all()


def test_influence_fades_from_a_line_as_its_distance_says() -> None:
    line = shapely.LineString([(500_330, 4_800_210), (501_770, 4_801_450), (502_500, 4_801_000)])
    found = Boundary.of(np.array([line], object), half_distance_m=120).influence(CellWindow(0, 0, 30, 40), grid=GRID)
    assert found is not None
    inside = (np.arange(20) + 0.5) * 5
    for row, col in ((27, 3), (20, 12), (15, 17), (10, 17), (20, 28)):
        x, y = np.meshgrid(500_000 + 100 * col + inside, 4_803_000 - 100 * row - inside)
        expected = np.exp2(-shapely.distance(line, shapely.points(x, y)) / 120).mean()
        assert found[row, col] == pytest.approx(expected, rel=0.07)
    assert found[0, 0] == 0  # beyond ten half-distances


def test_a_line_out_of_reach_is_told_at_once() -> None:
    line = shapely.LineString([(600_000, 4_800_000), (601_000, 4_801_000)])
    boundary = Boundary.of(np.array([line], object), half_distance_m=100)
    assert boundary.influence(CellWindow(0, 0, 30, 40), grid=GRID) is None
