"""The files of a round."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from survey import export
from survey.evidence.groups import GROUP_WORDS, GROUPS
from survey.export.cog import Band
from survey.export.layers import Layer
from survey.risk import UNIDENTIFIED
from survey.rounds.ground import outside_ha
from survey.rounds.known import STATES, Known
from survey.rounds.matching import still_unknown
from survey.rounds.reassess import Reassessed
from survey.rounds.styles import round_styles
from survey.values import HECTARE_EDGE_M, RISK_BANDS

RISK, STYLE, LAYERS, SUMMARY = "risk.tif", "risk.qml", "detections.gpkg", "summary.json"
LIMITS = (
    "Work on the ground lowers the risk of a hectare by what it would have found, and never to nothing. No detection "
    "and no find is not absence of ordnance. Figures of risk are for ordering work, and decide nothing about any piece "
    "of land."
)
_MEANINGS: Mapping[str, tuple[str, str]] = {
    "remaining_items": (
        "per hectare",
        "expected number of items that remain: those found and removed are not among them",
    ),
    "p_remaining": ("probability", "probability that at least one item remains"),
    "remaining_q05": ("per hectare", "5 % quantile of the number of items that remain"),
    "remaining_q95": ("per hectare", "95 % quantile of the number of items that remain"),
    "found_and_removed": ("count", "items found on the ground and removed since the flight"),
}
CHANGE = "change"


@dataclass(frozen=True, slots=True, eq=False)
class Before:
    """What was held to remain before a round."""

    name: str
    """Number of the round, or 'run'."""
    remaining: NDArray[np.float32]
    """Expected items of each cell; NaN where nothing is known."""


def bands_of(round_: Reassessed, before: Before) -> list[Band]:
    """Return the bands behind those of the risk: what remains, and its change since the round before."""
    left = round_.remaining
    bands = [Band(name, *_MEANINGS[name], left[name]) for name in _MEANINGS]
    meaning = f"change of remaining_items since {'the run' if before.name == 'run' else f'round {before.name}'}"
    bands.append(Band("worked_fraction", "share", "share of the cell that people worked on", left["worked_fraction"]))
    bands.append(Band(CHANGE, "per hectare", meaning, left["remaining_items"] - before.remaining))
    for group in GROUPS:
        for name, (unit, text) in _MEANINGS.items():
            key = f"{name}_{group}"
            bands.append(Band(key, unit, f"{text}; {GROUP_WORDS[group]} only", left[key]))
    return bands


def write_round(
    folder: Path,
    known: Known,
    round_: Reassessed,
    *,
    before: Before,
    about: Mapping[str, Any],
    inputs: Mapping[str, str],
) -> dict[str, Any]:
    """Write the files of a round and return its summary.

    Args:
        folder: Empty folder.
        known: What the round was computed from.
        round_: What came of it.
        before: The round before it.
        about: Number, notes and the like, for the summary.
        inputs: SHA-256 of each input by its name.
    """
    basis, bands = known.basis, bands_of(round_, before)
    tags = {"SURVEY_RUN_ID": basis.run_id, "SURVEY_MODEL": basis.model, "SURVEY_ROUND": str(about["round"])}
    export.write_risk(folder / RISK, risk=round_.risk, tags=tags, more=bands)
    export.write_risk_style(folder / STYLE, band=len(RISK_BANDS) + 1 + list(_MEANINGS).index("p_remaining"))
    more = {band.name: band.values for band in bands}
    layers = [
        _sightings(known, round_),
        export.hectare_layer(round_.risk, more=more),
        _worked(known),
        _found(known, round_),
        _missed(known),
    ]
    export.write_geopackage(folder / LAYERS, crs=basis.searched.grid.crs, layers=layers, styles=round_styles())
    summary = dict(about) | _summary(known, round_, before)
    export.write_summary(folder / SUMMARY, summary=summary)
    export.write_project(folder, title=f"survey, round {about['round']:03}")
    export.write_manifest(folder, run_id=basis.run_id, inputs=inputs, model={"card_and_weights": _sha(basis.model)})
    return summary


def _sha(model: str) -> str:
    return model.rpartition("@")[2]


def _sightings(known: Known, round_: Reassessed) -> Layer:
    basis, d = known.basis, known.basis.detections
    verdict = {1: "confirmed", -1: "rejected", 0: ""}
    on_worked = known.ground.kinds_at(d.x, d.y) > 0
    more: dict[str, NDArray[np.generic]] = {
        "state": np.array([STATES[n] for n in round_.state], object),
        "review": np.array([verdict[int(v)] for v in known.verdicts.verdict], object),
        "on_worked_ground": on_worked,
    }
    return export.detection_layer(d, items=basis.items, images=basis.images, run_id=basis.run_id, more=more)


def _worked(known: Known) -> Layer:
    results = known.results
    columns: dict[str, NDArray[np.generic]] = dict(results.area_columns)
    for group in GROUPS:
        recall = [results.qualities[q][group].mean if group in results.qualities[q] else 0.0 for q in results.quality]
        columns[f"recall_{group}"] = np.array(recall, np.float64)
    columns["area_ha"] = shapely.area(results.polygons).astype(np.float64) / HECTARE_EDGE_M**2
    shapes = [g if g.geom_type == "MultiPolygon" else shapely.MultiPolygon([g]) for g in results.polygons.tolist()]
    return Layer("worked_areas", "MultiPolygon", _wkb(shapes), columns)


def _found(known: Known, round_: Reassessed) -> Layer:
    results = known.results
    columns: dict[str, NDArray[np.generic]] = dict(results.find_columns)
    columns["group"] = np.array([GROUPS[g] if g >= 0 else "" for g in results.group], object)
    columns["removed"] = results.removed
    columns["item"] = round_.find_item.astype(np.int64)
    return Layer("items_found", "Point", _wkb(shapely.points(results.x, results.y)), columns)


def _missed(known: Known) -> Layer:
    """Return the items that reviewers saw in the imagery and the search did not."""
    verdicts = known.verdicts
    columns: dict[str, NDArray[np.generic]] = {
        "class": np.array(verdicts.known_class, object),
        "group": np.array([GROUPS[m] if m != UNIDENTIFIED else "" for m in verdicts.known_mark], object),
        "position_error_m": verdicts.known_error_m,
        "found_on_the_ground": ~still_unknown(verdicts, known.results),
    }
    return Layer("missed_items", "Point", _wkb(shapely.points(verdicts.known_xy)), columns)


def _wkb(geometries: Sequence[Any] | NDArray[np.object_]) -> NDArray[np.object_]:
    return np.asarray(shapely.to_wkb(np.asarray(geometries, dtype=np.object_)), dtype=np.object_)


def _summary(known: Known, round_: Reassessed, before: Before) -> dict[str, Any]:
    basis, results, risk = known.basis, known.results, round_.risk
    grid, left = basis.searched.grid, round_.remaining
    edge = HECTARE_EDGE_M
    bounds = (grid.x_min, grid.y_max - grid.rows * edge, grid.x_min + grid.cols * edge, grid.y_max)
    change = left["remaining_items"] - before.remaining
    counts = known.verdicts.counts
    belief = round_.belief
    return {
        "run_id": basis.run_id,
        "hectares": int(np.isfinite(risk.expected_items).sum()),
        "worked_ha": float(np.nansum(left["worked_fraction"], dtype=np.float64)),
        "worked_outside_the_run_ha": outside_ha(results.polygons, bounds=bounds),
        "expected_items": _total(risk.expected_items),
        "remaining_items": _total(left["remaining_items"]),
        "found_and_removed": int(_total(left["found_and_removed"])),
        "by_group": {
            group: {
                "expected_items": _total(getattr(risk, f"expected_items_{group}")),
                "remaining_items": _total(left[f"remaining_items_{group}"]),
                "found_and_removed": int(_total(left[f"found_and_removed_{group}"])),
            }
            for group in GROUPS
        },
        "highest_p_remaining": _highest(left["p_remaining"]),
        "change": {
            "since": before.name,
            "remaining_items": _total(change),
            "hectares": int((np.abs(change) > 0).sum()),
        },
        "sightings_and_finds": round_.facts,
        "review": {
            "decisions": known.verdicts.decisions,
            "drawn_tiles_reviewed": sum(s.reviewed for s in counts.strata) if counts is not None else 0,
        },
        "belief": {
            "recall": belief.recall,
            "recall_beta": [belief.found, belief.missed],
            "false_alarms_per_ha": belief.false_alarms_per_ha,
            "parameters": asdict(belief),
        },
        "unknown_classes": dict(results.unknown_classes),
        "layers": {name: report.as_dict() for name, report in results.reports.items()},
        "limits": LIMITS,
    }


def _total(values: NDArray[np.float32]) -> float:
    return float(np.nansum(values, dtype=np.float64))


def _highest(values: NDArray[np.float32]) -> float | None:
    return float(np.nanmax(values)) if np.isfinite(values).any() else None
