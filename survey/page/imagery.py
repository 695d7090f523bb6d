"""Tiles of one image on its own pixels: handed on where the file allows it, else read and encoded, never resampled.

Only an image in another CRS than the run's, turned or with oblong pixels is brought into the run's CRS, by the nearest
pixel, so that no two pixels are mixed.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT

from survey.ingest import to_uint8, valid_pixels
from survey.ingest.gdal import damage_raises, gdal_env
from survey.page.passthrough import JpegBlocks
from survey.page.pixels import BLANK, Picture, coarsen, encode, padded
from survey.values import Image, Validity

TILE_PX = 512
_BLOCKS = (256, 512, 1024)
"""Edges of a file's own blocks that are taken as tiles."""
FARTHEST = 4
"""Without overviews a tile is made of up to 4 x 4 tiles of pixels: 4 megapixels to decode."""


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One resolution of an image."""

    factor: float
    """Pixels of the image along a pixel of this level."""
    height: int
    width: int
    overview: int | None = None
    """Number of the file's overview that it is read from; None: full resolution."""
    step: int = 1
    """Pixels read along a pixel of this level."""
    blocks: JpegBlocks | None = None
    """The file's own JPEG blocks, if tiles are these."""


@dataclass(frozen=True, slots=True, eq=False)
class Imagery:
    """One image as tiles. `levels` go from coarse to fine, as browsers count them."""

    image: Image
    """As seen in the run's CRS: north up, with square pixels."""
    levels: tuple[Level, ...]
    tile_px: int
    warped_to: str | None
    """The CRS that the file is brought into; None: these are its own pixels."""
    source: Image
    """As the file is."""
    _idle: dict[int | None, deque[Any]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def over(cls, image: Image, *, crs: str) -> "Imagery":
        """Look at an image from a run's CRS.

        Raises:
            RasterioIOError: The file cannot be read.
        """
        t = image.transform
        native = t.b == t.d == 0 and t.a > 0 > t.e and abs(t.a + t.e) < 1e-6 * t.a
        if native and CRS.from_wkt(image.crs_wkt) == CRS.from_user_input(crs):
            with gdal_env(), rasterio.open(image.path) as dataset:
                tile_px = _tile_px(dataset)
                levels = _file_levels(dataset, image, tile_px)
            return cls(image, levels, tile_px, None, image)
        with gdal_env(), rasterio.open(image.path) as dataset, _warped(dataset, image, crs) as warped:
            bands = image.bands if warped.count == image.band_count else replace(image.bands, alpha=warped.count)
            seen = replace(
                image,
                height=warped.height,
                width=warped.width,
                transform=Affine(*tuple(warped.transform)[:6]),
                crs_wkt=warped.crs.to_wkt(),
                bands=bands,
                band_count=warped.count,
                validity=Validity.ALPHA,
            )
        return cls(seen, _read_levels(seen), TILE_PX, crs, image)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east and north in the run's CRS."""
        t = self.image.transform
        return t.c, t.f + t.e * self.image.height, t.c + t.a * self.image.width, t.f

    def tile(self, z: int, col: int, row: int) -> Picture | None:
        """Return a tile; None where the image has none.

        Raises:
            RasterioIOError: Pixels cannot be read.
        """
        if not 0 <= z < len(self.levels):
            return None
        level, size = self.levels[z], self.tile_px
        if not (0 <= col * size < level.width and 0 <= row * size < level.height):
            return None
        height, width = min(size, level.height - row * size), min(size, level.width - col * size)
        whole = (height, width) == (size, size)
        with self._open(level.overview) as dataset, damage_raises():
            if (
                level.blocks is not None
                and whole
                and (picture := self._handed_on(dataset, level, col, row)) is not None
            ):
                return picture
            step, rows, cols = level.step, row * size * level.step, col * size * level.step
            rgb, valid = self._read(dataset, rows, cols, height * step, width * step)
        rgb, valid = coarsen(rgb, valid, factor=step)
        return encode(*padded(rgb, valid, shape=(size, size)))

    def crop(self, row: int, col: int, *, edge_px: int, factor: int) -> Picture:
        """Return a square of the image, (row, col) its first pixel; what lies outside the image was not imaged."""
        top, left = max(row, 0), max(col, 0)
        bottom, right = min(row + edge_px, self.image.height), min(col + edge_px, self.image.width)
        if top >= bottom or left >= right:
            return BLANK
        with self._open(None) as dataset, damage_raises():
            rgb, valid = self._read(dataset, top, left, bottom - top, right - left)
        rgb, valid = padded(rgb, valid, shape=(edge_px, edge_px), at=(top - row, left - col))
        return encode(*coarsen(rgb, valid, factor=factor))

    def read(self, row: int, col: int, height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Return (3, height, width) pixels at full resolution, and which of them were imaged."""
        with self._open(None) as dataset, damage_raises():
            return self._read(dataset, row, col, height, width)

    def close(self) -> None:
        """Close the files that are open."""
        with self._lock:
            for idle in self._idle.values():
                while idle:
                    idle.pop().close()

    def _handed_on(self, dataset: Any, level: Level, col: int, row: int) -> Picture | None:
        """Return the file's own block if all of it was imaged, or nothing of it."""
        assert level.blocks is not None
        size = self.tile_px
        if self.image.validity is not Validity.ALL:
            window = rasterio.windows.Window(col * size, row * size, size, size)
            valid = valid_pixels(dataset, self.image, window=window, shape=(size, size))
            if not valid.any():
                return BLANK
            if not valid.all():
                return None
        return level.blocks.block(dataset, col, row)

    def _read(
        self, dataset: Any, row: int, col: int, height: int, width: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        # A level read in steps may end within one: the image has no more rows than it has.
        height, width = min(height, dataset.height - row), min(width, dataset.width - col)
        window = rasterio.windows.Window(col, row, width, height)
        values = dataset.read(self.image.bands.rgb, window=window)
        valid = valid_pixels(dataset, self.image, window=window, shape=(height, width), values=values)
        return to_uint8(values, self.image), valid

    @contextmanager
    def _open(self, overview: int | None) -> Iterator[Any]:
        """Lend an open dataset to one thread; after an error it is closed, for GDAL keeps damaged blocks."""
        with self._lock:
            idle = self._idle.setdefault(overview, deque())
            dataset = idle.pop() if idle else None
        with gdal_env():
            if dataset is None:
                dataset = _opened(self.source, overview, self.warped_to)
            try:
                yield dataset
            except BaseException:
                dataset.close()
                raise
        with self._lock:
            idle.append(dataset)


def _opened(image: Image, overview: int | None, warped_to: str | None) -> Any:
    options = {} if overview is None else {"overview_level": overview}
    dataset = rasterio.open(image.path, sharing=False, **options)
    return dataset if warped_to is None else _warped(dataset, image, warped_to)


def _warped(dataset: Any, image: Image, crs: str) -> Any:
    marks: dict[str, Any] = {}
    if image.validity is Validity.NODATA:
        marks = {"src_nodata": image.nodata, "UNIFIED_SRC_NODATA": "YES"}
    return WarpedVRT(dataset, crs=crs, resampling=Resampling.nearest, add_alpha=image.bands.alpha is None, **marks)


def _tile_px(dataset: Any) -> int:
    shapes = set(dataset.block_shapes)
    edge = next(iter(shapes))[0]
    return edge if shapes == {(edge, edge)} and edge in _BLOCKS else TILE_PX


def _file_levels(dataset: Any, image: Image, tile_px: int) -> tuple[Level, ...]:
    """Return the file's own resolutions, and between and beyond them what can be read in steps."""
    blocks = JpegBlocks.of(dataset, image.path, overview=None, block=tile_px)
    levels = [Level(1.0, image.height, image.width, blocks=blocks)]
    for number, _ in enumerate(dataset.overviews(1)):
        with rasterio.open(image.path, overview_level=number) as overview:
            blocks = JpegBlocks.of(overview, image.path, overview=number, block=tile_px)
            factor = image.width / overview.width
            levels.append(Level(factor, overview.height, overview.width, overview=number, blocks=blocks))
    if len(levels) == 1:
        return _read_levels(image, blocks=levels[0].blocks)
    return tuple(sorted(levels, key=lambda level: -level.factor))


def _read_levels(image: Image, *, blocks: JpegBlocks | None = None) -> tuple[Level, ...]:
    levels, step = [Level(1.0, image.height, image.width, blocks=blocks)], 2
    while step <= FARTHEST:
        levels.insert(0, Level(float(step), -(-image.height // step), -(-image.width // step), step=step))
        step *= 2
    return tuple(levels)
