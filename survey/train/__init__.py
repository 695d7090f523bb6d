"""Training: the loop, evaluation on held-out sites, model folders."""

from survey.train.config import TrainConfig
from survey.train.run import train

__all__ = ["TrainConfig", "train"]
