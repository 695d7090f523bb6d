"""One thread's view of a source: windows of pixels, with damage narrowed down to the file's own blocks."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioIOError

from survey.ingest.gdal import DatasetReader, damage_raises
from survey.ingest.validity import valid_pixels
from survey.values import Image, Window


@dataclass(frozen=True, slots=True)
class Damage:
    """Source pixels that cannot be read."""

    window: Window
    """In source pixels."""
    reason: str
    """File, place, what the decoder said, and what to do."""


class SourcePixels:
    """Reads source windows through a handle of its own: GDAL's must not be shared between threads."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._dataset: DatasetReader | None = None

    def close(self) -> None:
        """Close the handle; the next reading opens another."""
        if self._dataset is not None:
            self._dataset.close()
            self._dataset = None

    def read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_], list[Damage]]:
        """Return (3, height, width) of red, green, blue; which were imaged; and what could not be read (not valid)."""
        try:
            values, valid = self._read(window)
        except RasterioIOError as error:
            self.close()  # GDAL would go on with what it decoded of the damaged block
            halves = self._halves(window)
            if not halves:
                zeros = np.zeros((3, window.height, window.width), self._image.dtype)
                return zeros, np.zeros(zeros.shape[1:], bool), [Damage(window, self._reason(window, error))]
        else:
            return values, valid, []
        (values_a, valid_a, damage_a), (values_b, valid_b, damage_b) = (self.read(half) for half in halves)
        axis = 0 if halves[0].height < window.height else 1
        return (
            np.concatenate([values_a, values_b], axis=axis + 1),
            np.concatenate([valid_a, valid_b], axis=axis),
            damage_a + damage_b,
        )

    def _read(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        if self._dataset is None:
            self._dataset = rasterio.open(self._image.path, sharing=False)
        dataset, image = self._dataset, self._image
        place = rasterio.windows.Window(window.col, window.row, window.width, window.height)
        with damage_raises():
            values = dataset.read(image.bands.rgb, window=place)
            shape = (window.height, window.width)
            return values, valid_pixels(dataset, image, window=place, shape=shape, values=values)

    def _halves(self, window: Window) -> tuple[Window, Window] | None:
        """Return the window cut at an edge of the file's blocks; None within one block or if the file will not open."""
        try:
            with rasterio.open(self._image.path, sharing=False) as dataset:
                tall, wide = dataset.block_shapes[self._image.bands.red - 1]
        except RasterioIOError:
            return None
        row, col = _middle(window.row, window.row_end, tall), _middle(window.col, window.col_end, wide)
        if row is not None and (col is None or window.height * wide >= window.width * tall):
            top = Window(window.row, window.col, row - window.row, window.width)
            return top, Window(row, window.col, window.row_end - row, window.width)
        if col is not None:
            left = Window(window.row, window.col, window.height, col - window.col)
            return left, Window(window.row, col, window.height, window.col_end - col)
        return None

    def _reason(self, window: Window, error: RasterioIOError) -> str:
        cause = error.__cause__ if error.__cause__ is not None else error
        place = f"rows {window.row}-{window.row_end - 1}, columns {window.col}-{window.col_end - 1}"
        return f"{self._image.path.name}: {place} cannot be read ({cause}); restore the file and run again"


def _middle(start: int, stop: int, block: int) -> int | None:
    """Return the block edge nearest the middle of `start` to `stop`, if one lies inside."""
    edge = round((start + stop) / 2 / block) * block
    inside = [e for e in (edge, edge - block, edge + block) if start < e < stop]
    return inside[0] if inside else None
