import numpy as np
import pytest
import shapely
from scipy import stats

from survey.errors import ConfigError, InputError
from survey.patterns import PatternSettings, SearchedGround, find_rows
from survey.patterns.rows import Row, bic, log_likelihood, memberships, refine
from survey.patterns.seeds import best_row
from tests.patterns.sites import Site, ground, laid_site

QUICK = PatternSettings(simulations=19)


def _hit(site: Site, row: int) -> bool:
    """Tell whether a found row holds most of a true row's seen items and little else."""
    true = set(np.flatnonzero(site.row == row).tolist())
    for found in find_rows(site.points, ground(), settings=QUICK):
        own = set(found.members.tolist())
        if len(own & true) >= 0.7 * len(true) and len(own & true) >= 0.7 * len(own):
            return True
    return False


def test_rows_in_clutter_are_found() -> None:
    found = [_hit(laid_site(seed), 0) for seed in range(12)]
    assert sum(found) >= 11


def test_two_rows_are_told_apart_and_clutter_is_left_out() -> None:
    hits, strangers, members = 0, 0, 0
    for seed in range(20, 25):
        site = laid_site(seed, rows=2)
        for found in find_rows(site.points, ground(), settings=QUICK):
            kinds = site.row[found.members]
            members += len(kinds)
            strangers += int((kinds == -1).sum())
            hits += int(np.bincount(kinds[kinds >= 0], minlength=2).max() >= 0.7 * len(kinds))
    assert hits >= 9
    assert strangers <= 0.1 * members


def test_by_chance_alone_rows_are_found_at_most_at_the_level() -> None:
    """25 sites at a level of 0.2: more than 10 false ones have a chance of 0.6 % if the level holds.

    A procedure whose true level were 0.6 would pass with a chance of 3 %.
    """
    settings = PatternSettings(simulations=9, level=0.2, seed=1)
    false = 0
    for seed in range(25):
        points = np.random.default_rng([7, seed]).uniform(0, 200, (45, 2))
        false += bool(find_rows(points, ground(), settings=settings))
    assert false <= 10
    assert stats.binom.sf(10, 25, settings.level) < 0.01
    assert stats.binom.cdf(10, 25, 0.6) < 0.04


def test_crowds_are_no_rows() -> None:
    """At a level of 0.05 more than 4 of 24 have a chance of 0.6 %."""
    false = 0
    for seed in range(24):
        rng = np.random.default_rng([9, seed])
        crowds = rng.uniform(30, 170, (3, 1, 2)) + rng.normal(0, 8, (3, 15, 2))
        points = np.concatenate([crowds.reshape(-1, 2), rng.uniform(0, 200, (20, 2))])
        false += bool(find_rows(points, ground(), settings=QUICK))
    assert false <= 4


def test_the_null_keeps_to_searched_ground() -> None:
    """Items along a narrow flight are no row: nothing else was looked at."""
    strip = SearchedGround(shapely.box(0, 0, 400, 3))
    points = strip.strew(40, np.random.default_rng(3))
    assert strip.holds(points).all()
    assert not find_rows(points, strip, settings=QUICK)
    assert find_rows(points, ground(400), settings=QUICK)
    moved = strip.jitter(points, 15, np.random.default_rng(4))
    assert strip.holds(moved).all()
    assert np.hypot(*(moved - points).T).max() <= 15


def test_the_same_items_give_the_same_rows() -> None:
    site = laid_site(30)
    one, other = (find_rows(site.points, ground(), settings=QUICK) for _ in range(2))
    assert [(f.row, f.gain, f.p_value, f.spacing) for f in one] == [
        (f.row, f.gain, f.p_value, f.spacing) for f in other
    ]
    assert one


def test_a_row_is_the_same_wherever_and_however_it_lies() -> None:
    site = laid_site(31, clutter=30)
    here = best_row(site.points, 40_000.0, settings=QUICK)
    turned = (site.points - 100) @ np.array([[0.6, 0.8], [-0.8, 0.6]]) + [500_000, 4_000_000]
    there = best_row(turned, 40_000.0, settings=QUICK)
    assert here is not None
    assert there is not None
    assert there[1] == pytest.approx(here[1], abs=0.01)
    assert there[0].length_m == pytest.approx(here[0].length_m, abs=0.01)


def test_likelihood_and_memberships_are_those_of_the_mixture() -> None:
    points = np.array([[5.0, 0.1], [5.0, 30.0]])
    row = Row(0.0, 0.0, 0.0, 0.0, 10.0, 0.2, 0.4)
    dense = 0.4 / 10 * stats.norm.pdf(0.1, scale=0.2)
    assert log_likelihood(points, [row], 900.0) == pytest.approx(np.log(0.6 / 900 + dense) + np.log(0.6 / 900))
    assert memberships(points, [row], 900.0)[:, 0] == pytest.approx([dense / (dense + 0.6 / 900), 0.0])
    assert bic(points, [row], 900.0) == pytest.approx(6 * np.log(2) - 2 * log_likelihood(points, [row], 900.0))


def test_bic_prefers_the_row_where_there_is_one_only() -> None:
    site = laid_site(32)
    best = best_row(site.points, 40_000.0, settings=QUICK)
    assert best is not None
    assert bic(site.points, [best[0]], 40_000.0) < bic(site.points, (), 40_000.0)
    wrong = Row(100.0, 20.0, 0.3, 0.0, 60.0, 0.3, 0.1)
    assert bic(site.points, [wrong], 40_000.0) > bic(site.points, (), 40_000.0)
    assert refine(site.points, [wrong], 40_000.0, settings=QUICK) == ()


@pytest.mark.parametrize("count", [0, 1, 4])
def test_few_items_make_no_row(count: int) -> None:
    points = np.column_stack([np.arange(count) * 4.0, np.full(count, 50.0)])
    assert find_rows(points, ground(), settings=QUICK) == ()


def test_items_on_one_spot_make_no_row() -> None:
    assert find_rows(np.full((30, 2), 50.0), ground(), settings=QUICK) == ()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot show a level"):
        PatternSettings(simulations=9)
    with pytest.raises(ConfigError, match="least_members"):
        PatternSettings(least_members=3)
    with pytest.raises(ConfigError, match="gap_m"):
        PatternSettings(gap_m=2)
    with pytest.raises(InputError, match="no ground was searched"):
        SearchedGround(shapely.Polygon())
    with pytest.raises(InputError, match="more than the 5000"):
        find_rows(np.zeros((5001, 2)), ground(), settings=QUICK)
