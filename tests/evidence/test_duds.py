import numpy as np
import pytest

from survey.evidence import DudRate


def test_duds_are_those_of_drawn_rates() -> None:
    rng = np.random.default_rng(4)
    rate = DudRate(0.2, 30)
    d = rng.beta(6, 24, 400_000)
    duds = d / (1 - d)
    assert rate.per_crater == pytest.approx(duds.mean(), rel=0.01)
    assert rate.shape == pytest.approx(duds.mean() ** 2 / duds.var(), rel=0.02)
    assert rate.quantile(0.95, craters=1000) == pytest.approx(1000 * np.quantile(duds, 0.95), rel=0.01)


def test_the_expected_number_exceeds_that_of_the_mean_rate() -> None:
    assert DudRate(0.2, 10).per_crater > DudRate(0.2, 100).per_crater > 0.25


def test_a_rate_known_for_sure_gives_the_plain_relation() -> None:
    """2.5 million craters stand for 0.28 million duds at 10 % and for 1.07 million at 30 %."""
    assert 2.5e6 * DudRate(0.1, 1e9).per_crater == pytest.approx(0.278e6, rel=0.001)
    assert 2.5e6 * DudRate(0.3, 1e9).per_crater == pytest.approx(1.071e6, rel=0.001)


@pytest.mark.parametrize(("mean", "strength"), [(0.0, 10), (1.0, 10), (0.5, 4)])
def test_a_rate_without_variance_of_duds_is_refused(mean: float, strength: float) -> None:
    with pytest.raises(ValueError, match="strength"):
        DudRate(mean, strength)
