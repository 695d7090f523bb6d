"""How many simulated items laid on a run's own imagery its model finds: measured once, before the search."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.cover import CELL_PX, cover_cells
from survey.detect import Background, Detector, ModelCard
from survey.engine import BlockState, JobStore, Receipt, block_key
from survey.implant import (
    ALGORITHM,
    SEED,
    WINDOW_PX,
    Ground,
    Scale,
    Tally,
    in_words,
    lay_and_search,
    order_of,
    warning_of,
    windows_wanted,
)
from survey.ingest import BlockPixels, needed_tiles, read_blocks
from survey.pipeline.plan import ImagePlan, Plan
from survey.risk import Belief, ratio_of
from survey.values import Block, CoverCode, Performance, Tile, TilePlan, Window

RECORD = -3
"""Stands for a block's index in the receipt of a run's implants."""
_STORED = "implants"
_MOST_IMAGES = 256
"""Images of a flight that items are laid on."""


def recorded_implants(plan: Plan, store: JobStore, *, detector: Callable[[], Detector]) -> Tally | None:
    """Return what was found of items laid on a run's imagery: as the store has it, else measured now and stored.

    Windows are tried in an order fixed by the images' sizes; of flights of many images, evenly spaced ones are taken. A
    window that cannot be read is passed over, and what was counted stays, even if it can be read in a later session.

    Args:
        plan: The run's.
        store: Of the run's folder.
        detector: On the ground of the flight; asked for only where the store has nothing yet.

    Returns:
        None where none are asked for, or no image is to be searched.
    """
    images = [p for p in plan.images if p.too_coarse is None and p.tiles.blocks]
    if not plan.config.implants or not images:
        return None
    key = _key(plan)
    if key in (done := store.check([key]).done):
        return Tally(*(int(n) for n in store.load(done[key])[_STORED]))
    tally = _measured(plan, images, detector())
    counts = {"laid": tally.laid, "found": tally.found, "set_aside": tally.set_aside}
    # A receipt is of an image; this one stands for all of them.
    receipt = Receipt(key, images[0].image.image_id, RECORD, BlockState.SEARCHED, counts=counts)
    store.commit(receipt, {_STORED: np.array([tally.laid, tally.found, tally.set_aside], np.int64)})
    return tally


def performance_here(card: ModelCard, tally: Tally | None) -> Performance:
    """Return what the card says of the model, with the counts of implants here and on the card's ground."""
    reference, told = card.implants, card.as_performance()
    if tally is None:
        return told
    told = replace(told, implants_laid=tally.laid, implants_found=tally.found)
    if reference is None or reference.algorithm != ALGORITHM:
        return told
    return replace(told, implants_laid_reference=reference.laid, implants_found_reference=reference.found)


def facts_of(card: ModelCard, performance: Performance, tally: Tally | None) -> dict[str, Any]:
    """Return what the summary says of a run's implants: counts, ratio, and what it made of recall."""
    tally = Tally() if tally is None else tally
    ratio, reference = ratio_of(performance), card.implants
    facts: dict[str, Any] = {
        "laid": tally.laid,
        "found": tally.found,
        "set_aside": tally.set_aside,
        "reference": None,
        "ratio": None,
        "recall": None,
        "not_measured": _not_measured(card, tally) if ratio is None else None,
    }
    if ratio is not None and reference is not None:
        low, high = ratio.interval
        plain = replace(performance, implants_laid=0, implants_found=0)
        facts["reference"] = {"laid": reference.laid, "found": reference.found, "sites": list(reference.sites)}
        facts["ratio"] = {"mean": ratio.mean, "low": low, "high": high, "below_one": ratio.below_one}
        facts["recall"] = {
            "card": Belief.from_performance(plain).recall,
            "here": Belief.from_performance(performance).recall,
        }
    return facts | {"told": in_words(facts)}


CLUTTERED = (
    "this ground is full of things that stand out, more than any that the model was measured on, and no simulated "
    "items tell how many are found on it: most items may be missed, the recall in the model's card does not hold and "
    "the risk may be too low; lower candidate_threshold, look at more sightings, and measure with seeded items"
)
"""Said where the distance to the ground counts for less than usual, and nothing was measured."""


