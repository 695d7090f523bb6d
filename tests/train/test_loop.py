"""The loop goes on from a kill as if nothing had happened, and stops where going on makes no sense."""

from pathlib import Path

import pytest
import torch
from torch import nn

from survey.composites.compose import Composer
from survey.datasets.datalist import DataList
from survey.datasets.sources import Sources
from survey.errors import ConfigError, ResumeError, TrainingError
from survey.train import TrainConfig
from survey.train.identity import Identity
from survey.train.loop import Trainer
from survey.train.optimiser import schedule

DATA = DataList(version=1, entries=())


def trainer_of(config: TrainConfig, folder: Path, **files: str) -> Trainer:
    folder.mkdir(exist_ok=True)
    return Trainer(config, Identity.of(config, DATA, files), folder=folder)


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
    whole = trainer_of(config, tmp_path / "whole")
    expected = run(whole, sources)
    assert len(expected) == 4
    with pytest.raises(KilledError):  # after step 3, of which the checkpoint holds 2
        run(trainer_of(config, tmp_path / "killed"), sources, kill_at=3)
    again = trainer_of(config.model_copy(update={"workers": 2}), tmp_path / "killed")
    assert again.resume()
    assert again.step == 2
    assert run(again, sources) == expected[2:]
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name]), name


@pytest.mark.parametrize("kill_at", [1, 2, 3, 4, 5])
def test_mining_and_accumulation_survive_a_kill_at_any_step(
    kill_at: int, config: TrainConfig, sources: Sources, tmp_path: Path, mined: tuple[Trainer, list[float]]
) -> None:
    whole, expected = mined
    with pytest.raises(KilledError):
        run(trainer_of(whole.config, tmp_path), sources, kill_at=kill_at)
    again = trainer_of(whole.config, tmp_path)
    assert again.resume() == (kill_at >= 3)  # a checkpoint every three steps, a search every two
    assert run(again, sources) == expected[3 * (kill_at >= 3) :]
    assert again.spots == whole.spots
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name]), name


