"""TensorBoard gets what a run tells it, where it is installed; where it is not, a run goes on and says so."""

import logging
import sys
from pathlib import Path

import pytest

from survey.datasets.datalist import DataList
from survey.datasets.sources import Sources
from survey.train import TrainConfig
from survey.train.distributed import World
from survey.train.identity import Identity
from survey.train.logs import open_logs
from survey.train.loop import Trainer
from survey.train.optimiser import schedule


def trainer(config: TrainConfig, folder: Path) -> Trainer:
    return Trainer(config, Identity.of(config, DataList(version=1, entries=()), {}), folder=folder)


def test_losses_rate_pace_spots_and_the_first_crops_are_logged(
    config: TrainConfig, sources: Sources, tmp_path: Path
) -> None:
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    settings = config.model_copy(
        update={"log_every": 1, "mine_every": 3, "mine_windows": 4, "mine_pool": 3, "mine_score": 0.003}
    )
    trainer(settings, tmp_path).run(sources)
    told = accumulators.EventAccumulator(str(tmp_path / "logs")).Reload()
    names = {"loss/total", "loss/heat", "loss/geometry", "loss/mask", "learning_rate", "seconds_a_step", "mined_spots"}
    assert names <= set(told.Tags()["scalars"])
    assert [event.step for event in told.Scalars("loss/total")] == [1, 2, 3, 4]
    rates = [event.value for event in told.Scalars("learning_rate")]
    assert rates == pytest.approx([settings.learning_rate * schedule(n, settings) for n in range(4)])
    spots = [event.value for event in told.Scalars("mined_spots")]
    assert spots[:3] == [0, 0, 0]
    assert spots[3] > 0
    (picture,) = told.Images("crops")  # all crops in one
    assert picture.step == 0
    assert picture.width * picture.height == config.batch * config.crop_px**2


def test_without_tensorboard_a_run_goes_on_and_says_how_to_get_it(
    config: TrainConfig,
    sources: Sources,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ("tensorboard", "torch.utils.tensorboard"):
        monkeypatch.setitem(sys.modules, name, None)
    with caplog.at_level(logging.INFO):
        trainer(config.model_copy(update={"steps": 1}), tmp_path).run(sources)
    assert 'not installed; pip install ".[train]"' in caplog.text
    assert not (tmp_path / "logs").exists()
    assert (tmp_path / "checkpoint.pt").exists()


def test_only_the_leading_process_writes(tmp_path: Path) -> None:
    with open_logs(tmp_path, step=0, world=World(1, 2)) as logs:
        logs.scalars({"loss": 1.0}, step=1)
    assert list(tmp_path.iterdir()) == []
