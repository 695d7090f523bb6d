"""The guard band merges one item seen from two tiles, and nothing else."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from survey.detect.guard import GUARD_CELLS, merge_across_seams
from survey.networks import HEAT_STRIDE

BAND_PX = GUARD_CELLS * HEAT_STRIDE


def merged(points: Sequence[tuple[float, float, float, int]]) -> NDArray[np.bool_]:
    table = np.array(points, float).reshape(-1, 4)
    row, col, score, tile = table.T
    return merge_across_seams(row, col, score.astype(np.float32), tile.astype(np.int32))


def test_two_tiles_this_close_are_one_item_the_better_stays() -> None:
    assert merged([(10, 10, 0.4, 0), (10, 15, 0.9, 1)]).tolist() == [False, True]
    assert merged([(10, 10, 0.9, 0), (10, 15, 0.4, 1)]).tolist() == [True, False]


def test_sightings_of_one_tile_are_never_merged() -> None:
    assert merged([(10, 10, 0.4, 3), (10, 11, 0.9, 3)]).all()


def test_farther_than_the_band_is_two_items() -> None:
    assert merged([(10, 10, 0.4, 0), (10, 10 + BAND_PX + 0.1, 0.9, 1)]).all()
    assert not merged([(10, 10, 0.4, 0), (10, 10 + BAND_PX - 0.1, 0.9, 1)]).all()


def test_a_corner_of_four_tiles_leaves_one() -> None:
    four = [(9, 9, 0.5, 0), (9, 11, 0.6, 1), (11, 9, 0.7, 2), (11, 11, 0.8, 3)]
    assert merged(four).tolist() == [False, False, False, True]


def test_few_points_are_kept() -> None:
    assert merged([]).shape == (0,)
    assert merged([(1, 1, 0.5, 0)]).tolist() == [True]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 40).map(float),
            st.integers(0, 40).map(float),
            st.floats(0.125, 1, width=32),
            st.integers(0, 3),
        ),
        max_size=25,
    )
)
def test_no_pair_of_tiles_stays_in_the_band_and_whatever_goes_has_a_better_one(
    points: list[tuple[float, float, float, int]],
) -> None:
    keep = merged(points)
    for n, (row, col, score, tile) in enumerate(points):
        near = [
            (other[2], keep[m])
            for m, other in enumerate(points)
            if m != n and other[3] != tile and np.hypot(row - other[0], col - other[1]) <= BAND_PX
        ]
        if keep[n]:
            assert not any(kept for _, kept in near)
        else:
            assert any(better >= score for better, _ in near)
