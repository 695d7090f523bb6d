"""Small images of several layouts."""

import warnings
from pathlib import Path

import cv2
import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile
from rasterio.transform import Affine

from tests.review.opinions import CRS

ORIGIN = (500_040.0, 4_400_060.0)


def picture(rows: int, cols: int, *, seed: int = 0) -> NDArray[np.uint8]:
    """Return smooth noise (3, rows, cols)."""
    small = np.random.default_rng(seed).integers(0, 256, (3, -(-rows // 16), -(-cols // 16)), np.uint8)
    return np.stack([cv2.resize(band, (cols, rows), interpolation=cv2.INTER_CUBIC) for band in small])


def write_image(
    path: Path,
    *,
    rows: int = 1100,
    cols: int = 1300,
    layout: str = "jpeg",
    hole: tuple[int, int] | None = None,
    transform: Affine | None = None,
    crs: str = CRS,
    dtype: str = "uint8",
) -> Path:
    """Write a picture at 1 cm.

    Args:
        path: File.
        rows: Of the picture.
        cols: Of the picture.
        layout: 'jpeg' (tiled), 'deflate' (tiled), 'cog' (JPEG with overviews), 'strips'.
        hole: So many first rows and columns are masked.
        transform: Of the picture; north up at `ORIGIN` if None.
        crs: Of the transform.
        dtype: uint8 or uint16.
    """
    tiled = {"tiled": True, "blockxsize": 256, "blockysize": 256}
    options = {
        "jpeg": {**tiled, "compress": "jpeg", "photometric": "ycbcr"},
        "deflate": {**tiled, "compress": "deflate"},
        "cog": {**tiled, "compress": "deflate"},
        "strips": {},
    }[layout]
    where = transform or Affine(0.01, 0, ORIGIN[0], 0, -0.01, ORIGIN[1])
    profile = {"driver": "GTiff", "dtype": dtype, "count": 3, "crs": crs, "transform": where, "interleave": "pixel"}
    first = path.with_suffix(".first.tif") if layout == "cog" else path
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(first, "w", height=rows, width=cols, **profile, **options) as dataset,
    ):
        values = picture(rows, cols)
        dataset.write(values if dtype == "uint8" else values.astype(np.uint16) * 16)
        if hole is not None:
            mask = np.full((rows, cols), 255, np.uint8)
            mask[: hole[0], : hole[1]] = 0
            dataset.write_mask(mask)
    if layout == "cog":
        rasterio.shutil.copy(first, path, driver="COG", compress="JPEG", blocksize=256, quality=85)
        first.unlink()
    return path


def decoded(content: bytes) -> NDArray[np.uint8]:
    """Return a tile as (rows, cols, 3 or 4) in RGB order."""
    if content.startswith(
        b"\xff\xd8"
    ):  # by GDAL: other decoders spread the colour of a block over its pixels differently
        with warnings.catch_warnings(), MemoryFile(content) as memory:
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with memory.open() as dataset:
                return np.asarray(np.moveaxis(dataset.read(), 0, -1), np.uint8)
    bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert bgr is not None
    order = [2, 1, 0, 3][: bgr.shape[2]]
    return np.asarray(bgr[..., order], np.uint8)
