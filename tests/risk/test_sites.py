"""The false-alarm rate of a new site, against drawing sites anew and where little is left to say."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import gamma

from survey.risk import Belief
from survey.risk.sites import LEAST_SHAPE, next_site
from survey.values import Performance


def test_intervals_hold_the_rate_of_the_next_site() -> None:
    """Twelve sites of 1 ha, drawn again and again: the 90 % interval holds the next site's rate about as often."""
    rng = np.random.default_rng(0)
    for spread, mean in ((0.3, 20.0), (0.9, 20.0), (0.7, 2.0)):
        theta = rng.gamma(spread**-2, mean * spread**2, (250, 13))
        inside = []
        for sites in theta:
            shape, area = next_site(rng.poisson(sites[:-1]).tolist(), [1.0] * 12)
            inside.append(0.05 <= gamma.cdf(sites[-1] * area, shape) <= 0.95)
        assert np.mean(inside) == pytest.approx(0.9, abs=0.065), (spread, mean)


def test_sites_that_are_alike_and_many_leave_their_common_rate() -> None:
    shape, area = next_site([1000] * 40, [10.0] * 40)
    assert shape / area == pytest.approx(100, rel=0.01)
    assert shape > 500


def test_one_site_says_little_of_the_next_and_differing_ones_less_than_their_mean() -> None:
    assert next_site([46], [3.25])[0] < 2
    shape, area = next_site([0, 0, 100, 3], [1.0] * 4)
    assert LEAST_SHAPE <= shape < 1
    low, high = gamma.ppf([0.025, 0.975], shape) / area
    assert low < 1
    assert high > 100
    with pytest.raises(ValueError, match="areas are positive"):
        next_site([1], [0.0])


def test_a_card_with_sites_is_believed_of_a_new_site() -> None:
    card = Performance(0.1, (0.05, 0.2), 13.0, (9.6, 32.0), 0.2, 0.02, items=98, found=10, false_alarms=43)
    card = replace(card, searched_ha=3.25)
    sites = replace(card, site_alarms=(7, 24, 8, 0, 4), site_ha=(0.33, 2.34, 0.52, 0.01, 0.05))
    mean, new = Belief.from_performance(card), Belief.from_performance(sites)
    assert sum(new.alarms) + new.undivided < 0.3 * (sum(mean.alarms) + mean.undivided)
    called = replace(card, found_by_class={"anomaly": 10}, false_alarms_by_class={"ap_mine": 43})
    by_site = replace(called, site_alarms=sites.site_alarms, site_ha=sites.site_ha)
    assert Belief.from_performance(called).untold > Belief.from_performance(by_site).untold > 0.5
