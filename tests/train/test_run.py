"""From a data folder to a model folder, through the command line."""

import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

from survey import load_detector
from survey.cli import main
from survey.detect import load_card
from survey.errors import ConfigError
from survey.files import sha256_of
from survey.train import TrainConfig, train

LIST = {
    "version": 1,
    "entries": [
        {"kind": "ground", "site": "field", "images": "field/*.png", "gsd_m": 0.01, "licence": "-"},
        {
            "kind": "frames",
            "site": "range",
            "images": "range/*.png",
            "labels": "range",
            "classes": ["ap_mine"],
            "gsd_m": 0.01,
            "licence": "-",
        },
        {
            "kind": "cutouts",
            "site": "studio",
            "table": "studio/table.csv",
            "classes": {"AP": ["ap_mine", 0.1, 0.2]},
            "licence": "-",
        },
    ],
}
SETTINGS = {
    "version": 1,
    "hold_out": ["range"],
    "crop_px": 64,
    "batch": 2,
    "steps": 3,
    "warmup_steps": 1,
    "precision": "fp32",
    "checkpoint_every": 2,
    "second_look": 0,
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with two grounds, two labelled frames of a held-out site and one cut-out."""
    folder, rng = tmp_path / "data", np.random.default_rng(0)
    for site in ("field", "range"):
        (folder / site).mkdir(parents=True)
        for n in range(2):
            noise = rng.integers(80, 180, (24, 32, 3)).astype(np.uint8)
            cv2.imwrite(str(folder / site / f"{n}.png"), cv2.resize(noise, (128, 96), interpolation=cv2.INTER_CUBIC))
            if site == "range":
                (folder / site / f"{n}.txt").write_text("0 0.5 0.5 0.15 0.2\n" * (1 - n))
    (folder / "studio").mkdir()
    item = np.zeros((40, 40, 4), np.uint8)
    cv2.circle(item, (20, 20), 16, (60, 110, 90, 255), -1)
    cv2.imwrite(str(folder / "studio" / "item.png"), item)
    (folder / "studio" / "table.csv").write_text("file,class\nitem.png,AP\n")
    (folder / "list.yaml").write_text(yaml.safe_dump(LIST))
    return folder


def command(data: Path, out: Path, **changes: object) -> int:
    config = data.parent / "train.yaml"
    config.write_text(yaml.safe_dump({**SETTINGS, "data_list": str(data / "list.yaml"), **changes}))
    arguments = ["train", "--data", str(data), "--out", str(out), "--name", "toy", "--config", str(config)]
    with pytest.raises(SystemExit) as exited:
        main(arguments)
    return int(exited.value.code or 0)


def test_train_writes_a_model_that_loads_and_what_was_measured(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert command(data, out) == 0
    measured = json.loads((out / "evaluation.json").read_text())
    recall, alarms = measured["recall"], measured["false_alarms_per_ha"]
    assert recall["of"] == 1
    assert 0 <= recall["low"] <= recall["value"] <= recall["high"] <= 1
    assert alarms["of"] == pytest.approx(2 * 128 * 96 * 1e-8)
    assert 0 <= alarms["low"] <= alarms["value"] < alarms["high"]
    assert measured["note"] == "held-out sites range, run with seed 1"
    card = load_card(out / "model")
    assert card.training.held_out == ("range",)
    assert (card.performance.items, card.performance.measured_on) == (1, measured["note"])
    assert {c.name for c in card.classes if c.learnt} == {"ap_mine"}
    assert not card.learnt_disturbances.any()
    detector = load_detector(out / "model", runtime="torch", precision="fp32")
    found = detector.detect(np.full((96, 96, 3), 110, np.uint8), gsd_m=0.01)
    assert found.model_id == "toy"
    # The finished run again: nothing is trained, and the same is written.
    before = (out / "model" / "model.yaml").read_bytes()
    assert command(data, out) == 0
    assert (out / "model" / "model.yaml").read_bytes() == before


def test_labels_without_a_picture_are_told_before_the_training(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (data / "range" / "lost.txt").write_text("0 0.5 0.5 0.15 0.2\n")
    (data / "studio" / "item.png").unlink()  # ends before anything is learnt
    assert command(data, tmp_path / "out") == 2
    assert f"{data / 'range'}: 1 label files belong to no picture that was given: lost.txt" in caplog.text


def test_a_model_that_looks_again_is_fitted_once_and_kept_by_those_that_start_from_it(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("survey.train.second_look.DIRECTIONS", 16)  # as many as some ten composites tell
    changes: dict[str, object] = {"second_look": 80, "second_look_features": 4, "gsd_m": 0.01, "empty_share": 0.0}
    with caplog.at_level(logging.INFO):
        assert command(data, tmp_path / "out", **changes) == 0
        assert command(data, tmp_path / "out", **changes, second_look_bias=-2.0) == 0
    assert caplog.text.count("fitted on 80 composites") == 1
    card = load_card(tmp_path / "out" / "model")
    assert card.second_look is not None
    assert (card.second_look.features, card.second_look.bias) == (4, -2.0)
    detector = load_detector(tmp_path / "out" / "model", runtime="torch", precision="fp32")
    assert detector.looker is not None
    assert detector.looker.reach_px <= card.halo_px
    start = {"start": str(tmp_path / "out" / "model"), "second_look_bias": 9.0, "hold_out": [], "gsd_m": 0.01}
    assert command(data, tmp_path / "tuned", **start) == 0
    tuned = load_card(tmp_path / "tuned" / "model")
    assert tuned.second_look == card.second_look
    weights = [load_file(tmp_path / name / "model" / "weights.safetensors") for name in ("out", "tuned")]
    names = [name for name in weights[0] if name.startswith("second_look.")]
    assert len(names) > 100
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in names)
    assert command(data, tmp_path / "free", **start, held_blocks=3) == 0
    assert load_card(tmp_path / "free" / "model").second_look is None


@pytest.mark.parametrize("hold_out", [(), ("field",)])  # the field has no labels: nothing is measured on it alone
def test_a_model_trained_on_every_labelled_site_carries_the_figures_of_the_run_that_held_some_out(
    data: Path, tmp_path: Path, hold_out: tuple[str, ...]
) -> None:
    assert command(data, tmp_path / "held") == 0
    config = TrainConfig.model_validate({**SETTINGS, "hold_out": hold_out, "data_list": str(data / "list.yaml")})
    evaluation = tmp_path / "held" / "evaluation.json"
    folder = train(config, data=data, out=tmp_path / "all", model_id="all", evaluation=evaluation)
    card, held = load_card(folder), load_card(tmp_path / "held" / "model")
    assert card.performance.recall == held.performance.recall
    assert card.performance.measured_on.endswith("this model was trained on range too")
    assert card.training.held_out == hold_out
    assert not (tmp_path / "all" / "evaluation.json").exists()


def test_other_settings_in_the_same_folder_are_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(data, tmp_path / "out") == 0
    assert command(data, tmp_path / "out", seed=2) == 2
    assert "use another --out" in capsys.readouterr().err


def test_what_cannot_be_scored_is_refused_before_the_training(data: Path, tmp_path: Path) -> None:
    config = TrainConfig.model_validate({**SETTINGS, "hold_out": ["field"], "data_list": str(data / "list.yaml")})
    with pytest.raises(ConfigError, match="field have no labelled frames"):
        train(config, data=data, out=tmp_path / "out", model_id="toy")
    with pytest.raises(ConfigError, match=r"none\.json: no such evaluation"):
        train(
            config.model_copy(update={"hold_out": ()}),
            data=data,
            out=tmp_path / "out",
            model_id="toy",
            evaluation=tmp_path / "none.json",
        )
    assert not (tmp_path / "out" / "checkpoint.pt").exists()


def test_a_picture_that_changed_is_named_when_a_training_goes_on(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(data, tmp_path / "out") == 0
    cv2.imwrite(str(data / "field" / "1.png"), np.full((96, 128, 3), 90, np.uint8))
    assert command(data, tmp_path / "out") == 2
    assert "file field/1.png has other content" in capsys.readouterr().err


@pytest.mark.slow
def test_a_training_that_is_killed_ends_in_the_same_model(data: Path, tmp_path: Path) -> None:
    """SIGKILL, at whatever step that hits; mining and accumulation on."""
    changes = {"steps": 12, "checkpoint_every": 1, "batch": 4, "accumulate": 2, "mine_every": 3, "mine_score": 0.003}
    assert command(data, tmp_path / "whole", **changes) == 0
    out, config = tmp_path / "killed", data.parent / "train.yaml"
    arguments = ["train", "--data", str(data), "--out", str(out), "--name", "toy", "--config", str(config)]
    same = os.environ | {"OMP_NUM_THREADS": str(torch.get_num_threads())}  # other threads would round differently
    process = subprocess.Popen([sys.executable, "-c", "from survey.cli import main; main()", *arguments], env=same)
    while not (out / "checkpoint.pt").exists():
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert not (out / "model").exists()
    assert command(data, out, **changes) == 0
    for name in ("model/weights.safetensors", "evaluation.json"):
        assert sha256_of(out / name) == sha256_of(tmp_path / "whole" / name)


def test_the_config_is_an_argument_or_an_option_and_a_wrong_key_is_named(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text("version: 1\nlearing_rate: 0.1\n")
    rest = ["--data", str(data), "--out", str(tmp_path / "out"), "--name", "toy"]
    for given in ([str(config)], ["--config", str(config)]):
        with pytest.raises(SystemExit) as exited:
            main(["train", *given, *rest])
        assert exited.value.code == 2
        assert f"{config}:2:1: learing_rate: unknown key – did you mean 'learning_rate'?" in capsys.readouterr().err
    with pytest.raises(SystemExit) as exited:
        main(["train", str(config), "--config", str(config), *rest])
    assert exited.value.code == 2
    assert "give one of them" in capsys.readouterr().err


def test_a_flight_of_a_site_that_stays_in_is_held_out_only_by_name(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frames = {**LIST["entries"][1], "flight": "pm"}  # type: ignore[index]
    (data / "list.yaml").write_text(yaml.safe_dump({"version": 1, "entries": [*LIST["entries"], frames]}))  # type: ignore[misc]
    assert command(data, tmp_path / "out", hold_out=["range/pm"]) == 2
    assert "split_within_site: true" in capsys.readouterr().err
    assert command(data, tmp_path / "out", hold_out=["range/pm"], split_within_site=True) == 0
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text())["recall"]["of"] == 1


def test_running_out_of_memory_ends_in_one_line_and_status_2(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError(*words)

    words = ("CUDA out of memory. Tried to allocate 20.00 GiB",)
    monkeypatch.setattr(torch.Tensor, "backward", full)
    assert command(data, tmp_path / "out") == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    assert "make accumulate larger, or batch or crop_px smaller" in line
