"""A short training on a review, from a released model: surer of what was confirmed, less sure of what was rejected."""

import numpy as np
from numpy.typing import NDArray

from survey import load_detector
from tests.train.test_reviews import CONFIRMED, REJECTED

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
