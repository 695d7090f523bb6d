import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from survey.patterns import estimate_spacing


def _row(
    seed: int, *, spacing_m: float = 4.0, laid: int = 20, recall: float = 0.7, error: float = 0.05
) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    along = np.arange(laid) * spacing_m + rng.normal(0, error * spacing_m, laid) + rng.uniform(0, 10)
    return along[rng.random(laid) < recall]


@pytest.mark.parametrize("spacing_m", [1.0, 4.0, 9.0])
def test_a_spacing_is_found_although_members_are_missing(spacing_m: float) -> None:
    found = [estimate_spacing(_row(seed, spacing_m=spacing_m)) for seed in range(15)]
    right = [s for s in found if s is not None and abs(s.metres / spacing_m - 1) < 0.02]
    assert len(right) >= 14, "half, double and third spacings count as wrong"


def test_the_interval_covers_the_truth() -> None:
    """Of 60 at 95 % fewer than 51 cover it with a chance of 0.3 %."""
    found = [estimate_spacing(_row(seed)) for seed in range(100, 160)]
    known = [s for s in found if s is not None]
    covered = sum(s.interval[0] <= 4.0 <= s.interval[1] for s in known)
    assert len(known) >= 57
    assert stats.binom.cdf(covered, len(known), 0.95) > 0.003
    assert np.mean([s.interval[1] - s.interval[0] for s in known]) < 0.1


def test_members_strewn_evenly_have_no_spacing() -> None:
    """At a level of 0.05 more than 6 of 40 have a chance of 0.3 %."""
    rng = np.random.default_rng(1)
    false = sum(estimate_spacing(rng.uniform(0, 60, 14)) is not None for _ in range(40))
    assert false <= 6


def test_teeth_are_counted_and_placed() -> None:
    along = np.array([0, 1, 2, 4, 5, 7, 8, 10, 11], np.float64) * 3.0 + 100
    found = estimate_spacing(along)
    assert found is not None
    assert found.metres == pytest.approx(3.0, abs=0.01)
    assert found.places == 12
    assert (found.phase_m - 100) / 3.0 == pytest.approx(round((found.phase_m - 100) / 3.0), abs=0.02)


def test_too_few_or_all_in_one_place_tell_nothing() -> None:
    assert estimate_spacing(np.arange(4.0) * 4.0) is None
    assert estimate_spacing(np.zeros(8)) is None
