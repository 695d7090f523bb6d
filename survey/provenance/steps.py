"""The steps of a trace inside a run, each a section of words and numbers."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyproj
import shapely

from survey.engine import BlockState, JobStore, Receipt
from survey.errors import InputError
from survey.evidence.explain import Section
from survey.files import sha256_of
from survey.provenance.finished import FinishedRun
from survey.provenance.imagery import RunImage, cut
from survey.provenance.verdicts import as_facts, in_words, read_verdicts

CHIP_M = 1.0
"""Half the edge of the window of pixels whose hash is told, or 1.5 sizes of the item if that is more."""
_STANDS = {1: "an item", -1: "no item", 0: "not known"}


def pixel(row: Any, found: Sequence[RunImage]) -> Section:
    """Return where in which image a sighting lies, and the hash of the pixels around it."""
    image = next(i for i in found if i.image_id == row["image_id"])
    half_m = max(CHIP_M, 1.5 * float(row["size_m"]))
    lines, numbers = _pixels(image, row=float(row["image_row"]), col=float(row["image_col"]), half_m=half_m)
    return Section("Pixel", lines, numbers)


def _pixels(image: RunImage, *, row: float, col: float, half_m: float) -> tuple[tuple[str, ...], dict[str, Any]]:
    lines = [f"row {row:.2f}, column {col:.2f} of {image.name}", f"image, SHA-256 {image.sha256}: {image.state}"]
    numbers: dict[str, Any] = {"image": image.name, "image_sha256": image.sha256, "image_state": str(image.state)}
    numbers |= {"row": row, "col": col, "window": None, "window_sha256": None}
    if image.image is None:
        lines.append("the pixels cannot be hashed again; name the folder of the imagery with --images")
        return tuple(lines), numbers
    half_rows, half_cols = (max(1, round(half_m / g)) for g in (image.image.gsd_row_m, image.image.gsd_col_m))
    window = cut(image.image, row=row, col=col, half_rows=half_rows, half_cols=half_cols)
    assert window is not None
    w = window.window
    numbers |= {"window": [w.row, w.col, w.height, w.width], "window_sha256": window.sha256}
    lines.append(
        f"pixels of rows {w.row} to {w.row_end - 1}, columns {w.col} to {w.col_end - 1}, SHA-256 {window.sha256}"
    )
    if window.damage:
        lines.append(f"damaged: {window.damage}")
    return tuple(lines), numbers


def place_pixels(run: FinishedRun, x: float, y: float, found: Sequence[RunImage]) -> Section:
    """Return every image that covers a place, with its pixel there."""
    lines: list[str] = []
    covers: list[dict[str, Any]] = []
    table = run.layer("images")
    outlines = dict(zip(table["image_id"], table.geometry, strict=True))
    for image in found:
        if image.image is None:
            inside = bool(shapely.covers(outlines[image.image_id], shapely.Point(x, y)))
            if inside:
                lines.append(f"{image.name}: its outline holds the place; {image.state}, SHA-256 {image.sha256}")
                covers.append({"image": image.name, "image_sha256": image.sha256, "image_state": str(image.state)})
            continue
        to_image = pyproj.Transformer.from_crs(run.grid.crs, image.image.crs_wkt, always_xy=True)
        col, row = ~image.image.transform * to_image.transform(x, y)
        if 0 <= row < image.image.height and 0 <= col < image.image.width:
            told, numbers = _pixels(image, row=float(row), col=float(col), half_m=CHIP_M)
            lines += told
            covers.append(numbers)
    return Section("Pixel", tuple(lines or ["no image covers the place"]), {"images": covers})


def part(run: FinishedRun, row: Any) -> Section:
    """Return the block whose part holds a sighting: its receipt and the hash that the receipt states.

    Raises:
        InputError: No block holds it.
    """
    store = run.store
    for receipt in _receipts(store, str(row["image_id"])):
        arrays = store.load(receipt)
        same = (arrays["row"] == row["image_row"]) & (arrays["col"] == row["image_col"])
        at = np.flatnonzero(same & (arrays["score"] == np.float32(row["score"])))
        if not len(at):
            continue
        tile = int(arrays["tile_index"][at[0]])
        where = f"blocks/{receipt.key[:2]}/{receipt.key}"
        receipt_sha256 = sha256_of(store.receipt_path(receipt.key))
        lines = (
            f"block {receipt.block_index}, tile {tile}, sighting {at[0] + 1} of {len(arrays['row'])} in the part",
            f"part {where}.npz, SHA-256 {receipt.part}: as its receipt says",
            f"receipt {where}.json, SHA-256 {receipt_sha256}",
        )
        numbers = {
            "key": receipt.key,
            "part_sha256": receipt.part,
            "receipt_sha256": receipt_sha256,
            "block": receipt.block_index,
            "tile": tile,
            "index": int(at[0]),
            "counts": dict(receipt.counts),
        }
        return Section("Block that was searched", lines, numbers)
    msg = f"{run.folder}: no block holds this sighting; see what `survey verify {run.folder}` says"
    raise InputError(msg)


def _receipts(store: JobStore, image_id: str) -> list[Receipt]:
    """Return the receipts of an image's searched blocks with sightings, in the order of their blocks."""
    found = []
    for path in sorted((store.folder / "blocks").glob("[0-9a-f][0-9a-f]/[0-9a-f]*.json")):
        told = json.loads(path.read_bytes())
        if told["image_id"] == image_id and told["state"] == BlockState.SEARCHED and told["counts"].get("detections"):
            found.append(Receipt.from_json(path.read_text(encoding="utf-8")))
    return sorted(found, key=lambda receipt: receipt.block_index)


