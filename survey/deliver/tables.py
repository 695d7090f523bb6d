"""What an export takes: the vector layers of a finished run and of what was made from it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataSourceError

from survey.errors import InputError
from survey.export import MANIFEST, Layer, verify_manifest
from survey.files import sha256_of
from survey.rounds.current import Current, current_of, run_of

IDS: Mapping[str, str] = {
    "detections": "detection_id",
    "hectares": "cell",
    "cells": "cell",
    "images": "image_id",
    "work_areas": "work_area",
    "candidates": "candidate",
}
"""Column by layer that names a feature; features of other layers are numbered."""
_KINDS = {
    "patterns.json": "patterns",
    "priority.json": "priority",
    "evidence.json": "evidence",
    "candidates.gpkg": "candidates",
}
"""Folder of an export by a file that tells what was made."""

Column = NDArray[np.generic]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One vector layer."""

    folder: str
    """Of the export: '' for the run's own products."""
    file: str
    """GeoPackage that it is from, or belongs in."""
    name: str
    crs: str
    geometry: NDArray[np.object_]
    """(N,) shapely geometries or None."""
    columns: Mapping[str, Column]
    """Arrays of shape (N,)."""

    def __len__(self) -> int:
        return len(self.geometry)

    @property
    def ids(self) -> tuple[str, ...]:
        """A name for each feature."""
        column = self.columns.get(IDS.get(self.name, ""))
        if column is None:
            return tuple(f"{self.name}-{n + 1}" for n in range(len(self)))
        return tuple(str(value) for value in column)

    def take(self, index: NDArray[np.intp], *, geometry: NDArray[np.object_] | None = None) -> "Table":
        """Return some features, with other geometries if given."""
        chosen = self.geometry[index] if geometry is None else geometry
        return replace(self, geometry=chosen, columns={name: c[index] for name, c in self.columns.items()})

    def layer(self) -> Layer:
        """Return it as a layer to be written; lines, points and polygons keep to one kind."""
        kinds = {shape.geom_type for shape in self.geometry if shape is not None}
        kind = next(iter(kinds)) if len(kinds) == 1 else "MultiPolygon" if kinds else "Point"
        shapes = self.geometry
        if kind == "MultiPolygon" and "Polygon" in kinds:
            shapes = np.array([shapely.MultiPolygon([s]) if s.geom_type == "Polygon" else s for s in shapes], object)
        wkb = np.asarray(shapely.to_wkb(shapes), dtype=object)
        return Layer(self.name, kind, wkb, self.columns)


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """A finished run and what was made from it."""

    products: Path
    extras: Mapping[str, Path]
    """Other folders by the name of theirs in an export."""
    tables: tuple[Table, ...]
    summary: Mapping[str, Any]
    run_id: str
    manifest_sha256: str
    changed: tuple[str, ...]
    """What differs from the run's manifest."""
    current: Current | None = None
    """The run with its round; None for a folder that only has products of the same names."""

    @property
    def round_folder(self) -> Path | None:
        """Folder of the round whose risk and sightings leave, if there is one."""
        return None if self.current is None or self.current.round is None else self.current.folder

    @property
    def inputs(self) -> dict[str, str]:
        """SHA-256 of the manifests of what leaves."""
        return {"run": self.manifest_sha256} if self.current is None else self.current.inputs

    def sources(self, folder: str, file: str) -> tuple[Path, ...]:
        """Return the files that a GeoPackage of the export is from: the run's, and the round's over it."""
        own = self.extras.get(folder, self.products) / file
        of_round = None if folder or self.round_folder is None else self.round_folder / file
        return tuple(path for path in (own, of_round) if path is not None and path.is_file())

    def table(self, name: str, *, folder: str = "") -> Table | None:
        """Return a layer, or None if there is none."""
        return next((t for t in self.tables if (t.name, t.folder) == (name, folder)), None)


def read_finished(run: Path, *, extras: Sequence[Path] = (), number: int | None = None) -> Finished:
    """Read a run's products, or a folder with products of the same names, and other folders.

    Args:
        run: Folder of the run, of one of its rounds, or with such products.
        extras: Other folders.
        number: Of the round; 0 is the run before any, None the latest. Its layers take the place of the run's.

    Raises:
        InputError: The run is not finished, a file of it cannot be read, or two folders hold the same kind.
    """
    current = current_of(run, number) if (run_of(run) / "products").is_dir() else None
    products = run if current is None else current.products
    if not (products / MANIFEST).is_file():
        msg = f"{run}: is no finished run; run `survey run ... --out {run}` to its end"
        raise InputError(msg)
    try:
        summary = json.loads((products / "summary.json").read_bytes())
        run_id = str(json.loads((products / MANIFEST).read_bytes())["run_id"])
    except (OSError, ValueError, KeyError) as error:
        msg = f"{products}: summary or manifest cannot be read ({error!r}); run the search again"
        raise InputError(msg) from error
    named: dict[str, Path] = {}
    for folder in extras:
        if not folder.is_dir():
            msg = f"{folder}: no such folder; name one that patterns, prioritise, candidates or evidence wrote"
            raise InputError(msg)
        name = next((kind for file, kind in _KINDS.items() if (folder / file).is_file()), folder.resolve().name)
        if name in named:
            msg = f"{folder}: holds {name} like {named[name]}; name one of them"
            raise InputError(msg)
        named[name] = folder
    of_round = [] if current is None or current.round is None else _tables(current.folder, "")
    newer = {(t.file, t.name) for t in of_round}
    tables = [t for t in _tables(products, "") if (t.file, t.name) not in newer]
    tables = sorted([*tables, *of_round], key=lambda t: (t.file, t.name))
    tables += [t for folder, path in named.items() for t in _tables(path, folder)]
    if not any(t.name == "detections" and not t.folder for t in tables):
        msg = f"{products}: has no detections.gpkg with a layer 'detections'; run the search again"
        raise InputError(msg)
    changed = verify_manifest(products)
    if of_round and current is not None and current.round is not None:
        summary |= {"round": dict(current.round.summary)}
    return Finished(products, named, tuple(tables), summary, run_id, sha256_of(products / MANIFEST), changed, current)


def _tables(path: Path, folder: str) -> list[Table]:
    found = []
    for file in sorted(path.glob("*.gpkg")):
        try:
            names = [str(name) for name, kind in pyogrio.list_layers(file) if kind is not None]
            frames = [pyogrio.read_dataframe(file, layer=name) for name in names]
        except DataSourceError as error:
            msg = f"{file}: cannot be read ({error}); make it again"
            raise InputError(msg) from error
        for name, frame in zip(names, frames, strict=True):
            if frame.crs is None or not frame.crs.is_projected:
                msg = f"{file}: layer {name} has no projected CRS; make it again"
                raise InputError(msg)
            columns = {str(c): _plain(frame[c]) for c in frame.columns if c != frame.geometry.name}
            crs = ":".join(frame.crs.to_authority(min_confidence=100) or ()) or frame.crs.to_wkt()
            found.append(Table(folder, file.name, name, crs, np.asarray(frame.geometry.array, dtype=object), columns))
    return found


def _plain(values: Any) -> Column:
    """Return a column of numbers, or of text."""
    if values.dtype.kind in "iufb":
        return np.asarray(values.to_numpy())
    return np.array(["" if none else str(v) for v, none in zip(values, values.isna(), strict=True)], dtype=object)
