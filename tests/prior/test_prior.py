"""On tables whose truth is known: what is learnt, what is stored, what is refused."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from survey.config import load_config
from survey.errors import ConfigError, InputError, ModelError, OutputError
from survey.prior import PriorConfig, apply_prior, fit_prior, load_prior
from survey.prior.context import contexts, surroundings
from survey.prior.learners import Candidate, train
from survey.prior.measures import Forecast, auc_pr, auc_roc, brier, compare, ece, reliability
from survey.prior.model import LearntPrior

STEP_M = 1000.0


@dataclass(frozen=True)
class World:
    table: pd.DataFrame
    chance: NDArray[np.float64]


def _world(seed: int, *, side: int = 36, jump: float = 2.0, east_m: float = 500_000) -> World:
    """Cells of 1 km from `east_m` on; risk falls with the road's distance and jumps where the slope is middling."""
    rng = np.random.default_rng(seed)
    col, row = np.meshgrid(np.arange(side), np.arange(side))
    x, y = east_m + STEP_M * col.ravel(), 4_500_000 + STEP_M * row.ravel()
    road = rng.gamma(2.0, 2.0, x.size)
    slope = rng.uniform(0, 30, x.size)
    logit = 0.5 - 0.8 * np.log1p(road) - jump / 2 + jump * 2 * ((slope > 10) & (slope < 20))
    chance = 1 / (1 + np.exp(-logit))
    table = pd.DataFrame(
        {
            "x": x,
            "y": y,
            "road": road,
            "slope": slope,
            "noise": rng.normal(size=x.size),
            "contaminated": (rng.random(x.size) < chance).astype(int),
        }
    )
    return World(table, chance)


def _config(*overrides: str) -> PriorConfig:
    usual = (
        "crs=EPSG:32638",
        "features={distance: [road], ground: [slope, noise]}",
        "log=[road]",
        "monotone={road: -1}",
    )
    sets = ("sets=[[distance], [distance, ground]]", "block_km=9")
    return load_config(PriorConfig, overrides=(*usual, *sets, *overrides))


def _write(table: pd.DataFrame, path: Path) -> Path:
    table.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prior")
    train_table = _write(_world(1).table, folder / "train.csv")
    test_table = _write(_world(2, east_m=600_000).table, folder / "test.csv")
    fit_prior(_config(), table=train_table, test=test_table, out=folder / "out")
    return folder


def test_what_is_not_linear_is_learnt_and_the_probabilities_are_true(fitted: Path) -> None:
    report = json.loads((fitted / "out" / "report.json").read_text())
    assert report["chosen"]["learner"] == "boosting"
    world = _world(2, east_m=600_000)
    label = world.table["contaminated"].to_numpy(bool)
    found = report["test"]
    assert found["model"]["ece"]["value"] < 0.05
    assert found["auc_pr_ratio"]["interval"][0] > 1.2
    assert found["model"]["auc_pr"]["value"] <= auc_pr(world.chance, label) + 0.02, "better than the truth itself"
    assert found["model"]["auc_pr"]["value"] >= auc_pr(world.chance, label) - 0.06


def test_a_prior_keeps_the_sign_that_it_was_told(fitted: Path) -> None:
    prior = load_prior(fitted / "out")
    values = np.tile([1.0, 15.0, 0.0], (200, 1))
    values[:, 0] = np.log1p(np.linspace(0, 20, 200))
    assert (np.diff(prior.probability(values)) <= 1e-12).all()


@pytest.mark.parametrize("learner", ["logistic", "boosting"])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_sign_holds_against_the_data(learner: str, sign: int) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(800, 2))
    label = rng.random(800) < 1 / (1 + np.exp(2 * sign * values[:, 0] - values[:, 1]))
    candidate = Candidate(learner, ("a", "b"), 0)  # type: ignore[arg-type]
    scorer = train(candidate, values, label, monotone={"a": sign}, seed=0)
    line = np.column_stack([np.linspace(-2, 2, 50), np.zeros(50)])
    assert (sign * np.diff(scorer.logit(line)) >= -1e-12).all()
    free = train(candidate, values, label, monotone={}, seed=0)
    assert sign * (free.logit(line)[-1] - free.logit(line)[0]) < -0.5


