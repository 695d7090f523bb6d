"""What a rule looks at: a finished run and, if given, evidence and patterns, as they lie in their folders."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import rasterio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.errors import RasterioIOError
from rasterio.windows import Window, intersect

from survey.errors import InputError
from survey.export import MANIFEST
from survey.files import sha256_of
from survey.values import HectareGrid

Array = NDArray[np.float64]


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

    grid: HectareGrid
    risk: Mapping[str, Array]
    """Bands of risk.tif by name, NaN in hectares that nobody flew."""
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
    hashes: Mapping[str, str]
    """SHA-256 of each input's manifest or file, by name."""


def read_inputs(run: Path, *, evidence: Path | None, patterns: Path | None, row_items_per_ha: float) -> Inputs:
    """Read a finished run and what goes with it.

    Args:
        run: Folder of a finished run.
        evidence: Folder written by `survey evidence`; its layers count where it covers the run.
        patterns: Folder written by `survey patterns` of this run.
        row_items_per_ha: Density from which a place of a row counts.

    Raises:
        InputError: A folder is not what it should be, the CRS differ, or the patterns are of another run.
    """
    products = run / "products"
    if not (products / MANIFEST).is_file():
        msg = f"{run}: is no finished run; run `survey run ... --out {run}` to its end"
        raise InputError(msg)
    grid, bands = _raster(products / "risk.tif")
    hashes = {"run": sha256_of(products / MANIFEST)}
    place, probability, verdict = _items(products / "detections.gpkg")
    kept = verdict >= 0
    layers: tuple[Layer, ...] = ()
    if evidence is not None:
        layers = _layers(evidence, grid)
        hashes["evidence"] = sha256_of(evidence / MANIFEST)
    rows = shapely.Polygon()
    if patterns is not None:
        rows = _rows(patterns, run_sha=hashes["run"], least=row_items_per_ha)
        hashes["patterns"] = sha256_of(patterns / "patterns.json")
    ground = _table(products / "detections.gpkg", "searched_area")
    searched = shapely.union_all(shapely.make_valid(np.asarray(ground.geometry[ground["state"] == "searched"].array)))
    return Inputs(
        grid=grid,
        risk=bands,
        searched=searched,
        place=place[kept],
        probability=probability[kept],
        confirmed=verdict[kept] > 0,
        rejected=int((~kept).sum()),
        layers=layers,
        row_cells=rows,
        hashes=hashes,
    )


def _items(path: Path) -> tuple[Array, Array, NDArray[np.int8]]:
    """Return place, probability and verdict of each item's most probable sighting.

    One confirmed sighting confirms its item; an item is rejected where a sighting is and none is confirmed.
    """
    table = _table(path, "detections")
    table = table[~(table.geometry.isna() | table.geometry.is_empty)]
    if "verdict" not in table:
        table["verdict"] = ""
    told = table["verdict"].fillna("").astype(str)
    table["mark"] = np.where(told == "confirmed", 1, np.where(told == "rejected", -1, 0))
    best = table.sort_values(["item", "probability"], ascending=[True, False], kind="stable").drop_duplicates("item")
    marks = table.groupby("item")["mark"].agg(["max", "min"]).loc[best["item"]]
    verdict = np.where(marks["max"] > 0, 1, np.where(marks["min"] < 0, -1, 0)).astype(np.int8)
    shapes = np.asarray(best.geometry.array, dtype=object)
    place = np.column_stack([shapely.get_x(shapes), shapely.get_y(shapes)]).astype(np.float64).reshape(-1, 2)
    return place, best["probability"].to_numpy(np.float64), verdict


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


def _raster(path: Path) -> tuple[HectareGrid, dict[str, Array]]:
    try:
        with rasterio.open(path) as dataset:
            bands = dataset.read(masked=True).astype(np.float64).filled(np.nan)
            names = [name or "" for name in dataset.descriptions]
            crs, t = dataset.crs.to_string(), dataset.transform
            grid = HectareGrid(crs, round(t.c), round(t.f), dataset.height, dataset.width)
    except RasterioIOError as error:
        msg = f"{path}: cannot be read ({error}); make it again"
        raise InputError(msg) from error
    return grid, dict(zip(names, bands, strict=True))


def _table(path: Path, layer: str) -> Any:
    try:
        return pyogrio.read_dataframe(path, layer=layer)
    except (DataSourceError, DataLayerError) as error:
        msg = f"{path}: layer {layer} cannot be read ({error}); run the search again"
        raise InputError(msg) from error
