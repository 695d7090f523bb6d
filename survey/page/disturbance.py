"""The run's disturbance raster as transparent tiles: only what looks disturbed is painted."""

import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rasterio
from rasterio.errors import RasterioIOError
from rasterio.windows import Window

from survey.errors import InputError
from survey.export.palette import GROUND_COLOURS, rgb_of
from survey.ingest.gdal import gdal_env
from survey.page.pixels import BLANK, Picture
from survey.values import GroundCode

TILE_PX = 512
_OPACITY = 110
"""Of 255: the ground has to be seen beneath."""


class DisturbanceTiles:
    """Tiles of `disturbance.tif` on its own pixels and overviews."""

    def __init__(self, path: Path) -> None:
        """Open the raster.

        Raises:
            InputError: It cannot be read.
        """
        self._path = path
        self._lock = threading.Lock()
        try:
            with gdal_env(), rasterio.open(path) as dataset:
                count = len(dataset.overviews(1))
                self._bounds = tuple(dataset.bounds)
                self._finest = dataset.transform.a
                width = dataset.width
            self._levels: list[Any] = [rasterio.open(path, overview_level=n) for n in reversed(range(count))]
            self._levels.append(rasterio.open(path))
        except RasterioIOError as error:
            msg = f"{path}: cannot be read ({error}); run the search again"
            raise InputError(msg) from error
        self._factors = [width / level.width for level in self._levels]
        self._colours = np.zeros((256, 4), np.uint8)
        for code in (GroundCode.CRATER, GroundCode.TRENCH, GroundCode.DISTURBED_SOIL):
            red, green, blue = rgb_of(GROUND_COLOURS[code])
            self._colours[code] = (blue, green, red, _OPACITY)

    def about(self) -> dict[str, Any]:
        """Return what a browser needs to lay out the tiles."""
        resolutions = [self._finest * factor for factor in self._factors]
        return {"bounds": self._bounds, "resolutions": resolutions, "tile_px": TILE_PX}

    def tile(self, z: int, col: int, row: int) -> Picture | None:
        """Return a tile; None where there is none."""
        if not 0 <= z < len(self._levels):
            return None
        level = self._levels[z]
        height, width = level.height - row * TILE_PX, level.width - col * TILE_PX
        if height <= 0 or width <= 0:
            return None
        window = Window(col * TILE_PX, row * TILE_PX, min(width, TILE_PX), min(height, TILE_PX))
        with self._lock:
            codes = level.read(1, window=window)
        if not (self._colours[codes, 3] > 0).any():
            return BLANK
        painted = np.zeros((TILE_PX, TILE_PX, 4), np.uint8)
        painted[: codes.shape[0], : codes.shape[1]] = self._colours[codes]
        _, buffer = cv2.imencode(".png", painted, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        return Picture(buffer.tobytes(), "image/png")

    def close(self) -> None:
        """Close the file."""
        for level in self._levels:
            level.close()
