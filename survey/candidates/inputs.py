"""What a rule looks at: a finished run and, if given, evidence and patterns, as they lie in their folders."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.errors import RasterioIOError
from rasterio.windows import Window, intersect

from survey.candidates.reviewed import read_review
from survey.errors import InputError
from survey.evidence.write import PRIOR
from survey.export import MANIFEST, read_hectares, read_layer
from survey.files import sha256_of
from survey.rounds import known as rounds
from survey.rounds.current import Current, current_of
from survey.rounds.taken import TakenEvidence
from survey.values import HectareGrid

Array = NDArray[np.float64]
UNREVIEWED, CONFIRMED, REJECTED = (rounds.STATES[n] for n in (rounds.UNREVIEWED, rounds.CONFIRMED, rounds.REJECTED))
FOUND_STATES = (rounds.STATES[rounds.REMOVED], rounds.STATES[rounds.STILL_THERE])


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One layer of evidence on the run's hectares."""

    name: str
    kind: str
    direct: bool
    items_per_ha: Array
    """(rows, cols) expected items that it adds, all groups together."""
    notable: float
    """Density from which it counts for its class."""


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Everything in metres of the run's CRS. K items."""

    round: str | None
    """Number of the round; None for the run before any."""
    grid: HectareGrid
    risk: Mapping[str, Array]
    """Bands of risk.tif by name, NaN in hectares that nobody flew; in a round, of what remains."""
    searched: Any
    """Polygon or several of the searched ground."""
    place: Array
    """(K, 2) of the best sighting of each item, rejected ones left out."""
    probability: Array
    confirmed: NDArray[np.bool_]
    rejected: int
    """Items that review rejected."""
    layers: tuple[Layer, ...]
    row_cells: Any
    """Places along laid rows that hold enough, as a polygon or several; empty if there are none."""
    risk_took: bool | None
    """Whether the risk was computed with the evidence that is looked at; None if it was computed with none."""
    hashes: Mapping[str, str]
    """SHA-256 of each input's manifest or file, by name."""


def read_inputs(
    path: Path,
    *,
    evidence: Path | None,
    patterns: Path | None,
    review: Path | None,
    row_items_per_ha: float,
    number: int | None = None,
) -> Inputs:
    """Read a finished run and what goes with it.

    Args:
        path: Folder of a finished run, or of one of its rounds. In a round, risk is what remains.
        evidence: Folder written by `survey evidence`; its layers count where it covers the run.
        patterns: Folder written by `survey patterns` of this run.
        review: `review.sqlite`, or what `survey review --export` wrote; it counts instead of the round's verdicts.
        row_items_per_ha: Density from which a place of a row counts.
        number: Of the round; 0 is the run before any, None the latest.

    Raises:
        InputError: A folder is not what it should be, the CRS differ, or the patterns are of another run.
    """
    current = current_of(path, number)
    grid, bands = read_hectares(current.risk)
    bands |= {name: bands[current.band(name)] for name in bands if current.band(name) in bands}
    hashes = current.inputs
    place, probability, verdict = _items(current, review)
    if review is not None:
        hashes["review"] = sha256_of(review)
    kept = verdict >= 0
    layers: tuple[Layer, ...] = ()
    if evidence is not None:
        layers = _layers(evidence, grid)
        hashes["evidence"] = sha256_of(evidence / MANIFEST)
    rows = shapely.Polygon()
    if patterns is not None:
        rows = _rows(patterns, run_sha=hashes["run"], least=row_items_per_ha)
        hashes["patterns"] = sha256_of(patterns / "patterns.json")
    ground = read_layer(current.products / "detections.gpkg", "searched_area")
    searched = shapely.union_all(shapely.make_valid(np.asarray(ground.geometry[ground["state"] == "searched"].array)))
    return Inputs(
        round=current.name,
        grid=grid,
        risk=bands,
        searched=searched,
        place=place[kept],
        probability=probability[kept],
        confirmed=verdict[kept] > 0,
        rejected=int((~kept).sum()),
        layers=layers,
        row_cells=rows,
        risk_took=_risk_took(current, evidence),
        hashes=hashes,
    )


def _risk_took(current: Current, evidence: Path | None) -> bool | None:
    taken = TakenEvidence.of(current.folder)
    return None if taken is None else evidence is not None and sha256_of(evidence / PRIOR) == taken.sha256


