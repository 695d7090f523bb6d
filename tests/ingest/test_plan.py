import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from survey.ingest import plan_tiles
from survey.ingest.plan import BLOCK_TILES, lattice_shape
from survey.values import TilePlan, WorkingGrid

EXTENTS = st.integers(1, 400)


def grid_of(height: int, width: int) -> WorkingGrid:
    return WorkingGrid(height, width, 1.0, 1.0, Affine.identity(), 0.01)


def owners(plan: TilePlan) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    count = np.zeros((plan.height, plan.width), np.int64)
    for block in plan.blocks:
        for tile in block.tiles:
            count[tile.core.slices()] += 1
    return count


@given(height=EXTENTS, width=EXTENTS, stride=st.sampled_from([4, 16]), cells=st.integers(1, 5))
@settings(max_examples=80, deadline=None)
def test_every_pixel_has_one_owner(height: int, width: int, stride: int, cells: int) -> None:
    plan = plan_tiles(grid_of(height, width), core_px=stride * cells, halo_px=stride, stride_px=stride)
    assert (owners(plan) == 1).all()
    assert [block.index for block in plan.blocks] == list(range(len(plan.blocks)))
    for block in plan.blocks:
        cores = [tile.core for tile in block.tiles]
        assert len(cores) <= BLOCK_TILES
        assert {(c.row, c.height) for c in cores} == {(block.core.row, block.core.height)}
        assert (block.core.col, block.core.col_end) == (cores[0].col, cores[-1].col_end)
        assert all(c.row % stride == c.col % stride == 0 for c in cores)


@given(height=st.integers(1, 90), width=st.integers(1, 400), seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
@settings(max_examples=150, deadline=None)
def test_only_what_is_needed_is_planned_and_keeps_its_number(height: int, width: int, seed: int, share: float) -> None:
    grid, core = grid_of(height, width), 8
    needed = np.random.default_rng(seed).random(lattice_shape(grid, core)) < share
    plan = plan_tiles(grid, core_px=core, halo_px=8, stride_px=8, needed=needed)
    wanted = np.kron(needed, np.ones((core, core), int))[:height, :width]
    np.testing.assert_array_equal(owners(plan), wanted)
    everything = plan_tiles(grid, core_px=core, halo_px=8, stride_px=8)
    number = {tile.core: tile.index for block in everything.blocks for tile in block.tiles}
    tiles = [tile for block in plan.blocks for tile in block.tiles]
    assert all(tile.index == number[tile.core] for tile in tiles)
    assert [block.index for block in plan.blocks] == list(range(len(plan.blocks)))
    assert all(block.tiles for block in plan.blocks)


def test_a_wide_image_is_passed_slab_by_slab() -> None:
    plan = plan_tiles(grid_of(30, 16 * BLOCK_TILES * 2 + 5), core_px=16, halo_px=0, stride_px=16)
    starts = [(block.core.col, block.core.row) for block in plan.blocks]
    assert starts == sorted(starts)
    assert len({col for col, _ in starts}) == 3
    assert plan.tile_count == 2 * (2 * BLOCK_TILES + 1)


@pytest.mark.parametrize(("core", "halo", "stride"), [(0, 0, 16), (24, 16, 16), (32, 8, 16), (32, -16, 16)])
def test_sizes_that_do_not_fit_the_stride_are_refused(core: int, halo: int, stride: int) -> None:
    with pytest.raises(ValueError, match="stride"):
        plan_tiles(grid_of(50, 50), core_px=core, halo_px=halo, stride_px=stride)


def test_a_mask_of_another_lattice_is_refused() -> None:
    with pytest.raises(ValueError, match="lattice"):
        plan_tiles(grid_of(50, 50), core_px=16, halo_px=0, stride_px=16, needed=np.ones((3, 4), bool))
