"""A table of cells: features, and where they are known labels and places."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyproj
from numpy.typing import NDArray

from survey.errors import ConfigError, InputError
from survey.prior.config import PriorConfig
from survey.prior.context import Context, contexts, surroundings
from survey.prior.history import HISTORY, history

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """N labelled cells with a place."""

    features: Array
    """(N, K) as `feature_values` returns them; NaN is unknown."""
    label: NDArray[np.bool_]
    places: Array
    """(N, 2) x and y as in the file."""
    x_km: Array
    """(N,) in an equal-area projection around the cells' middle."""
    y_km: Array
    named_block: NDArray[np.str_] | None
    """(N,) values of the column that names blocks."""
    left_out: int
    """Rows without a label, a place or a block."""
    repeated: int
    """Cells at the very place of an earlier one; they count each."""

    def squares(self, edge_km: float) -> NDArray[np.str_]:
        """Return the name of the square that each cell lies in, counted from the cells' south-west corner."""
        east, north = self.x_km - self.x_km.min(), self.y_km - self.y_km.min()
        pair = zip(np.floor(east / edge_km), np.floor(north / edge_km), strict=True)
        return np.array([f"{x:.0f} {y:.0f}" for x, y in pair], np.str_)

    def blocks(self, edge_km: float) -> NDArray[np.str_]:
        """Return the block of each cell: the named one, or a square."""
        return self.squares(edge_km) if self.named_block is None else self.named_block


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which features to make of a table."""

    features: tuple[str, ...]
    log: tuple[str, ...]
    context: tuple[Context, ...]
    x: str
    y: str
    crs: str
    placed: bool
    """Whether places are needed even without context."""
    known: Array | None = None
    """(M, 2) x and y of contaminated ground that `HISTORY` is measured to; None leaves it unknown."""


def groups_of(config: PriorConfig) -> dict[str, tuple[str, ...]]:
    """Return the names of features by group, with those made here as the groups `context` and `history`."""
    made = {"context": tuple(c.name for c in contexts(config.context, config.context_km))} if config.context else {}
    past = {"history": (HISTORY,)} if config.history else {}
    return {**config.features, **made, **past}


def columns_of(config: PriorConfig, groups: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return the features of some groups, or of all.

    Raises:
        ConfigError: There is no such group.
    """
    known = groups_of(config)
    for group in known if groups is None else groups:
        if group not in known:
            msg = f"sets, baseline: there is no group {group} in features; it has {', '.join(known)}"
            raise ConfigError(msg)
    return tuple(dict.fromkeys(name for group in (known if groups is None else groups) for name in known[group]))


def check_columns(config: PriorConfig) -> None:
    """Refuse settings that contradict themselves.

    Raises:
        ConfigError: No features; the label among them; `log`, `monotone` or `context` name other columns.
    """
    names = tuple(name for group in config.features.values() for name in group)
    for made in ("context", "history"):
        if made in config.features:
            msg = f"features: {made} is the name of the group made from the key {made}; name yours otherwise"
            raise ConfigError(msg)
    if not names:
        msg = "features: names no columns; give groups such as {distance: [road_m, river_m]}"
        raise ConfigError(msg)
    if config.label in names:
        msg = f"features: {config.label} is the label; what is to be told cannot be told from"
        raise ConfigError(msg)
    for key, used in (("log", config.log), ("monotone", tuple(config.monotone)), ("context", config.context)):
        if unknown := [name for name in used if name not in names]:
            msg = f"{key}: {unknown[0]} is no column of features"
            raise ConfigError(msg)


def read_frame(path: Path) -> "pd.DataFrame":
    """Read a CSV file.

    Raises:
        InputError: It cannot be read.
    """
    try:
        return pd.read_csv(path)
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}); check the path"
        raise InputError(msg) from error
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        msg = f"{path}: is not a CSV table ({error}); save it as CSV in UTF-8 with a line of column names"
        raise InputError(msg) from error


def numbers(frame: "pd.DataFrame", names: Sequence[str], *, path: Path) -> Array:
    """Return columns as (N, K) numbers, NaN where a cell of the table is empty.

    Raises:
        InputError: A column is missing, or holds something other than finite numbers.
    """
    for name in names:
        if name not in frame.columns:
            near = difflib.get_close_matches(name, [str(c) for c in frame.columns], n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            msg = f"{path}: has no column {name}{hint}"
            raise InputError(msg)
    out = np.empty((len(frame), len(names)))
    for k, name in enumerate(names):
        values = pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64, na_value=np.nan)
        wrong = (np.isnan(values) & frame[name].notna().to_numpy(bool)) | np.isinf(values)
        if wrong.any():
            row = int(np.argmax(wrong))
            msg = f"{path}: line {row + 2}: {name} is {frame[name].iloc[row]}, not a finite number; mend or empty it"
            raise InputError(msg)
        out[:, k] = values
    return out


