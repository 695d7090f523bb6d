"""`survey characterise`: what it measures, and what it leaves in a model's folder."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from scipy.optimize import minimize
from scipy.special import expit

from survey.characterise import CharacteriseConfig, characterise, run
from survey.characterise.composites import BLUR_PX, SIZE_PX, Stage
from survey.characterise.false_colours import FALSE_COLOURS
from survey.characterise.reference import fit_reference, windows_of
from survey.cli import main
from survey.config import load_config
from survey.datasets.datalist import load_data_list
from survey.datasets.sources import Sources, load_sources
from survey.detect import ImplantsCard, ImplantSite, load_detector
from survey.detect.model import load_card
from survey.errors import ConfigError
from survey.logistic import fit_logistic

TRUE = np.array([-2.0, 0.8, -2.5, -0.4])


def trials(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    terms = np.stack(
        [np.ones(count), rng.uniform(2, 6, count), rng.uniform(0, 0.9, count), rng.uniform(0, 4, count)], axis=1
    )
    return terms, rng.random(count) < expit(terms @ TRUE)


def test_the_fit_is_the_likeliest_curve() -> None:
    terms, found = trials(np.random.default_rng(0), 800)
    fitted, _ = fit_logistic(terms, found)
    judge = minimize(lambda b: -np.sum(found * (terms @ b) - np.logaddexp(0, terms @ b)), np.zeros(4))
    assert np.allclose(fitted, judge.x, atol=5e-3)


def test_a_weight_of_two_is_an_outcome_seen_twice() -> None:
    terms, found = trials(np.random.default_rng(3), 300)
    weights = np.where(np.arange(300) < 100, 2.0, 1.0)
    weighed, covariance = fit_logistic(terms, found, weights=weights)
    twice, expected = fit_logistic(np.concatenate([terms, terms[:100]]), np.concatenate([found, found[:100]]))
    assert np.allclose(weighed, twice)
    assert np.allclose(covariance, expected)


def test_its_intervals_cover_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    point = np.array([1.0, 4.0, 0.3, 1.0])
    covered = []
    for _ in range(300):
        fitted, covariance = fit_logistic(*trials(rng, 400))
        covered.append(abs(point @ (fitted - TRUE)) <= 1.96 * np.sqrt(point @ covariance @ point))
    assert 0.91 <= np.mean(covered) <= 0.985


def test_outcomes_without_a_doubt_still_have_a_fit() -> None:
    terms, _ = trials(np.random.default_rng(2), 200)
    fitted, covariance = fit_logistic(terms, terms[:, 1] > 4)
    assert np.isfinite(fitted).all()
    assert np.linalg.eigvalsh(covariance).min() > 0


@pytest.fixture(scope="module")
def sources(data: Path) -> Sources:
    return load_sources(load_data_list(data / "list.yaml"), data)


def test_size_cover_and_blur_are_what_was_asked_and_apart_from_each_other(sources: Sources, model: Path) -> None:
    stage = Stage(sources, card=load_card(model), seed=5)
    composed = [t for t in (stage.trial(n) for n in range(150)) if t is not None]
    assert len(composed) > 130
    px, hidden, blur = (np.array([facts[name] for _, _, facts in composed]) for name in ("px", "occluded", "blur"))
    assert px.min() < 2 * SIZE_PX[0]
    assert px.max() > SIZE_PX[1] / 1.5
    assert hidden.min() < 0.15
    assert hidden.max() > 0.75
    assert blur.max() > 0.8 * BLUR_PX[1]
    assert np.abs(np.corrcoef([np.log(px), hidden, blur]) - np.eye(3)).max() < 0.3
    for with_item, without, facts in composed[:20]:
        changed = np.abs(with_item.astype(int) - without).max(axis=2) > 0
        rows, cols = np.nonzero(changed)
        reach = 4 * facts["px"] + 4 * facts["blur"] + 8  # with its shadow
        assert len(rows)
        assert np.hypot(rows - facts["row"], cols - facts["col"]).max() < reach
    again = Stage(sources, card=load_card(model), seed=5).trial(3)
    first = stage.trial(3)
    assert first is not None
    assert again is not None
    assert np.array_equal(first[0], again[0])


def test_a_hidden_item_shows_less(sources: Sources, model: Path) -> None:
    stage = Stage(sources, card=load_card(model), seed=6)
    composed = [t for t in (stage.trial(n) for n in range(200)) if t is not None]
    large = [t for t in composed if t[2]["px"] > 16 and t[2]["blur"] < 2]
    open_, covered = ([t for t in large if (t[2]["occluded"] > 0.5) is hidden] for hidden in (False, True))

    def shown(composed: list) -> float:  # type: ignore[type-arg]
        changes = [
            np.abs(a.astype(int) - b)[int(f["row"]) - 4 : int(f["row"]) + 4, int(f["col"]) - 4 : int(f["col"]) + 4]
            for a, b, f in composed
        ]
        return float(np.mean([change.mean() for change in changes]))

    assert shown(covered) < 0.7 * shown(open_)


def settings(**changes: object) -> CharacteriseConfig:
    base = load_config(CharacteriseConfig, overrides=["trials=100", "windows_per_site=12", "threads=1"])
    return base.model_copy(update=changes)


def test_the_folder_holds_what_was_measured(
    data: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_site = {"loam": ImplantSite(laid=10, found=4), "sand": ImplantSite(laid=9, found=1)}
    section = ImplantsCard(laid=10, found=4, sites=("loam",), by_site=by_site, score=0.3, seed=1, algorithm=1)
    monkeypatch.setattr(run, "measure_implants", lambda *_, **__: section)
    before = yaml.safe_load((model / "model.yaml").read_text())
    given = {"model": str(model), "data_list": str(data / "list.yaml"), "data": data}
    text = characterise(settings(), out=tmp_path / "out", **given)  # type: ignore[arg-type]
    card = load_card(model)
    assert card.novelty is not None
    assert card.detectability is not None
    assert card.novelty.sites == ("loam", "sand")
    assert set(card.novelty.flagged_if_left_out) == {"loam", "sand"}
    assert card.novelty.flagged_if_altered["thermal, grey"] == 1
    assert set(FALSE_COLOURS) < set(card.novelty.flagged_if_altered)
    assert set(card.novelty.thresholds) == {"network", "colour", "hues"}
    assert card.detectability.trials == 100
    assert card.detectability.ordnance == ("bench",)
    after = yaml.safe_load((model / "model.yaml").read_text())
    sections = ("novelty", "detectability", "implants")
    assert {k: v for k, v in after.items() if k not in sections} == {
        k: v for k, v in before.items() if k not in sections
    }
    assert card.implants == section
    assert "* loam" in text
    assert "4 of 10" in text
    report = json.loads((tmp_path / "out" / "characterisation.json").read_text())
    rates = report["novelty"]["rates"]
    assert set(rates["altered_known"]) == set(rates["altered_new_kind"]) == set(FALSE_COLOURS)
    assert set(rates["altered_known"]["false colour, red and blue swapped"]) == {"loam", "sand"}
    assert sum(r["of"] for r in report["detectability"]["strata"] if r["by"] == "px across") == 100
    assert (tmp_path / "out" / "detectability.png").stat().st_size > 1000
    assert "easier than real scenes" in text
    assert load_detector(model, runtime="torch", precision="bf16").novelty is not None
    content = (model / "model.yaml").read_bytes(), (model / "novelty.safetensors").read_bytes()
    characterise(settings(), out=tmp_path / "again", **given)  # type: ignore[arg-type]
    assert ((model / "model.yaml").read_bytes(), (model / "novelty.safetensors").read_bytes()) == content


def test_a_list_without_photographs_is_refused() -> None:
    with pytest.raises(ConfigError, match="no photograph"):
        fit_reference([], quantile=0.99)


def test_windows_are_spread_and_rests_left_out() -> None:
    picture = np.zeros((300, 1000, 3), np.uint8)
    assert [w.shape[:2] for w in windows_of(picture, most=9)] == [(256, 256)] * 3 + [(256, 232)]
    assert len(windows_of(picture, most=2)) == 2
    assert windows_of(picture[:60, :60], most=2) == []


def test_a_key_that_does_not_fit_is_named(data: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["characterise", "--model", str(model), "--list", "x", "--data", str(data), "--out", "x"]
    with pytest.raises(SystemExit) as caught:
        main([*command, "--set", "trial=5"])
    assert caught.value.code == 2
    assert "did you mean 'trials'" in capsys.readouterr().err
