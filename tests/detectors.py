"""A card, a network and pictures for tests of the detector and its parts."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from survey.calibration import Calibration, CurveKind
from survey.detect import ModelCard
from survey.detect.model import (
    ClassCard,
    PerformanceCard,
    Thresholds,
    TrainingCard,
    WeightsCard,
)
from survey.networks import SurveyNet
from survey.values import DISTURBANCES

CLASSES = ("ap_mine", "at_mine", "anomaly")
HALO_PX = 208


@pytest.fixture(scope="session")
def card() -> ModelCard:
    """Three classes, the last never learnt."""
    return ModelCard(
        format=2,
        id="toy",
        architecture="lite0-fpn64-v2",
        gsd_m=0.01,
        max_gsd_m=0.025,
        input="uint8 RGB, 127 where nothing was imaged",
        halo_px=HALO_PX,
        classes=tuple(ClassCard(name=name, learnt=name != "anomaly", trained_on="-") for name in CLASSES),
        disturbances=tuple(ClassCard(name=name, learnt=True, trained_on="-") for name in DISTURBANCES),
        thresholds=Thresholds(score=0.3, disturbance=0.3),
        calibration=Calibration(kind=CurveKind.PLATT, parameters=(1.2, -0.3), prevalence=0.4, fitted_on="-"),
        performance=PerformanceCard(
            recall=0.5,
            recall_interval=(0.3, 0.7),
            items=10,
            found=5,
            false_alarms_per_ha=5.0,
            false_alarms_interval=(1.0, 9.0),
            false_alarms=5,
            false_alarms_interval_by="Poisson",
            searched_ha=1.0,
            position_error_m=0.03,
            measured_on="-",
        ),
        weights=WeightsCard(file="weights.safetensors", sha256=""),
        training=TrainingCard(
            command="-",
            config={},
            config_sha256="",
            data_list_sha256="",
            sites=(),
            held_out=(),
            seed=1,
            steps=1,
            versions={},
        ),
    )


@pytest.fixture
def network() -> SurveyNet:
    """ImageNet features under random heads, scaled so that a textured picture holds hundreds of detections."""
    torch.manual_seed(3)
    net = SurveyNet(classes=len(CLASSES), disturbances=len(DISTURBANCES))
    net.trunk.backbone.load_imagenet()
    with torch.no_grad():
        net.projection.heat.bias.fill_(-7.3)  # type: ignore[union-attr]
        net.projection.heat.weight.mul_(4)
        net.projection.geometry.weight.mul_(3)
        net.projection.geometry.bias.copy_(torch.tensor([3.0, 0.5, 0.5]))  # type: ignore[union-attr]
        net.projection.mask.weight.mul_(20)
    return net.eval()


@pytest.fixture(scope="session")
def texture() -> Callable[[int, int], NDArray[np.uint8]]:
    """Return (height, width) -> a picture with texture at the scale of items."""

    def make(height: int, width: int) -> NDArray[np.uint8]:
        coarse = np.random.default_rng(5).integers(0, 256, (height // 6, width // 6, 3)).astype(np.uint8)
        return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)

    return make
