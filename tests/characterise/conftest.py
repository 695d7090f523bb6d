"""A small data folder with its list, and a model folder to characterise."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray

from survey.datasets.datalist import DataList, SimulatedEntry
from survey.networks import SurveyNet
from survey.train.config import TrainConfig
from survey.train.release import make_card, write_model
from survey.values import CLASSES, DISTURBANCES


def ground(seed: int, *, tint: tuple[float, float, float]) -> NDArray[np.uint8]:
    """Return soil of a colour, with grains of two sizes, (300, 540, 3)."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.normal(0, 18, (60, 108)).astype(np.float32), (540, 300), interpolation=cv2.INTER_CUBIC)
    grey = 110 + coarse + rng.normal(0, 9, (300, 540))
    spots = cv2.resize(rng.normal(0, 0.03, (30, 54, 3)).astype(np.float32), (540, 300))
    return np.asarray(grey[..., None] * (np.array(tint) + spots)).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sites of four pictures, a cut-out, and `list.yaml`."""
    folder = tmp_path_factory.mktemp("data")
    entries: list[dict[str, object]] = []
    for number, (site, tint) in enumerate({"loam": (1.15, 1.0, 0.8), "sand": (1.05, 1.0, 0.9)}.items()):
        (folder / site).mkdir()
        for n in range(4):
            picture = ground(10 * number + n, tint=tint)
            cv2.imwrite(str(folder / site / f"{n}.png"), picture[..., ::-1])
        entries.append({"kind": "ground", "site": site, "images": f"{site}/*.png", "gsd_m": 0.01, "licence": "-"})
    disc = np.zeros((60, 60, 4), np.uint8)
    cv2.circle(disc, (30, 30), 28, (60, 110, 90, 255), -1, cv2.LINE_AA)
    cv2.imwrite(str(folder / "disc.png"), disc)
    (folder / "items.csv").write_text("file,class,identity,nominal_longest_cm,source\ndisc.png,AP,x,10,-\n")
    classes = {"AP": ["ap_mine", 0.08, 0.12]}
    entries.append({"kind": "cutouts", "site": "bench", "table": "items.csv", "classes": classes, "licence": "-"})
    (folder / "list.yaml").write_text(yaml.safe_dump({"version": 1, "entries": entries}))
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model folder with ImageNet features under random heads."""
    torch.manual_seed(0)
    network = SurveyNet(classes=len(CLASSES), disturbances=len(DISTURBANCES))
    network.trunk.backbone.load_imagenet()
    with torch.no_grad():
        network.projection.heat.weight.mul_(20)
    listed = DataList(version=1, entries=(SimulatedEntry(kind="simulated", site="simulated"),))
    card = make_card("toy", config=TrainConfig(), data=listed, measured=None, measured_on="nothing")
    write_model(network, tmp_path / "model", card=card)
    return tmp_path / "model"
