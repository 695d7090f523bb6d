"""Cut an image's working grid into tiles and blocks. Pure: no I/O."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from survey.values import Block, Tile, TilePlan, Window, WorkingGrid

BLOCK_TILES = 12
"""Widest block in tiles. Wider images are cut into slabs, so that memory is bounded in width too."""


def lattice_shape(grid: WorkingGrid, core_px: int) -> tuple[int, int]:
    """Return how many tile positions the grid has down and across; the last ones may be thin."""
    return -(-grid.height // core_px), -(-grid.width // core_px)


def plan_tiles(
    grid: WorkingGrid, *, core_px: int, halo_px: int, stride_px: int, needed: NDArray[np.bool_] | None = None
) -> TilePlan:
    """Plan the pass over one image.

    Tiles are `core_px` squares from the grid's first pixel on, cut at its last row and column. A block is
    a run of needed tiles of one tile row within one slab of `BLOCK_TILES`; blocks go down slab by slab, so
    that reading them in order is one pass with shared rows kept.

    Args:
        grid: Working grid of the image.
        core_px: Edge of a tile's core, a multiple of `stride_px`.
        halo_px: Pixels read around a core.
        stride_px: The network's lattice.
        needed: bool of `lattice_shape`: tile positions that hold anything to search; all if None.

    Raises:
        ValueError: The sizes do not fit each other.
    """
    if core_px <= 0 or core_px % stride_px or halo_px < 0 or halo_px % stride_px:
        msg = f"core {core_px} and halo {halo_px} are multiples of the stride {stride_px}, the core positive"
        raise ValueError(msg)
    rows, cols = lattice_shape(grid, core_px)
    if needed is None:
        needed = np.ones((rows, cols), bool)
    if needed.shape != (rows, cols):
        msg = f"needed has shape {needed.shape}, the lattice {(rows, cols)}"
        raise ValueError(msg)
    blocks: list[Block] = []
    slabs = -(-cols // BLOCK_TILES)
    edges = [cols * n // slabs for n in range(slabs + 1)]  # slabs of like width: none is a thin rest
    for left, right in pairwise(edges):
        for row in range(rows):
            wanted = left + np.flatnonzero(needed[row, left:right])
            if len(wanted):
                tiles = tuple(_tile(grid, core_px, row, int(col), cols) for col in wanted)
                blocks.append(Block(len(blocks), _bounding(tiles), tiles))
    return TilePlan(grid.height, grid.width, halo_px, stride_px, tuple(blocks))


def _tile(grid: WorkingGrid, core_px: int, row: int, col: int, cols: int) -> Tile:
    top, left = row * core_px, col * core_px
    core = Window(top, left, min(core_px, grid.height - top), min(core_px, grid.width - left))
    return Tile(row * cols + col, core)


def _bounding(tiles: tuple[Tile, ...]) -> Window:
    first, last = tiles[0].core, tiles[-1].core
    assert all(a.core.col < b.core.col for a, b in pairwise(tiles))
    return Window(first.row, first.col, first.height, last.col_end - first.col)
