"""The loop goes on from a kill as if nothing had happened, and stops where going on makes no sense."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from survey.errors import ResumeError, TrainingError
from survey.train import TrainConfig
from survey.train.compose import Composer
from survey.train.datalist import DataList
from survey.train.loop import Trainer, crop_batches, run_identity, schedule
from survey.train.sources import Sources

DATA = DataList(version=1, entries=())


class Counting:
    """Stands in for a composer: a crop is its own number."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def compose(self, number: int) -> int:
        self.asked.append(number)
        return number


def batches(composer: Counting, *, first: int, steps: int, workers: int) -> Iterator[list[int]]:
    return crop_batches(composer, batch=3, first=first, steps=steps, workers=workers)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("workers", [1, 3])
def test_crops_come_in_order_whatever_the_threads(workers: int) -> None:
    got = list(batches(Counting(), first=0, steps=5, workers=workers))
    assert got == [[3 * n, 3 * n + 1, 3 * n + 2] for n in range(5)]


def test_crops_of_a_resumed_run_are_those_of_the_whole_run() -> None:
    whole = list(batches(Counting(), first=0, steps=7, workers=2))
    assert list(batches(Counting(), first=4, steps=7, workers=2)) == whole[4:]
    assert list(batches(Counting(), first=7, steps=7, workers=2)) == []


def test_crops_are_composed_only_a_few_steps_ahead() -> None:
    composer = Counting()
    stream = batches(composer, first=0, steps=1000, workers=1)
    for _ in range(3):
        next(stream)
    assert max(composer.asked) < 3 * 5
    stream.close()  # type: ignore[attr-defined]


def test_schedule_warms_up_and_falls_to_a_hundredth() -> None:
    config = TrainConfig(steps=1100, warmup_steps=100)
    assert schedule(0, config) == pytest.approx(0.01)
    assert schedule(99, config) == pytest.approx(1)
    assert schedule(100, config) == pytest.approx(1)
    assert schedule(600, config) == pytest.approx(0.505)
    assert schedule(1100, config) == pytest.approx(0.01)
    falling = [schedule(step, config) for step in range(100, 1100)]
    assert falling == sorted(falling, reverse=True)
    assert schedule(0, TrainConfig(steps=1, warmup_steps=0)) == 1


class KilledError(Exception):
    """What a test throws into a run."""


def run(trainer: Trainer, sources: Sources, *, kill_at: int | None = None) -> list[float]:
    """Run to the end, or until a step; return the losses."""
    seen, advance = [], trainer._advance

    def watched(samples: list) -> object:  # type: ignore[type-arg]
        if trainer.step == kill_at:
            raise KilledError
        value = advance(samples)
        seen.append(float(value.total.detach()))
        return value

    trainer._advance = watched  # type: ignore[method-assign, assignment]
    trainer.run(sources)
    return seen


def test_a_killed_and_resumed_run_is_the_uninterrupted_one_bit_for_bit(
    config: TrainConfig, sources: Sources, tmp_path: Path
) -> None:
    (tmp_path / "whole").mkdir()
    whole = Trainer(config, DATA, folder=tmp_path / "whole")
    expected = run(whole, sources)
    assert len(expected) == 4
    (tmp_path / "killed").mkdir()
    with pytest.raises(KilledError):  # after step 3, of which the checkpoint holds 2
        run(Trainer(config, DATA, folder=tmp_path / "killed"), sources, kill_at=3)
    again = Trainer(config.model_copy(update={"workers": 2}), DATA, folder=tmp_path / "killed")
    assert again.resume()
    assert again.step == 2
    assert run(again, sources) == expected[2:]
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name]), name


def test_a_finished_run_gives_its_network_without_another_step(
    config: TrainConfig, sources: Sources, tmp_path: Path
) -> None:
    first = Trainer(config.model_copy(update={"steps": 1}), DATA, folder=tmp_path)
    network = first.run(sources)
    again = Trainer(config.model_copy(update={"steps": 1}), DATA, folder=tmp_path)
    assert again.resume()
    assert all(torch.equal(v, again.run(sources).state_dict()[n]) for n, v in list(network.state_dict().items())[:9])
    assert not network.training


def test_a_run_with_other_settings_is_refused(config: TrainConfig, tmp_path: Path) -> None:
    trainer = Trainer(config, DATA, folder=tmp_path)
    assert not trainer.resume()
    trainer.save()
    other = Trainer(config.model_copy(update={"learning_rate": 0.5}), DATA, folder=tmp_path)
    with pytest.raises(ResumeError, match=r"checkpoint\.pt: .* use another --out"):
        other.resume()


def test_the_identity_follows_what_decides_the_weights_only(config: TrainConfig) -> None:
    base = run_identity(config, DATA)
    for name, value in {"workers": 7, "checkpoint_every": 9, "log_every": 3}.items():
        assert run_identity(config.model_copy(update={name: value}), DATA) == base
    deciding: dict[str, object] = {"seed": 7, "batch": 9, "items_mean": 3.0, "precision": "bf16"}
    for key, other in deciding.items():
        assert run_identity(config.model_copy(update={key: other}), DATA) != base


def test_a_loss_that_is_not_finite_stops_the_run(config: TrainConfig, sources: Sources, tmp_path: Path) -> None:
    trainer = Trainer(config, DATA, folder=tmp_path)
    with torch.no_grad():
        trainer.network.projection.heat.weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"step 0 is nan; lower learning_rate"):
        trainer.run(sources)
    assert not trainer.checkpoint.exists()


def test_training_starts_from_imagenet_and_learns_one_batch(
    config: TrainConfig, sources: Sources, tmp_path: Path
) -> None:
    from survey.train.compose import Recipe
    from survey.train.config import CLASSES

    trainer = Trainer(config.model_copy(update={"steps": 100}), DATA, folder=tmp_path)
    composer = Composer(sources, Recipe(crop_px=64, gsd_m=0.01, classes=CLASSES, empty_share=0), seed=1)
    samples = [composer.compose(n) for n in range(2)]
    trainer.network.train()
    totals = [float(trainer._advance(samples).total.detach()) for _ in range(8)]
    assert totals[-1] < 0.6 * totals[0]
