"""Coarse views of images that have no overviews of their own, made once and kept beside the decisions."""

from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from affine import Affine
from rasterio.windows import Window

from survey.files import make_folder, replacing, temporary_beside
from survey.ingest import open_image
from survey.page.imagery import FARTHEST, Imagery
from survey.page.pixels import coarsen

FOLDER = "review-cache"
FACTOR = 2 * FARTHEST
_STRIDE_PX = 2048
"""Pixels read at a time along each edge: 12 MB."""
_ENOUGH_PX = 2048
"""An image whose coarsest level is no longer than this is shown whole in a few tiles."""


def lacks_overviews(imagery: Imagery) -> bool:
    """Tell whether a whole image cannot be shown in a few tiles."""
    return max(imagery.levels[0].height, imagery.levels[0].width) > _ENOUGH_PX


def far_view(imagery: Imagery, folder: Path) -> Imagery:
    """Return the coarse view of an image, from `folder` if it lies there, else made by reading the image once.

    It holds means over imaged pixels, without loss, and its own overviews.

    Raises:
        RasterioIOError: The image cannot be read.
        OutputError: The folder cannot be made.
    """
    path = folder / f"{imagery.image.image_id}.tif"
    if not path.is_file():
        make_folder(folder)
        _write(imagery, path)
    crs = imagery.image.crs_wkt
    return Imagery.over(open_image(path, sha256=imagery.image.sha256), crs=crs)


def _write(imagery: Imagery, path: Path) -> None:
    height, width = -(-imagery.image.height // FACTOR), -(-imagery.image.width // FACTOR)
    t = imagery.image.transform
    profile = {
        "driver": "GTiff",
        "count": 3,
        "dtype": "uint8",
        "height": height,
        "width": width,
        "crs": imagery.image.crs_wkt,
        "transform": t * Affine.scale(FACTOR),
        "tiled": True,
        "compress": "deflate",
        "zlevel": 1,
        "photometric": "rgb",
    }
    streamed = temporary_beside(path, purpose=".streamed")
    try:
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
            with rasterio.open(streamed, "w", **profile) as dataset:
                for row in range(0, imagery.image.height, _STRIDE_PX):
                    for col in range(0, imagery.image.width, _STRIDE_PX):
                        rgb, valid = coarsen(*imagery.read(row, col, _STRIDE_PX, _STRIDE_PX), factor=FACTOR)
                        window = Window(col // FACTOR, row // FACTOR, valid.shape[1], valid.shape[0])
                        dataset.write(rgb, window=window)
                        dataset.write_mask(valid.astype(np.uint8) * 255, window=window)
            options = {"compress": "DEFLATE", "blocksize": 512, "overview_resampling": "AVERAGE", "predictor": "YES"}
            with replacing(path) as temporary:
                rasterio.shutil.copy(streamed, temporary, driver="COG", **options)
    finally:
        streamed.unlink(missing_ok=True)
