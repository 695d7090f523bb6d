"""A short training on a review, from a released model: surer of what was confirmed, less sure of what was rejected."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
import torch
import yaml

from survey.cli import main
from survey.detect import load_card
from survey.detect.model import find_model, load_network
from survey.errors import ConfigError
from survey.evaluate.run import check_sites
from survey.resources import models_folder
from survey.review import ReviewStore, Status
from survey.train import TrainConfig
from survey.train.start import open_start
from tests.datasets.test_reviews import CONFIRMED, REJECTED, at, ids_of, write_site
from tests.pictures import disc, ground
from tests.review.opinions import opinion

SETTINGS = {
    "hold_out": [],
    "mine_every": 0,
    "version": 1,
    "backbone": "lite2",
    "crop_px": 96,
    "gsd_m": 0.02,
    "batch": 4,
    "steps": 240,
    "warmup_steps": 2,
    "learning_rate": 0.001,
    "ema_decay": 0.9,
    "precision": "fp32",
    "held_norms": True,
    "mined_share": 0.5,
}
ENTRIES = [
    {"kind": "ground", "site": "field", "images": "*.png", "gsd_m": 0.02, "licence": "-", "weight": 0.2},
    {"kind": "cutouts", "site": "studio", "table": "t.csv", "classes": {"AP": ["ap_mine", 0.1, 0.2]}, "licence": "-"},
]


def scores(folder: Path, picture: Path) -> list[float]:
    """Return the network's highest score within 2 cells of the confirmed and of the rejected thing."""
    network = load_network(folder, load_card(folder))
    found = []
    with rasterio.open(picture) as dataset:
        for row, col in (CONFIRMED, REJECTED):
            top, left = int(row) - 48, int(col) - 48
            pixels = dataset.read(window=rasterio.windows.Window(left, top, 96, 96))
            with torch.inference_mode():
                heat = network(torch.from_numpy(pixels)[None]).heat[0, 0].sigmoid()
            found.append(float(heat[10:15, 10:15].max()))
    return found


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a little ground and one cut-out."""
    folder = tmp_path / "data"
    folder.mkdir()
    cv2.imwrite(str(folder / "ground.png"), ground(1))
    rgb, alpha = disc()
    (folder / "cut").mkdir()
    cv2.imwrite(str(folder / "cut" / "item.png"), np.dstack([rgb, (alpha * 255).astype(np.uint8)]))
    (folder / "t.csv").write_text("file,class\ncut/item.png,AP\n")
    (folder / "list.yaml").write_text(yaml.safe_dump({"version": 1, "entries": ENTRIES}))
    return folder


def test_a_short_training_on_a_review_move_the_scores_of_what_was_judged(data: Path, tmp_path: Path) -> None:
    run = write_site(tmp_path)
    names = ids_of(run)
    with ReviewStore(run) as store:
        store.add(opinion(names[CONFIRMED], size_m=0.18, **at(CONFIRMED)))
        store.add(opinion(names[REJECTED], Status.REJECTED, **at(REJECTED)))
    config = tmp_path / "train.yaml"
    config.write_text(yaml.safe_dump(SETTINGS | {"data_list": str(data / "list.yaml")}))
    arguments = ["train", str(config), "--data", str(data), "--out", str(tmp_path / "out"), "--name", "tuned"]
    arguments += ["--start", "default", "--from-review", f"range={run}"]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert not ended.value.code
    released, tuned = find_model("default", models=models_folder()), tmp_path / "out" / "model"
    (confirmed, rejected), (surer, less) = scores(released, tmp_path / "a.tif"), scores(tuned, tmp_path / "a.tif")
    print(f"confirmed {confirmed:.4f} -> {surer:.4f}, rejected {rejected:.4f} -> {less:.4f}")  # noqa: T201
    assert surer > confirmed
    assert less < rejected
    card, before = load_card(tuned), load_card(released)
    assert set(card.training.sites) == {"range", "field", "studio", *before.training.sites}
    assert card.training.config["start"] == before.id
    assert card.contrast == before.contrast is not None
    assert set(card.training.inputs) == {"review/range/0123456789abcdef/decisions", "start/weights.safetensors"}
    assert str(run) not in (tuned / "model.yaml").read_text()
    learnt = {c.name: c.trained_on for c in card.classes if c.learnt}
    assert learnt.keys() >= {c.name for c in before.classes if c.learnt}
    assert "items confirmed by review (range)" in learnt["ap_mine"]
    with pytest.raises(ConfigError, match="was trained on range"):
        check_sites(card, ("range",), allowed=())


def test_a_start_that_does_not_fit_is_refused() -> None:
    (site, *_) = load_card(find_model("default", models=models_folder())).training.sites
    with pytest.raises(ConfigError, match="flatters"):
        open_start(TrainConfig(start="default", backbone="lite2", finest_stride=8, hold_out=(f"{site}/morning",)))
    with pytest.raises(ConfigError, match="set backbone=lite2 and finest_stride=8"):
        open_start(TrainConfig(start="default", backbone="lite0"))
    assert open_start(TrainConfig()).state is None
