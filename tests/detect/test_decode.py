"""Peaks without plateaus, saturation that is counted, classes that are never output."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from survey.detect import decode as decoding
from survey.detect.decode import BY_SIZE, MAX_PEAKS, Separation, decode, disturbance_codes, peak_mask, separate
from survey.networks import Heads
from survey.networks.network import PEAK_RADIUS, SUPPRESS_PX

LEVELS = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 24), st.integers(1, 24)),
    elements=st.integers(-2, 3).map(float),  # few levels, so that ties are the rule
)


def heads_of(
    heat: NDArray[np.float32],
    *,
    kind: NDArray[np.float32] | None = None,
    geometry: tuple[float, float, float] = (2.0, 0.5, 0.5),
) -> Heads:
    """Return the heads of a heat map (h, w) and class logits (classes, h, w)."""
    height, width = heat.shape
    values = torch.tensor(geometry)[:, None, None].expand(3, height, width)[None]
    mask = torch.zeros(1, 4, height // 2, width // 2)
    classes = np.zeros((1, height, width), np.float32) if kind is None else kind
    return Heads(torch.from_numpy(heat)[None, None], torch.from_numpy(classes)[None], values, mask)


def test_a_constant_plateau_is_one_peak() -> None:
    mask = peak_mask(torch.ones(30, 40), threshold=0.0)
    assert mask.nonzero().tolist() == [[0, 0]]


@pytest.mark.parametrize("second", [(10, 11), (11, 10), (11, 9), (12, 12), (12, 8)])
def test_two_equal_neighbours_are_one_peak_the_first(second: tuple[int, int]) -> None:
    heat = torch.zeros(20, 20)
    heat[10, 10] = heat[second] = 3
    assert peak_mask(heat, threshold=1.0).nonzero().tolist() == [[10, 10]]


def test_two_equal_cells_beyond_the_radius_are_two_peaks() -> None:
    heat = torch.zeros(20, 20)
    heat[10, 10] = heat[10, 10 + PEAK_RADIUS + 1] = 3
    assert int(peak_mask(heat, threshold=1.0).sum()) == 2


def test_the_threshold_itself_is_not_a_peak() -> None:
    heat = torch.zeros(9, 9)
    heat[4, 4] = 1
    assert not peak_mask(heat, threshold=1.0).any()


@given(LEVELS)
@settings(deadline=None, max_examples=150)
def test_peaks_keep_their_distance_are_maxima_and_miss_no_strict_maximum(heat: NDArray[np.float32]) -> None:
    mask = peak_mask(torch.from_numpy(heat), threshold=0.5).numpy()
    peaks = np.argwhere(mask)
    for n, first in enumerate(peaks):
        assert all(np.abs(first - second).max() > PEAK_RADIUS for second in peaks[n + 1 :])
    for row, col in np.ndindex(heat.shape):
        window = heat[max(0, row - 2) : row + 3, max(0, col - 2) : col + 3]
        highest = heat[row, col] == window.max() and heat[row, col] > 0.5
        if mask[row, col]:
            assert highest
        elif highest:  # an oracle for the rule: only an equal neighbour can keep a highest cell from being a peak
            assert np.count_nonzero(window == heat[row, col]) > 1


@given(LEVELS, st.data())
@settings(deadline=None, max_examples=150)
def test_a_crop_that_keeps_the_neighbourhood_keeps_the_peaks(heat: NDArray[np.float32], data: st.DataObject) -> None:
    height, width = heat.shape
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    bottom, right = data.draw(st.integers(top + 1, height)), data.draw(st.integers(left + 1, width))
    whole = peak_mask(torch.from_numpy(heat), threshold=0.5)
    part = peak_mask(torch.from_numpy(heat[top:bottom, left:right].copy()), threshold=0.5)
    r0 = 0 if top == 0 else top + PEAK_RADIUS
    c0 = 0 if left == 0 else left + PEAK_RADIUS
    r1 = bottom if bottom == height else bottom - PEAK_RADIUS
    c1 = right if right == width else right - PEAK_RADIUS
    if r0 < r1 and c0 < c1:
        assert torch.equal(whole[r0:r1, c0:c1], part[r0 - top : r1 - top, c0 - left : c1 - left])


def test_positions_sizes_and_classes_come_from_the_peaks_cell() -> None:
    heat, kind = np.full((16, 16), -9, np.float32), np.zeros((3, 16, 16), np.float32)
    heat[3, 7], kind[1, 3, 7] = 2, 5
    heads = heads_of(heat, kind=kind, geometry=(np.log(20), 0.25, 0.75))
    peaks = decode(heads, learnt=np.ones(3, bool), unidentified=None, threshold=0.0)
    assert (peaks.row.tolist(), peaks.col.tolist()) == ([13.0], [31.0])
    assert peaks.size_px == pytest.approx([20])
    assert (peaks.class_index.tolist(), peaks.logit.tolist()) == ([1], [2.0])
    assert (peaks.cell_row.tolist(), peaks.cell_col.tolist(), peaks.saturated) == ([3], [7], False)


def test_an_offset_beyond_the_cell_stays_in_the_cell() -> None:
    heat = np.full((8, 8), -9, np.float32)
    heat[2, 2] = 2
    heads = heads_of(heat, geometry=(2.0, -3.0, 7.0))
    peaks = decode(heads, learnt=np.ones(1, bool), unidentified=None, threshold=0.0)
    assert (peaks.row.tolist(), peaks.col.tolist()) == ([8.0], [12.0])


def test_classes_that_were_never_learnt_are_never_recognised() -> None:
    rng = np.random.default_rng(0)
    heat, kind = rng.normal(size=(64, 64)).astype(np.float32), rng.normal(size=(3, 64, 64)).astype(np.float32)
    kind[2] += 10
    learnt = np.array([True, True, False])
    peaks = decode(heads_of(heat, kind=kind), learnt=learnt, unidentified=None, threshold=-5.0)
    assert len(peaks.logit) > 50
    assert set(peaks.class_index.tolist()) == {0, 1}
    nothing = decode(heads_of(heat, kind=kind), learnt=np.zeros(3, bool), unidentified=None, threshold=-5.0)
    assert len(nothing.logit) == 0


@pytest.mark.parametrize(("lead", "expected"), [(5.0, 1), (0.1, 3)])
def test_an_item_of_no_likely_class_is_not_identified(lead: float, expected: int) -> None:
    heat, kind = np.full((8, 8), -9, np.float32), np.zeros((4, 8, 8), np.float32)
    heat[4, 4], kind[1, 4, 4], kind[3] = 2, lead, 50
    learnt = np.array([True, True, True, False])
    peaks = decode(heads_of(heat, kind=kind), learnt=learnt, unidentified=3, threshold=0.0)
    assert peaks.class_index.tolist() == [expected]


def separated(*peaks: tuple[float, float, float, float], separation: Separation = BY_SIZE) -> list[bool]:
    row, col, size, logit = np.array(peaks).T
    size_px = size.astype(np.float32)
    kept = separate(row, col, size_px=size_px, logit=logit.astype(np.float32), separation=separation)
    return [bool(own) for own in kept]


def test_a_weaker_peak_within_an_item_is_no_second_item() -> None:
    assert separated((50, 50, 40, 3), (50, 65, 10, 2)) == [True, False]
    assert separated((50, 50, 10, 2), (50, 65, 40, 3)) == [False, True]
    assert separated((50, 50, 10, 3), (50, 65, 40, 2)) == [True, True]  # the stronger one is small
    assert separated((50, 50, 40, 3), (50, 71, 10, 2)) == [True, True]  # beyond its half extent
    assert separated((50, 50, 200, 3), (50, 50 + SUPPRESS_PX, 10, 2)) == [True, True]
    assert separated((50, 50, 40, 3), (50, 55, 40, 3)) == [True, False]  # equal: the first one
    assert separated((50, 50, 40, 3)) == [True]


def test_a_weaker_peak_too_near_is_no_second_item_however_small_the_first_seems() -> None:
    wide = Separation(50)
    assert separated((50, 50, 4, 3), (50, 99, 4, 2), separation=wide) == [True, False]
    assert separated((50, 50, 4, 3), (50, 101, 4, 2), separation=wide) == [True, True]
    assert separated((50, 50, 200, 3), (50, 101, 4, 2), separation=wide) == [True, True]
    assert separated((50, 50, 50, 3), (50, 70, 4, 2), separation=Separation(10)) == [True, False]  # by its size


@pytest.mark.parametrize("separation", [BY_SIZE, Separation(50)], ids=["by size", "50 px"])
@given(peaks=hnp.arrays(np.float64, st.tuples(st.integers(0, 30), st.just(4)), elements=st.integers(0, 150).map(float)))
@settings(deadline=None, max_examples=80)
def test_what_lies_farther_away_than_the_reach_changes_nothing(
    separation: Separation, peaks: NDArray[np.float64]
) -> None:
    peaks = peaks[np.lexsort((peaks[:, 1], peaks[:, 0]))]
    row, col, size, logit = peaks.T.astype(np.float32)
    whole = separate(row, col, size_px=size, logit=logit, separation=separation)
    near = row < 60 + separation.most_px
    part = separate(row[near], col[near], size_px=size[near], logit=logit[near], separation=separation)
    assert np.array_equal(whole[row < 60], part[row[near] < 60])


def test_saturation_is_counted_and_the_strongest_peaks_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_PEAKS >= 4096
    monkeypatch.setattr(decoding, "MAX_PEAKS", 20)
    heat = np.full((40, 40), -9, np.float32)
    heat[::4, ::4] = np.random.default_rng(0).permutation(100).reshape(10, 10) + 1
    peaks = decode(heads_of(heat), learnt=np.ones(1, bool), unidentified=None, threshold=0.0)
    assert peaks.saturated
    assert sorted(peaks.logit.tolist()) == [float(n) for n in range(81, 101)]
    heat[heat < 81] = -9
    assert not decode(heads_of(heat), learnt=np.ones(1, bool), unidentified=None, threshold=0.0).saturated


def test_disturbances_need_their_threshold_and_must_be_learnt() -> None:
    mask = torch.zeros(1, 4, 1, 3)
    mask[0, 1, 0, 0] = 9  # kind 0, sure
    mask[0, 2, 0, 1] = 9  # kind 1, sure, but never learnt
    heads = Heads(
        torch.zeros(1, 1, 2, 6), torch.zeros(1, 1, 2, 6), torch.zeros(1, 3, 2, 6), mask
    )  # third cell: all alike
    codes = np.array([1, 2, 3, 4], np.uint8)
    learnt = np.array([True, False, True])
    assert disturbance_codes(heads, codes=codes, learnt=learnt, threshold=0.5).tolist() == [[2, 1, 1]]
    nothing = disturbance_codes(heads, codes=codes, learnt=np.zeros(3, bool), threshold=0.5)
    assert nothing.tolist() == [[1, 1, 1]]
