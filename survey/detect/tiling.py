"""A picture as blocks of tiles, and tiles as the runtime takes them."""

import numpy as np
from numpy.typing import NDArray

from survey.detect.network import FILL, MASK_STRIDE
from survey.values import Block, Tile, Window


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


def filled(reading: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Return the reading extended to the runtime's one static shape by nodata at the bottom and right."""
    if reading.shape[:2] == (height, width):
        return reading
    whole = np.full((height, width, 3), FILL, np.uint8)
    whole[: reading.shape[0], : reading.shape[1]] = reading
    return whole
