"""`survey patterns`: rows among the detections of a finished run, written apart from its risk."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.errors import InputError, OutputError
from survey.export import MANIFEST, name_by, read_layer, write_geopackage, write_manifest
from survey.files import make_folder, write_bytes
from survey.patterns.find import FoundRow, find_rows
from survey.patterns.ground import SearchedGround
from survey.patterns.hazard import Hazard, Recall, hazard_along, hazard_raster
from survey.patterns.layers import member_layer, pattern_layer, place_layer, strips, write_hazard
from survey.patterns.settings import PatternSettings
from survey.patterns.styles import hazard_style, pattern_styles
from survey.rounds.current import current_of

Array = NDArray[np.float64]
LAYERS, RASTER, STYLE, REPORT = "patterns.gpkg", "patterns.tif", "patterns.qml", "patterns.json"
CAUTION = (
    "Rows are there to look for what was left behind. No row found does not show that there is none: curved and sparse "
    "ones are missed. Nothing of this is part of the run's risk."
)


@dataclass(frozen=True, slots=True, eq=False)
class _Items:
    points: Array
    ids: NDArray[np.int64]
    crs: str
    left_out: int


def run_patterns(
    run: Path, *, out: Path, settings: PatternSettings, least: float = 0.0, number: int | None = None
) -> str:
    """Find rows among a run's items, write them with what may be left along them, and return a report in words.

    Args:
        run: Folder of a finished run; items that its round rejects are left out.
        out: Folder for `patterns.gpkg`, `patterns.tif` with its style (if there are rows), `patterns.json`, a manifest.
        settings: What counts as a row.
        least: Items less probable than this are left out.
        number: Of the round; 0 is the run without any, None the latest.

    Raises:
        InputError: The run is not finished, or is no run.
        OutputError: The folder is that of the run, whose products would no longer match its manifest.
    """
    current = current_of(run, number)
    products = current.products
    if out.resolve() in {path.resolve() for path in (run, current.run, products, current.folder)}:
        msg = f"{out}: holds the run whose rows are looked for; name another folder as --out"
        raise OutputError(msg)
    items = _items(current.layers, least=least)
    ground = _ground(products / "detections.gpkg")
    recall = _recall(products / "summary.json")
    found = find_rows(items.points, ground, settings=settings)
    hazards = tuple(hazard_along(row, items.points, ground, recall=recall, seed=settings.seed) for row in found)
    make_folder(out)
    (out / MANIFEST).unlink(missing_ok=True)  # it vouches for files that are about to change
    layers = [
        pattern_layer(found, hazards, strips=strips(found, gap_m=settings.gap_m)),
        member_layer(found, items.points, items.ids),
        place_layer(hazards),
    ]
    write_geopackage(out / LAYERS, crs=items.crs, layers=layers, styles=pattern_styles())
    for name in (RASTER, STYLE):
        (out / name).unlink(missing_ok=True)
    if hazards:
        tags = {"SURVEY_RUN_MANIFEST_SHA256": current.inputs["run"]}
        write_hazard(out / RASTER, hazard_raster(hazards), crs=items.crs, tags=tags)
        write_bytes(out / STYLE, hazard_style())
    report = _report(found, hazards, items=items, ground=ground, recall=recall)
    report |= {"round": current.name, "inputs": current.inputs}
    report |= {"level": settings.level, "least_probability": least, "manifest_sha256": current.inputs["run"]}
    write_bytes(out / REPORT, json.dumps(report, indent=2, sort_keys=True, allow_nan=False).encode())
    name = name_by(current.inputs, asdict(settings), least)
    write_manifest(out, run_id=name, inputs=current.inputs, model={}, notes=[CAUTION])
    return _in_words(report)


def _items(path: Path, *, least: float) -> _Items:
    """Return each item's most probable sighting that has a place; in a round, of those that nobody rejected."""
    table = read_layer(path, "detections")
    if "state" in table:
        table = table[table["state"] != "rejected"]
    placed = ~(table.geometry.isna() | table.geometry.is_empty).to_numpy(bool)
    likely = placed & (table["probability"].to_numpy(np.float64) >= least)
    table = table[likely].sort_values(["item", "probability"], ascending=[True, False], kind="stable")
    table = table.drop_duplicates("item")
    shapes = np.asarray(table.geometry.array, dtype=object)
    points = np.column_stack([shapely.get_x(shapes), shapely.get_y(shapes)]).astype(np.float64).reshape(-1, 2)
    return _Items(points, table["item"].to_numpy(np.int64), str(table.crs.to_string()), int((~likely).sum()))


def _ground(path: Path) -> SearchedGround:
    table = read_layer(path, "searched_area")
    shapes = np.asarray(table.geometry[table["state"] == "searched"].array, dtype=object)
    return SearchedGround(shapely.union_all(shapely.make_valid(shapes)))


def _recall(path: Path) -> Recall:
    try:
        model = json.loads(path.read_text(encoding="utf-8"))["model"]
        return Recall(float(model["recall"]), *(float(v) for v in model["recall_interval"]))
    except (OSError, KeyError, ValueError, TypeError) as error:
        msg = f"{path}: does not tell the model's recall ({error!r}); run the search again"
        raise InputError(msg) from error


def _report(
    found: tuple[FoundRow, ...], hazards: tuple[Hazard, ...], *, items: _Items, ground: SearchedGround, recall: Recall
) -> dict[str, Any]:
    rows = [
        {
            "members": len(row.members),
            "length_m": row.row.length_m,
            "width_m": 2 * row.row.sigma_m,
            "p_value": row.p_value,
            "spacing_m": row.spacing.metres if row.spacing else None,
            "spacing_interval_m": list(row.spacing.interval) if row.spacing else None,
            "unseen_within": float(hazard.expected[~hazard.beyond].sum()),
            "unseen_beyond": float(hazard.expected[hazard.beyond].sum()),
        }
        for row, hazard in zip(found, hazards, strict=True)
    ]
    return {
        "items": len(items.points),
        "items_left_out": items.left_out,
        "searched_ha": ground.area_m2 / 10_000,
        "recall": [recall.value, recall.low, recall.high],
        "rows": rows,
        "caution": CAUTION,
    }


def _in_words(report: dict[str, Any]) -> str:
    after = "" if report["round"] is None else f" after round {report['round']}"
    lines = [f"{report['items']} items{after} on {report['searched_ha']:.1f} ha searched: {len(report['rows'])} rows"]
    for n, row in enumerate(report["rows"], start=1):
        spacing = "no regular spacing"
        if row["spacing_m"] is not None:
            low, high = row["spacing_interval_m"]
            spacing = f"every {row['spacing_m']:.2f} m ({low:.2f} to {high:.2f})"
        lines.append(
            f"  row {n}: {row['members']} items over {row['length_m']:.0f} m, {spacing}, p = {row['p_value']:.3f}; "
            f"unseen items expected: {row['unseen_within']:.1f} within, {row['unseen_beyond']:.1f} beyond its ends"
        )
    return "\n".join([*lines, report["caution"]])
