"""Rasters with known content, written by code: every layout, way of marking validity and depth."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import ColorInterp

CRS = "EPSG:32638"
CM = Affine(0.01, 0, 500_000, 0, -0.01, 4_500_000)
LAYOUTS: dict[str, dict[str, Any]] = {
    "striped": {"tiled": False, "blockysize": 8},
    "one_strip": {"tiled": False, "blockysize": 4096, "compress": "deflate"},
    "lzw_strips": {"tiled": False, "blockysize": 16, "compress": "lzw"},
    "deflate_tiles": {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"},
    "bands_apart": {"tiled": True, "blockxsize": 64, "blockysize": 32, "interleave": "band", "compress": "lzw"},
}
JPEG = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "jpeg", "photometric": "ycbcr"}


def texture(height: int, width: int, *, seed: int = 0, low: int = 1, high: int = 255) -> NDArray[np.uint8]:
    """Return (3, height, width) noise in low..high-1: nothing hides a pixel that is off by one."""
    return np.random.default_rng(seed).integers(low, high, (3, height, width)).astype(np.uint8)


def ragged(height: int, width: int) -> NDArray[np.bool_]:
    """Return an imaged area with a slanting edge and a hole."""
    rows, cols = np.mgrid[:height, :width]
    hole = np.hypot(rows - height * 0.4, cols - width * 0.5) < min(height, width) / 8
    return np.asarray((rows + cols * 2 > height // 2) & ~hole, bool)


def _top(pixels: NDArray[Any]) -> int:
    return int(np.iinfo(pixels.dtype).max) if pixels.dtype.kind == "u" else 1


@dataclass(frozen=True)
class Raster:
    """What is to be written."""

    pixels: NDArray[Any]
    """(3, height, width)."""
    valid: NDArray[np.bool_] | None = None
    marked: str = "all"
    """all, black, white, alpha, mask or msk."""
    layout: Mapping[str, Any] = field(default_factory=lambda: LAYOUTS["deflate_tiles"])
    crs: str | None = CRS
    transform: Affine | None = CM
    colorinterp: tuple[ColorInterp, ...] | None = None

    def write(self, path: Path) -> Path:
        """Write the raster and return its path."""
        pixels = self.pixels.copy()
        value = {"black": 0, "white": _top(pixels)}.get(self.marked)
        if self.valid is not None:
            pixels[:, ~self.valid] = value if value is not None else 90  # a mark, not black, tells what was imaged
        bands = list(pixels)
        if self.marked == "alpha":
            assert self.valid is not None
            bands.append(self.valid.astype(pixels.dtype) * _top(pixels))
        profile = {
            "driver": "GTiff",
            "height": pixels.shape[1],
            "width": pixels.shape[2],
            "count": len(bands),
            "dtype": pixels.dtype,
            "crs": self.crs,
            "transform": self.transform,
            "nodata": value,
            "photometric": "rgb" if len(bands) in (3, 4) and self.colorinterp is None else "minisblack",
            **self.layout,
        }
        if self.marked == "alpha":
            profile["alpha"] = "yes"
        with (
            rasterio.Env(GDAL_TIFF_INTERNAL_MASK=self.marked == "mask"),
            rasterio.open(path, "w", **profile) as dataset,
        ):
            if self.colorinterp is not None:
                dataset.colorinterp = self.colorinterp  # before the pixels: later, TIFF has no place for it
            dataset.write(np.stack(bands))
            if self.marked in {"mask", "msk"}:
                dataset.write_mask(self.valid)
        return path


def poison(path: Path, *, row: int, col: int, start: float = 0.0, stop: float = 1.0) -> None:
    """Overwrite part of the bytes of one block of a TIFF."""
    with rasterio.open(path) as dataset:
        place = [int(dataset.get_tag_item(f"BLOCK_{what}_{col}_{row}", "TIFF", bidx=1)) for what in ("OFFSET", "SIZE")]
    data = bytearray(path.read_bytes())
    first, last = (place[0] + int(place[1] * share) for share in (start, stop))
    data[first:last] = b"\xaa" * (last - first)
    path.write_bytes(data)