def test_a_logistic_scorer_is_that_of_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(4)
    values = rng.normal(size=(500, 3)) * [1, 10, 0.1] + [0, 5, 1]
    label = rng.random(500) < 1 / (1 + np.exp(-values[:, 0]))
    ours = train(Candidate("logistic", ("a", "b", "c"), 1), values, label, monotone={}, seed=0)
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    theirs = LogisticRegression(C=1 / 30, tol=1e-10, max_iter=1000).fit(scaled, label)
    assert ours.logit(values) == pytest.approx(theirs.decision_function(scaled), abs=1e-4)


def test_the_same_table_gives_the_same_prior_and_the_test_table_decides_nothing(fitted: Path, tmp_path: Path) -> None:
    fit_prior(_config(), table=fitted / "train.csv", out=tmp_path)
    assert (tmp_path / "prior.json").read_bytes() == (fitted / "out" / "prior.json").read_bytes()
    assert (tmp_path / "prior.json").stat().st_mode & 0o077 == 0
    reports = [json.loads((folder / "report.json").read_text()) for folder in (tmp_path, fitted / "out")]
    assert reports[0]["left_out_blocks"] == reports[1]["left_out_blocks"]


def test_rows_that_are_lost_or_stand_twice_are_told(tmp_path: Path) -> None:
    table = _world(5).table
    table = pd.concat([table, table.iloc[:7]], ignore_index=True)
    table["contaminated"] = table["contaminated"].astype(float)
    table.loc[30:32, "contaminated"] = np.nan
    config = _config("sets=[[distance, ground]]", "learners=[logistic]")
    told = fit_prior(config, table=_write(table, tmp_path / "t.csv"), out=tmp_path / "out")
    assert "3 rows without a label, a place or a block left out" in told
    assert "7 cells lie at the very place of another row; they count each" in told


def test_labels_without_meaning_give_no_gain(tmp_path: Path) -> None:
    table = _world(5).table
    table["contaminated"] = np.random.default_rng(6).permutation(table["contaminated"])
    config = _config("sets=[[distance, ground]]", "learners=[logistic]")
    fit_prior(config, table=_write(table, tmp_path / "t.csv"), out=tmp_path / "out")
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    roc = report["left_out_blocks"]["model"]["auc_roc"]
    assert abs(roc["value"] - 0.5) < 0.06
    assert report["left_out_blocks"]["model"]["ece"]["value"] < 0.05


def test_applied_to_a_table_and_to_a_raster(fitted: Path, tmp_path: Path) -> None:
    table = _world(7, side=20).table.drop(columns="contaminated")
    table.loc[0, ["road", "slope", "noise"]] = np.nan
    table.loc[1, "road"] = 1e6
    table = table.drop(index=5)
    path = _write(table, tmp_path / "cells.csv")
    apply_prior(fitted / "out", table=path, out=tmp_path / "p.csv")
    apply_prior(fitted / "out", table=path, out=tmp_path / "p.tif")
    told = pd.read_csv(tmp_path / "p.csv")
    assert np.isnan(told["p_contaminated"][0]), "of a cell of which nothing is known there is no probability"
    assert told["p_contaminated"][1:].between(0, 1).all()
    assert told["features_beyond_training"][1] == 1
    with rasterio.open(tmp_path / "p.tif") as raster:
        assert raster.descriptions == ("p_contaminated", "features_beyond_training", "features_unknown")
        assert all(raster.tags(band)["MEANING"] for band in raster.indexes)
        assert (raster.crs.to_epsg(), raster.shape, raster.res) == (32638, (20, 20), (STEP_M, STEP_M))
        values = raster.read(1)
        places = [raster.index(x, y) for x, y in zip(told["x"], told["y"], strict=True)]
        read = np.array([values[p] for p in places])
        assert read[1:] == pytest.approx(told["p_contaminated"][1:], abs=1e-6)
        assert read[0] == raster.nodata
        assert values[19, 5] == raster.nodata, "between the rows of the table"
    assert (tmp_path / "p.tif").stat().st_mode & 0o077 == 0
    table.loc[7, "x"] = np.nan
    told_again = apply_prior(fitted / "out", table=_write(table, tmp_path / "lost.csv"), out=tmp_path / "q.tif")
    assert "1 rows without a place are not in the raster" in told_again


