"""The merged ground of a run: written as rasters, tallied, and what was not searched with its reason."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from survey import export
from survey.engine import BlockState, JobStore, Receipt
from survey.export import SearchedOutline, UnsearchedPlace
from survey.pipeline.novelty import Judgement
from survey.pipeline.plan import ImagePlan, Plan
from survey.pipeline.search import ground_patch, ground_window, unsearched_patch
from survey.pipeline.sight import BLUR, Sight
from survey.risk import AreaTally, Belief, GroundPart, SightTally, merge_ground
from survey.values import Block, GroundPatch, SearchedArea, Window

NOT_SEARCHED = "imaged, not searched"


def write_ground(
    products: Path, plan: Plan, store: JobStore, receipts: Sequence[Receipt], *, judged: Judgement, tags: dict[str, str]
) -> tuple[SearchedArea, SearchedOutline, Sight]:
    """Stream the merged ground into disturbance.tif and cover.tif, tallying areas and tracing outlines on the way."""
    tally, seen, outline = AreaTally(plan.ground), SightTally(plan.ground), SearchedOutline(plan.ground)
    images = {planned.image.image_id: planned for planned in plan.images}
    windows, blurs = _contents(store, receipts)
    sight = Sight.of(plan, blurs)
    found = (_ground_part(plan, images[r.image_id], store, r, (judged, sight), windows[r.key]) for r in receipts)
    parts = [part for part in found if part is not None]

    def merged() -> Iterator[GroundPatch]:
        for patch in merge_ground(plan.ground, parts=parts):
            tally.add(patch)
            seen.add(patch)
            outline.add(patch)
            if patch.view is not None:
                cover.add(patch.view.cover, patch.window)
            yield patch

    with export.code_raster(products / "cover.tif", ground=plan.ground, classes=export.COVER, tags=tags) as cover:
        export.write_disturbance(products / "disturbance.tif", ground=plan.ground, patches=merged(), tags=tags)
    export.write_disturbance_style(products / "disturbance.qml")
    export.write_cover_style(products / "cover.qml")
    recall = Belief.from_performance(plan.card.as_performance()).recall
    area = seen.seen(tally.searched_area(), correlation=plan.config.view_correlation, recall=recall)
    return area, outline, sight


def _contents(
    store: JobStore, receipts: Sequence[Receipt]
) -> tuple[dict[str, Window | None], dict[str, list[NDArray[np.float32]]]]:
    """Return the place of each part's ground by key, and the blurs of windows by image id."""
    windows: dict[str, Window | None] = {}
    blurs: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
    for receipt in receipts:
        part = store.load(receipt)
        windows[receipt.key] = ground_window(part)
        if BLUR in part:
            blurs[receipt.image_id].append(part[BLUR].astype(np.float32))
    return windows, blurs


def _ground_part(
    plan: Plan,
    planned: ImagePlan,
    store: JobStore,
    receipt: Receipt,
    means: tuple[Judgement, Sight],
    window: Window | None,
) -> GroundPart | None:
    judged, sight = means
    if receipt.part is None:  # given up by the engine, whose workers died on it: nothing was written
        block = planned.tiles.blocks[receipt.block_index]
        patch = unsearched_patch(planned, block, ground=plan.ground, valid=None)
        return GroundPart(patch.window, lambda: patch) if patch is not None else None
    if window is None:
        return None

    def load() -> GroundPatch:
        patch = judged.patch(receipt.image_id, ground_patch(store.load(receipt)))
        return sight.patch(receipt.image_id, patch)

    return GroundPart(window, load)


def unsearched_places(plan: Plan, receipts: Sequence[Receipt]) -> Iterator[UnsearchedPlace]:
    """Yield the blocks that could not be read as polygons with their reasons.

    What is too coarse could be read, so its outline is traced from the ground and needs no rectangle here.
    """
    images = {planned.image.image_id: planned for planned in plan.images}
    for receipt in receipts:
        planned = images[receipt.image_id]
        if receipt.state is BlockState.NOT_SEARCHED and receipt.reason != planned.too_coarse:
            polygon = _footprint(planned, planned.tiles.blocks[receipt.block_index], plan.ground.hectares.crs)
            yield UnsearchedPlace(polygon, str(receipt.reason))


def unsearched_reason(plan: Plan, judged: Judgement) -> str:
    """Return why ground that was read does not count as searched."""
    coarse = {planned.too_coarse for planned in plan.images if planned.too_coarse is not None}
    reasons = sorted(coarse | set(judged.left_out.values()))
    return "; ".join(reasons) or NOT_SEARCHED


def _footprint(planned: ImagePlan, block: Block, crs: str) -> Any:
    """Return the union of a block's tile cores as a polygon in the output CRS."""
    to_output = pyproj.Transformer.from_crs(planned.image.crs_wkt, crs, always_xy=True)
    boxes = []
    for tile in block.tiles:
        c = tile.core
        cols = np.array([c.col, c.col_end, c.col_end, c.col], np.float64)
        rows = np.array([c.row, c.row, c.row_end, c.row_end], np.float64)
        boxes.append(shapely.Polygon(np.column_stack(to_output.transform(*(planned.grid.transform * (cols, rows))))))
    return shapely.union_all(boxes)
