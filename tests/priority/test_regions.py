import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label

from survey.priority.regions import NOTHING, grow_areas


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.floats(0, 1))
def test_areas_are_of_one_piece_and_cover_every_hectare_that_can_be_worked_on(
    seed: int, wanted: int, compactness: float
) -> None:
    rng = np.random.default_rng(seed)
    density, suitable = rng.random((9, 11)), rng.integers(0, 4, (9, 11))
    area = grow_areas(density, suitable, wanted=wanted, least=min(2, wanted), compactness=compactness)
    assert ((area == NOTHING) == (suitable == 0)).all()
    for number in range(area.max() + 1):
        inside = area == number
        assert label(inside)[1] == 1  # neighbours across an edge, not across a corner
        assert inside.sum() <= max(wanted, 1.5 * wanted)
        assert np.bitwise_and.reduce(suitable[inside]) != 0  # a method that suits all of it


def test_an_area_follows_what_is_dense() -> None:
    density = np.full((5, 5), 0.1)
    density[2, :] = 1.0
    area = grow_areas(density, np.ones((5, 5), np.int64), wanted=5, least=1, compactness=0.0)
    assert (area[2] == 0).all()


def test_a_fragment_joins_the_neighbour_that_one_method_suits_too() -> None:
    suitable = np.array([[1, 1, 1, 1, 3, 2, 2, 2, 2]])
    density = np.array([[9.0, 9, 9, 9, 1, 5, 5, 5, 5]])
    joined = grow_areas(density, suitable, wanted=4, least=2, compactness=0.25)
    assert joined.tolist() == [[0, 0, 0, 0, 0, 1, 1, 1, 1]]
    apart = grow_areas(density, np.where(suitable == 3, 4, suitable), wanted=4, least=2, compactness=0.25)
    assert apart.max() == 2


def test_ground_of_no_worth_still_becomes_areas() -> None:
    area = grow_areas(np.zeros((2, 3)), np.ones((2, 3), np.int64), wanted=3, least=1, compactness=0.25)
    assert sorted(np.bincount(area.ravel())) == [3, 3]


@pytest.mark.parametrize("compactness", [0.0, 0.5])
def test_growth_is_the_same_every_time(compactness: float) -> None:
    density = np.random.default_rng(1).integers(0, 3, (12, 12)).astype(np.float64)  # many ties
    areas = [
        grow_areas(density, np.ones((12, 12), np.int64), wanted=7, least=3, compactness=compactness) for _ in range(2)
    ]
    assert (areas[0] == areas[1]).all()