def sighting(row: Any) -> Section:
    """Return what the model said of a sighting, and where it lies."""
    numbers = {
        name: row[name].item() if hasattr(row[name], "item") else row[name]
        for name in ("detection_id", "class", "score", "probability", "size_m", "position_error_m")
    }
    numbers |= {"x": float(row.geometry.x), "y": float(row.geometry.y)}
    if "state" in row:
        numbers["state"] = row["state"]
    lines: tuple[str, ...] = (
        f"{row['class']}, score {row['score']:.3f}, calibrated probability of ordnance {row['probability']:.3f}",
        (
            f"{row['size_m']:.2f} m across, at {row.geometry.x:.2f} {row.geometry.y:.2f}, one sigma "
            f"{row['position_error_m']:.2f} m within the image's own georeference"
        ),
    )
    if "state" in row:
        lines = (*lines, f"state in the round that is looked at: {row['state']}")
    return Section("Sighting", lines, numbers)


def model(run: FinishedRun) -> Section:
    """Return which model searched, with which settings and versions."""
    name, sha256 = run.model
    threshold = run.identity.config.get("candidate_threshold")
    lines = (
        f"{name}, card and weights SHA-256 {sha256}",
        f"least score: {'the model own' if threshold is None else threshold}".replace("model own", "model's own"),
        f"run {run.identity.run_id}: the hash of its settings, model, inputs and versions, recomputed",
    )
    files = {f: s for f, s in run.manifest["model"].items() if f != "card_and_weights"}
    numbers = {"id": name, "sha256": sha256, "files": files, "run_id": run.identity.run_id}
    return Section("Model and run", lines, numbers)


def item(row: Any, table: Any) -> Section:
    """Return all sightings that the run took for one thing."""
    members = table[table["item"] == row["item"]].sort_values(["probability", "detection_id"], ascending=[False, True])
    apart = np.hypot(members.geometry.x - row.geometry.x, members.geometry.y - row.geometry.y)
    told = [
        {"detection_id": d, "image": i, "probability": float(p), "distance_m": float(m)}
        for d, i, p, m in zip(members["detection_id"], members["image"], members["probability"], apart, strict=True)
    ]
    lines = [f"item {row['item']}: {len(told)} sighting{'s' if len(told) > 1 else ''} taken for one thing"]
    lines += [
        f"{t['detection_id']} in {t['image']}, probability {t['probability']:.3f}, {t['distance_m']:.2f} m away"
        for t in told
        if t["detection_id"] != row["detection_id"]
    ]
    return Section("Merged item", tuple(lines), {"item": int(row["item"]), "sightings": told})


def near(table: Any) -> Section:
    """Return the sightings at a place."""
    told = [
        {"detection_id": d, "item": int(n), "class": c, "probability": float(p), "distance_m": float(m)}
        for d, n, c, p, m in zip(
            *(table[name] for name in ("detection_id", "item", "class", "probability", "distance_m")), strict=True
        )
    ]
    lines = [
        f"{t['detection_id']} (item {t['item']}): {t['class']}, probability {t['probability']:.3f}, "
        f"{t['distance_m']:.2f} m away"
        for t in told
    ]
    none = "no sighting within reach of the place, which is no proof that nothing lies there"
    return Section("Sightings at the place", tuple(lines or [none]), {"sightings": told})


def verdicts(run: FinishedRun, sightings: Any) -> Section:
    """Return what reviewers decided on some sightings."""
    read = read_verdicts(run.folder)
    if read is None:
        return Section("Verdicts", ("not reviewed: the run has no review.sqlite",), {"reviewed": False})
    told = read.on(sightings["detection_id"])
    lines = [in_words(d) for d in told] or ["no reviewer has judged it yet"]
    stands = read.verdict(sightings["detection_id"])
    if stands is not None:
        words = "disputed" if stands.disputed else _STANDS[stands.verdict]
        lines.append(f"what stands: {words}")
    lines.append(f"all {len(read.decisions)} decisions of review.sqlite, SHA-256 {read.sha256}")
    numbers = {"reviewed": True, "sha256": read.sha256, "decisions": [as_facts(d) for d in told]}
    return Section("Verdicts", tuple(lines), numbers)
