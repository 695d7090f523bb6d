"""One run from imagery to products."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from survey.config import RunConfig, load_config
from survey.engine import (
    BlockState,
    JobStore,
    OpenRun,
    Receipt,
    RunPlan,
    Session,
    Shard,
    StoreCheck,
    make_engine,
    open_run,
    record_session,
)
from survey.errors import InputError
from survey.pipeline.background import recorded_background
from survey.pipeline.finish import PRODUCTS, write_products
from survey.pipeline.implants import implants_warning, recorded_implants
from survey.pipeline.plan import Plan, detector_for, plan_run
from survey.pipeline.search import BlockSearch, detector_on
from survey.progress import Progress, SilentProgress
from survey.rounds.taken import place_note

EXIT_DONE = 0
EXIT_UNSEARCHED = 3


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run left behind."""

    out: Path
    products: dict[str, Path]
    """By file name; empty for a share of a run that others have not finished."""
    summary: dict[str, Any]
    exit_code: int
    """0: all blocks searched; 3: some could not be, or are of imagery that does not count as searched."""


def run(  # noqa: PLR0913 - the public entry point
    images: Sequence[str | Path],
    out: str | Path,
    *,
    config: RunConfig | None = None,
    aoi: str | Path | None = None,
    cover: str | Path | None = None,
    resume: bool = True,
    progress: Progress | None = None,
    shard: Shard | None = None,
) -> RunResult:
    """Search orthomosaics and write the products into `out/products`.

    Args:
        images: Files, folders or globs; georeferenced, overlapping or not.
        out: Folder of the run: new, empty, or holding this same run, which then goes on.
        config: Settings; the defaults of `configs/run.yaml` if None.
        aoi: Vector file with polygons; None searches all that was flown.
        cover: Polygons or raster with classes of cover, which win over what the imagery shows.
        resume: False starts the run over.
        progress: Told what happens.
        shard: Only this share of the blocks. Whoever finishes the last share writes the products.

    Raises:
        SurveyError: Bad input, configuration, model or folder; the message says what to do.
    """
    config = config if config is not None else load_config(RunConfig)
    progress = progress if progress is not None else SilentProgress()
    folder = Path(out)
    progress.phase("opening the images")
    plan, _ = plan_run(
        images,
        config=config,
        aoi=Path(aoi) if aoi is not None else None,
        cover=Path(cover) if cover is not None else None,
    )
    began, started = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    notes = {
        "inputs": [str(p.image.path) for p in plan.images],
        "speed": config.speed(),
        "evidence": place_note(Path(config.evidence), folder) if config.evidence is not None else None,
    }
    with open_run(folder, RunPlan(plan.identity, PRODUCTS, notes), resume=resume, shard=shard) as opened:
        check = opened.store.check(plan.keys)
        receipts = _search(plan, opened, check, progress=progress, shard=shard)
        fresh = [r for r in receipts.values() if r.key not in check.done]
        session = Session(
            began=began,
            seconds=round(time.monotonic() - started, 3),
            blocks=len(fresh),
            area_ha=_area_ha(plan, {r.key for r in fresh}),
            shard=str(shard) if shard is not None else None,
            redone=check.redo,
        )
        record_session(folder, session)
        receipts = _all_receipts(plan, opened.store, receipts)
        if len(receipts) < len(plan.keys):
            progress.warning(f"{len(plan.keys) - len(receipts)} blocks are left to other shares; no products yet")
            return RunResult(folder, {}, {"blocks_left": len(plan.keys) - len(receipts)}, EXIT_DONE)
        if not _imaged(receipts):
            msg = f"{folder}: the images hold no imaged pixel (in the AOI); check the nodata value and the AOI"
            raise InputError(msg)
        progress.phase("writing products")
        with opened.products_lock():
            summary = write_products(folder, plan, opened.store, [receipts[key] for key in plan.keys])
    return _told(folder, summary, progress)


def _told(folder: Path, summary: dict[str, Any], progress: Progress) -> RunResult:
    """Tell of the products, and return what the run left behind."""
    products = {Path(name).name: folder / name for name in PRODUCTS}
    for path in products.values():
        progress.product(path)
    for flagged in summary["novelty"]["flagged"]:
        progress.warning(flagged)
    progress.done(summary)
    unsearched = summary["blocks"]["not_searched"] or summary["novelty"]["images_not_searched"]
    return RunResult(folder, products, summary, EXIT_UNSEARCHED if unsearched else EXIT_DONE)


def _search(
    plan: Plan, opened: OpenRun, check: StoreCheck, *, progress: Progress, shard: Shard | None
) -> dict[str, Receipt]:
    """Search what is not done yet; return the receipts of all blocks that this process knows of."""
    share = set(plan.keys) if shard is None else set(shard.select(plan.keys))
    left = share - set(check.done)
    tasks = plan.tasks(left)
    blocks = {
        key: (planned, block)
        for planned in plan.images
        for key, block in zip(planned.keys, planned.tiles.blocks, strict=True)
    }
    for planned in plan.images:
        for warning in planned.image.warnings:
            progress.warning(warning)
        if planned.too_coarse is not None:
            progress.warning(f"{planned.too_coarse}; it is recorded as not searched")
    if tasks:
        _measure_ground(plan, opened.store, progress)
    progress.start(
        run_id=plan.identity.run_id,
        images=len(plan.images),
        blocks=len(share),
        finished=len(share) - len(left),
        area_ha=_area_ha(plan, left),
    )
    receipts = dict(check.done)
    engine = make_engine(
        BlockSearch(plan, opened.store), opened.store, kind=plan.config.engine, workers=plan.config.workers
    )
    for receipt in engine.submit(tasks):
        receipts[receipt.key] = receipt
        planned, block = blocks[receipt.key]
        name = planned.image.path.name
        if receipt.state is BlockState.NOT_SEARCHED:
            progress.unread(image=name, block=receipt.block_index, reason=str(receipt.reason))
        else:
            found = receipt.counts.get("detections", 0)
            progress.block(image=name, block=receipt.block_index, area_ha=planned.area_ha(block), detections=found)
    return receipts


def _measure_ground(plan: Plan, store: JobStore, progress: Progress) -> None:
    """Record what the search of the blocks and its recall depend on, and warn where the ground tells against them."""
    ground = None
    if plan.card.contrast is not None:
        progress.phase("measuring the ground of the flight")
        ground = recorded_background(plan, store, detector=lambda: detector_for(plan.config))
    if plan.config.implants:
        progress.phase("laying simulated items on windows of the imagery")
    tally = recorded_implants(plan, store, detector=lambda: detector_on(plan, store))
    warning = implants_warning(plan, tally, ground)
    if warning is not None:
        progress.warning(warning)


def _all_receipts(plan: Plan, store: JobStore, receipts: dict[str, Receipt]) -> dict[str, Receipt]:
    """Add what other shares have finished meanwhile."""
    missing = [key for key in plan.keys if key not in receipts]
    return receipts | store.check(missing).done if missing else receipts


def _imaged(receipts: dict[str, Receipt]) -> bool:
    """Tell whether there was anything to search: a valid pixel, or a block that could not be read."""
    return any(r.state is BlockState.NOT_SEARCHED or r.counts.get("valid_px", 0) for r in receipts.values())


def _area_ha(plan: Plan, keys: set[str]) -> float:
    """Return the area of some blocks in hectares."""
    return sum(
        planned.area_ha(block)
        for planned in plan.images
        for key, block in zip(planned.keys, planned.tiles.blocks, strict=True)
        if key in keys
    )
