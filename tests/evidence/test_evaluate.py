"""The prior, judged by draws from the model that it states."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import shapely

from survey.evidence import GROUPS, EvidenceConfig, Prior, evaluate
from survey.evidence.gamma import surprise
from tests.evidence.conftest import GRID

Believed = Callable[..., EvidenceConfig]
BOX = shapely.box(501_000, 4_801_000, 502_000, 4_802_000)
"""Cells 10 to 19 of rows and columns."""
FAR = shapely.box(500_000, 4_800_000, 500_100, 4_800_100)


def some(prior: Prior, group: str = "ap") -> np.ndarray:
    """P(at least one item)."""
    return np.asarray(-np.expm1(-surprise(prior.rate[group].astype(float), prior.shape[group].astype(float))))


def test_without_layers_there_is_the_background(believed: Believed) -> None:
    prior = evaluate(believed(), GRID)
    for group in GROUPS:
        assert prior.rate[group] == pytest.approx(0.01)
        assert prior.shape[group] == pytest.approx(0.1, rel=1e-4)
    assert not prior.evidence_class.any()


def test_an_expert_polygon_is_right_as_a_whole_or_not_at_all(believed: Believed) -> None:
    prior = evaluate(believed(("expert_polygons", [BOX], {"weight": 0.3, "items_per_ha": {"ap": 5.0}})), GRID)
    rng = np.random.default_rng(5)
    n = 400_000
    density = rng.gamma(0.1, 0.1, n) + (rng.random(n) < 0.3) * rng.gamma(1.0, 5.0, n)
    assert prior.rate["ap"][15, 15] == pytest.approx(density.mean(), rel=0.02)
    assert some(prior)[15, 15] == pytest.approx((rng.poisson(density) > 0).mean(), abs=0.004)
    assert prior.rate["ap"][5, 5] == pytest.approx(0.01)
    assert (prior.rate["at"] == np.float32(0.01)).all()
    assert prior.evidence_class[15, 15] == 2


def test_records_keep_their_number_of_items(believed: Believed) -> None:
    """100 ha recorded, 25 % right, half of the others elsewhere, 40 % of all omitted."""
    prior = evaluate(believed(("minefield_records", [BOX], {"spread_half_distance_m": 20})), GRID)
    added = prior.contributions["l0"]["ap"].sum()
    laid = 0.25 + 0.75 * 0.5
    assert added == pytest.approx(20 * 100 * (laid + laid * 0.4 / 0.6), rel=0.002)


def test_a_record_with_an_error_of_location_is_where_draws_put_it(believed: Believed) -> None:
    keys = {"misplaced": 0.0, "omission": 0.0, "location_error_m": 150}
    prior = evaluate(believed(("minefield_records", [BOX], keys)), GRID)
    rng = np.random.default_rng(6)
    n = 200_000
    for row, col in ((15, 15), (15, 9), (9, 9), (8, 15)):
        east, north = 500_000 + 100 * col, 4_803_000 - 100 * row
        shift = rng.normal(0, 150, (n, 2))
        wide = np.clip(np.minimum(502_000 + shift[:, 0], east + 100) - np.maximum(501_000 + shift[:, 0], east), 0, 100)
        high = np.clip(
            np.minimum(4_802_000 + shift[:, 1], north) - np.maximum(4_801_000 + shift[:, 1], north - 100), 0, 100
        )
        share = wide * high / 1e4
        density = rng.gamma(0.1, 0.1, n) + (rng.random(n) < 0.25) * share * rng.gamma(1.5, 20 / 1.5, n)
        assert prior.rate["ap"][row, col] == pytest.approx(density.mean(), rel=0.03, abs=0.005)
        assert some(prior)[row, col] == pytest.approx((rng.poisson(density) > 0).mean(), abs=0.012)


def test_reliable_records_are_direct_evidence(believed: Believed) -> None:
    for reliability, rank in ((0.25, 1), (0.9, 2)):
        prior = evaluate(believed(("minefield_records", [BOX], {"reliability": reliability})), GRID)
        assert prior.evidence_class[15, 15] == rank
    stated = believed(("minefield_records", [BOX], {"evidence": "direct"}))
    assert evaluate(stated, GRID).evidence_class[15, 15] == 2


def test_accidents_add_their_items_around_them(believed: Believed) -> None:
    points = [shapely.Point(502_050, 4_801_450), shapely.Point(502_060, 4_801_440)]
    for error in (0, 100):
        prior = evaluate(believed(("accidents", points, {"location_error_m": error, "half_distance_m": 60})), GRID)
        added = prior.contributions["l0"]["ap"]
        assert added.sum() == pytest.approx(4, rel=0.001)
        assert divmod(int(added.argmax()), 40) == (15, 20)


def test_craters_add_duds(believed: Believed) -> None:
    keys = {"count_column": "n", "columns": {"n": [3, 7]}, "half_distance_m": 20}
    points = [shapely.Point(502_050, 4_801_450), shapely.Point(502_060, 4_801_440)]
    prior = evaluate(believed(("craters", points, keys)), GRID)
    assert prior.contributions["l0"]["uxo"].sum() == pytest.approx(10 / 0.5 * 6 / 23, rel=0.001)
    assert not prior.contributions["l0"]["ap"].any()


def test_a_crater_without_a_count_is_set_aside(believed: Believed) -> None:
    keys = {"count_column": "n", "columns": {"n": [3, None, -1]}}
    points = [shapely.Point(502_050 + n, 4_801_450) for n in range(3)]
    report = evaluate(believed(("craters", points, keys)), GRID).reports["l0"]
    assert report.set_aside == {"n is no number above 0": 2}
    assert report.used == 1


@pytest.mark.parametrize("kind", ["confrontation_lines", "trenches"])
def test_lines_halve(believed: Believed, kind: str) -> None:
    line = shapely.LineString([(501_000, 4_801_050), (503_000, 4_801_050)])
    prior = evaluate(believed((kind, [line], {})), GRID)
    added = prior.contributions["l0"]["ap"][:, 20]
    assert added[19] < 2
    assert added[11:16] / added[12:17] == pytest.approx(0.5, rel=0.01)
    assert added[0] == pytest.approx(0, abs=0.01)


def test_use_of_land_lowers_but_never_to_nothing(believed: Believed) -> None:
    def used(n: int, **keys: Any) -> Prior:
        layers = [("used_land", [BOX], {"reduction": {"ap": 0.9}, "strength": 1000, **keys})] * n
        return evaluate(believed(*layers), GRID)

    one, four = used(1), used(4)
    assert one.rate["ap"][15, 15] == pytest.approx(0.001)
    assert four.rate["ap"][15, 15] == pytest.approx(0.01 * 0.05)  # not 0.1^4: `used_land_leaves`
    assert one.rate["ap"][5, 5] == four.rate["ap"][5, 5] == np.float32(0.01)
    assert used(1, weight=0.5).rate["ap"][15, 15] == pytest.approx(0.0055)


def test_earlier_clearance_leaves_what_its_recall_says(believed: Believed) -> None:
    sources = ("expert_polygons", [BOX], {"date": 1995, "shape": 0.7})
    clearance = ("earlier_clearance", [BOX], {"date": 2005, "weight": 0.8, "recall": {"ap": 0.7}, "strength": 5})
    prior = evaluate(believed(sources, clearance), GRID)
    rng = np.random.default_rng(7)
    n = 400_000
    left = 1 - (rng.random(n) < 0.8) * rng.beta(3.5, 1.5, n)
    density = (rng.gamma(0.1, 0.1, n) + rng.gamma(0.7, 5 / 0.7, n)) * left
    assert prior.rate["ap"][15, 15] == pytest.approx(density.mean(), rel=0.01)
    assert some(prior)[15, 15] == pytest.approx((rng.poisson(density) > 0).mean(), abs=0.01)


def test_clearance_acts_by_method(believed: Believed) -> None:
    halves = [shapely.box(501_000, 4_801_000, 501_500, 4_802_000), shapely.box(501_500, 4_801_000, 502_000, 4_802_000)]
    keys = {
        "method_column": "how",
        "columns": {"how": ["manual", "unheard of"]},
        "methods": {"manual": {"ap": 0.99}},
        "recall": {"ap": 0.5},
    }
    rate = evaluate(believed(("earlier_clearance", halves, keys)), GRID).rate["ap"]
    assert rate[15, 12] == pytest.approx(0.0001, rel=1e-4)
    assert rate[15, 17] == pytest.approx(0.005)


def test_clearance_does_not_touch_what_came_later(believed: Believed) -> None:
    clearance = ("earlier_clearance", [BOX], {"date": 2005})
    later = evaluate(believed(clearance, ("expert_polygons", [BOX], {"date": "2005-12-31"})), GRID)
    assert later.rate["ap"][15, 15] == pytest.approx(5.01 * 0.1)  # of one day: sources first
    later = evaluate(believed(clearance, ("expert_polygons", [BOX], {"date": 2006})), GRID)
    assert later.rate["ap"][15, 15] == pytest.approx(0.001 + 5)


def everything() -> list[tuple[str, list[Any], dict[str, Any]]]:
    line = shapely.LineString([(499_000, 4_801_900), (503_500, 4_800_700)])
    points = [shapely.Point(500_000 + 370 * n, 4_800_000 + 290 * n) for n in range(12)]
    return [
        ("minefield_records", [BOX, shapely.box(499_500, 4_802_300, 500_250, 4_803_400)], {"date": 1995}),
        ("confrontation_lines", [line], {"location_error_m": 80, "date": 1995}),
        ("accidents", points, {"location_error_m": 50, "date": 2010}),
        ("craters", points, {"date": 1996}),
        ("expert_polygons", [FAR, BOX.buffer(-300)], {"half_distance_m": 50, "weight": 0.4, "date": 2012}),
        ("earlier_clearance", [shapely.box(501_500, 4_800_500, 503_111, 4_801_777)], {"date": 2005}),
        ("used_land", [shapely.box(500_033, 4_801_500, 502_222, 4_802_800)], {"location_error_m": 30, "date": 2020}),
    ]


@pytest.fixture
def mixed(believed: Believed) -> EvidenceConfig:
    return believed(*everything())


def test_windows_do_not_matter(mixed: EvidenceConfig) -> None:
    whole, pieces = evaluate(mixed, GRID), evaluate(mixed, GRID, edge=7)
    for group in GROUPS:
        assert np.allclose(whole.rate[group], pieces.rate[group], rtol=1e-5)
        assert np.allclose(whole.shape[group], pieces.shape[group], rtol=1e-4)
    assert np.array_equal(whole.evidence_class, pieces.evidence_class)


def test_contributions_add_up(mixed: EvidenceConfig) -> None:
    prior = evaluate(mixed, GRID)
    for group in GROUPS:
        total = prior.background[group] + sum(layer[group].astype(float) for layer in prior.contributions.values())
        assert total == pytest.approx(prior.rate[group], rel=1e-5)
    for name in ("l5", "l6"):
        assert (prior.contributions[name]["ap"] <= 0).all()
        assert (prior.contributions[name]["ap"] < 0).any()


def test_a_source_never_lowers_and_a_thinning_never_raises(believed: Believed) -> None:
    layers = everything()
    order = [0, 1, 3, 5, 2, 4, 6]
    before = some(evaluate(believed(), GRID))
    for n in range(1, len(order) + 1):
        taken = [layers[k] for k in order[:n]]
        now = some(evaluate(believed(*taken), GRID))
        rises = taken[-1][0] not in {"earlier_clearance", "used_land"}
        assert ((now >= before - 1e-7) if rises else (now <= before + 1e-7)).all(), taken[-1][0]
        before = now


def test_a_weight_of_nothing_switches_off(believed: Believed) -> None:
    prior = evaluate(believed(*[(kind, shapes, {**keys, "weight": 0}) for kind, shapes, keys in everything()]), GRID)
    assert all((prior.rate[group] == np.float32(0.01)).all() for group in GROUPS)


def test_what_lies_beyond_the_grid_counts_as_far_as_it_reaches(believed: Believed) -> None:
    outside = [shapely.Point(499_950, 4_801_450), shapely.Point(400_000, 4_801_450)]
    prior = evaluate(believed(("accidents", outside, {})), GRID)
    assert prior.contributions["l0"]["ap"][15, 0] > 0.05
    assert (prior.reports["l0"].used, prior.reports["l0"].outside) == (1, 1)


def test_a_search_takes_the_mean_and_the_chance_of_nothing_of_every_group(mixed: EvidenceConfig) -> None:
    prior = evaluate(mixed, GRID)
    field = prior.field()
    for place, group in enumerate(GROUPS, start=1):
        assert field.expected()[:, place] == pytest.approx(prior.rate[group].ravel(), rel=1e-6)
        assert field.present()[:, place] == pytest.approx(some(prior, group).ravel(), rel=1e-5)
    nothing = np.prod([1 - some(prior, g).ravel() for g in GROUPS], axis=0)
    assert 1 - field.present()[:, 0] == pytest.approx(nothing, rel=1e-5)


def test_numbers_beyond_all_measure_stay_finite(believed: Believed) -> None:
    certain = ("expert_polygons", [BOX], {"items_per_ha": {"ap": 1e7}, "shape": 1e4, "date": 1990})
    removed = ("earlier_clearance", [BOX], {"recall": {"ap": 0.999}, "strength": 1e6})
    prior = evaluate(believed(certain, removed), GRID)
    assert prior.rate["ap"][15, 15] == pytest.approx(1e4, rel=1e-3)
    assert some(prior)[15, 15] == pytest.approx(1)


def test_a_layer_of_faint_influence_stays_finite(believed: Believed) -> None:
    speck = shapely.box(501_000, 4_801_000, 501_000.01, 4_801_000.01)
    thin = ("earlier_clearance", [speck], {"location_error_m": 300})
    prior = evaluate(believed(("minefield_records", [speck], {}), thin), GRID)
    assert prior.rate["ap"] == pytest.approx(0.01, rel=1e-4)
    assert prior.shape["ap"] == pytest.approx(0.1, rel=1e-3)
