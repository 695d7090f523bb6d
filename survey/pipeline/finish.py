"""From the parts of all blocks to the products."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from survey import export
from survey.detect import merge_across_seams
from survey.engine import BlockState, JobStore, Receipt
from survey.files import make_folder
from survey.networks import HEAT_STRIDE
from survey.pipeline.ground import unsearched_places, unsearched_reason, write_ground
from survey.pipeline.implants import facts_of, performance_here, recorded_implants
from survey.pipeline.novelty import judge_images
from survey.pipeline.plan import Plan
from survey.pipeline.search import detector_on
from survey.pipeline.summary import model_files, named_inputs, summary_of
from survey.risk import merge_sightings
from survey.rounds.basis import FILE as BASIS
from survey.rounds.basis import Basis
from survey.values import Detections, concatenate

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
    searched, outline, sight = write_ground(products, plan, store, receipts, judged=judged, tags=tags)
    tally = recorded_implants(plan, store, detector=lambda: detector_on(plan, store))
    performance = performance_here(plan.card, tally)
    images = [planned.image for planned in plan.images]
    basis = Basis(
        run_id=plan.identity.run_id,
        model=plan.identity.model,
        images={image.image_id: image.path.name for image in images},
        searched=searched,
        detections=detections,
        items=items,
        performance=performance,
        prior=plan.prior.density,
    )
    basis.write(products / BASIS)
    risk = basis.assess()
    export.write_risk(products / "risk.tif", risk=risk, tags=tags)
    export.write_risk_style(products / "risk.qml")
    places = list(unsearched_places(plan, receipts))
    export.write_geopackage(
        products / "detections.gpkg",
        crs=plan.ground.hectares.crs,
        layers=[
            export.detection_layer(detections, items=items, images=images, run_id=plan.identity.run_id),
            export.hectare_layer(risk),
            export.searched_layer(outline.polygons(unsearched=places, otherwise=unsearched_reason(plan, judged))),
            export.image_layer(images, crs=plan.ground.hectares.crs),
        ],
        styles=export.layer_styles(),
    )
    summary = summary_of(
        plan, receipts, risk=risk, searched=searched, detections=detections, items=items, performance=performance
    )
    summary["blocks"]["guard_merges"] = guard_merges
    for image in summary["images"]:
        image["novelty"] = judged.facts(image["id"])
        image.update(sight.facts(image["id"]))
    summary["novelty"] = {"flagged": sorted(judged.flagged(plan).values()), "images_not_searched": len(judged.left_out)}
    summary["implants"] = facts_of(plan.card, performance, tally)
    export.write_summary(products / "summary.json", summary=summary)
    export.write_project(products, title="survey")
    export.write_manifest(
        products,
        run_id=plan.identity.run_id,
        inputs=named_inputs(plan),
        model=model_files(plan),
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
