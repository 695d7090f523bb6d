"""A picture as blocks of tiles, and tiles as the runtime takes them."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from survey.networks import FILL, MASK_STRIDE
from survey.values import Block, Tile, Window

Pixel = TypeVar("Pixel", np.uint8, np.bool_)


def mask_cells(extent_px: int) -> int:
    """Return the cells of the disturbance head that cover an extent."""
    return -(-extent_px // MASK_STRIDE)


def one_block(height: int, width: int, core_px: int) -> Block:
    """Return a whole picture as one block of tiles, row by row."""
    cores = [
        Window(row, col, min(core_px, height - row), min(core_px, width - col))
        for row in range(0, height, core_px)
        for col in range(0, width, core_px)
    ]
    return Block(0, Window(0, 0, height, width), tuple(Tile(i, core) for i, core in enumerate(cores)))


def filled(reading: NDArray[Pixel], height: int, width: int, *, fill: int = FILL) -> NDArray[Pixel]:
    """Return the reading, (H, W, ...), extended to the runtime's one static shape at the bottom and right."""
    if reading.shape[:2] == (height, width):
        return reading
    whole = np.full((height, width, *reading.shape[2:]), fill, reading.dtype)
    whole[: reading.shape[0], : reading.shape[1]] = reading
    return whole
