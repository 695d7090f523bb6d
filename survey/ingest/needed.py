"""Which tiles have to be read at all: what is provably outside is skipped, nothing else."""

from math import ceil, floor
from typing import Any

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray

from survey.ingest.aoi import Aoi
from survey.ingest.gdal import gdal_env
from survey.ingest.plan import lattice_shape
from survey.values import Image, WorkingGrid

_MAX_LOOKUPS = 500_000
"""Blocks looked up in a file's index (some microseconds each); a file with more is read in full."""


def needed_tiles(image: Image, grid: WorkingGrid, *, aoi: Aoi | None, core_px: int) -> NDArray[np.bool_]:
    """Return which tiles may hold an imaged pixel of the area of interest.

    A tile is skipped when its core does not meet the area, or when the file itself has no data
    there: blocks of a sparse TIFF that were never written and read as "not imaged". Overviews are
    not asked: how they were made is not known, and nearest-neighbour overviews lose small islands.

    Args:
        image: The image.
        grid: Its working grid.
        aoi: Area of interest; None takes all.
        core_px: Edge of a tile's core in working pixels.

    Returns:
        (tile rows, tile columns) of bool.
    """
    rows, cols = lattice_shape(grid, core_px)
    needed = np.ones((rows, cols), bool)
    if aoi is not None:
        needed &= _meets(aoi.in_pixels(image, grid), grid, core_px=core_px)
    absent = _absent_blocks(image)
    if absent is not None and absent[0].any():
        needed &= _has_data(*absent, grid=grid, core_px=core_px)
    return needed


def _meets(area: Any, grid: WorkingGrid, *, core_px: int) -> NDArray[np.bool_]:
    """Return which cores meet the area, in the pixel space in which the area also masks pixels."""
    rows, cols = lattice_shape(grid, core_px)
    top, left = np.meshgrid(np.arange(rows) * core_px, np.arange(cols) * core_px, indexing="ij")
    boxes = shapely.box(left, top, np.minimum(left + core_px, grid.width), np.minimum(top + core_px, grid.height))
    shapely.prepare(area)
    return np.asarray(shapely.intersects(area, boxes), bool)


def _absent_blocks(image: Image) -> tuple[NDArray[np.bool_], tuple[int, int]] | None:
    """Return which blocks a TIFF has no data for, with the block's shape; None where that proves nothing."""
    with gdal_env(), rasterio.open(image.path) as dataset:
        fill = dataset.nodatavals[0] or 0  # what GDAL hands out for a block that was never written
        if image.bands.alpha is not None and fill == 0:
            bands = {image.bands.alpha}
        elif image.nodata is not None and fill == image.nodata:
            bands = set(image.bands.rgb)
        else:
            return None
        height, width = dataset.block_shapes[0]
        shape = (-(-dataset.height // height), -(-dataset.width // width))
        if dataset.driver != "GTiff" or shape[0] * shape[1] * len(bands) > _MAX_LOOKUPS:
            return None
        absent = np.ones(shape, bool)
        for row, col in np.ndindex(shape):
            name = f"BLOCK_OFFSET_{col}_{row}"
            absent[row, col] = all(dataset.get_tag_item(name, "TIFF", bidx=band) is None for band in bands)
    return absent, (height, width)


def _has_data(
    absent: NDArray[np.bool_], block: tuple[int, int], *, grid: WorkingGrid, core_px: int
) -> NDArray[np.bool_]:
    """Return which cores touch a block with data, a source pixel of margin included."""
    found = np.zeros(lattice_shape(grid, core_px), bool)
    for row, col in np.ndindex(found.shape):
        top, bottom = row * core_px * grid.row_step, min((row + 1) * core_px, grid.height) * grid.row_step
        left, right = col * core_px * grid.col_step, min((col + 1) * core_px, grid.width) * grid.col_step
        rows = slice(max(floor(top) - 1, 0) // block[0], -(-(ceil(bottom) + 1) // block[0]))
        cols = slice(max(floor(left) - 1, 0) // block[1], -(-(ceil(right) + 1) // block[1]))
        found[row, col] = not absent[rows, cols].all()
    return found
