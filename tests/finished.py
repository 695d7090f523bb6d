"""A small finished run of two overlapping images, one of them damaged in part, for tests of what is made of runs."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine

from survey.config import RunConfig
from survey.pipeline import run
from tests.pipeline.conftest import ORIGIN, config, model, picture

__all__ = ["Finished", "config", "finished", "model"]

NAMES = ("first <script>alert(1)<img src=x>.tif", "second.tif")
"""A name that a page must not take for markup."""


@dataclass(frozen=True)
class Finished:
    """Where a run lies, and its imagery and model."""

    folder: Path
    images: Path
    model: Path

    def copy(self, to: Path) -> "Finished":
        """Return a copy to change."""
        return Finished(Path(shutil.copytree(self.folder, to / "run")), self.images, self.model)


def write_image(path: Path, *, seed: int, shift_m: float, rows: int = 500, cols: int = 600) -> Path:
    """Write an image at 1 cm."""
    transform = Affine(0.01, 0, ORIGIN[0] + shift_m, 0, -0.01, ORIGIN[1])
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 3, "crs": "EPSG:32638", "transform": transform}
    layout = {"tiled": True, "blockxsize": 128, "blockysize": 128, "compress": "deflate"}
    with rasterio.open(path, "w", height=rows, width=cols, **profile, **layout) as dataset:
        dataset.write(picture(rows, cols, seed=seed))
        mask = np.full((rows, cols), 255, np.uint8)
        mask[: rows // 4, : cols // 4] = 0
        dataset.write_mask(mask)
        dataset.update_tags(TIFFTAG_DATETIME="2026:05:04 09:30:00", TIFFTAG_SOFTWARE="Stitch & Co")
    return path


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, config: RunConfig, model: Path) -> Finished:
    """The run; copy it before you change it."""
    images = tmp_path_factory.mktemp("flights")
    for n, name in enumerate(NAMES):
        write_image(images / name, seed=n, shift_m=3.0 * n)
    damaged = images / NAMES[1]
    with rasterio.open(damaged) as dataset:
        offset = int(dataset.get_tag_item("BLOCK_OFFSET_3_3", "TIFF", bidx=1))
    content = damaged.read_bytes()
    damaged.write_bytes(content[:offset] + b"\xff" * 300 + content[offset + 300 :])
    folder = tmp_path_factory.mktemp("finished") / "run"
    result = run([images], folder, config=config)
    assert result.exit_code == 3
    return Finished(folder, images, model)
