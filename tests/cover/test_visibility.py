"""What cover and blur leave of recall."""

import numpy as np

from survey.cover import FULL, visibility
from survey.detect import Detectability
from survey.values import CoverCode

CURVE = Detectability(
    coefficients=(-4.0, 1.0, -3.0, -0.5),
    covariance=((0.0,) * 4,) * 4,
    trials=10,
    found=5,
    score=0.3,
    size_px=(4.0, 64.0),
    occluded=(0.0, 0.9),
    blur_px=(0.0, 4.0),
    by_chance=0.0,
    grounds=(),
    ordnance=(),
    seed=0,
    measured_on="nothing",
)
HIDES = (0.0, 0.5, 1.0, 1.0, 0.9)


def test_the_curve_is_used_relative_to_open_sharp_ground() -> None:
    left = visibility(CURVE, hides=HIDES, blur_px=0.0, gsd_m=0.01)
    assert left[CoverCode.OPEN] == left[CoverCode.UNKNOWN] == FULL
    chance = 1 / (1 + np.exp(4 - np.log2(10)))
    covered = 1 / (1 + np.exp(4 - np.log2(10) + 1.5))
    assert left[CoverCode.LOW_VEGETATION] == round(255 * covered / chance)
    assert left[CoverCode.DEEP_SHADOW] == left[CoverCode.CANOPY] == 0
    assert left[CoverCode.WATER] > 0


def test_blur_takes_from_every_cover() -> None:
    sharp, soft = (visibility(CURVE, hides=HIDES, blur_px=blur, gsd_m=0.01).astype(int) for blur in (0.0, 2.0))
    seen = sharp > 0
    assert (soft[seen] < sharp[seen]).all()
    assert (soft[~seen] == 0).all()


def test_a_model_without_a_curve_counts_cover_only() -> None:
    left = visibility(None, hides=(0.0, 0.5, 1.0, 1.0, 0.999), blur_px=3.0, gsd_m=0.01)
    assert left.tolist() == [255, 255, 128, 0, 0, 1]
