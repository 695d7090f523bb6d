"""From the parts of all blocks to the products."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from survey import export
from survey.detect import HEAT_STRIDE, merge_across_seams
from survey.engine import BlockState, JobStore, Receipt
from survey.export import SearchedOutline, UnsearchedPlace
from survey.files import make_folder
from survey.pipeline.novelty import Judgement, judge_images
from survey.pipeline.plan import ImagePlan, Plan
from survey.pipeline.search import ground_patch, ground_window, unsearched_patch
from survey.pipeline.sight import BLUR, Sight
from survey.risk import AreaTally, GroundPart, SightTally, merge_ground, merge_sightings
from survey.rounds.basis import FILE as BASIS
from survey.rounds.basis import Basis
from survey.values import Block, Detections, GroundPatch, Risk, SearchedArea, Window, concatenate

PRODUCTS = (
    "products/risk.tif",
    "products/risk.qml",
    "products/disturbance.tif",
    "products/disturbance.tif.aux.xml",
    "products/disturbance.qml",
    "products/cover.tif",
    "products/cover.tif.aux.xml",
    "products/cover.qml",
    "products/basis.npz",
    "products/detections.gpkg",
    "products/summary.json",
    "products/survey.qgz",
    "products/MANIFEST.json",
)
"""Everything a run writes for others, in the order of writing: the manifest vouches for the rest."""
NOT_SEARCHED = "imaged, not searched"


def write_products(folder: Path, plan: Plan, store: JobStore, receipts: Sequence[Receipt]) -> dict[str, Any]:
    """Write all products of a finished run and return its summary.

    The bytes depend only on the plan and the parts, not on the order or the number of sessions.

    Args:
        folder: Run folder.
        plan: The run's plan.
        store: Holds the parts.
        receipts: One for each block of the plan, in the plan's order.
    """
    products = make_folder(folder / "products")
    (products / export.MANIFEST).unlink(missing_ok=True)  # it vouches for products that are about to change
    detections, guard_merges = gather(plan, store, receipts)
    judged = judge_images(plan, store)
    guard_m = 2 * HEAT_STRIDE * plan.card.gsd_m
    items = merge_sightings(detections, guard_m=guard_m)
    tags = {"SURVEY_RUN_ID": plan.identity.run_id, "SURVEY_MODEL": plan.identity.model} | plan.prior.tags()
    searched, outline, sight = _write_ground(products, plan, store, receipts, judged=judged, tags=tags)
    images = [planned.image for planned in plan.images]
    basis = Basis(
        run_id=plan.identity.run_id,
        model=plan.identity.model,
        images={image.image_id: image.path.name for image in images},
        searched=searched,
        detections=detections,
        items=items,
        performance=plan.card.as_performance(),
        prior=plan.prior.density,
    )
    basis.write(products / BASIS)
    risk = basis.assess()
    export.write_risk(products / "risk.tif", risk=risk, tags=tags)
    export.write_risk_style(products / "risk.qml")
    places = list(_unsearched_places(plan, receipts))
    export.write_geopackage(
        products / "detections.gpkg",
        crs=plan.ground.hectares.crs,
        layers=[
            export.detection_layer(detections, items=items, images=images, run_id=plan.identity.run_id),
            export.hectare_layer(risk),
            export.searched_layer(outline.polygons(unsearched=places, otherwise=_unsearched_reason(plan, judged))),
            export.image_layer(images, crs=plan.ground.hectares.crs),
        ],
        styles=export.layer_styles(),
    )
    summary = _summary(plan, receipts, risk=risk, searched=searched, detections=detections, items=items)
    summary["blocks"]["guard_merges"] = guard_merges
    for image in summary["images"]:
        image["novelty"] = judged.facts(image["id"])
        image.update(sight.facts(image["id"]))
    summary["novelty"] = {"flagged": sorted(judged.flagged(plan).values()), "images_not_searched": len(judged.left_out)}
    export.write_summary(products / "summary.json", summary=summary)
    export.write_project(products, title="survey")
    export.write_manifest(
        products,
        run_id=plan.identity.run_id,
        inputs=_named_inputs(plan),
        model=_model_files(plan),
        notes=summary["novelty"]["flagged"],
    )
    return summary


def gather(plan: Plan, store: JobStore, receipts: Sequence[Receipt]) -> tuple[Detections, int]:
    """Return all sightings, and how many the guard band along seams merged."""
    by_image: dict[str, list[Receipt]] = {planned.image.image_id: [] for planned in plan.images}
    for receipt in receipts:
        if receipt.state is BlockState.SEARCHED:
            by_image[receipt.image_id].append(receipt)
    empty = Detections.empty(classes=plan.card.class_names, model_id=plan.card.id)
    found, merged = [empty], 0
    for planned in plan.images:
        parts = [store.load(receipt) for receipt in by_image[planned.image.image_id]]
        names = [name for name in empty.arrays() if name != "image_index"]
        columns = {name: np.concatenate([part[name] for part in parts] or [empty.arrays()[name]]) for name in names}
        sightings = Detections(
            classes=plan.card.class_names,
            images=(planned.image.image_id,),
            model_id=plan.card.id,
            image_index=np.zeros(len(columns["score"]), np.int32),
            **columns,
        )
        row, col = sightings.row / planned.grid.row_step, sightings.col / planned.grid.col_step
        keep = merge_across_seams(row, col, sightings.score, sightings.tile_index)
        merged += int(np.count_nonzero(~keep))
        found.append(sightings.take(keep))
    return concatenate(found), merged


def _write_ground(
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
    area = seen.seen(tally.searched_area(), correlation=plan.config.view_correlation)
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


def _unsearched_places(plan: Plan, receipts: Sequence[Receipt]) -> Iterator[UnsearchedPlace]:
    """Yield the blocks that could not be read as polygons with their reasons.

    What is too coarse could be read, so its outline is traced from the ground and needs no rectangle here.
    """
    images = {planned.image.image_id: planned for planned in plan.images}
    for receipt in receipts:
        planned = images[receipt.image_id]
        if receipt.state is BlockState.NOT_SEARCHED and receipt.reason != planned.too_coarse:
            polygon = _footprint(planned, planned.tiles.blocks[receipt.block_index], plan.ground.hectares.crs)
            yield UnsearchedPlace(polygon, str(receipt.reason))


def _named_inputs(plan: Plan) -> dict[str, str]:
    """Return every input's hash by its name; of like names each gets its image id, so that none is lost."""
    names = Counter(name for name, _ in plan.identity.inputs)
    inputs = {name if names[name] == 1 else f"{name} ({sha[:16]})": sha for name, sha in plan.identity.inputs}
    inputs |= {plan.aoi.path.name: plan.aoi.sha256} if plan.aoi is not None else {}
    inputs |= {f"{plan.cover.path.name} (cover)": plan.cover.sha256} if plan.cover is not None else {}
    return inputs | plan.prior.inputs()


