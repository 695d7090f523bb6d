import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.evidence.gamma import shape_of, surprise

powers = st.floats(-4, 2)


@given(powers, powers)
def test_the_shape_comes_back(log_mean: float, log_shape: float) -> None:
    mean, shape = np.array([10.0**log_mean]), np.array([10.0**log_shape])
    found = shape_of(mean, surprise(mean, shape))
    assert surprise(mean, found) == pytest.approx(surprise(mean, shape), rel=1e-9)
    assert found == pytest.approx(shape, rel=1e-3)


def test_the_probability_of_nothing_is_that_of_draws() -> None:
    rng = np.random.default_rng(1)
    items = rng.poisson(rng.gamma(0.4, 1.5 / 0.4, 400_000))
    assert np.exp(-surprise(1.5, 0.4)) == pytest.approx((items == 0).mean(), abs=0.003)
