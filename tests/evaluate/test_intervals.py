"""Intervals against exact bounds, scipy and simulation."""

import numpy as np
import pytest
from scipy.stats import binomtest

from survey.evaluate import alarm_rate, recall_rate
from survey.evaluate.intervals import Units


@pytest.mark.parametrize(("found", "items"), [(0, 16), (16, 16), (5, 10), (9, 98), (1, 1000)])
def test_clopper_pearson_is_scipys(found: int, items: int) -> None:
    rate, exact = recall_rate(found, items), binomtest(found, items).proportion_ci(method="exact")
    assert (rate.low, rate.high) == pytest.approx((exact.low, exact.high), abs=1e-9)
    assert (rate.value, rate.count, rate.of) == (found / items, found, items)


def test_without_items_a_recall_may_be_anything() -> None:
    assert (recall_rate(0, 0).value, recall_rate(0, 0).low, recall_rate(0, 0).high) == (None, 0, 1)


def test_poisson_interval() -> None:
    none = alarm_rate(0, 2.0)
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(3.689 / 2, abs=1e-3)
    assert (alarm_rate(10, 1.0).low, alarm_rate(10, 1.0).high) == pytest.approx((4.795, 18.390), abs=1e-3)


def test_sites_are_drawn_where_there_are_several_else_pictures_and_one_picture_is_poissons() -> None:
    area = np.array([1.0, 2.0, 3.0])
    sites = Units.choose(("a", "b", "b"), area, kind="image")
    assert (sites.kind, sites.of.tolist(), sites.area_ha.tolist()) == ("site", [0, 1, 1], [1, 5])
    assert Units.choose(("a", "a", "a"), area, kind="image").kind == "image"
    alarms = [np.array([0, 0, 2], np.intp)]
    assert sites.alarm_rates(alarms)[0].interval == "bootstrap over 2 sites, at least Poisson"
    single = Units.choose(("a",), np.array([2.0]), kind="image").alarm_rates([np.zeros(3, np.intp)])[0]
    assert single == alarm_rate(3, 2.0)


def test_an_interval_is_wider_where_sites_differ_and_never_narrower_than_poissons() -> None:
    units = Units.choose([str(n) for n in range(10)], np.ones(10), kind="image")
    alike, unlike = np.repeat(np.arange(10), 10), np.zeros(100, np.intp)
    even, uneven, none = units.alarm_rates([alike, unlike, np.empty(0, np.intp)])
    poisson = alarm_rate(100, 10.0)
    assert (even.low, even.high) == (poisson.low, poisson.high)
    assert uneven.high > 2 * poisson.high
    assert none.high == alarm_rate(0, 10.0).high


def test_the_bootstrap_covers_the_true_rate_of_sites_that_differ() -> None:
    rng, true, covered = np.random.default_rng(3), 20.0, {"bootstrap": 0, "poisson": 0}
    for _ in range(100):
        counts = rng.poisson(rng.gamma(2.0, true / 2.0, 30))
        alarms = np.repeat(np.arange(30), counts)
        units = Units.choose([str(n) for n in range(30)], np.ones(30), kind="image")
        rate, exact = units.alarm_rates([alarms], rounds=400)[0], alarm_rate(len(alarms), 30.0)
        covered["bootstrap"] += rate.low <= true <= rate.high
        covered["poisson"] += exact.low <= true <= exact.high
    assert covered["bootstrap"] >= 88  # nominally 95; a percentile bootstrap over 30 units is a little short
    assert covered["poisson"] < 70
