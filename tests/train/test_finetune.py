"""A short training on a review, from a released model: surer of what was confirmed, less sure of what was rejected."""

from pathlib import Path

import numpy as np
import pytest
import rasterio
import yaml
from numpy.typing import NDArray

from survey import load_detector
from survey.cli import main
from survey.detect import load_card
from survey.errors import ConfigError
from survey.evaluate.run import check_sites
from survey.review import ReviewStore, Status
from survey.train import TrainConfig
from survey.train.start import open_start
from tests.review.opinions import opinion
from tests.train.test_reviews import CONFIRMED, REJECTED, at, ids_of, write_site

SETTINGS = {
    "version": 1,
    "crop_px": 96,
    "gsd_m": 0.02,
    "batch": 4,
    "steps": 30,
    "warmup_steps": 2,
    "learning_rate": 0.001,
    "ema_decay": 0.9,
    "precision": "fp32",
    "held_norms": True,
    "items_mean": 1.0,
    "clutter_mean": 1.0,
    "mined_share": 0.5,
}


def scores(model: str, rgb: NDArray[np.uint8]) -> tuple[float, float]:
    """Return the highest score of the network within 8 cm of the confirmed and of the rejected thing."""
    detector = load_detector(model, runtime="torch", precision="fp32")
    found = detector.detect(rgb, gsd_m=detector.card.gsd_m, least_score=1e-6)
    near = [np.hypot(found.row - row, found.col - col) < 8 for row, col in (CONFIRMED, REJECTED)]
    confirmed, rejected = (float(found.score[which].max(initial=0.0)) for which in near)
    return confirmed, rejected
