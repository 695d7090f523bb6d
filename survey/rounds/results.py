"""What people did and found on the ground, read from files of any CRS."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.errors import ConfigError
from survey.evidence.groups import GROUPS, VERDICTS
from survey.evidence.terms import Beta
from survey.evidence.vectors import VectorReport, Vectors, read_vectors
from survey.rounds.config import Found, ResultsConfig, Worked, load_results
from survey.values import HECTARE_EDGE_M, HectareGrid

_NAMED = 5
BEFORE = "dated before the flight, which saw the ground afterwards (evidence takes earlier clearance)"


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """Areas and items in the CRS of the run."""

    polygons: NDArray[np.object_]
    """(A,) areas worked on."""
    quality: NDArray[np.intp]
    """(A,) place of each area's quality in `qualities`."""
    area_columns: Mapping[str, NDArray[np.object_]]
    """(A,) layer, source, method, depth, date."""
    qualities: tuple[Mapping[str, Beta], ...]
    """Recall by group of each layer and method; other groups are not looked for."""
    x: NDArray[np.float64]
    """(F,) of the items found."""
    y: NDArray[np.float64]
    group: NDArray[np.intp]
    """(F,) place in `ORDNANCE_GROUPS`; -1 where the class is of no known group."""
    removed: NDArray[np.bool_]
    position_error_m: NDArray[np.float64]
    """(F,) of place and georeference together."""
    find_columns: Mapping[str, NDArray[np.object_]]
    """(F,) layer, source, class, condition, date."""
    reports: Mapping[str, VectorReport]
    """What became of each layer's rows."""
    unknown_classes: Mapping[str, int]
    """Classes of items found that no group is named for, with their number."""
    inputs: Mapping[str, Path]
    """Every file that was read, by name."""


def read_results(paths: Sequence[Path], *, grid: HectareGrid) -> Results:
    """Read all layers of some results files.

    Args:
        paths: Files like `configs/results.yaml`.
        grid: Of the run: what does not touch it is counted as outside.

    Raises:
        ConfigError: A file does not fit, or two of them use one name for a layer.
        InputError: A layer cannot be read.
    """
    worked: list[_Rows] = []
    found: list[_Rows] = []
    inputs: dict[str, Path] = {}
    reports: dict[str, VectorReport] = {}
    for path in paths:
        config = load_results(path)
        inputs[_free(path.name, inputs)] = path
        for entry in config.layers:
            if entry.name in reports:
                msg = f"{path}: layer '{entry.name}' is in another results file too; names tell layers apart"
                raise ConfigError(msg)
            inputs[f"{entry.name}: {Path(entry.path).name}"] = Path(entry.path)
            rows = _read(entry, config, grid)
            reports[entry.name] = rows.vectors.report
            (worked if isinstance(entry, Worked) else found).append(rows)
    return _joined(worked, found, reports=reports, inputs=inputs)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    entry: Worked | Found
    vectors: Vectors
    days: NDArray[np.object_]
    georeference_error_m: float

    def text(self, column: str | None) -> NDArray[np.object_]:
        """Return a column as text; empty where there is none."""
        if column is None:
            return np.full(len(self.days), "", object)
        return np.array(["" if _missing(v) else str(v) for v in self.vectors.columns[column]], object)


def _read(entry: Worked | Found, config: ResultsConfig, grid: HectareGrid) -> _Rows:
    """Return the rows of a layer that are dated and not before the flight."""
    edge = HECTARE_EDGE_M
    bounds = (grid.x_min, grid.y_max - grid.rows * edge, grid.x_min + grid.cols * edge, grid.y_max)
    vectors = read_vectors(entry, crs=grid.crs, bounds=bounds, columns=entry.columns)
    if isinstance(entry, Found):  # a point on the far edge belongs to the neighbour of the last cell
        xy = shapely.get_coordinates(vectors.geometry)
        row, col = grid.cells_of(xy[:, 0], xy[:, 1])
        inside = (row >= 0) & (row < grid.rows) & (col >= 0) & (col < grid.cols)
        vectors.report.outside += int((~inside).sum())
        vectors = _kept(vectors, inside)
    if entry.date_column is None:
        days = np.full(len(vectors.geometry), entry.date, object)
    else:
        days = np.array([_day(v, entry.date) for v in vectors.columns[entry.date_column]], object)
    unread = np.array([day is None for day in days], bool)
    early = np.array([day is not None and day < config.flown for day in days], bool)
    for reason, where in ((f"{entry.date_column} is no day such as 2025-07-31", unread), (BEFORE, early)):
        if where.any():
            vectors.report.set_aside[reason] = int(where.sum())
            vectors.report.examples[reason] = [int(fid) for fid in vectors.fids[where][:_NAMED]]
    keep = ~(unread | early)
    vectors = _kept(vectors, keep)
    vectors.report.used = len(vectors.geometry)
    return _Rows(entry, vectors, days[keep], config.georeference_error_m)


