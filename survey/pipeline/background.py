"""What the ground of a run's imagery is like, for models that compare with it: measured once, before the search."""

import hashlib
from collections.abc import Callable

import numpy as np

from survey.detect import CONTEXT_PX, SAMPLE_PX, WINDOWS, Background, BackgroundMeter, Detector
from survey.engine import BlockState, JobStore, Receipt, block_key
from survey.errors import InputError
from survey.ingest import BlockPixels, needed_tiles, read_blocks
from survey.pipeline.plan import ImagePlan, Plan
from survey.values import Block, Tile, TilePlan, Window

RECORD = -2
"""Stands for a block's index in the receipt of a run's ground."""
_MOST_IMAGES = 256
"""Images of a flight that are measured."""
_MOST_NAMED = 3
"""Images named in a message."""
_MOST_TRIED = 4
"""Windows tried for each one wanted, for many may show nothing that was imaged."""


def recorded_background(plan: Plan, store: JobStore, *, detector: Callable[[], Detector]) -> Background | None:
    """Return what the ground of a run is like: as the store has it, else measured now and stored.

    Windows lie evenly in a random order fixed by each image's size; of flights of many images, evenly spaced
    ones are measured. A window that cannot be read is passed over: its block is recorded as not searched. What was
    measured then stays, for blocks were searched with it, even if the window can be read in a later session.

    Args:
        plan: The run's.
        store: Of the run's folder.
        detector: Asked for only where the store has nothing yet.

    Returns:
        None where the model does not compare with the ground, or no image is to be searched.

    Raises:
        InputError: Too little was imaged, or could be read, to tell.
    """
    images = [p for p in plan.images if p.too_coarse is None and p.tiles.blocks]
    if plan.card.contrast is None or not images:
        return None
    key = _key(plan)
    if key in (done := store.check([key]).done):
        return Background.of(store.load(done[key]))
    searcher = detector()
    meter = searcher.meter()
    chosen = np.unique(np.linspace(0, len(images) - 1, min(len(images), _MOST_IMAGES)).round().astype(int))
    damage = [_measure(images[n], meter, plan=plan, wanted=-(-WINDOWS // len(chosen))) for n in chosen.tolist()]
    try:
        background = searcher.background_of(meter)
    except InputError as error:
        names = ", ".join(p.image.path.name for p in images[:_MOST_NAMED]) + (", ..." if images[_MOST_NAMED:] else "")
        unread = next((f"; windows cannot be read: {why}" for why in damage if why is not None), "")
        msg = f"{names}: {error}, and check the nodata value and the AOI{unread}"
        raise InputError(msg) from error
    # A receipt is of an image; this one stands for all of them.
    receipt = Receipt(key, images[0].image.image_id, RECORD, BlockState.SEARCHED, counts={"windows": meter.windows})
    store.commit(receipt, background.stored)
    return background


def _measure(planned: ImagePlan, meter: BackgroundMeter, *, plan: Plan, wanted: int) -> str | None:
    """Take in windows of one image; return why a window could not be read, if one could not."""
    damage = None
    needed = needed_tiles(planned.image, planned.grid, aoi=plan.aoi, core_px=SAMPLE_PX)
    cells = [(int(row), int(col)) for row, col in np.argwhere(needed)]
    order = np.random.default_rng(len(cells)).permutation(len(cells))[: _MOST_TRIED * wanted]
    left, before = [cells[n] for n in order], meter.windows
    while left and (missing := wanted - (meter.windows - before)) > 0:
        now, left = sorted(left[:missing]), left[missing:]
        blocks = [_block(planned, n, cell) for n, cell in enumerate(now)]
        grid = planned.grid
        windows = TilePlan(grid.height, grid.width, meter.context_px, planned.tiles.stride_px, tuple(blocks))
        threads = plan.config.decode_threads
        for read in read_blocks(planned.image, grid, windows, blocks, aoi=plan.aoi, threads=threads):
            if isinstance(read, BlockPixels):
                meter.add(read.pixels, read.valid)
            else:
                damage = read.reason
    return damage


def _block(planned: ImagePlan, number: int, cell: tuple[int, int]) -> Block:
    top, left = (n * SAMPLE_PX for n in cell)
    core = Window(top, left, min(SAMPLE_PX, planned.grid.height - top), min(SAMPLE_PX, planned.grid.width - left))
    return Block(number, core, (Tile(number, core),))


def _key(plan: Plan) -> str:
    return block_key(
        image_sha256=hashlib.sha256(plan.identity.run_id.encode()).hexdigest(),
        window=Window(0, 0, SAMPLE_PX, SAMPLE_PX),
        plan={"background_windows": WINDOWS, "sample": SAMPLE_PX, "context": CONTEXT_PX},
        model_sha256=plan.identity.model,
        parameters={},
        algorithm="2",
    )