def implants_warning(plan: Plan, tally: Tally | None, ground: Background | None) -> str | None:
    """Return what to warn of before the search: that less is found here, or that it was not measured and may be."""
    facts = facts_of(plan.card, performance_here(plan.card, tally), tally)
    damped = ground is not None and plan.card.contrast is not None and ground.share(plan.card.contrast) < 1
    return CLUTTERED if facts["ratio"] is None and damped else warning_of(facts)


def _not_measured(card: ModelCard, tally: Tally) -> str:
    """Return why recall is not compared with that of this ground."""
    if not tally.used:
        return "no simulated items were laid"
    if not tally.laid:
        return "wherever simulated items were laid, something was seen without them"
    if card.implants is None:
        return "the card does not say what share of them is found on its own ground (`survey characterise` counts it)"
    return "the card counted them on its own ground by another version of the procedure"


def _measured(plan: Plan, images: list[ImagePlan], detector: Detector) -> Tally:
    # The card's recall is that of its own threshold, whatever this run keeps; so is what it is multiplied by.
    searcher = detector.with_threshold(plan.card.implants.score) if plan.card.implants is not None else detector
    chosen = np.unique(np.linspace(0, len(images) - 1, min(len(images), _MOST_IMAGES)).round().astype(int))
    cells = [(images[n], int(row), int(col)) for n in chosen.tolist() for row, col in _needed(images[n], plan)]
    area_px = sum(tile.core.area for p in images for block in p.tiles.blocks for tile in block.tiles)
    left, wanted = plan.config.implants, windows_wanted(plan.config.implants, area_px=area_px)
    total, windows = Tally(), 0
    for index in order_of(len(cells), wanted=wanted):
        if windows == wanted or total.used >= left:
            break
        planned, row, col = cells[index]
        ground = _read(planned, row, col, plan=plan)
        if ground is not None:
            scale = Scale(planned.image.gsd_m, planned.grid.gsd_m, planned.tiles.halo_px)
            one = lay_and_search(searcher, ground, scale=scale, first=total.used, most=left - total.used)
            total, windows = total + one, windows + (one.used > 0)
    return total


def _needed(planned: ImagePlan, plan: Plan) -> NDArray[np.intp]:
    return np.argwhere(needed_tiles(planned.image, planned.grid, aoi=plan.aoi, core_px=WINDOW_PX))


def _read(planned: ImagePlan, row: int, col: int, *, plan: Plan) -> Ground | None:
    """Return a window's pixels; None where they cannot be read."""
    grid, halo = planned.grid, planned.tiles.halo_px
    top, left = row * WINDOW_PX, col * WINDOW_PX
    core = Window(top, left, min(WINDOW_PX, grid.height - top), min(WINDOW_PX, grid.width - left))
    block = Block(0, core, (Tile(0, core),))
    windows = TilePlan(grid.height, grid.width, halo, planned.tiles.stride_px, (block,))
    (read,) = read_blocks(planned.image, grid, windows, [block], aoi=plan.aoi, threads=plan.config.decode_threads)
    if not isinstance(read, BlockPixels):
        return None
    # The buffers are the reader's, which is done.
    return Ground(core, read.pixels, read.valid, _free(read, planned, plan))


def _free(read: BlockPixels, planned: ImagePlan, plan: Plan) -> NDArray[np.bool_]:
    """Return where items may lie: on what was imaged and counts as searched under its cover."""
    halo = planned.tiles.halo_px
    height, width = read.block.core.height, read.block.core.width
    valid = read.valid[halo : halo + height, halo : halo + width]
    if plan.config.cover == "ignore":
        return valid
    hides = np.array([0.0, 0.0, *plan.config.cover_hides])
    assert len(hides) == len(CoverCode)
    cells = hides[cover_cells(read.pixels, read.valid, gsd_m=planned.grid.gsd_m, halo_px=halo)] < 1
    return np.asarray(valid & np.kron(cells, np.ones((CELL_PX, CELL_PX), bool))[:height, :width], bool)


def _key(plan: Plan) -> str:
    return block_key(
        image_sha256=hashlib.sha256(plan.identity.run_id.encode()).hexdigest(),
        window=Window(0, 0, WINDOW_PX, WINDOW_PX),
        plan={"implants": plan.config.implants, "window": WINDOW_PX, "seed": SEED},
        model_sha256=plan.identity.model,
        parameters={},
        algorithm=str(ALGORITHM),
    )
