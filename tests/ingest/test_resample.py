from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survey.ingest.resample import Axis, resampled

LENGTHS = st.integers(1, 40)


@given(source=LENGTHS, working=LENGTHS)
@settings(max_examples=60, deadline=None)
def test_a_mean_weighs_each_source_pixel_by_the_part_that_is_covered(source: int, working: int) -> None:
    axis = Axis(source, working)
    weights = axis.weights(0, working).toarray()
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    if source < working:
        return
    step = Fraction(source, working)
    for r in range(working):
        for s in range(source):
            part = max(Fraction(0), min((r + 1) * step, Fraction(s + 1)) - max(r * step, Fraction(s)))
            assert weights[r, s] == pytest.approx(float(part / step), abs=1e-6)


@given(source=LENGTHS, working=LENGTHS)
@settings(max_examples=200, deadline=None)
def test_enlarging_interpolates_between_centres(source: int, working: int) -> None:
    if source >= working:
        return
    line = np.arange(source) + 0.5  # a ramp comes out as a ramp, flat beyond the outermost centres
    expected = np.clip((np.arange(working) + 0.5) * source / working, 0.5, source - 0.5)
    np.testing.assert_allclose(Axis(source, working).weights(0, working) @ line, expected, atol=1e-5)


@given(source=LENGTHS, working=LENGTHS, data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_part_has_the_weights_of_the_whole(source: int, working: int, data: st.DataObject) -> None:
    axis = Axis(source, working)
    start = data.draw(st.integers(0, working - 1))
    stop = data.draw(st.integers(start + 1, working))
    first, last = axis.reach(start, stop)
    assert 0 <= first < last <= source
    whole = axis.weights(0, working).toarray()
    np.testing.assert_array_equal(axis.weights(start, stop).toarray(), whole[start:stop, first:last])
    assert not whole[start:stop, :first].any()
    assert not whole[start:stop, last:].any()
    centres = axis.centres(start, stop)
    assert ((centres >= first) & (centres < last)).all()
    assert [int(c) for c in centres] == [floor((r + Fraction(1, 2)) * source / working) for r in range(start, stop)]


@given(source=LENGTHS, working=LENGTHS, data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_source_pixel_touches_the_working_pixels_made_of_it(source: int, working: int, data: st.DataObject) -> None:
    axis = Axis(source, working)
    start = data.draw(st.integers(0, source - 1))
    stop = data.draw(st.integers(start + 1, source))
    first, last = axis.made_of(start, stop)
    touched = np.flatnonzero(axis.weights(0, working).toarray()[:, start:stop].any(axis=1))
    assert len(touched) == 0 or (first <= touched[0] and touched[-1] < last)
    # Not wider than it has to be: damage must not cost ground that is whole.
    slack = 0 if source >= working else ceil(working / source) + 1
    assert len(touched) == 0 or (touched[0] - first <= slack and last - 1 - touched[-1] <= slack)


def test_pixels_that_do_not_count_leave_no_trace() -> None:
    values = np.full((3, 6, 6), 200, np.uint8)
    valid = np.ones((6, 6), bool)
    valid[:, 3:] = False
    values[:, ~valid] = 3
    axis = Axis(6, 4)
    mean = resampled(values, valid, rows=axis.weights(0, 4), cols=axis.weights(0, 4))
    np.testing.assert_allclose(mean[:, :2], 200, atol=1e-3)
    assert (mean[:, 2:] == 0).all()


@given(source=LENGTHS, working=LENGTHS, seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_a_hole_changes_no_bit_of_what_lies_apart_from_it(source: int, working: int, seed: int) -> None:
    rows, cols = Axis(source, working), Axis(50, 37)
    values = np.random.default_rng(seed).integers(0, 256, (3, source, 50)).astype(np.uint8)
    whole = np.ones((source, 50), bool)
    holed = whole.copy()
    holed[:, 40:] = False
    weights = {"rows": rows.weights(0, working), "cols": cols.weights(0, 37)}
    last = cols.made_of(40, 50)[0]
    np.testing.assert_array_equal(
        resampled(values, whole, **weights)[:, :last], resampled(values, holed, **weights)[:, :last]
    )