@pytest.fixture(scope="module")
def mined(sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> tuple[Trainer, list[float]]:
    """An uninterrupted run of six steps that mined, and its losses."""
    config = TrainConfig(
        crop_px=64, batch=4, accumulate=2, steps=6, warmup_steps=1, precision="fp32", checkpoint_every=3, workers=2
    ).model_copy(update={"mine_every": 2, "mine_windows": 6, "mine_pool": 5, "mine_score": 0.003, "mined_share": 0.8})
    trainer = trainer_of(config, tmp_path_factory.mktemp("mined"))
    losses = run(trainer, sources)
    assert len(trainer.spots) == 5
    return trainer, losses


def test_mined_spots_change_the_crops_only_after_the_first_search(
    sources: Sources, tmp_path: Path, mined: tuple[Trainer, list[float]]
) -> None:
    whole, expected = mined
    plain = run(trainer_of(whole.config.model_copy(update={"mine_every": 0}), tmp_path), sources)
    assert plain[:2] == expected[:2]
    assert plain[2] != expected[2]


def test_micro_batches_add_up_to_the_batch(config: TrainConfig, sources: Sources, tmp_path: Path) -> None:
    """With the statistics of batch normalisation fixed, which see one micro-batch, the gradients are the same."""
    totals, gradients = [], []
    for accumulate in (1, 2, 4):
        settings = config.model_copy(update={"batch": 4, "accumulate": accumulate, "clip_norm": 1e9})
        trainer = trainer_of(settings, tmp_path / str(accumulate))
        samples = next(trainer._batches(sources))
        trainer.network.eval()
        totals.append(float(trainer._advance(samples).total))
        gradients.append([p.grad.clone() for p in trainer.network.parameters() if p.grad is not None])
    assert totals[1:] == pytest.approx(totals[:1] * 2, rel=1e-5)
    for others in zip(*gradients, strict=True):
        scale = float(others[0].abs().max())
        assert all(torch.allclose(others[0], o, rtol=1e-3, atol=1e-5 * scale + 1e-7) for o in others[1:])


def test_a_batch_that_cannot_be_split_is_refused(config: TrainConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"batch: 2 crops .* accumulate=3 .* 1 processes; .* multiple of 3"):
        trainer_of(config.model_copy(update={"accumulate": 3}), tmp_path)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB\nand a second line"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_running_out_of_memory_says_what_to_change_and_keeps_the_checkpoint(
    error: Exception, config: TrainConfig, sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_of(config.model_copy(update={"batch": 2}), tmp_path)
    advance = nn.Conv2d.forward

    def full(self: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
        if trainer.step == 3:
            raise error
        return advance(self, x)

    monkeypatch.setattr(nn.Conv2d, "forward", full)
    with pytest.raises(TrainingError, match=r"batch=2, accumulate=1, crop_px=64 .*; make accumulate larger") as told:
        trainer.run(sources)
    assert "\n" not in str(told.value)
    again = trainer_of(config, tmp_path)
    assert again.resume()
    assert again.step == 2


def test_an_error_that_is_not_about_memory_is_passed_on(
    config: TrainConfig, sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("shapes do not match",)

    def broken(*_: object) -> None:
        raise RuntimeError(*words)

    monkeypatch.setattr(nn.Conv2d, "forward", broken)
    with pytest.raises(RuntimeError, match=words[0]):
        trainer_of(config, tmp_path).run(sources)


def test_a_finished_run_gives_its_network_without_another_step(
    config: TrainConfig, sources: Sources, tmp_path: Path
) -> None:
    first = trainer_of(config.model_copy(update={"steps": 1}), tmp_path)
    network = first.run(sources)
    again = trainer_of(config.model_copy(update={"steps": 1}), tmp_path)
    assert again.resume()
    assert all(torch.equal(v, again.run(sources).state_dict()[n]) for n, v in list(network.state_dict().items())[:9])
    assert not network.training


def test_a_run_with_other_settings_is_refused(config: TrainConfig, tmp_path: Path) -> None:
    trainer = trainer_of(config, tmp_path)
    assert not trainer.resume()
    trainer.save()
    other = trainer_of(config.model_copy(update={"learning_rate": 0.5}), tmp_path)
    with pytest.raises(ResumeError, match=r"checkpoint\.pt: .* use another --out"):
        other.resume()


def test_a_loss_that_is_not_finite_stops_the_run(config: TrainConfig, sources: Sources, tmp_path: Path) -> None:
    trainer = trainer_of(config, tmp_path)
    with torch.no_grad():
        trainer.network.projection.heat.weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"step 0 is nan; lower learning_rate"):
        trainer.run(sources)
    assert not trainer.checkpoint.exists()


def test_training_starts_from_imagenet_and_learns_one_batch(
    config: TrainConfig, sources: Sources, tmp_path: Path
) -> None:
    from survey.composites.compose import Recipe
    from survey.values import CLASSES

    trainer = trainer_of(config.model_copy(update={"steps": 100}), tmp_path)
    composer = Composer(sources, Recipe(crop_px=64, gsd_m=0.01, classes=CLASSES, empty_share=0), seed=1)
    samples = [composer.compose(n) for n in range(2)]
    trainer.network.train()
    totals = [float(trainer._advance(samples).total.detach()) for _ in range(8)]
    assert totals[-1] < 0.6 * totals[0]


def test_a_run_leaves_what_is_held_as_published(config: TrainConfig, sources: Sources, tmp_path: Path) -> None:
    trainer = trainer_of(config.model_copy(update={"held_blocks": 3, "held_norms": True}), tmp_path)
    backbone = trainer.network.trunk.backbone
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    trained = trainer.run(sources).trunk.backbone.state_dict()
    same = {name for name, value in trained.items() if torch.equal(value, before[name])}
    filters = {name for name, module in backbone.named_modules() if isinstance(module, nn.Conv2d)}
    late = {
        f"{name}.weight" for name in filters if not name.startswith(("stem", "blocks.0.", "blocks.1.", "blocks.2."))
    }
    assert same == set(before) - late
    assert late