def _items(current: Current, review: Path | None) -> tuple[Array, Array, NDArray[np.int8]]:
    """Return place, probability and verdict of each item's best sighting, then of items that only people saw.

    As everywhere: one confirmed sighting confirms its item; an item is rejected where a sighting is and none is
    confirmed. What people found on the ground is confirmed, removed or not: it is evidence of what was laid there.
    """
    table = read_layer(current.layers, "detections")
    table = table[~(table.geometry.isna() | table.geometry.is_empty)]
    state = table["state"].to_numpy(object) if "state" in table else np.full(len(table), UNREVIEWED, object)
    found = np.isin(state, FOUND_STATES)
    judged = np.where(state == CONFIRMED, 1, np.where(state == REJECTED, -1, 0))
    people = [] if current.round is None else [_found_elsewhere(current)]
    if review is not None:
        decided = read_review(review, table)
        judged = decided.verdict.astype(np.int64)
        people.append(decided.missed)
    elif current.round is not None:
        people.append(_places(read_layer(current.layers, "missed_items")))
    table["mark"] = np.where(found, 1, judged)
    best = table.sort_values(["item", "probability"], ascending=[True, False], kind="stable").drop_duplicates("item")
    marks = table.groupby("item")["mark"].agg(["max", "min"]).loc[best["item"]]
    verdict = np.where(marks["max"] > 0, 1, np.where(marks["min"] < 0, -1, 0)).astype(np.int8)
    missed = np.concatenate([np.empty((0, 2)), *people])
    place = np.concatenate([_places(best), missed])
    probability = np.concatenate([best["probability"].to_numpy(np.float64), np.ones(len(missed))])
    return place, probability, np.concatenate([verdict, np.ones(len(missed), np.int8)])


def _found_elsewhere(current: Current) -> Array:
    """Return the places of items found on the ground that no sighting is of."""
    table = read_layer(current.layers, "items_found")
    return _places(table[table["item"] < 0])


def _places(table: Any) -> Array:
    shapes = np.asarray(table.geometry.array, dtype=object)
    return np.column_stack([shapely.get_x(shapes), shapely.get_y(shapes)]).astype(np.float64).reshape(-1, 2)


def _layers(folder: Path, grid: HectareGrid) -> tuple[Layer, ...]:
    """Return the layers of evidence that speak of a hazard, on the run's hectares; 0 where they do not reach."""
    try:
        record = json.loads((folder / "evidence.json").read_bytes())
    except OSError as error:
        msg = f"{folder}: is no folder of `survey evidence` ({error.strerror})"
        raise InputError(msg) from error
    bands = _on(grid, folder / "contributions.tif")
    entries = {entry["name"]: entry for entry in record["settings"]["layers"]}
    notable = float(record["settings"]["notable_items_per_ha"])
    layers = []
    for name in record["order"]:
        ranked = record["classes"][name]
        if ranked is None:  # speaks of absence
            continue
        density = np.sum([bands[f"{name}:{group}"] for group in record["groups"]], axis=0)
        layers.append(Layer(name, entries[name]["kind"], ranked == "direct", density, notable))
    return tuple(layers)


def _on(grid: HectareGrid, path: Path) -> dict[str, Array]:
    """Return the bands of a raster of hectares on the run's grid, 0 where it does not reach."""
    try:
        with rasterio.open(path) as dataset:
            if dataset.crs.to_string() != grid.crs:
                msg = (
                    f"{path}: is in {dataset.crs.to_string()}, the run in {grid.crs}; make it --like products/risk.tif"
                )
                raise InputError(msg)
            col, row = ~dataset.transform * (grid.x_min, grid.y_max)
            window = Window(round(col), round(row), grid.cols, grid.rows)
            if not intersect([window, Window(0, 0, dataset.width, dataset.height)]):
                msg = f"{path}: covers no hectare of the run; make it --like products/risk.tif"
                raise InputError(msg)
            bands = dataset.read(window=window, boundless=True, fill_value=0).astype(np.float64)
            return dict(zip(dataset.descriptions, bands, strict=True))
    except RasterioIOError as error:
        msg = f"{path}: cannot be read ({error}); make it again"
        raise InputError(msg) from error


def _rows(folder: Path, *, run_sha: str, least: float) -> Any:
    """Return the cells of rows with at least so many expected unseen items per hectare."""
    report = folder / "patterns.json"
    try:
        told = json.loads(report.read_bytes())
    except OSError as error:
        msg = f"{folder}: is no folder of `survey patterns` ({error.strerror})"
        raise InputError(msg) from error
    if told["manifest_sha256"] != run_sha:
        msg = f"{report}: is of another run, or of this one before it changed; run `survey patterns` again"
        raise InputError(msg)
    raster = folder / "patterns.tif"
    if not raster.exists():
        return shapely.Polygon()
    with rasterio.open(raster) as dataset:
        hazard = dataset.read(1, masked=True).filled(0.0)
        row, col = np.nonzero(hazard >= least)
        west, north = dataset.transform * (col, row)
        east, south = dataset.transform * (col + 1, row + 1)
    return shapely.union_all(shapely.box(west, south, east, north))
