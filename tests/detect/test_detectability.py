"""The curve of size, cover and blur."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.special import expit

from survey.detect.detectability import Detectability

FACTS = {
    "trials": 100,
    "found": 50,
    "score": 0.3,
    "size_px": (4.0, 64.0),
    "occluded": (0.0, 0.9),
    "blur_px": (0.0, 4.0),
    "by_chance": 0.0,
    "grounds": ("a",),
    "ordnance": ("b",),
    "seed": 1,
    "measured_on": "-",
}


def curve(*, covariance: np.ndarray | None = None) -> Detectability:
    matrix = np.diag([0.04, 0.01, 0.01, 0.01]) if covariance is None else covariance
    values = {"coefficients": (-4.0, 1.0, -2.0, -0.5), "covariance": tuple(map(tuple, matrix.tolist())), **FACTS}
    return Detectability.model_validate(values)


def test_recall_is_the_logistic_curve_with_an_interval_around_it() -> None:
    value, low, high = curve().recall(16.0, [0.0, 0.5], 2.0)
    assert np.allclose(value, expit([-4 + 4 - 1, -4 + 4 - 1 - 1]))
    spread = 1.959964 * np.sqrt(0.04 + 0.01 * (16 + np.array([0, 0.25]) + 4))
    assert np.allclose(low, expit(np.array([-1, -2]) - spread))
    assert np.allclose(high, expit(np.array([-1, -2]) + spread))


def test_broadcasts() -> None:
    value, _, _ = curve().recall(np.array([[8.0], [16.0]]), np.array([0.0, 0.3, 0.6]), 0.0)
    assert value.shape == (2, 3)
    assert np.all(np.diff(value, axis=0) > 0)
    assert np.all(np.diff(value, axis=1) < 0)


def test_larger_than_measured_claims_no_more_and_smaller_claims_less() -> None:
    one = curve()
    assert one.recall(500.0, 0.0, 0.0)[0] == one.recall(64.0, 0.0, 0.0)[0]
    assert one.recall(2.0, 0.0, 0.0)[0] < one.recall(4.0, 0.0, 0.0)[0]


def test_the_factor_is_one_for_what_is_open_and_sharp() -> None:
    one = curve()
    assert np.allclose(one.relative([8.0, 32.0], 0.0, 0.0), 1)
    assert np.allclose(one.relative(16.0, 0.5, 1.0), expit(-1.5) / expit(0.0))


@pytest.mark.parametrize(("px", "hidden", "blur"), [(0, 0, 0), (8, 1.1, 0), (8, -0.1, 0), (8, 0, -1), (8, 0, np.nan)])
def test_values_that_make_no_sense_are_refused(px: float, hidden: float, blur: float) -> None:
    with pytest.raises(ValueError, match="px is above 0"):
        curve().recall(px, hidden, blur)


def test_a_covariance_that_is_none_is_refused() -> None:
    with pytest.raises(ValidationError, match="covariance"):
        curve(covariance=np.diag([1.0, 1.0, 1.0, -1.0]))
