"""What decides how far a prior carries: folds of regions, known ground, averages, features that name the place."""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from survey.config import load_config
from survey.errors import ConfigError, InputError
from survey.prior import PriorConfig, apply_prior, fit_prior, load_prior
from survey.prior.bench import Bench, fold_of
from survey.prior.carry import carrying
from survey.prior.fit import chosen_elsewhere
from survey.prior.history import HISTORY, history, history_by_fold
from survey.prior.learners import Candidate, train
from survey.prior.regions import regions
from survey.prior.table import read_table

STEP_M = 1000.0


def _cells(seed: int, *, side: int = 30, west: float = 500_000.0) -> pd.DataFrame:
    """Cells of 1 km with five patches of contaminated ground, of which no column but their nearness tells."""
    rng = np.random.default_rng(seed)
    col, row = np.meshgrid(np.arange(side), np.arange(side))
    x, y = west + STEP_M * col.ravel(), 4_500_000 + STEP_M * row.ravel()
    middle = np.column_stack([west + STEP_M * side * rng.random(5), 4_500_000 + STEP_M * side * rng.random(5)])
    near = np.min(np.hypot(x[:, None] - middle[:, 0], y[:, None] - middle[:, 1]), axis=1) / STEP_M
    contaminated = rng.random(x.size) < 0.9 * np.exp(-near / 3)
    return pd.DataFrame({"x": x, "y": y, "road": rng.gamma(2, 2, x.size), "contaminated": contaminated.astype(int)})


def _config(*overrides: str) -> PriorConfig:
    usual = ("crs=EPSG:32638", "features={distance: [road]}", "log=[road]", "history=true", "learners=[logistic]")
    return load_config(PriorConfig, overrides=(*usual, "block_km=3", *overrides))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(2, 9))
