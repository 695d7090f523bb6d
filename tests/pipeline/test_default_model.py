"""The default model is the one that the imagery is fine enough for."""

from collections.abc import Callable
from pathlib import Path

import pytest

from survey.config import RunConfig
from survey.detect import DEFAULT_MODEL, FINE_MODEL
from survey.detect.model import FINE_GSD_M
from survey.pipeline.plan import plan_run

Flight = Callable[..., Path]


@pytest.mark.parametrize(
    ("gsd_m", "expected"),
    [(0.004, FINE_MODEL), (FINE_GSD_M, FINE_MODEL), (0.0075, DEFAULT_MODEL), (0.02, DEFAULT_MODEL)],
)
def test_the_imagery_decides(flight: Flight, config: RunConfig, gsd_m: float, expected: str) -> None:
    default = config.model_copy(update={"model": "default"})
    plan, detector = plan_run([flight(gsd_m=gsd_m)], config=default, aoi=None)
    assert (detector.card.id, plan.card.id, plan.config.model) == (expected, expected, expected)


def test_the_coarsest_image_decides_for_all(flight: Flight, config: RunConfig) -> None:
    fine, coarse = flight("fine.tif", gsd_m=0.004), flight("coarse.tif", gsd_m=0.01, shift_m=20)
    plan, _ = plan_run([fine, coarse], config=config.model_copy(update={"model": "default"}), aoi=None)
    assert plan.card.id == DEFAULT_MODEL


def test_a_model_that_is_named_is_taken(flight: Flight, config: RunConfig) -> None:
    plan, _ = plan_run([flight(gsd_m=0.004)], config=config, aoi=None)
    assert plan.card.id == "toy"
