"""Curves are monotone, what was written is read, and old cards give what they gave."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.special import expit

from survey.calibration import Calibration, Curve, CurveKind
from survey.detect import load_card
from survey.resources import models_folder

Z = np.linspace(-20, 20, 801)
SLOPE = st.floats(0, 5)
FREE = st.floats(-5, 5)


@st.composite
def curves(draw: st.DrawFn) -> Curve:
    kind = draw(st.sampled_from(CurveKind))
    match kind:
        case CurveKind.CONSTANT:
            parameters: tuple[float, ...] = (draw(FREE),)
        case CurveKind.TEMPERATURE:
            parameters = (draw(SLOPE),)
        case CurveKind.PLATT:
            parameters = (draw(SLOPE), draw(FREE))
        case CurveKind.BETA:
            parameters = (draw(SLOPE), draw(SLOPE), draw(FREE))
        case CurveKind.ISOTONIC:
            logits = sorted(draw(st.sets(st.floats(-9, 9, width=16), min_size=1, max_size=6)))
            shares = st.lists(st.floats(0, 1), min_size=len(logits), max_size=len(logits))
            parameters = (*logits, *sorted(draw(shares)))
    return Curve(kind=kind, parameters=parameters)


@given(curves())
def test_every_curve_is_monotone_and_a_probability(curve: Curve) -> None:
    p = curve.probability(Z)
    assert p.shape == Z.shape
    assert ((p >= 0) & (p <= 1)).all()
    assert (np.diff(p) >= -1e-12).all()


def test_a_beta_curve_is_the_published_formula() -> None:
    s = np.array([0.1, 0.5, 0.9])
    expected = 1 / (1 + 1 / (np.exp(-0.4) * s**1.5 / (1 - s) ** 0.7))  # Kull et al. 2017, equation 5
    curve = Curve(kind=CurveKind.BETA, parameters=(1.5, 0.7, -0.4))
    assert curve.probability(np.log(s / (1 - s))) == pytest.approx(expected)


def test_beta_with_equal_slopes_is_platt() -> None:
    beta = Curve(kind=CurveKind.BETA, parameters=(0.8, 0.8, -1.0)).probability(Z)
    assert beta == pytest.approx(Curve(kind=CurveKind.PLATT, parameters=(0.8, -1.0)).probability(Z))


def test_an_isotonic_curve_is_straight_between_its_points_and_level_outside() -> None:
    curve = Curve(kind=CurveKind.ISOTONIC, parameters=(-1.0, 1.0, 0.2, 0.6))
    assert curve.probability(np.array([-9.0, -1.0, 0.0, 1.0, 9.0])) == pytest.approx([0.2, 0.2, 0.4, 0.6, 0.6])


@pytest.mark.parametrize(
    ("kind", "parameters", "said"),
    [
        ("platt", (-0.1, 0.0), "does not fall"),
        ("beta", (1.0, -1.0, 0.0), "does not fall"),
        ("beta", (1.0, 1.0), "3 parameters, got 2"),
        ("constant", (float("nan"),), "finite"),
        ("isotonic", (1.0, 0.0, 0.2, 0.6), "logits rise"),
        ("isotonic", (0.0, 1.0, 0.6, 0.2), "do not fall"),
        ("isotonic", (0.0, 1.0, 0.6, 1.2), "lie in 0..1"),
        ("isotonic", (), "as many"),
    ],
)
def test_what_is_no_curve_is_refused(kind: str, parameters: tuple[float, ...], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Curve(kind=CurveKind(kind), parameters=parameters)


def test_a_class_with_a_curve_of_its_own_gets_it_and_the_others_the_shared_one() -> None:
    own = Curve(kind=CurveKind.CONSTANT, parameters=(0.0,))
    shared = Calibration(
        kind=CurveKind.PLATT,
        parameters=(1.0, -1.0),
        prevalence=0.4,
        fitted_on="-",
        classes={"b": own, "gone": own},
    )
    p = shared.by_class(np.array([0.0, 0.0, 3.0], np.float32), np.array([0, 1, 1], np.int16), classes=("a", "b"))
    assert p.dtype == np.float32
    assert p == pytest.approx([expit(-1.0), 0.5, 0.5])


def test_a_calibration_comes_back_from_yaml_as_it_was_written() -> None:
    own = Curve(kind=CurveKind.ISOTONIC, parameters=(-1.0, 1.0, 0.2, 0.6))
    written = Calibration(
        kind=CurveKind.BETA, parameters=(1.0, 0.5, 0.0), prevalence=0.4, fitted_on="x", classes={"b": own}
    )
    assert Calibration.model_validate(yaml.safe_load(yaml.safe_dump(written.model_dump(mode="json")))) == written


def test_released_cards_load(tmp_path: Path) -> None:
    for path in models_folder().glob("*/model.yaml"):
        assert 0 < load_card(path.parent).calibration.prevalence < 1
