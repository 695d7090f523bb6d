"""One ordered pass over an image: blocks of working pixels, decoded in threads ahead of the network.

The pixels of a place are the same, bit for bit, for every tile size, block order, AOI and number of threads.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from survey.ingest.aoi import Aoi
from survey.ingest.decode import FILL, Chunk, Decoder, schedule
from survey.values import Block, Image, TilePlan, Window, WorkingGrid


@dataclass(frozen=True, slots=True, eq=False)
class BlockPixels:
    """A block that was read. The arrays are views of reused buffers: good until the next block is asked for."""

    block: Block
    pixels: NDArray[np.uint8]
    """(core height + 2 halo, core width + 2 halo, 3) RGB; 127 outside the image and where nothing was imaged.
    What lies outside the AOI is shown as it is: an AOI must not draw edges that look like something."""
    valid: NDArray[np.bool_]
    """The same height and width; False outside the image, where nothing was imaged, and outside the AOI."""


@dataclass(frozen=True, slots=True)
class UnreadBlock:
    """A block that could not be read: it was not searched."""

    block: Block
    reason: str
    """File, source window and what the decoder said."""


def read_blocks(
    image: Image,
    grid: WorkingGrid,
    plan: TilePlan,
    blocks: Sequence[Block],
    *,
    aoi: Aoi | None = None,
    threads: int = 1,
) -> Iterator[BlockPixels | UnreadBlock]:
    """Yield the blocks in the order given; reading order (the plan's own) decodes every row once.

    Memory is one strip (core and halo rows of the widest block) and a few chunks, whatever the height.

    Args:
        image: The image.
        grid: Its working grid.
        plan: The plan that the blocks are of.
        blocks: Blocks to read.
        aoi: Only what lies inside is valid.
        threads: Decoding threads; a VRT is decoded in one (see `_is_virtual`).
    """
    whole = Window(0, 0, grid.height, grid.width)
    windows = [block.core.padded(plan.halo_px) for block in blocks]
    inside = [window.intersection(whole) for window in windows]
    chunks, parts = schedule([window for window in inside if window is not None])
    assert len(parts) == len(blocks), "a block's core lies inside the image"
    polygons = aoi.in_pixels(image, grid) if aoi is not None else None
    strip = _Strip()
    threads = 1 if _is_virtual(image.path) else threads
    with Decoder(image, grid, polygons, chunks=chunks, threads=threads) as decoder:
        for block, window, part in zip(blocks, windows, parts, strict=True):
            decoded = decoder.take(part)
            reason = _damage(decoded, window)
            if reason is not None:
                yield UnreadBlock(block, reason)
            else:
                yield BlockPixels(block, *strip.filled(window, decoded))


def _damage(chunks: list[Chunk], window: Window) -> str | None:
    """Return why a window cannot be read: the first damage that it touches."""
    touched = (why for chunk in chunks for place, why in chunk.damage if window.intersection(place) is not None)
    return next(touched, None)


class _Strip:
    """The pixels of the block in hand, in buffers that grow to the largest block and are used again."""

    def __init__(self) -> None:
        self._pixels, self._valid = np.empty(0, np.uint8), np.empty(0, bool)

    def filled(self, window: Window, chunks: list[Chunk]) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Return pixels and validity of a window, from the chunks that cover it."""
        if self._valid.size < window.area:
            self._pixels, self._valid = np.empty(window.area * 3, np.uint8), np.empty(window.area, bool)
        pixels = self._pixels[: window.area * 3].reshape(window.height, window.width, 3)
        valid = self._valid[: window.area].reshape(window.height, window.width)
        parts = [(window.intersection(chunk.window), chunk) for chunk in chunks]
        if sum(common.area for common, _ in parts if common is not None) < window.area:
            pixels[:], valid[:] = FILL, False  # the halo leaves the image
        for common, chunk in parts:
            if common is not None:
                pixels[common.slices(window)] = chunk.pixels[common.slices(chunk.window)]
                valid[common.slices(window)] = chunk.valid[common.slices(chunk.window)]
        return pixels, valid


def _is_virtual(path: Path) -> bool:
    """Tell whether a file is a VRT.

    GDAL keeps one handle of a file behind a VRT for all threads, and complains of a damaged tile to the
    first that reads it; another thread would then be given the pixels that the decoder made up.
    """
    if not path.is_file():  # gone since it was opened: its blocks will say so
        return False
    with path.open("rb") as file:
        return b"<VRTDataset" in file.read(256)
