"""The steps of a trace that belong to a place: its ground, its hectare, and the files that say so."""

import hashlib

import numpy as np
import rasterio
import shapely
from rasterio.errors import RasterioIOError
from rasterio.windows import Window

from survey.errors import InputError
from survey.evidence.explain import Section
from survey.export import MANIFEST
from survey.export.manifest import listed_products
from survey.files import sha256_of
from survey.provenance.finished import FinishedRun
from survey.values import HECTARE_EDGE_M, ORDNANCE_GROUPS, GroundCode

_GROUND = {
    GroundCode.SEARCHED: "searched, no disturbance seen",
    GroundCode.CRATER: "searched, looks like a crater",
    GroundCode.TRENCH: "searched, looks like a trench",
    GroundCode.DISTURBED_SOIL: "searched, looks like disturbed soil",
}


def ground(run: FinishedRun, x: float, y: float) -> Section:
    """Return what became of the ground at a place."""
    path = run.products / "disturbance.tif"
    sha256 = str(run.manifest["products"]["disturbance.tif"]["sha256"])
    with rasterio.open(path) as dataset:
        row, col = dataset.index(x, y)
        code = int(dataset.read(1, window=Window(col, row, 1, 1))[0, 0])
    table = run.layer("searched_area")
    holds = table[(table["state"] != "searched") & table.geometry.covers(shapely.Point(x, y))]
    reasons = sorted(set(holds["reason"]))
    state = _GROUND.get(GroundCode(code) if code in set(GroundCode) else GroundCode.NOT_FLOWN)
    words = (
        state if state is not None else "; ".join(f"not searched: {r}" for r in reasons) or "not flown or not searched"
    )
    lines = (f"{words}", f"disturbance.tif, SHA-256 {sha256} in the manifest")
    return Section("Ground", lines, {"code": code, "state": words, "sha256": sha256})


def cell(run: FinishedRun, x: float, y: float) -> Section:
    """Return the risk of the hectare that holds a place, band by band.

    Raises:
        InputError: risk.tif cannot be read.
    """
    grid = run.grid
    rows, cols = grid.cells_of(np.array([x]), np.array([y]))
    row, col = min(int(rows[0]), grid.rows - 1), min(int(cols[0]), grid.cols - 1)
    name = f"E{grid.x_min + col * HECTARE_EDGE_M}N{grid.y_max - (row + 1) * HECTARE_EDGE_M}"
    current = run.current
    path, sha256 = current.risk, listed_products(current.folder)["risk.tif"]
    try:
        with rasterio.open(path) as dataset:
            values = dataset.read(window=Window(col, row, 1, 1), masked=True)
            names, units = dataset.descriptions, dict(zip(dataset.descriptions, dataset.units, strict=True))
    except RasterioIOError as error:
        msg = f"{path}: cannot be read ({error}); run `survey run` again"
        raise InputError(msg) from error
    bands = {n: None if np.ma.is_masked(v) else float(v[0, 0]) for n, v in zip(names, values, strict=True)}
    numbers = {"cell": name, "row": row, "col": col, "bands": bands, "sha256": sha256}
    numbers["round"] = current.name
    source = f"risk.tif of {current.words}, SHA-256 {sha256} in the manifest"
    if bands["p_at_least_one"] is None:
        return Section("Hectare", (f"{name} ({grid.crs}): nobody flew it, so nothing is said of it", source), numbers)
    groups = {n for n in bands if n.rpartition("_")[2] in ORDNANCE_GROUPS}
    lines = [f"{name} ({grid.crs})"]
    lines += [
        f"{n} {'nodata' if v is None else format(v, '.4g')} ({units[n]})" for n, v in bands.items() if n not in groups
    ]
    by_group = ", ".join(f"{g} {bands[f'expected_items_{g}']:.3g}" for g in ORDNANCE_GROUPS)
    return Section("Hectare", (*lines, f"expected items by group: {by_group}", source), numbers)


def vouched(run: FinishedRun) -> Section:
    """Return whether the files that a trace goes through are those of the manifest."""
    lines, numbers = [], {}
    for name in ("detections.gpkg", "risk.tif", "disturbance.tif", "summary.json"):
        recorded = str(run.manifest["products"][name]["sha256"])
        path = run.products / name
        now = sha256_of(path) if path.is_file() else None
        state = "unchanged" if now == recorded else "missing" if now is None else "changed since the run"
        lines.append(f"{name}: {state}")
        numbers[name] = {"recorded": recorded, "now": now}
    for name, recorded in listed_products(run.current.folder).items() if run.current.round is not None else ():
        path = run.current.folder / name
        now = sha256_of(path) if path.is_file() else None
        numbers[f"{run.current.words}: {name}"] = {"recorded": recorded, "now": now}
    if run.current.round is not None:
        lines.append(f"{run.current.words}: unchanged, or it would have been refused")
    content = hashlib.sha256((run.products / MANIFEST).read_bytes()).hexdigest()
    lines.append(f"{MANIFEST}, SHA-256 {content}")
    return Section("Manifest", tuple(lines), {"files": numbers, "manifest_sha256": content})
