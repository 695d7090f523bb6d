"""What several views are worth."""

import numpy as np
import pytest

from survey.risk import effective_looks
from survey.risk.looks import recall_after


def test_dependent_views_are_worth_less_than_their_number() -> None:
    assert effective_looks([0, 0.5, 1, 5], correlation=0.0).tolist() == [0, 0.5, 1, 5]
    assert effective_looks([0, 1, 5, 1000], correlation=1.0) == pytest.approx([0, 1, 1, 1])
    assert effective_looks(5, correlation=0.25) == pytest.approx(2.5)
    assert effective_looks(1e9, correlation=0.25) == pytest.approx(4.0)


def test_effective_looks_give_the_variance_of_a_mean_of_correlated_views() -> None:
    """What the formula is from: 5 views with intraclass correlation .25 average as 2.5 independent ones do."""
    rng = np.random.default_rng(2)
    p, rho, m = 0.3, 0.25, 5
    chance = rng.beta(p * (1 / rho - 1), (1 - p) * (1 / rho - 1), 400_000)
    mean = rng.binomial(m, chance) / m
    assert p * (1 - p) / mean.var() == pytest.approx(float(effective_looks(m, correlation=rho)), rel=0.02)


def test_recall_grows_with_looks_and_stays_a_probability() -> None:
    assert recall_after(0.3, 2.0) == pytest.approx(0.51)
    assert recall_after([0.0, 1.0], 3.0) == pytest.approx([0.0, 1.0])


@pytest.mark.parametrize(("views", "rho"), [(-1, 0.5), (np.nan, 0.5), (2, 1.5)])
def test_impossible_views_are_refused(views: float, rho: float) -> None:
    with pytest.raises(ValueError, match="views"):
        effective_looks(views, correlation=rho)