def _model_files(plan: Plan) -> dict[str, str]:
    """Return the hashes of the model's files by their names."""
    files = [plan.card.weights] + ([plan.card.novelty] if plan.card.novelty is not None else [])
    return {f.file: f.sha256 for f in files} | {"card_and_weights": plan.identity.model.split("@")[1]}


def _unsearched_reason(plan: Plan, judged: Judgement) -> str:
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


def _summary(
    plan: Plan,
    receipts: Sequence[Receipt],
    *,
    risk: Risk,
    searched: SearchedArea,
    detections: Detections,
    items: NDArray[np.intp],
) -> dict[str, Any]:
    unread = [r for r in receipts if r.state is BlockState.NOT_SEARCHED]
    summary = export.summarise(risk, searched=searched, detections=detections, items=items)
    card = plan.card
    return summary | {
        "run_id": plan.identity.run_id,
        "blocks": {
            "searched": len(receipts) - len(unread),
            "not_searched": len(unread),
            "reasons": sorted({str(r.reason) for r in unread}),
            "tiles_saturated": sum(r.counts.get("tiles_saturated", 0) for r in receipts),
        },
        "images": [
            {
                "name": p.image.path.name,
                "id": p.image.image_id,
                "gsd_m": p.image.gsd_m,
                "warnings": list(p.image.warnings),
            }
            for p in plan.images
        ],
        "model": {
            "id": card.id,
            "recall": card.performance.recall,
            "recall_interval": list(card.performance.recall_interval),
            "false_alarms_per_ha": card.performance.false_alarms_per_ha,
            "measured_on": card.performance.measured_on,
            "performance": asdict(card.as_performance()),
            "not_learnt": [c.name for c in (*card.classes, *card.disturbances) if not c.learnt],
        },
        "prior": plan.prior.facts(risk),
        "limits": (
            "No detection is not absence of ordnance. Ground that was not searched is nodata. "
            "Figures of risk are for ordering work, and decide nothing about any piece of land."
        ),
    }
