"""Which tile positions hold anything to search: inside the AOI, and imaged at all."""

import cv2
import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.errors import RasterioIOError

from survey.ingest.aoi import Aoi
from survey.ingest.gdal import damage_raises, gdal_env
from survey.ingest.plan import lattice_shape
from survey.ingest.validity import valid_pixels
from survey.values import Image, Validity, WorkingGrid

COARSEST = 8
"""Only overviews up to this decimation are trusted. A speck of imagery smaller than this many pixels and
farther than `MARGIN_CELLS` of them from any other can be missing there; it then counts as not imaged."""
MARGIN_CELLS = 2


def needed_tiles(image: Image, grid: WorkingGrid, *, aoi: Aoi | None, core_px: int) -> NDArray[np.bool_]:
    """Return bool of the tile lattice's shape: False where nothing needs to be read.

    Args:
        image: The image.
        grid: Its working grid.
        aoi: Area of interest or None.
        core_px: Edge of a tile's core in working pixels.
    """
    rows, cols = lattice_shape(grid, core_px)
    needed = np.ones((rows, cols), bool)
    if aoi is not None:
        top, left = np.mgrid[:rows, :cols] * core_px
        boxes = shapely.box(left, top, np.minimum(left + core_px, grid.width), np.minimum(top + core_px, grid.height))
        polygons = aoi.in_pixels(image, grid)
        shapely.prepare(polygons)
        needed &= shapely.intersects(polygons, boxes)
    if image.validity is not Validity.ALL and needed.any():
        needed &= _imaged(image, grid, core_px)
    return needed


def _imaged(image: Image, grid: WorkingGrid, core_px: int) -> NDArray[np.bool_]:
    """Return which tile positions hold a valid pixel, as far as a fine overview can tell; else all."""
    rows, cols = lattice_shape(grid, core_px)
    coarse = _coarse(image)
    if coarse is None:
        return np.ones((rows, cols), bool)
    grown = cv2.dilate(coarse.astype(np.uint8), np.ones((2 * MARGIN_CELLS + 1,) * 2, np.uint8))
    # Summed-area table: whether a tile's rectangle of coarse cells holds any valid one.
    table = np.pad(grown.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    row_edges = _edges(rows, core_px, grid.height, coarse.shape[0])
    col_edges = _edges(cols, core_px, grid.width, coarse.shape[1])
    (top, bottom), (left, right) = row_edges, col_edges
    inside = (
        table[np.ix_(bottom, right)]
        - table[np.ix_(top, right)]
        - table[np.ix_(bottom, left)]
        + table[np.ix_(top, left)]
    )
    return np.asarray(inside > 0, bool)


def _edges(count: int, core_px: int, extent: int, cells: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first coarse cell of each tile position and the one after its last, rounded outwards."""
    first = np.arange(count) * core_px * cells / extent
    last = np.minimum(np.arange(1, count + 1) * core_px, extent) * cells / extent
    return np.floor(first).astype(np.int64), np.minimum(np.ceil(last), cells).astype(np.int64)


def _coarse(image: Image) -> NDArray[np.bool_] | None:
    """Return the imaged cells of the coarsest overview that is trusted; None where none can be read."""
    try:
        with gdal_env(), rasterio.open(image.path) as dataset, damage_raises():
            factors = [f for f in dataset.overviews(image.bands.red) if f <= COARSEST]
            if not factors:
                return None
            shape = (-(-image.height // max(factors)), -(-image.width // max(factors)))
            return valid_pixels(dataset, image, window=None, shape=shape)
    except RasterioIOError:
        return None  # what can be read at full size is found out there