def test_regions_are_whole_blocks_side_by_side(seed: int, count: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    blocks = rng.integers(count, size=200).astype(np.str_)
    x, y = rng.random((2, 200)) * 50
    fold = regions(blocks, x, y, most=most)
    names = np.unique(blocks)
    assert sorted(set(fold)) == list(range(min(most, len(names))))
    assert all(len(np.unique(fold[blocks == name])) == 1 for name in names)
    middle = {
        n: np.array([[x[blocks == b].mean(), y[blocks == b].mean()] for b in np.unique(blocks[fold == n])])
        for n in set(fold)
    }
    for a, b in combinations(middle.values(), 2):
        apart = (a.max(axis=0) < b.min(axis=0)) | (b.max(axis=0) < a.min(axis=0))
        assert apart.any(), "two regions reach into each other"


def test_regions_divide_cells_evenly() -> None:
    col, row = (v.ravel() for v in np.meshgrid(np.arange(24.0), np.arange(8.0)))
    blocks = np.array([f"{c // 2:.0f} {r // 2:.0f}" for c, r in zip(col, row, strict=True)])
    fold = regions(blocks, col, row, most=6)
    assert np.bincount(fold).tolist() == [32] * 6
    assert np.ptp(col[fold == 0]) < 8, "the longer side is cut first"
    lopsided = np.array(["a"] * 100 + ["b", "c", "d"])
    assert sorted(set(regions(lopsided, np.arange(103.0), np.zeros(103), most=4))) == [0, 1, 2, 3]


def test_every_fold_is_left_out_by_itself(tmp_path: Path) -> None:
    _cells(1).to_csv(tmp_path / "t.csv", index=False)
    config = _config("folds=8")
    cells = read_table(tmp_path / "t.csv", config=config)
    fold = fold_of(cells, cells.blocks(config.block_km), config)
    assert len(np.unique(fold)) == 8
    bench = Bench(config, cells, fold)
    candidate = Candidate("logistic", ("road",), 1)
    for n in (0, 7):
        values, inside = cells.features[:, :1], fold != n
        alone = train(candidate, values[inside], cells.label[inside], monotone={}, seed=0).logit(values[~inside])
        assert bench.held_out(candidate)[~inside] == pytest.approx(alone, abs=1e-9)


def test_history_is_the_distance_to_the_nearest_known_place() -> None:
    rng = np.random.default_rng(2)
    places, known = rng.random((50, 2)) * 20, rng.random((7, 2)) * 20
    places[3] = np.nan
    nearest = np.hypot(*(places[:, None] - known).transpose(2, 0, 1)).min(axis=1)
    assert history(places, known) == pytest.approx(np.log1p(nearest), nan_ok=True)
    assert np.isnan(history(places, known[:0])).all()


def test_a_cell_never_sees_the_contaminated_cells_of_its_own_fold() -> None:
    rng = np.random.default_rng(3)
    places, contaminated, fold = rng.random((80, 2)) * 20, rng.random(80) < 0.3, rng.integers(4, size=80)
    told = history_by_fold(places, contaminated, fold)
    for n in range(80):
        others = places[contaminated & (fold != fold[n])]
        assert told[n] == pytest.approx(np.log1p(np.hypot(*(others - places[n]).T).min()))


def test_known_ground_is_learnt_from_and_carried_to_apply(tmp_path: Path) -> None:
    table = _cells(4)
    table.to_csv(tmp_path / "t.csv", index=False)
    config = _config("sets=[[distance], [distance, history]]")
    fit_prior(config, table=tmp_path / "t.csv", out=tmp_path / "out")
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert HISTORY in report["chosen"]["first_columns"]
    assert report["left_out_blocks"]["auc_pr_ratio"]["interval"][0] > 1.1
    prior = load_prior(tmp_path / "out")
    assert len(prior.known) == table["contaminated"].sum()
    asked = table[["x", "y", "road"]].assign(x=table["x"] + 300.0, road=2.0)
    asked.to_csv(tmp_path / "asked.csv", index=False)
    apply_prior(tmp_path / "out", table=tmp_path / "asked.csv", out=tmp_path / "p.csv")
    chance = pd.read_csv(tmp_path / "p.csv")["p_contaminated"].to_numpy()
    known = np.array(prior.known)
    nearest = np.hypot(*(asked[["x", "y"]].to_numpy()[:, None] - known).transpose(2, 0, 1)).min(axis=1)
    assert (np.diff(chance[np.argsort(nearest)]) <= 1e-3).all(), "risk rises away from known contaminated ground"
    assert np.ptp(chance) > 0.1


def test_cells_of_the_training_are_no_test(tmp_path: Path) -> None:
    table = _cells(11, side=12)
    table.to_csv(tmp_path / "t.csv", index=False)
    table.iloc[-3:].to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(InputError, match="3 of its cells are in the training table"):
        fit_prior(_config(), table=tmp_path / "t.csv", test=tmp_path / "other.csv", out=tmp_path / "out")


def test_a_fold_is_judged_by_what_the_others_chose() -> None:
    label, fold = np.tile([True, False], 30), np.repeat(np.arange(3), [40, 10, 10])
    right = np.where(label, 1.0, -1.0)
    here, there = np.where(fold == 0, right, -right), np.where(fold == 0, -right, right)
    scored = [(Candidate("logistic", ("a",), 0), here), (Candidate("logistic", ("b",), 0), there)]
    for either in (scored, scored[::-1]):
        chosen = chosen_elsewhere(either, label, fold)
        assert (chosen[fold == 0] == there[fold == 0]).all(), "best on the two small folds, though not on all"
        assert (chosen[fold > 0] == here[fold > 0]).all(), "best on the large fold"


def test_history_needs_a_third_fold(tmp_path: Path) -> None:
    _cells(12, side=10).to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(ConfigError, match="history: needs at least 3 folds"):
        fit_prior(_config("folds=2"), table=tmp_path / "t.csv", out=tmp_path / "out")


def test_a_prior_without_history_stores_no_places(tmp_path: Path) -> None:
    _cells(5, side=12).to_csv(tmp_path / "t.csv", index=False)
    fit_prior(_config("sets=[[distance]]"), table=tmp_path / "t.csv", out=tmp_path / "out")
    assert load_prior(tmp_path / "out").known == ()


def test_an_average_is_the_mean_of_its_parts(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    values = rng.normal(size=(400, 2))
    label = rng.random(400) < 1 / (1 + np.exp(-values[:, 0] - (np.abs(values[:, 1]) > 1)))
    candidate = Candidate("average", ("a", "b"), 1)
    both = [train(part, values, label, monotone={}, seed=0).logit(values) for part in candidate.parts]
    assert np.abs(both[0] - both[1]).max() > 0.1
    assert train(candidate, values, label, monotone={}, seed=0).logit(values) == pytest.approx(np.mean(both, axis=0))
    _cells(7, side=12).to_csv(tmp_path / "t.csv", index=False)
    fit_prior(_config("learners=[average]", "folds=3"), table=tmp_path / "t.csv", out=tmp_path / "out")
    stored = load_prior(tmp_path / "out")
    assert stored.scorer.kind == "average"
    assert stored.probability(np.array([[1.0, 1.0]])).shape == (1,)


def _blocks() -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.str_]]:
    """Return four blocks: a column that names them, one of one sign, one whose sign turns, one that is all unknown."""
    rng = np.random.default_rng(8)
    block = np.repeat(np.arange(4), 200)
    steady, turning = rng.normal(size=(2, 800))
    logit = 1.5 * steady + 1.5 * turning * np.where(block < 2, 1, -1)
    label = rng.random(800) < 1 / (1 + np.exp(-logit))
    return np.column_stack([10.0 * block, steady, turning, np.full(800, np.nan)]), label, block.astype(np.str_)


