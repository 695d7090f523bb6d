"""Training: data lists, compositing, the loop, evaluation on held-out sites, model folders."""

from survey.train.config import CLASSES, TrainConfig
from survey.train.datalist import reviewed_runs
from survey.train.run import train

__all__ = ["CLASSES", "TrainConfig", "reviewed_runs", "train"]