def _kept(vectors: Vectors, keep: NDArray[np.bool_]) -> Vectors:
    columns = {name: values[keep] for name, values in vectors.columns.items()}
    return Vectors(vectors.geometry[keep], columns, vectors.report, vectors.fids[keep])


def _day(value: Any, otherwise: date) -> date | None:
    """Return a row's day; None where it cannot be read."""
    if _missing(value):
        return otherwise
    text = str(value).strip()[:10].replace("/", "-")
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _missing(value: Any) -> bool:
    return value is None or value != value or str(value).strip() in {"", "NaT", "nan", "None"}  # noqa: PLR0124 - NaN


def _joined(
    worked: Sequence[_Rows], found: Sequence[_Rows], *, reports: dict[str, VectorReport], inputs: dict[str, Path]
) -> Results:
    qualities: list[Mapping[str, Beta]] = []
    quality: list[int] = []
    for rows in worked:
        assert isinstance(rows.entry, Worked)
        place: dict[str, int] = {}
        for method in rows.text(rows.entry.method_column).tolist():
            known = method if method in rows.entry.methods else ""
            if known not in place:
                place[known] = len(qualities)
                qualities.append(rows.entry.methods.get(known, rows.entry.recall))
            quality.append(place[known])
    classes, group, gone = [], [], []
    for rows in found:
        assert isinstance(rows.entry, Found)
        own = rows.text(rows.entry.class_column).tolist()
        classes += own
        group += [GROUPS.index(rows.entry.groups[c]) if c in rows.entry.groups else -1 for c in own]
        condition = rows.text(rows.entry.condition_column).tolist()
        gone += [rows.entry.condition_column is None or c in rows.entry.removed for c in condition]
    errors = [float(np.hypot(getattr(r.entry, "position_error_m", 0.0), r.georeference_error_m)) for r in found]
    unknown = [c for c, g in zip(classes, group, strict=True) if g < 0]
    points = shapely.get_coordinates(np.concatenate([r.vectors.geometry for r in found] or [np.empty(0, object)]))
    return Results(
        polygons=np.concatenate([r.vectors.geometry for r in worked] or [np.empty(0, object)]),
        quality=np.array(quality, np.intp),
        area_columns=_columns(worked, method="method_column", depth="depth_column"),
        qualities=tuple(qualities),
        x=points[:, 0],
        y=points[:, 1],
        group=np.array(group, np.intp),
        removed=np.array(gone, bool),
        position_error_m=np.repeat(np.array(errors, np.float64), [len(r.days) for r in found]),
        find_columns=_columns(found, type="class_column", condition="condition_column"),
        reports=reports,
        unknown_classes={_said(name): unknown.count(name) for name in sorted(set(unknown))},
        inputs=inputs,
    )


def _columns(layers: Sequence[_Rows], **more: str) -> dict[str, NDArray[np.object_]]:
    """Return columns of text of all layers together, among them those that the layers' keys name."""
    parts: dict[str, list[str]] = {name: [] for name in ("layer", "source", "date", *more)}
    for rows in layers:
        parts["layer"] += [rows.entry.name] * len(rows.days)
        parts["source"] += [rows.entry.source] * len(rows.days)
        parts["date"] += [day.isoformat() for day in rows.days]
        for name, key in more.items():
            parts[name] += rows.text(getattr(rows.entry, key)).tolist()
    return {name: np.array([_said(text) for text in values], object) for name, values in parts.items()}


def _said(text: str) -> str:
    """Return a file's text without what would read as a release of land: such words are not for us to repeat."""
    return VERDICTS.sub("…", text)


def _free(name: str, taken: Mapping[str, Path]) -> str:
    """Return a name that no input has yet."""
    number = 2
    free = name
    while free in taken:
        free = f"{name} ({number})"
        number += 1
    return free