def test_surroundings_are_means_and_spreads_of_what_is_near() -> None:
    rng = np.random.default_rng(8)
    x, y, v = rng.uniform(0, 30, 300), rng.uniform(0, 30, 300), rng.normal(1000, 5, 300)
    v[3], x[4] = np.nan, np.nan
    made = surroundings(contexts(["v"], [4.0]), {"v": v}, x, y)
    for n in (0, 3, 50):
        near = v[np.hypot(x - x[n], y - y[n]) <= 4]
        near = near[np.isfinite(near)]
        assert made[n] == pytest.approx([near.mean(), near.std(), v[n] - near.mean()], rel=1e-6, nan_ok=True)
    assert np.isnan(made[4]).all()


def test_context_carries_from_fit_to_apply(tmp_path: Path) -> None:
    table = _world(9, side=25).table
    table.loc[:30, "contaminated"] = -1
    path = _write(table, tmp_path / "t.csv")
    config = _config(
        "context=[slope]", "context_km=[2]", "sets=[[distance, context]]", "no_label=-1", "learners=[logistic]"
    )
    fit_prior(config, table=path, out=tmp_path / "out")
    assert len(load_prior(tmp_path / "out").features) == 4
    apply_prior(tmp_path / "out", table=path, out=tmp_path / "p.csv")
    assert pd.read_csv(tmp_path / "p.csv")["p_contaminated"].notna().all()
    assert json.loads((tmp_path / "out" / "report.json").read_text())["rows_without_label_or_place"] == 31


def test_measures_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(10)
    p = np.round(rng.random(400), 2)
    label = rng.random(400) < p**2
    weight = rng.integers(0, 4, 400).astype(float)
    for w in (None, weight):
        assert auc_pr(p, label, w) == pytest.approx(average_precision_score(label, p, sample_weight=w))
        assert auc_roc(p, label, w) == pytest.approx(roc_auc_score(label, p, sample_weight=w))
        assert brier(p, label, w) == pytest.approx(brier_score_loss(label, p, sample_weight=w))
    expected = sum(b["cells"] * abs(b["probability"] - b["share"]) for b in reliability(p, label)) / 400
    assert ece(p, label) == pytest.approx(expected)
    assert ece(p, label) > 0.05
    assert np.isnan(auc_pr(p, np.zeros(400, bool)))


