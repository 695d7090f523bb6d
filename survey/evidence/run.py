"""`survey evidence`: from a configuration to a folder with the prior, its contributions and a report."""

import glob
import hashlib
import json
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import pyproj
import rasterio
from pyproj.exceptions import CRSError
from rasterio.errors import RasterioIOError

from survey.errors import ConfigError, GeoreferenceError, InputError, OutputError
from survey.evidence.config import Craters, EvidenceConfig, load_evidence
from survey.evidence.duds import DudRate
from survey.evidence.evaluate import Evaluation
from survey.evidence.groups import GROUPS
from survey.evidence.layers import Prepared
from survey.evidence.stored import RECORD
from survey.evidence.write import CLASSES, CONTRIBUTIONS, PRIOR, Totals, write_prior
from survey.export.manifest import write_manifest
from survey.files import make_folder, sha256_of, write_bytes
from survey.values import HectareGrid

REPORT = "report.json"
_OWN = {PRIOR, CONTRIBUTIONS, CLASSES, RECORD, REPORT, "MANIFEST.json"}
EXIT_INCOMPLETE = 3


@dataclass(frozen=True, slots=True)
class EvidenceResult:
    """What became of it."""

    folder: Path
    lines: tuple[str, ...]
    """What people should know, first of all what was not used."""
    exit_code: int
    """0, or 3 if a layer had no usable feature although it has rows near."""


def grid_from(
    *, like: Path | None = None, bounds: tuple[float, float, float, float] | None = None, crs: str | None = None
) -> HectareGrid:
    """Return the hectare grid over a raster or over bounds (x_min, y_min, x_max, y_max).

    Raises:
        ConfigError: Neither or both are given, or the CRS is not a projected one in metres.
        InputError: The raster cannot be read.
    """
    if (like is None) == (bounds is None):
        msg = "the area: give either --like RASTER, or --bounds with --crs"
        raise ConfigError(msg)
    if like is not None:
        try:
            with rasterio.open(like) as dataset:
                if dataset.crs is None:
                    msg = f"{like}: has no CRS; name a raster that has, or give --bounds and --crs"
                    raise GeoreferenceError(msg)
                own = pyproj.CRS.from_wkt(dataset.crs.to_wkt())
                bounds = tuple(dataset.bounds)
        except RasterioIOError as error:
            msg = f"{like}: cannot be read as a raster ({error}); name one, or give --bounds and --crs"
            raise InputError(msg) from error
        authority = own.to_authority(min_confidence=70)
        crs = ":".join(authority) if authority else own.to_wkt()
    if crs is None:
        msg = "--bounds: give the CRS of the bounds as --crs, such as EPSG:32633"
        raise ConfigError(msg)
    try:
        own = pyproj.CRS.from_user_input(crs)
    except CRSError as error:
        msg = f"--crs {crs}: is no CRS; give a code such as EPSG:32633"
        raise ConfigError(msg) from error
    if not own.is_projected or own.axis_info[0].unit_name not in {"metre", "meter"}:
        msg = f"--crs {crs[:40]}: hectares need a projected CRS in metres, such as the UTM zone; give one of them"
        raise ConfigError(msg)
    assert bounds is not None
    if not (all(map(isfinite, bounds)) and bounds[0] < bounds[2] and bounds[1] < bounds[3]):
        msg = f"--bounds {bounds}: expected X_MIN Y_MIN X_MAX Y_MAX in metres of {crs[:40]}"
        raise ConfigError(msg)
    return HectareGrid.covering(crs=crs, bounds=bounds)


def run_evidence(path: Path, out: Path, *, grid: HectareGrid) -> EvidenceResult:
    """Evaluate a configuration over a grid and write prior, contributions, classes, record, report and manifest.

    Args:
        path: The YAML.
        out: Folder: new, empty, or of this command, which is then replaced.
        grid: Cells of 1 ha.

    Raises:
        ConfigError: The configuration does not fit.
        InputError: A layer's file is missing or is no vector file.
        OutputError: The folder holds something else.
    """
    config = load_evidence(path)
    _refuse_foreign(out)
    evaluation = Evaluation.of(config, grid)
    make_folder(out)
    (out / "MANIFEST.json").unlink(missing_ok=True)  # vouches for the other files, so it goes first and comes last
    inputs = {f"{layer.entry.name}: {Path(layer.entry.path).name}": _digest(layer) for layer in evaluation.layers}
    settings = _settings(config)
    run_id = _run_id(settings, inputs, grid)
    totals = write_prior(out, evaluation, tags={"SURVEY_EVIDENCE_ID": run_id})
    _write_json(out / RECORD, _record(evaluation, settings, run_id))
    _write_json(out / REPORT, _report(evaluation, totals))
    write_manifest(out, run_id=run_id, inputs=inputs, model={})
    lines, complete = _told(evaluation, totals)
    return EvidenceResult(out, lines, 0 if complete else EXIT_INCOMPLETE)


