"""A toy model that detects a lot, and small flights to run it on."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from numpy.typing import NDArray
from rasterio.transform import Affine

from survey.config import RunConfig, load_config
from survey.datasets.datalist import DataList, SimulatedEntry
from survey.networks import SurveyNet
from survey.train.config import TrainConfig
from survey.train.release import make_card, write_model
from survey.values import CLASSES, DISTURBANCES

ORIGIN = (500_050.0, 4_400_030.0)
"""North-west corner of the flights; not on a hectare's edge."""


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with random weights, biased so that it sees a few hundred things in a picture of blotches."""
    torch.manual_seed(0)
    network = SurveyNet(classes=len(CLASSES), disturbances=len(DISTURBANCES)).eval()
    pixels = torch.from_numpy(picture(512, 512))[None]
    with torch.no_grad():
        network.projection.heat.weight.mul_(40)
        network.projection.mask.weight.mul_(40)
        heat = network(pixels).heat.amax(dim=1)
        bias = network.projection.heat.bias
        assert bias is not None
        bias.sub_(heat.quantile(0.97))
    data = DataList(version=1, entries=(SimulatedEntry(kind="simulated", site="simulated"),))
    card = make_card("toy", config=TrainConfig(), data=data, measured=None, measured_on="nothing")
    folder = tmp_path_factory.mktemp("model")
    write_model(network, folder, card=card)
    return folder


@pytest.fixture(scope="session")
def config(model: Path) -> RunConfig:
    """PyTorch in float32 on small tiles."""
    settings = ["core_px=256", "runtime=torch", "precision=fp32", "threads=1", f"model={model}", "cover=ignore"]
    return load_config(RunConfig, overrides=settings)


def picture(rows: int, cols: int, *, seed: int = 0) -> NDArray[np.uint8]:
    """Return blotchy noise (3, rows, cols)."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (3, -(-rows // 8), -(-cols // 8)), np.uint8)
    return np.kron(coarse, np.ones((1, 8, 8), np.uint8))[:, :rows, :cols]


@pytest.fixture
def flight(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes an image at 1 cm with a masked corner."""

    def write(name: str = "flight.tif", **keys: float) -> Path:
        return write_flight(tmp_path / name, **keys)

    return write


def write_flight(
    path: Path, *, rows: float = 700, cols: float = 900, shift_m: float = 0.0, gsd_m: float = 0.01
) -> Path:
    """Write an image with a masked corner."""
    rows, cols = int(rows), int(cols)
    transform = Affine(gsd_m, 0, ORIGIN[0] + shift_m, 0, -gsd_m, ORIGIN[1])
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 3, "crs": "EPSG:32638", "transform": transform}
    layout = {"tiled": True, "blockxsize": 128, "blockysize": 128, "compress": "deflate"}
    with rasterio.open(path, "w", height=rows, width=cols, **profile, **layout) as dataset:
        dataset.write(picture(rows, cols))
        mask = np.full((rows, cols), 255, np.uint8)
        mask[: rows // 3, : cols // 4] = 0
        dataset.write_mask(mask)
    return path
