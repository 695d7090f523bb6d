"""Figures by site are told on the site's own ground, whatever the order of the pictures."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from survey.datasets.datalist import DataList, SimulatedEntry
from survey.datasets.sources import Boxes, Picture
from survey.detect import Detector
from survey.detect.contrast import ContrastCard
from survey.evaluate import Scores, score_pictures
from survey.evaluate import scores as module
from survey.networks import Precision, SurveyNet
from survey.networks.runtime import TorchRuntime
from survey.train import TrainConfig
from survey.train.release import make_card
from survey.values import CLASSES, DISTURBANCES

SHAPE, PLACE = (160, 256), (90.0, 140.0)
SMOOTH, ROUGH = "smooth", "rough"


@pytest.fixture(scope="module")
def detector() -> Detector:
    """ImageNet features, and nothing but contrast with the ground."""
    torch.manual_seed(1)
    network = SurveyNet(classes=len(CLASSES), disturbances=len(DISTURBANCES)).eval()
    network.trunk.backbone.load_imagenet()
    data = DataList(version=1, entries=(SimulatedEntry(kind="simulated", site="simulated"),))
    card = make_card("toy", config=TrainConfig(contrast=6.0), data=data, measured=None, measured_on="nothing")
    card = card.model_copy(update={"contrast": ContrastCard(heat=0.0, contrast=6.0, bias=-3.0, trimmed=0.05)})
    return Detector(card, TorchRuntime(network, precision=Precision.FP32), sha256="")


def ground(site: str, seed: int) -> NDArray[np.uint8]:
    """Return faint fine noise, or coarse blotches of strong colours, uint8 (*SHAPE, 3)."""
    rng = np.random.default_rng(seed)
    if site == SMOOTH:
        return (120 + rng.normal(0, 3, (*SHAPE, 3))).astype(np.uint8)
    blotches = rng.integers(20, 230, (SHAPE[0] // 8, SHAPE[1] // 8, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(blotches, SHAPE[::-1], interpolation=cv2.INTER_CUBIC), np.uint8)


def shown(site: str, name: str, *, with_item: bool) -> Picture:
    """Return a picture, with one even square planted."""
    rgb, row, col = ground(site, int(name)), *PLACE
    if with_item:
        rgb[int(row) - 16 : int(row) + 16, int(col) - 16 : int(col) + 16] = (90, 140, 60)
    boxes = Boxes(np.array([row]), np.array([col]), np.array([32.0]), ("at_mine",)) if with_item else Boxes.none()
    return Picture(site, name, rgb, 0.01, boxes, (), 1.0)


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    """Two sites of very different ground, on each of them the same square in one of three pictures."""
    return [shown(site, f"{n}", with_item=n == 1) for n in range(3) for site in (SMOOTH, ROUGH)]


@pytest.fixture(scope="module")
def scores(detector: Detector, pictures: list[Picture]) -> Scores:
    return score_pictures(detector, pictures)


def told(scores: Scores) -> dict[str, list[tuple[float, ...]]]:
    """Return the sightings of each picture as numbers."""
    seen, names = scores.sightings, zip(scores.stretches.sites, scores.stretches.names, strict=True)
    return {
        f"{site} {name}": [
            (float(seen.score[k]), float(seen.x[k]), float(seen.y[k]), float(seen.true[k]))
            for k in np.flatnonzero(seen.stretch == n)
        ]
        for n, (site, name) in enumerate(names)
    }


def test_what_stands_out_from_its_own_site_is_found_on_each(
    detector: Detector, pictures: list[Picture], scores: Scores
) -> None:
    for site in (SMOOTH, ROUGH):
        own = scores.of_site(site)
        assert own.sightings.true.sum() == 1
        assert own.sightings.true[np.argmax(own.sightings.score)], f"on {site} ground something else stands out more"
    # Beside the smooth ground all of the rough stands out.
    meter = detector.meter()
    for shot in pictures[::2]:
        meter.add_picture(shot.rgb, windows=9)
    misled = detector.on(detector.background_of(meter)).detect(pictures[1].rgb, gsd_m=0.01)
    assert np.median(misled.score) > max((score for score, *_ in told(scores)[f"{ROUGH} 0"]), default=0.0)


def test_the_ground_is_that_of_all_of_the_sites_pictures(
    detector: Detector, pictures: list[Picture], scores: Scores
) -> None:
    alone = score_pictures(detector, [replace(pictures[2], site="alone")])
    assert told(scores)[f"{SMOOTH} 1"] != told(alone)["alone 1"]


@pytest.mark.parametrize("most", [64, 2])
def test_the_order_of_pictures_does_not_matter(
    detector: Detector, pictures: list[Picture], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_MEASURED", most)
    three = pictures[::2]
    forth, other = score_pictures(detector, three), score_pictures(detector, [three[n] for n in (1, 2, 0)])
    assert told(forth) == told(other)
    assert told(forth)[f"{SMOOTH} 1"]