def _refuse_foreign(out: Path) -> None:
    if out.is_dir() and (foreign := sorted({p.name for p in out.iterdir() if not p.name.startswith(".")} - _OWN)):
        msg = f"{out}: holds {foreign[0]}, which is not of `survey evidence`; name a new or empty folder"
        raise OutputError(msg)


def _digest(layer: Prepared) -> str:
    """Return the hash of a layer's file, of all files of a shapefile, or of all in a folder."""
    path = Path(layer.entry.path)
    if path.suffix.lower() == ".shp":
        return sha256_of(*sorted(path.parent.glob(f"{glob.escape(path.stem)}.*")))
    return sha256_of(path) if path.is_file() else sha256_of(*sorted(p for p in path.rglob("*") if p.is_file()))


def _settings(config: EvidenceConfig) -> dict[str, Any]:
    """Return the configuration for JSON, with file names in the place of paths."""
    values = config.model_dump(mode="json")
    for entry in values["layers"]:
        entry["path"] = Path(entry["path"]).name
    return values


def _run_id(settings: dict[str, Any], inputs: dict[str, str], grid: HectareGrid) -> str:
    decisive = {"settings": settings, "inputs": inputs, "grid": _grid(grid)}
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:16]


def _grid(grid: HectareGrid) -> dict[str, Any]:
    return {"crs": grid.crs, "x_min": grid.x_min, "y_max": grid.y_max, "rows": grid.rows, "cols": grid.cols}


def _record(evaluation: Evaluation, settings: dict[str, Any], run_id: str) -> dict[str, Any]:
    """Return what is needed to explain a cell later."""
    return {
        "version": 1,
        "id": run_id,
        "grid": _grid(evaluation.grid),
        "groups": list(GROUPS),
        "order": [layer.entry.name for layer in evaluation.layers],
        "classes": {layer.entry.name: evaluation.config.class_of(layer.entry) for layer in evaluation.layers},
        "settings": settings,
    }


def _report(evaluation: Evaluation, totals: Totals) -> dict[str, Any]:
    """Return what was read and what came of it, in numbers."""
    layers = {}
    for layer in evaluation.layers:
        entry = layer.entry
        layers[entry.name] = {
            "kind": entry.kind,
            "file": Path(entry.path).name,
            "evidence": evaluation.config.class_of(entry),
            "geometries": layer.report.as_dict(),
            "change_of_expected_items": totals.change[entry.name],
        }
        if isinstance(entry, Craters):
            layers[entry.name]["craters"] = _craters(entry, layer.points)
    return {
        "area_ha": evaluation.grid.rows * evaluation.grid.cols,
        "expected_items": totals.expected,
        "cells_by_evidence": dict(zip(("none", "indirect", "direct"), totals.cells_by_class, strict=True)),
        "layers": layers,
    }


def _craters(entry: Craters, craters: float) -> dict[str, float]:
    """Return the duds that a layer's craters stand for, with the 90 % interval that the dud rate alone gives."""
    rate = DudRate(entry.dud_rate.mean, entry.dud_rate.strength)
    real = craters / entry.seen
    return {
        "craters": craters,
        "duds": real * rate.per_crater,
        "duds_q05": rate.quantile(0.05, craters=real),
        "duds_q95": rate.quantile(0.95, craters=real),
    }


def _told(evaluation: Evaluation, totals: Totals) -> tuple[tuple[str, ...], bool]:
    """Return a line for each layer and one for the whole, and whether every layer could be used."""
    lines, complete = [], True
    for layer in evaluation.layers:
        report = layer.report
        reasons = [f"{n} {reason}" for reason, n in report.set_aside.items()]
        reasons += [f"{n} {reason} (repaired)" for reason, n in report.repaired.items()]
        reasons += [f"the reader says: {remark}" for remark in report.reader]
        if not report.rows:
            reasons.append("nothing in the file, or nothing that layer and where leave of it")
        if report.outside:
            reasons.append(f"{report.outside} too far from the area")
        if report.outside_but_swapped:
            reasons.append(f"{report.outside_but_swapped} of them would lie in it with their axes swapped")
        lines.append(
            f"{layer.entry.name}: {report.used} of {report.rows} rows used; {'; '.join(reasons) or 'all well'}"
        )
        if not report.used and not report.outside:
            complete = False
            why = "none of its rows could be used" if report.rows else "it has no row"
            lines.append(f"{layer.entry.name}: HAS NO EFFECT, for {why}")
    items = ", ".join(f"{group} {totals.expected[group]:.4g}" for group in GROUPS)
    lines.append(f"expected items over {evaluation.grid.rows * evaluation.grid.cols} ha: {items}")
    return tuple(lines), complete


def _write_json(path: Path, content: dict[str, Any]) -> None:
    write_bytes(path, json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n")
