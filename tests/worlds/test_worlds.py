"""The posterior on simulated campaigns: right where the world is as assumed, and told where it is not."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from survey.risk import infer
from survey.worlds import WORLDS, World, calibrate_risk, simulate
from survey.worlds.compare import TOP, maps, reliability, score
from survey.worlds.ranks import LEVEL, power, ranks, uniformity
from survey.worlds.run import score_world
from survey.worlds.world import BELIEF, EDGE_CELLS

BY_NAME = {world.name: world for world in WORLDS}


@pytest.mark.parametrize(
    "name",
    [
        "sparse",
        "badly covered",
        "labels that mostly tell nothing",
        "false alarms differ by ground",
        "groups of rates of their own",
    ],
)
def test_ranks_are_uniform_and_intervals_cover_where_the_world_is_as_assumed(name: str) -> None:
    """10,000 hectares: the standard error of the coverage is 0.3 %, and a spread 10 % too small is noticed.

    Five worlds of five marks are 25 tests at once, so each is held to a 25th of the level.
    """
    world, rng = BY_NAME[name], np.random.default_rng(4)
    found = simulate(world, hectares=10_000, rng=rng)
    truth = np.column_stack([found.items.sum(axis=1), found.items])
    told = infer(found.evidence, prior=found.prior, belief=world.belief, counts=truth)
    assert told.below is not None
    assert told.at_most is not None
    assert power(10_000, level=LEVEL / 25) > 0.99
    for place in range(truth.shape[1]):
        rank = ranks(told.below[:, place], told.at_most[:, place], rng=rng)
        assert uniformity(rank).p_value > LEVEL / 25
        assert np.mean((rank >= 0.05) & (rank <= 0.95)) == pytest.approx(0.9, abs=0.02)
    assert np.mean((truth[:, 0] >= told.total.q05) & (truth[:, 0] <= told.total.q95)) > 0.89
    error = 5 * np.sqrt(len(truth)) * (told.total.expected_items - truth[:, 0]).std()
    assert told.total.expected_items.sum() == pytest.approx(truth[:, 0].sum(), abs=error)


@pytest.mark.parametrize("name", ["recall half of what is believed", "records name a quarter", "rows"])
def test_what_is_assumed_wrongly_is_told(name: str) -> None:
    report = score_world(BY_NAME[name], hectares=2000, seed=[2])
    assert not report["drawn_as_assumed"]
    assert not report["holds"]
    assert report["calibration"]["total"]["ranks"]["p_value"] < LEVEL


def test_plugged_in_recall_is_noticed() -> None:
    """The check can fail for the fault that it was built for: recall taken as if it were known."""
    vague = replace(BELIEF, found=2.5, missed=1.5)
    found = simulate(BY_NAME["dense"], hectares=3000, rng=np.random.default_rng(6), belief=vague)
    truth = np.column_stack([found.items.sum(axis=1), found.items])
    sure = replace(vague, found=2.5e5, missed=1.5e5)
    p = {}
    for key, belief in (("carried", vague), ("plugged in", sure)):
        told = infer(found.evidence, prior=found.prior, belief=belief, counts=truth)
        assert told.below is not None
        assert told.at_most is not None
        p[key] = uniformity(ranks(told.below[:, 0], told.at_most[:, 0], rng=np.random.default_rng(1))).p_value
    assert p["carried"] > LEVEL > p["plugged in"]


def test_power_is_what_simulation_says() -> None:
    rng = np.random.default_rng(8)
    from scipy.stats import norm

    noticed = [uniformity(norm.cdf(1.1 * rng.normal(size=1500))).p_value < LEVEL for _ in range(600)]
    assert np.mean(noticed) == pytest.approx(power(1500), abs=4 * np.sqrt(0.25 / 600))
    quiet = [uniformity(rng.random(1500)).p_value < 0.05 for _ in range(600)]
    assert np.mean(quiet) == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 600))


@pytest.mark.parametrize("world", WORLDS, ids=[world.name for world in WORLDS])
def test_campaigns_keep_what_they_promise(world: World) -> None:
    found = simulate(world, hectares=3000, rng=np.random.default_rng(1))
    assert len(found.items) == 3000
    error = 5 * found.items.sum(axis=1).reshape(-1, EDGE_CELLS**2).sum(axis=1).std() / np.sqrt(30) / EDGE_CELLS**2
    assert found.items.sum() / 3000 == pytest.approx(world.mean_items_per_ha, abs=error)
    assert not np.isin(found.evidence.cell, np.flatnonzero(found.evidence.searched_ha == 0)).any()
    col = found.evidence.cell % EDGE_CELLS
    assert (
        (found.x >= col * 100) & (found.x <= col * 100 + 100 * found.evidence.searched_ha[found.evidence.cell])
    ).all()


def test_scores_tell_a_perfect_map_from_one_that_knows_nothing() -> None:
    rng = np.random.default_rng(3)
    found = simulate(BY_NAME["sparse"], hectares=2000, rng=rng)
    truth = found.items.sum(axis=1)
    told = maps(found, posterior=(truth > 0).astype(float), expected=truth.astype(float))
    told["nothing"] = (np.full(1000, 0.5), np.zeros(1000))
    scores = score(found, told, rng=rng)
    assert scores["posterior"]["brier"]["value"] < 1e-12
    assert scores["nothing"]["brier"]["value"] == pytest.approx(0.25)
    assert scores["nothing"]["log_score"]["value"] == pytest.approx(np.log(2))
    for share in TOP:
        key = f"recall_at_{share:.0%}"
        assert scores["nothing"][key]["value"] == pytest.approx(share)
        assert scores["posterior"][key]["value"] > scores["raw count"][key]["value"]
        assert scores["raw count"][key]["less_posterior"]["high"] < 0
    bins = reliability(np.array([0.2, 0.2, 0.9]), np.array([True, False, True]))
    assert bins["ece"] == pytest.approx((2 * 0.3 + 0.1) / 3)


def test_the_report_is_written_and_names_what_breaks(tmp_path: Path) -> None:
    worlds = (BY_NAME["sparse"], BY_NAME["records name a quarter"])
    done = calibrate_risk(tmp_path / "out", hectares=1000, worlds=worlds, work_worlds=())
    report = json.loads((tmp_path / "out" / "calibration.json").read_text())
    assert set(report["worlds"]) == {world.name for world in worlds}
    assert report["rank_test"]["power"] == power(1000)
    assert done.text.count("BREAKS") == sum(not world["holds"] for world in report["worlds"].values()) >= 1
    for name in done.files:
        assert (tmp_path / "out" / name).stat().st_mode & 0o077 == 0
    again = calibrate_risk(tmp_path / "again", hectares=1000, worlds=worlds, work_worlds=(), threads=2)
    assert again.text == done.text