def test_features_that_name_the_place_and_those_that_carry() -> None:
    values, label, blocks = _blocks()
    moved = np.column_stack([np.full(300, 100.0), values[:300, 1] + 0.5, values[:300, 2], np.full(300, np.nan)])
    place, steady, turning, unknown = carrying(["p", "s", "t", "u"], values, label, blocks, elsewhere=moved)
    assert place["within"] == pytest.approx(0)
    assert (place["shift"], place["beyond"]) == (1.0, 1.0)
    assert steady["within"] > 0.9
    assert (steady["agreeing"], steady["blocks"]) == (4, 4)
    assert steady["auc_within"] > 0.7
    assert 0.5 < steady["shift"] < 0.8
    assert turning["agreeing"] == 2
    assert abs(turning["auc_within"] - 0.5) < 0.1
    assert (unknown["within"], unknown["shift"], unknown["unknown"], unknown["blocks"]) == (None, None, 1.0, 0)


def test_a_report_names_the_columns_that_name_the_place(tmp_path: Path) -> None:
    table = _cells(9).assign(victims=lambda t: np.floor((t["x"] - t["x"].min()) / 10_000))
    table = table.assign(district=table["victims"].astype(str) + np.where(table["y"] > table["y"].median(), "n", "s"))
    table.to_csv(tmp_path / "t.csv", index=False)
    config = _config("features={distance: [road], people: [victims]}", "block_column=district")
    said = fit_prior(config, table=tmp_path / "t.csv", out=tmp_path / "out")
    assert "rather name the place: victims" in said
    told = json.loads((tmp_path / "out" / "report.json").read_text())["features"]
    assert [f["column"] for f in told] == ["road", "victims"]


@pytest.mark.parametrize("name", ["context", "history"])
def test_made_groups_keep_their_names(tmp_path: Path, name: str) -> None:
    _cells(10, side=8).to_csv(tmp_path / "t.csv", index=False)
    config = _config(f"features={{{name}: [road]}}")
    with pytest.raises(ConfigError, match=f"{name} is the name of the group"):
        fit_prior(config, table=tmp_path / "t.csv", out=tmp_path / "out")
