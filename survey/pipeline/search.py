"""Search one task's blocks: read, detect, put on the ground, commit."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyproj
from numpy.typing import NDArray

from survey.config import RunConfig
from survey.detect import Detector, Findings
from survey.engine import BlockState, BlockTask, JobStore, Receipt
from survey.ingest import BlockPixels, UnreadBlock, read_blocks
from survey.networks import MASK_STRIDE
from survey.pipeline.background import recorded_background
from survey.pipeline.novelty import record_verdict
from survey.pipeline.plan import ImagePlan, Plan, detector_for
from survey.pipeline.sight import look_at, split
from survey.risk import project_core
from survey.values import Block, GroundCode, GroundGrid, GroundPatch, GroundView, Window

_PATCH, _BOTH = "ground_codes", "ground_and_cover"
_WINDOW = "ground_window"


@dataclass(frozen=True, slots=True)
class BlockSearch:
    """The work function of a run: picklable, so that engines can hand it to other processes."""

    plan: Plan
    store: JobStore

    def __call__(self, task: BlockTask) -> Iterator[Receipt]:
        """Search the task's blocks in reading order; each is committed before its receipt is given."""
        planned = self.plan.images[task.image_index]
        blocks = [planned.tiles.blocks[n] for n in task.blocks]
        keys = dict(zip(task.blocks, task.keys, strict=True))
        config = self.plan.config
        if 0 in task.blocks and self.plan.card.novelty is not None:  # once an image, by whoever begins with it
            record_verdict(self.plan, planned, self.store, meter=lambda: self._detector().novelty)
        for outcome in read_blocks(
            planned.image, planned.grid, planned.tiles, blocks, aoi=self.plan.aoi, threads=config.decode_threads
        ):
            key = keys[outcome.block.index]
            if isinstance(outcome, UnreadBlock):
                yield self._unsearched(key, planned, outcome.block, reason=outcome.reason, valid=None)
            elif planned.too_coarse is not None:
                core = _core_of(outcome.valid, planned.tiles.halo_px)
                yield self._unsearched(key, planned, outcome.block, reason=planned.too_coarse, valid=core)
            else:
                yield self._searched(key, planned, outcome)

    def _detector(self) -> Detector:
        return detector_on(self.plan, self.store)

    def _searched(self, key: str, planned: ImagePlan, read: BlockPixels) -> Receipt:
        found = self._detector().search(read.block, read.pixels, read.valid)
        valid = _core_of(read.valid, planned.tiles.halo_px)
        codes = found.codes
        more: dict[str, NDArray[np.generic]] = {}
        if self.plan.config.cover != "ignore":
            codes, more = look_at(read, planned, found.codes)
        patch = project_core(
            planned.grid,
            crs=planned.image.crs_wkt,
            ground=self.plan.ground,
            core=read.block.core,
            codes=codes,
            stride_px=MASK_STRIDE,
            valid=valid,
        )
        counts = {
            "tiles": found.tiles_searched,
            "tiles_empty": found.tiles_empty,
            "tiles_saturated": found.tiles_saturated,
            "detections": len(found.score),
            "valid_px": int(np.count_nonzero(valid)),
        }
        receipt = Receipt(key, planned.image.image_id, read.block.index, BlockState.SEARCHED, counts=counts)
        columns = self._columns(planned, found) | more
        return self.store.commit(receipt, columns | _stored(patch, with_cover=bool(more)))

    def _unsearched(
        self, key: str, planned: ImagePlan, block: Block, *, reason: str, valid: NDArray[np.bool_] | None
    ) -> Receipt:
        """Record ground that was flown and not searched."""
        patch = unsearched_patch(planned, block, ground=self.plan.ground, valid=valid)
        receipt = Receipt(key, planned.image.image_id, block.index, BlockState.NOT_SEARCHED, reason=reason)
        return self.store.commit(receipt, _stored(patch))

    def _columns(self, planned: ImagePlan, found: Findings) -> dict[str, NDArray[np.generic]]:
        """Return a block's sightings as columns of `Detections`, plus their working pixels for the guard band."""
        grid, image, card = planned.grid, planned.image, self.plan.card
        x, y = grid.transform * (found.col, found.row)
        to_output = pyproj.Transformer.from_crs(image.crs_wkt, self.plan.ground.hectares.crs, always_xy=True)
        x, y = to_output.transform(x, y)
        error = np.hypot(card.performance.position_error_m, image.gsd_m / 2)
        return {
            "class_index": found.class_index,
            "score": found.score,
            "probability": found.probability,
            "row": found.row * grid.row_step,
            "col": found.col * grid.col_step,
            "x": np.asarray(x, np.float64),
            "y": np.asarray(y, np.float64),
            "size_m": (found.size_px * grid.gsd_m).astype(np.float32),
            "position_error_m": np.full(len(found.score), error, np.float32),
            "tile_index": found.tile_index,
        }


def unsearched_patch(
    planned: ImagePlan, block: Block, *, ground: GroundGrid, valid: NDArray[np.bool_] | None
) -> GroundPatch | None:
    """Return a block's ground as flown and not searched; without a mask, all of its tiles' cores count as flown."""
    if valid is None:
        valid = np.zeros((block.core.height, block.core.width), bool)
        for tile in block.tiles:
            valid[tile.core.slices(block.core)] = True
    codes = np.full([-(-n // MASK_STRIDE) for n in valid.shape], GroundCode.NOT_SEARCHED, np.uint8)
    return project_core(
        planned.grid,
        crs=planned.image.crs_wkt,
        ground=ground,
        core=block.core,
        codes=codes,
        stride_px=MASK_STRIDE,
        valid=valid,
    )


def _stored(patch: GroundPatch | None, *, with_cover: bool = False) -> dict[str, NDArray[np.generic]]:
    if patch is None:
        return {}
    w = patch.window
    name = _BOTH if with_cover else _PATCH
    return {name: patch.codes, _WINDOW: np.array([w.row, w.col, w.height, w.width], np.int64)}


def ground_window(part: dict[str, NDArray[np.generic]]) -> Window | None:
    """Return the place of a part's ground patch; None where it has none."""
    return Window(*(int(v) for v in part[_WINDOW])) if _WINDOW in part else None


def ground_patch(part: dict[str, NDArray[np.generic]]) -> GroundPatch:
    """Return a part's ground patch, with its cover where that was looked at."""
    window = ground_window(part)
    assert window is not None
    if _BOTH in part:
        codes, cover = split(part[_BOTH].astype(np.uint8))
        nothing = GroundView.empty(codes.shape)
        return GroundPatch(window, codes, GroundView(cover, nothing.best, nothing.total))
    return GroundPatch(window, part[_PATCH].astype(np.uint8))


def _core_of(valid: NDArray[np.bool_], halo_px: int) -> NDArray[np.bool_]:
    height, width = valid.shape
    return valid[halo_px : height - halo_px, halo_px : width - halo_px]


_LOADED: dict[tuple[str, RunConfig], Detector] = {}
"""The detector that this process searched with last, by run and settings."""


def detector_on(plan: Plan, store: JobStore) -> Detector:
    """Load a process's detector once, for the ground of this run."""
    key = (plan.identity.run_id, plan.config)
    if key not in _LOADED:
        _LOADED.clear()
        detector = detector_for(plan.config)
        _LOADED[key] = detector.on(recorded_background(plan, store, detector=lambda: detector))
    return _LOADED[key]
