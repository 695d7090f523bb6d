"""Parts of an image as data sets read them: one at a time, with what of them was imaged."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.errors import ConfigError
from survey.ingest import UnreadBlock, plan_tiles, read_blocks
from survey.values import Block, Image, TilePlan, Window, WorkingGrid


@dataclass(frozen=True, slots=True, eq=False)
class ReadPart:
    """A part with its margin, as far as the image reaches."""

    core: Window
    """What no neighbour's core covers, in the image's working pixels."""
    window: Window
    """What was read, likewise."""
    rgb: NDArray[np.uint8]
    """(H, W, 3) of the window, a view; 127 where nothing was imaged."""
    valid: NDArray[np.bool_]
    """(H, W), imaged."""


def read_parts(
    image: Image, grid: WorkingGrid, *, core_px: int, margin_px: int, needed: NDArray[np.bool_] | None = None
) -> Iterator[ReadPart]:
    """Yield the parts of an image, in bounded memory.

    Args:
        image: Opened.
        grid: Its working pixels.
        core_px: Most that a part measures, without its margin.
        margin_px: What it shows of its neighbours.
        needed: As in `plan_tiles`: where a part is wanted at all.

    Raises:
        ConfigError: A part cannot be read.
    """
    plan = plan_tiles(grid, core_px=core_px, halo_px=margin_px, stride_px=1, needed=needed)
    tiles = [tile for block in plan.blocks for tile in block.tiles]
    blocks = tuple(Block(n, tile.core, (tile,)) for n, tile in enumerate(tiles))  # one at a time: bounded memory
    plan = TilePlan(plan.height, plan.width, plan.halo_px, plan.stride_px, blocks)
    for read in read_blocks(image, grid, plan, blocks):
        if isinstance(read, UnreadBlock):
            raise ConfigError(read.reason)
        padded = read.block.core.padded(margin_px)
        window = padded.intersection(Window(0, 0, grid.height, grid.width))
        assert window is not None
        inside = window.slices(padded)
        yield ReadPart(read.block.core, window, read.pixels[inside], read.valid[inside])
