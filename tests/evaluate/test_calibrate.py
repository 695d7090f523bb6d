"""Fits against curves that made the data, and figures that the fit had no part in."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from survey.calibration import CurveKind
from survey.evaluate import Scores
from survey.evaluate.calibrate import (
    Sample,
    before_and_after,
    calibration_error,
    fit_calibration,
    quality,
    reliability,
)
from survey.evaluate.fitting import choose_curve, fit_curve, folds, log_loss

CLASSES = ("a", "b", "rare")


def drawn(count: int, probability: object = None, *, seed: int = 8) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return logits and truths; `probability` maps the logits."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0.5, 2, count)
    return z, rng.random(count) < probability(z)  # type: ignore[operator]


def beta_curve(z: NDArray[np.float64]) -> NDArray[np.float64]:
    s = expit(z)
    return np.asarray(expit(2.0 * np.log(s) - 0.4 * np.log(1 - s) + 0.5), np.float64)


def sites(count: int, number: int = 6) -> NDArray[np.str_]:
    return np.array([f"site {n % number}" for n in range(count)])


def test_beta_recovers_the_curve_that_made_the_scores() -> None:
    z, true = drawn(40_000, beta_curve)
    fitted = fit_curve(CurveKind.BETA, z, true)
    assert fitted.parameters == pytest.approx((2.0, 0.4, 0.5), abs=0.1)
    grid = np.linspace(-4, 4, 41)
    assert fitted.probability(grid) == pytest.approx(beta_curve(grid), abs=0.02)


def test_platt_and_temperature_recover_theirs() -> None:
    z, true = drawn(40_000, lambda z: expit(0.7 * z - 1.1))
    assert fit_curve(CurveKind.PLATT, z, true).parameters == pytest.approx((0.7, -1.1), abs=0.04)
    z, true = drawn(40_000, lambda z: expit(0.5 * z))
    assert fit_curve(CurveKind.TEMPERATURE, z, true).parameters == pytest.approx((0.5,), abs=0.02)


def test_isotonic_follows_any_rising_curve_and_never_says_never() -> None:
    z, true = drawn(20_000, lambda z: np.where(z > 0, 0.6, 0.1))
    fitted = fit_curve(CurveKind.ISOTONIC, z, true)
    assert fitted.probability(np.array([-1.5, 2.5])) == pytest.approx([0.1, 0.6], abs=0.04)
    apart = fit_curve(CurveKind.ISOTONIC, np.arange(20.0), np.arange(20) > 9)
    ends = apart.probability(np.array([0.0, 19.0]))
    assert 0 < ends[0] < 0.1
    assert 0.9 < ends[1] < 1


@pytest.mark.parametrize("kind", list(CurveKind))
def test_a_fit_stays_finite_where_true_and_false_do_not_overlap(kind: CurveKind) -> None:
    p = fit_curve(kind, np.arange(20.0), np.arange(20) > 9).probability(np.array([-50.0, 0.0, 19.0, 50.0]))
    assert np.isfinite(p).all()


@pytest.mark.parametrize("true", [True, False])
def test_sightings_of_one_kind_only_give_a_constant_smoothed_probability(true: bool) -> None:
    fitted = fit_curve(CurveKind.BETA, np.array([1.0, 2.0]), np.array([true, true]))
    assert fitted.kind is CurveKind.CONSTANT
    assert fitted.probability(np.zeros(1)) == pytest.approx(0.75 if true else 0.25)


def test_the_kind_is_chosen_on_groups_left_out() -> None:
    def step(z: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(np.abs(z) < 1, 0.5, np.where(z > 0, 0.9, 0.02))

    z, true = drawn(6000, lambda z: expit(0.5 * z))
    assert choose_curve(z, true, sites(6000)).curve.kind is CurveKind.TEMPERATURE
    z, true = drawn(6000, step)
    choice = choose_curve(z, true, sites(6000))
    assert choice.curve.kind is CurveKind.ISOTONIC
    assert choice.log_loss["isotonic"] == min(choice.log_loss.values())
    assert set(choice.log_loss) == {"constant", "temperature", "platt", "beta", "isotonic"}


@pytest.mark.parametrize("slope", [0.0, -2.0])
def test_scores_that_do_not_rank_give_the_share_of_true_ones(slope: float) -> None:
    z, true = drawn(2000, lambda z: expit(slope * z))
    fitted = choose_curve(z, true, sites(2000)).curve
    assert fitted.probability(np.array([-3.0, 3.0])) == pytest.approx([true.mean()] * 2, abs=0.02)


def test_a_curve_that_one_site_alone_supports_is_not_believed() -> None:
    # The score ranks on site 0, which holds most sightings, and misleads on the others.
    z, true = drawn(1200, lambda z: expit(3 * z))
    group = np.array(["0"] * 400 + [f"{1 + n % 4}" for n in range(800)])
    true[400:] = np.random.default_rng(0).random(800) < expit(-1.0 * z[400:])
    assert choose_curve(z, true, group).curve.kind is CurveKind.CONSTANT


def test_groups_lie_in_one_fold_whole_and_folds_are_even() -> None:
    group = np.repeat(np.array(list("abcdefg")), [50, 40, 30, 20, 10, 10, 10])
    fold = folds(group, most=3)
    assert all(len(np.unique(fold[group == g])) == 1 for g in "abcdefg")
    assert np.ptp(np.bincount(fold)) <= 20
    assert len(np.unique(folds(np.array(["x", "x"])))) == 1


def sample(z: NDArray[np.float64], true: NDArray[np.bool_], index: NDArray[np.intp], number: int = 6) -> Sample:
    return Sample(z, true, index, sites(len(z), number), "site", CLASSES)


def test_classes_get_curves_of_their_own_where_there_is_enough_and_it_helps() -> None:
    rng = np.random.default_rng(5)
    z = rng.normal(0, 2, 4000)
    index = np.where(np.arange(4000) < 1990, 0, np.where(np.arange(4000) < 3980, 1, 2)).astype(np.intp)
    true = rng.random(4000) < np.where(index == 0, expit(z + 1.5), expit(z - 1.5))
    fit = fit_calibration(sample(z, true, index), fitted_on="six sites")
    assert set(fit.calibration.classes) == {"a", "b"}
    p = fit.calibration.by_class(np.zeros(3), np.arange(3), classes=CLASSES)
    assert p[:2] == pytest.approx([expit(1.5), expit(-1.5)], abs=0.05)
    assert p[2] == pytest.approx(fit.calibration.probability(np.zeros(1))[0])
    assert fit.calibration.prevalence == pytest.approx(true.mean())
    alike = rng.random(4000) < expit(z)
    assert set(fit_calibration(sample(z, alike, index)).calibration.classes) == set()


def test_after_is_measured_on_groups_that_the_fit_did_not_see() -> None:
    z, true = drawn(3000, lambda z: expit(0.4 * z - 1.5))
    made = sample(z, true, np.zeros(3000, np.intp))
    before, after = before_and_after(made)
    told, better = quality(before, true), quality(after, true)
    assert told["ece"] is not None
    assert better["ece"] is not None
    assert better["ece"] < 0.05 < told["ece"]
    for measure in ("brier", "log_loss"):
        assert better[measure] < told[measure]  # type: ignore[operator]
    # Noise cannot be learnt from: a fit on the very sightings would gain on them, a cross-fit does not.
    noise = np.random.default_rng(1).random(60) < 0.5
    chance = sample(z[:60], noise, np.zeros(60, np.intp))
    own = fit_calibration(chance, kinds=(CurveKind.ISOTONIC,)).calibration
    assert own.kind is CurveKind.CONSTANT
    assert log_loss(before_and_after(chance)[1], noise) > log_loss(own.probability(z[:60]), noise)


def test_of_one_group_nothing_can_be_left_out_and_that_is_said() -> None:
    z, true = drawn(100, expit)
    made = sample(z, true, np.zeros(100, np.intp), number=1)
    assert quality(before_and_after(made)[1], true) == {"ece": None, "brier": None, "log_loss": None}
    assert fit_calibration(made).calibration.kind is CurveKind.PLATT


def test_calibration_error_and_reliability() -> None:
    assert calibration_error(np.full(10, 0.3), np.arange(10) < 3, bins=1) == pytest.approx(0)
    assert calibration_error(np.full(10, 0.9), np.zeros(10, bool), bins=5) == pytest.approx(0.9)
    assert calibration_error(np.empty(0), np.empty(0, bool)) == 0
    points = reliability(np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, False]), bins=2)
    assert points == [
        {"probability": pytest.approx(0.15), "true": 0, "of": 2},
        {"probability": pytest.approx(0.85), "true": 1, "of": 2},
    ]
    brier = quality(np.array([0.5, 1.0]), np.array([False, True]))["brier"]
    assert brier == pytest.approx(0.125)


def test_sites_are_left_out_only_where_two_of_them_have_items(scores: Callable[..., Scores]) -> None:
    alone = Sample.above(scores((0.9, True), (0.8, False), (0.7, False, "b"), items=1), least_score=0.3)
    assert alone.grouped_by == "image"
    both = Sample.above(scores((0.9, True), (0.8, False, "b"), (0.7, True, "b"), items=2), least_score=0.3)
    assert (both.grouped_by, both.group.tolist()) == ("site", ["a", "b", "b"])
    beyond = Sample.above(scores((0.9, True), (0.8, False, "b"), (0.2, True, "b"), items=2), least_score=0.3)
    assert beyond.grouped_by == "image"  # the other site's item is not among the sightings that are fitted