def test_an_interval_of_clustered_cells_is_wider_over_blocks() -> None:
    rng = np.random.default_rng(11)
    block = np.repeat(np.arange(20), 50)
    p = np.clip(rng.beta(2, 2, 20)[block] + rng.normal(0, 0.01, 1000), 0, 1)
    label = (rng.random(20) < 0.5)[block]
    model, flat = Forecast(p, label), Forecast(np.full(1000, 0.5), label)
    clustered = compare(model, flat, blocks=block.astype(np.str_))["model"]["brier"]["interval"]
    single = compare(model, flat, blocks=np.arange(1000).astype(np.str_))["model"]["brier"]["interval"]
    assert np.ptp(clustered) > 3 * np.ptp(single)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("features={a: [rode]}", "log=[]", "monotone={}", "sets=[]"), "has no column rode; did you mean road"),
        (("features={a: [road, contaminated]}", "sets=[]"), "contaminated is the label"),
        (("features={}", "sets=[]"), "features: names no columns"),
        (("monotone={rode: 1}",), "monotone: rode is no column"),
        (("sets=[[distanc]]",), "no group distanc"),
        (("block_km=500",), "lies in one block"),
        (("log=[noise]",), "noise has negative values"),
        (("block_column=district",), "has no column district"),
        (("crs=EPSG:99999",), "EPSG:99999 is not known"),
    ],
)
def test_settings_that_do_not_fit_are_told(tmp_path: Path, overrides: tuple[str, ...], message: str) -> None:
    path = _write(_world(12, side=12).table, tmp_path / "t.csv")
    with pytest.raises((ConfigError, InputError), match=message):
        fit_prior(_config(*overrides), table=path, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("road", "near", "line 6: road is near"),
        ("contaminated", 2, "line 6: contaminated is 2"),
        ("slope", np.inf, "line 6"),
    ],
)
def test_values_that_do_not_fit_are_told_with_their_line(
    tmp_path: Path, column: str, value: str | int, message: str
) -> None:
    table = _world(12, side=12).table.astype(object)
    table.loc[4, column] = value
    with pytest.raises(InputError, match=message):
        fit_prior(_config(), table=_write(table, tmp_path / "t.csv"), out=tmp_path / "out")


def test_what_cannot_be_applied_is_told(fitted: Path, tmp_path: Path) -> None:
    table = _world(7, side=6).table
    path = _write(table, tmp_path / "t.csv")
    with pytest.raises(OutputError, match=r"\.csv or \.tif"):
        apply_prior(fitted / "out", table=path, out=tmp_path / "p.png")
    with pytest.raises(ModelError, match="cannot be read"):
        apply_prior(tmp_path / "none", table=path, out=tmp_path / "p.csv")
    askew = table.assign(x=table["x"] + np.linspace(0, 400, len(table)))
    with pytest.raises(InputError, match="does not lie on a grid"):
        apply_prior(fitted / "out", table=_write(askew, tmp_path / "a.csv"), out=tmp_path / "p.tif")
    twice = pd.concat([table, table.iloc[:1]])
    with pytest.raises(InputError, match="the same place"):
        apply_prior(fitted / "out", table=_write(twice, tmp_path / "d.csv"), out=tmp_path / "p.tif")


def test_a_damaged_prior_is_refused(fitted: Path, tmp_path: Path) -> None:
    stored = json.loads((fitted / "out" / "prior.json").read_text())
    stored["scorer"]["trees"][0]["left"][0] = 0
    (tmp_path / "prior.json").write_text(json.dumps(stored))
    with pytest.raises(ModelError, match="leads nowhere"):
        load_prior(tmp_path)
    assert LearntPrior.model_validate_json((fitted / "out" / "prior.json").read_bytes()).features


def test_real_cells_of_colombia(shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "risk-colombia" / "processed_dataset"
    if not folder.is_dir():
        pytest.skip(f"cells of Colombia are absent ({folder})")
    from survey.resources import configs_folder

    settings = configs_folder() / "prior-colombia.yaml"
    sets = "sets=[[distance, ground, context, history]]"
    config = load_config(PriorConfig, settings, overrides=["learners=[logistic]", sets])
    tables = {name: folder / name / f"{name}_all.csv" for name in ("train", "test")}
    fit_prior(config, table=tables["train"], test=tables["test"], out=tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["left_out_blocks"]["cells"], report["test"]["cells"]) == (4489, 1305)
    assert (report["left_out_blocks"]["contaminated"], report["test"]["contaminated"]) == (1132, 213)
    assert not any("comimo" in name for name in load_prior(tmp_path).features)
    assert report["left_out_blocks"]["model"]["auc_roc"]["value"] > 0.6
    assert len(load_prior(tmp_path).known) == 1132
