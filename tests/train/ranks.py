"""What `torchrun` starts in a test: train, be interrupted, go on, and keep what came of it."""

import sys
from pathlib import Path

import torch

from survey.datasets.datalist import DataList
from survey.datasets.sources import Sources
from survey.train.distributed import World, join_world
from survey.train.identity import Identity
from survey.train.loop import Trainer
from tests.pictures import small_sources
from tests.train.conftest import small_config

CONFIG = small_config().model_copy(
    update={"batch": 8, "accumulate": 2, "steps": 4, "mine_windows": 9, "mine_pool": 6, "mine_score": 0.003}
)


def train(folder: Path, world: World, *, sources: Sources) -> Trainer:
    """Train two of four steps, throw the state away, and go on from the checkpoint."""
    identity = Identity.of(CONFIG, DataList(version=1, entries=()), {})
    for stop in (2, 4):
        trainer = Trainer(CONFIG, identity, folder=folder, world=world)
        assert trainer.resume() == (stop == 4)
        trainer.network.train()
        for samples in trainer._batches(sources):
            value = trainer._advance(samples)
            losses = torch.load(folder / f"losses-{world.rank}.pt") if trainer.step else []
            torch.save([*losses, float(value.total)], folder / f"losses-{world.rank}.pt")
            trainer.step += 1
            if trainer.step == stop:
                trainer.save()
                world.wait()
                break
    trainer._mine(sources)
    torch.save(trainer.mean, folder / f"mean-{world.rank}.pt")
    torch.save([(s.picture, s.row, s.col, s.score) for s in trainer.spots], folder / f"spots-{world.rank}.pt")
    return trainer


if __name__ == "__main__":
    with join_world() as own:
        train(Path(sys.argv[1]), own, sources=small_sources())
