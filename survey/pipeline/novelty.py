"""Is an image like what the model knows? Asked once an image, of windows that do not depend on how it is tiled."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.engine import BlockState, JobStore, Receipt, block_key
from survey.ingest import Aoi, BlockPixels, needed_tiles, read_blocks
from survey.novelty import WINDOW_PX, NoveltyMeter, Signature, Verdict
from survey.pipeline.plan import ImagePlan, Plan, detector_for
from survey.values import Block, GroundCode, GroundPatch, Tile, TilePlan, Window

CELLS_A_WINDOW = 64
"""Cells of `WINDOW_PX` of which one is looked at: a search computes more than twice the pixels of all of them."""
LEAST_WINDOWS, MOST_WINDOWS = 3, 32
MOST_TRIED = 4
"""Windows tried for each one wanted, for many may show nothing that was imaged."""
RECORD = -1
"""Stands for a block's index in the receipt of an image's windows."""
_SCORES = "novelty_scores"


@dataclass(frozen=True, slots=True)
class Judgement:
    """Of all images of a run."""

    verdicts: Mapping[str, Verdict | None]
    """By image id; None where nothing was measured."""
    left_out: Mapping[str, str]
    """Images whose ground does not count as searched, by id, and why."""

    def patch(self, image_id: str, patch: GroundPatch) -> GroundPatch:
        """Return a block's ground as it counts."""
        if image_id not in self.left_out:
            return patch
        codes = np.where(patch.codes == GroundCode.NOT_FLOWN, GroundCode.NOT_FLOWN, GroundCode.NOT_SEARCHED)
        return GroundPatch(patch.window, codes.astype(np.uint8))

    def facts(self, image_id: str) -> dict[str, Any]:
        """Return what the summary says of an image."""
        verdict = self.verdicts[image_id]
        if verdict is None:
            return {"state": "novelty not measured"}
        counted = {"flagged": verdict.flagged, "counts_as_searched": image_id not in self.left_out}
        return {"state": str(verdict), **asdict(verdict), **counted}

    def flagged(self, plan: Plan) -> dict[str, str]:
        """Return the flagged images in words, by image id."""
        names = {planned.image.image_id: planned.image.path.name for planned in plan.images}
        return {n: f"{names[n]}: {v}" for n, v in self.verdicts.items() if v is not None and v.flagged}


def judge_images(plan: Plan, store: JobStore) -> Judgement:
    """Return what every image of a finished run is like; what no worker came to record is measured now."""

    @cache
    def meter() -> NoveltyMeter | None:
        return detector_for(plan.config).novelty

    verdicts = {p.image.image_id: record_verdict(plan, p, store, meter=meter) for p in plan.images}
    flagged = Judgement(verdicts, {}).flagged(plan)
    return Judgement(verdicts, flagged if plan.config.novelty == "not_searched" else {})


def record_verdict(
    plan: Plan, planned: ImagePlan, store: JobStore, *, meter: Callable[[], NoveltyMeter | None]
) -> Verdict | None:
    """Return what an image is like: as the store has it, else measured now and stored.

    An image of which a window could not be read is measured again by the next session.

    Returns:
        None where the model has no reference, and for imagery that is not to be searched or too coarse for it.
    """
    if plan.card.novelty is None or planned.too_coarse is not None or not planned.tiles.blocks:
        return None
    key = _key(plan, planned)
    done = store.check([key]).done
    if key in done:
        return Verdict.of(store.load(done[key])[_SCORES])
    means = meter()
    assert means is not None, "a card with a reference comes with a meter"
    scores, damage = measure(planned, means, aoi=plan.aoi, threads=plan.config.decode_threads)
    state = BlockState.SEARCHED if damage is None else BlockState.NOT_SEARCHED
    receipt = Receipt(key, planned.image.image_id, RECORD, state, reason=damage, counts={"windows": len(scores)})
    store.commit(receipt, {_SCORES: scores})
    return Verdict.of(scores)


def measure(
    planned: ImagePlan, meter: NoveltyMeter, *, aoi: Aoi | None, threads: int = 1
) -> tuple[NDArray[np.float32], str | None]:
    """Return the (N, parts) scores of an image's windows, and why a window could not be read, if one could not."""
    needed = needed_tiles(planned.image, planned.grid, aoi=aoi, core_px=WINDOW_PX)
    wanted, cells = draw_cells(needed)
    signatures: list[Signature] = []
    damage = None
    while cells and len(signatures) < wanted:
        missing = wanted - len(signatures)
        now, cells = sorted(cells[:missing]), cells[missing:]
        for read in _read(planned, now, aoi=aoi, threads=threads):
            if isinstance(read, str):
                damage = read
            elif (signature := meter.sign(read.pixels, read.valid)) is not None:
                signatures.append(signature)
    return meter.reference.scores(signatures).astype(np.float32), damage


def draw_cells(needed: NDArray[np.bool_]) -> tuple[int, list[tuple[int, int]]]:
    """Return how many windows are wanted, and the cells to try one after the other.

    Args:
        needed: bool (rows, cols) of the image's cells of `WINDOW_PX`.
    """
    cells = [(int(row), int(col)) for row, col in np.argwhere(needed)]
    wanted = min(len(cells), MOST_WINDOWS, max(LEAST_WINDOWS, -(-len(cells) // CELLS_A_WINDOW)))
    order = np.random.default_rng(len(cells)).permutation(len(cells))[: MOST_TRIED * wanted]
    return wanted, [cells[n] for n in order]


def _read(
    planned: ImagePlan, cells: Sequence[tuple[int, int]], *, aoi: Aoi | None, threads: int
) -> Iterator[BlockPixels | str]:
    """Yield the pixels of cells, or why they cannot be read."""
    grid, blocks = planned.grid, []
    for n, (row, col) in enumerate(cells):
        top, left = row * WINDOW_PX, col * WINDOW_PX
        core = Window(top, left, min(WINDOW_PX, grid.height - top), min(WINDOW_PX, grid.width - left))
        blocks.append(Block(n, core, (Tile(n, core),)))
    windows = TilePlan(grid.height, grid.width, 0, planned.tiles.stride_px, tuple(blocks))
    for read in read_blocks(planned.image, grid, windows, blocks, aoi=aoi, threads=threads):
        yield read if isinstance(read, BlockPixels) else read.reason


def _key(plan: Plan, planned: ImagePlan) -> str:
    image, aoi = planned.image, plan.aoi
    return block_key(
        image_sha256=image.sha256,
        window=Window(0, 0, planned.grid.height, planned.grid.width),
        plan={"novelty_window": WINDOW_PX, "gsd": planned.grid.gsd_m},
        model_sha256=plan.identity.model,
        parameters={
            "bands": image.bands.rgb,
            "nodata": repr(image.nodata),
            "value_range": image.value_range,
            "aoi": aoi.sha256 if aoi is not None else None,
            "threads": plan.config.threads,
        },
        algorithm="2",
    )
