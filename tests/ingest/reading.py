"""Put blocks back together, so that a judge can compare them with the whole image."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from survey.ingest import Aoi, UnreadBlock, needed_tiles, open_image, plan_tiles, read_blocks
from survey.values import Block, Image, TilePlan, WorkingGrid

HALO = 16
FILL = 127


def planned(
    image: Image, *, gsd_m: float = 0.01, core_px: int = 64, aoi: Aoi | None = None
) -> tuple[WorkingGrid, TilePlan]:
    """Return the grid and the plan of an image."""
    grid = WorkingGrid.over(image, gsd_m=gsd_m)
    needed = needed_tiles(image, grid, aoi=aoi, core_px=core_px)
    return grid, plan_tiles(grid, core_px=core_px, halo_px=HALO, stride_px=16, needed=needed)


def assembled(
    image: Image | Path,
    *,
    gsd_m: float = 0.01,
    core_px: int = 64,
    threads: int = 1,
    aoi: Aoi | None = None,
    keep: Sequence[int] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_], list[UnreadBlock]]:
    """Read blocks and lay them out over the grid, halos too: what two blocks say of one pixel has to agree."""
    image = open_image(image) if isinstance(image, Path) else image
    grid, plan = planned(image, gsd_m=gsd_m, core_px=core_px, aoi=aoi)
    blocks: Sequence[Block] = plan.blocks if keep is None else [plan.blocks[n] for n in keep]
    shape = (grid.height + 2 * HALO, grid.width + 2 * HALO)
    pixels, valid, seen = np.full((*shape, 3), FILL, np.uint8), np.zeros(shape, bool), np.zeros(shape, bool)
    unread = []
    outcomes = list[Block]()
    for outcome in read_blocks(image, grid, plan, blocks, aoi=aoi, threads=threads):
        outcomes.append(outcome.block)
        if isinstance(outcome, UnreadBlock):
            unread.append(outcome)
            continue
        core = outcome.block.core
        place = (slice(core.row, core.row_end + 2 * HALO), slice(core.col, core.col_end + 2 * HALO))
        assert outcome.pixels.dtype == np.uint8
        assert outcome.valid.dtype == bool
        before = seen[place]
        np.testing.assert_array_equal(pixels[place][before], outcome.pixels[before])
        np.testing.assert_array_equal(valid[place][before], outcome.valid[before])
        pixels[place], valid[place], seen[place] = outcome.pixels, outcome.valid, True
    assert outcomes == list(blocks)
    outside = np.ones(shape, bool)
    outside[HALO:-HALO, HALO:-HALO] = False
    assert (pixels[outside] == FILL).all()
    assert not valid[outside].any()
    inner = (slice(HALO, -HALO), slice(HALO, -HALO))
    return pixels[inner], valid[inner], unread
