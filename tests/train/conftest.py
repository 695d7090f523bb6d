"""Settings for the training's tests, and what composites are made of."""

from collections.abc import Iterator

import pytest
import torch

from survey.datasets import Sources
from survey.train import TrainConfig
from tests.pictures import small_sources


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """Compute on one thread: networks are small here, and two that wait for a busy core take twenty times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def sources() -> Sources:
    """The small sources, made once."""
    return small_sources()


def small_config() -> TrainConfig:
    """Return four steps of two small crops."""
    return TrainConfig(
        crop_px=64, batch=2, steps=4, warmup_steps=1, precision="fp32", checkpoint_every=2, log_every=2, workers=1
    )


@pytest.fixture
def config() -> TrainConfig:
    """Four steps of two small crops."""
    return small_config()