def feature_values(frame: "pd.DataFrame", wanted: Wanted, *, path: Path) -> tuple[Array, Array, Array]:
    """Return (N, K) features as in the file or from the cells around, ready for a scorer, and x and y in kilometres.

    Args:
        frame: The table.
        wanted: What to make of it.
        path: For errors.

    Raises:
        InputError: A column is missing or does not hold numbers, or places are not on the globe.
        ConfigError: The CRS is not known.
    """
    made = {c.name: c for c in wanted.context}
    own = (n for n in wanted.features if n not in made and n != HISTORY)
    needed = tuple(dict.fromkeys([*own, *(c.column for c in made.values())]))
    read = numbers(frame, needed, path=path)
    for k, name in enumerate(needed):
        if name in wanted.log:
            if np.nanmin(np.append(read[:, k], 0.0)) < 0:
                msg = f"{path}: {name} has negative values, of which there is no ln(1 + value); mend them or `log`"
                raise InputError(msg)
            read[:, k] = np.log1p(read[:, k])
    columns = dict(zip(needed, read.T, strict=True))
    x_km = y_km = np.full(len(frame), np.nan)
    past = np.full(len(frame), np.nan)
    if wanted.placed or made or HISTORY in wanted.features:
        x, y = numbers(frame, (wanted.x, wanted.y), path=path).T
        known = np.empty((0, 2)) if wanted.known is None else wanted.known
        x_km, y_km, known_km = _kilometres(x, y, known, crs=wanted.crs, path=path)
        past = history(np.column_stack([x_km, y_km]), known_km)
    around = surroundings(wanted.context, columns, x_km, y_km)
    columns |= {c.name: values for c, values in zip(wanted.context, around.T, strict=True)} | {HISTORY: past}
    return np.column_stack([columns[name] for name in wanted.features]), x_km, y_km


def read_table(path: Path, *, config: PriorConfig, known: Array | None = None) -> Table:
    """Read labelled cells; rows without a label or a place are set aside and counted.

    Args:
        path: The table.
        config: Settings.
        known: (M, 2) x and y of contaminated ground that is known beside the table; None leaves `HISTORY` unknown.

    Raises:
        InputError: The table lacks a column, holds what is no number, or has labels other than 0 and 1.
    """
    frame = read_frame(path)
    context = contexts(config.context, config.context_km)
    wanted = Wanted(columns_of(config), config.log, context, config.x, config.y, config.crs, placed=True, known=known)
    features, x_km, y_km = feature_values(frame, wanted, path=path)
    label = numbers(frame, (config.label,), path=path)[:, 0]
    if config.no_label is not None:
        label[label == config.no_label] = np.nan
    odd = ~(np.isnan(label) | (label == 0) | (label == 1))
    if odd.any():
        row = int(np.argmax(odd))
        msg = f"{path}: line {row + 2}: {config.label} is {label[row]:g}; a label is 0, 1, empty or no_label"
        raise InputError(msg)
    kept = np.isfinite(label) & np.isfinite(x_km) & np.isfinite(y_km)
    block = None
    if config.block_column is not None:
        if config.block_column not in frame.columns:
            msg = f"{path}: has no column {config.block_column}; name another with block_column, or null for squares"
            raise InputError(msg)
        kept &= frame[config.block_column].notna().to_numpy(bool)
        block = np.array([str(v) for v in frame[config.block_column][kept]], np.str_)
    if not kept.any():
        msg = f"{path}: no row has a label and a place; fill {config.label}, {config.x} and {config.y}"
        raise InputError(msg)
    places = numbers(frame, (config.x, config.y), path=path)[kept]
    repeated = len(places) - len(np.unique(places, axis=0))
    lost = int((~kept).sum())
    return Table(features[kept], label[kept] == 1, places, x_km[kept], y_km[kept], block, lost, repeated)


def _kilometres(x: Array, y: Array, known: Array, *, crs: str, path: Path) -> tuple[Array, Array, Array]:
    """Return places, and (M, 2) known ones, in an equal-area projection around the middle of the places."""
    try:
        to_lonlat = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    except pyproj.exceptions.CRSError as error:
        msg = f"crs: {crs} is not known; give an authority's code such as EPSG:4326"
        raise ConfigError(msg) from error
    placed = np.isfinite(x) & np.isfinite(y)
    east, north = np.full(len(x), np.nan), np.full(len(x), np.nan)
    if not placed.any():
        return east, north, np.empty((0, 2))
    lon, lat = to_lonlat.transform(x[placed], y[placed])
    if not (np.isfinite(lon).all() and np.isfinite(lat).all() and (np.abs(lat) <= 90).all()):
        msg = f"{path}: places do not lie on the globe in {crs}; check the columns of x and y, and crs"
        raise InputError(msg)
    local = f"+proj=laea +lat_0={np.median(lat):.6f} +lon_0={np.median(lon):.6f} +units=km"
    to_local = pyproj.Transformer.from_crs("EPSG:4326", local, always_xy=True)
    east[placed], north[placed] = to_local.transform(lon, lat)
    known_km = np.column_stack(to_local.transform(*to_lonlat.transform(*known.T))) if len(known) else known
    return east, north, known_km
