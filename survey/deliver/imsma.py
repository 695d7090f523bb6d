"""Evidence and candidate areas in the shape of IMSMA's forms: a File Geodatabase and CSV, in WGS 84."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyogrio
import pyogrio.raw
import shapely
from numpy.typing import NDArray

from survey.deliver.mapping import ImsmaConfig, mapped
from survey.deliver.tables import Table
from survey.deliver.tablets import middles, to_lonlat
from survey.files import OWNER_FILE, OWNER_FOLDER, make_folder, temporary_beside, write_bytes
from survey.risk.groups import GROUP_OF_CLASS

GEODATABASE = "imsma.gdb"
MEANS = "remote visual"
_NOT_REVIEWED = "candidate, not reviewed"
_DETAILS = "seen from the air by a model, a candidate for people to judge"

Column = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Provenance:
    """What every row says of where it is from."""

    run_id: str
    survey_date: str
    """Last day of the flights; '' if it was not told."""
    places: bool
    """Whether coordinates may be written."""
    error_m: float = 0.0
    """Error that was added to every place, in metres."""


def write_imsma(folder: Path, tables: Sequence[Table], *, config: ImsmaConfig, origin: Provenance) -> dict[str, int]:
    """Write imsma.gdb and a CSV for each of its layers; return their rows.

    Without places there are only the CSV files, without coordinates.

    Args:
        folder: Folder to write into.
        tables: Among them `items`, `ground`, `patterns` and `candidates`, as far as there are any.
        config: Fields of the form.
        origin: Of all rows.

    Raises:
        ConfigError: The mapping names columns that there are not.
    """
    make_folder(folder)
    places = origin.places and config.geo_safe != "no"
    written = {}
    layers: dict[str, tuple[dict[str, Column], NDArray[np.object_]]] = {}
    for name, fields, made in (
        ("evidence_points", config.evidence_points, _evidence(tables, config, origin)),
        ("hazardous_areas", config.hazardous_areas, _areas(tables, config, origin)),
    ):
        if made is None:
            continue
        rows, geometry = made
        if not places:
            rows = {**rows, "lat": _empty(rows), "lon": _empty(rows), "gps_accuracy": _empty(rows)}
            rows["geo_safe"] = np.array(["no"] * len(geometry), dtype=object)
        columns = mapped(rows, fields, where=name)
        layers[name] = (columns, geometry)
        written[name] = len(geometry)
        table = pd.DataFrame(columns)
        if places:
            table["wkt"] = shapely.to_wkt(geometry, rounding_precision=7)
        write_bytes(folder / f"{name}.csv", table.to_csv(index=False, lineterminator="\n").encode())
    if places:
        _write_geodatabase(folder / GEODATABASE, layers)
    return written


def _evidence(
    tables: Sequence[Table], config: ImsmaConfig, origin: Provenance
) -> tuple[dict[str, Column], NDArray[np.object_]]:
    """Return evidence as points in longitude and latitude."""
    parts = [_of_items(t) for t in tables if t.name == "items"] + [_of_ground(t) for t in tables if t.name == "ground"]
    parts += [_of_rows(t) for t in tables if t.name == "patterns"]
    frame = pd.concat([part for part, _ in parts], ignore_index=True)
    geometry = np.concatenate([shapes for _, shapes in parts])
    likely = ~(frame["probability"] < config.least_probability) & ~(frame["area_m2"] < config.least_ground_m2)
    kept = (frame["kind"].isin(config.kinds) & likely).to_numpy(bool)
    frame, geometry = frame[kept].reset_index(drop=True), geometry[kept]
    frame["means"] = MEANS
    return _with_origin(frame, geometry, config=config, origin=origin, kind="EV"), geometry


def _areas(
    tables: Sequence[Table], config: ImsmaConfig, origin: Provenance
) -> tuple[dict[str, Column], NDArray[np.object_]] | None:
    """Return candidate areas as polygons in longitude and latitude; None if none were proposed."""
    found = next((t for t in tables if t.name == "candidates"), None)
    if found is None:
        return None
    frame = pd.DataFrame(dict(found.columns))
    frame["source_id"] = found.ids
    frame["area_ha"] = shapely.area(found.geometry) / 10_000
    frame["details"] = [f"{basis}; {_DETAILS}" for basis in frame["basis"]] if "basis" in frame else _DETAILS
    frame["gps_accuracy"] = origin.error_m
    geometry = to_lonlat(found.geometry, found.crs)
    middle = to_lonlat(middles(found), found.crs)
    return _with_origin(frame, middle, config=config, origin=origin, kind="HA"), geometry


def _with_origin(
    frame: pd.DataFrame, points: NDArray[np.object_], *, config: ImsmaConfig, origin: Provenance, kind: str
) -> dict[str, Column]:
    xy = shapely.get_coordinates(points)
    frame = frame.assign(
        id=[f"{config.organisation}-{kind}-{origin.run_id[:8]}-{n + 1:04d}" for n in range(len(frame))],
        org=config.organisation,
        survey_date=origin.survey_date,
        geo_safe=config.geo_safe,
        lat=xy[:, 1],
        lon=xy[:, 0],
        run_id=origin.run_id,
    )
    return {
        str(c): frame[c].to_numpy() if frame[c].dtype.kind in "iuf" else np.array(frame[c].astype(str), dtype=object)
        for c in frame.columns
    }


def _of_items(table: Table) -> tuple[pd.DataFrame, NDArray[np.object_]]:
    columns = table.columns
    classes = [str(name) for name in columns["class"]]
    verdict = columns.get("status")
    p, seen = np.asarray(columns["probability"], np.float64), columns["sightings"]
    frame = pd.DataFrame(
        {
            "source_id": columns.get("detection_id", np.array(table.ids, dtype=object)),
            "kind": ["anomaly" if name == "anomaly" else "ordnance" for name in classes],
            "class": classes,
            "group": [GROUP_OF_CLASS.get(name, "") for name in classes],
            "probability": p,
            "area_m2": np.nan,
            "gps_accuracy": np.round(np.asarray(columns["position_error_m"], np.float64), 3),
            "details": [
                f"{c}, probability {v:.2f}, {n} sighting{'' if n == 1 else 's'}; {_DETAILS}"
                for c, v, n in zip(classes, p, seen, strict=True)
            ],
            "status": [_NOT_REVIEWED] * len(p) if verdict is None else [str(v) or _NOT_REVIEWED for v in verdict],
            "model": columns.get("model", np.array([""] * len(p), dtype=object)),
            "image": columns.get("image", np.array([""] * len(p), dtype=object)),
            "sightings": seen,
        }
    )
    return frame, to_lonlat(table.geometry, table.crs)


def _of_ground(table: Table) -> tuple[pd.DataFrame, NDArray[np.object_]]:
    kinds, size = table.columns["kind"], np.asarray(table.columns["area_m2"], np.float64)
    return _plain(
        table,
        source_id=[f"ground-{cell}-{kind}" for cell, kind in zip(table.columns["cell"], kinds, strict=True)],
        kind=list(kinds),
        area_m2=size,
        gps_accuracy=np.asarray(table.columns["radius_m"], np.float64),
        details=[
            f"{k.replace('_', ' ')}, {a:.0f} m2 in one hectare; {_DETAILS}" for k, a in zip(kinds, size, strict=True)
        ],
    ), to_lonlat(table.geometry, table.crs)


def _of_rows(table: Table) -> tuple[pd.DataFrame, NDArray[np.object_]]:
    middle = middles(table)
    reach = np.asarray(shapely.hausdorff_distance(table.geometry, middle), np.float64)
    details = [f"row of {n} items; {_DETAILS}" for n in table.columns["members"]]
    ids = [f"row-{pattern}" for pattern in table.columns["pattern"]]
    frame = _plain(table, source_id=ids, kind=["row"] * len(table), area_m2=np.nan, gps_accuracy=reach, details=details)
    return frame, to_lonlat(middle, table.crs)


def _plain(table: Table, **columns: object) -> pd.DataFrame:
    """Return rows of evidence that is no single item."""
    rest = {"class": "", "group": "", "probability": np.nan, "status": _NOT_REVIEWED, "model": "", "image": ""}
    return pd.DataFrame({**columns, **rest, "sightings": 0}, index=range(len(table)))


def _empty(rows: Mapping[str, Column]) -> Column:
    return np.full(len(rows["id"]), np.nan)


@contextmanager
def _reproducible() -> Iterator[None]:
    """Let GDAL number a geodatabase's tables instead of drawing names: the same run gives the same bytes."""
    before = pyogrio.get_gdal_config_option("OPENFILEGDB_REPRODUCIBLE_UUID")
    pyogrio.set_gdal_config_options({"OPENFILEGDB_REPRODUCIBLE_UUID": "YES"})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OPENFILEGDB_REPRODUCIBLE_UUID": before})


def _write_geodatabase(path: Path, layers: Mapping[str, tuple[dict[str, Column], NDArray[np.object_]]]) -> None:
    temporary = temporary_beside(path)
    shutil.rmtree(path, ignore_errors=True)
    try:
        with _reproducible():
            for name, (columns, geometry) in layers.items():
                areas = name == "hazardous_areas"
                shapes = [shapely.MultiPolygon(shapely.get_parts(g).tolist()) for g in geometry] if areas else geometry
                pyogrio.raw.write(
                    temporary,
                    np.asarray(shapely.to_wkb(np.asarray(shapes, dtype=object)), dtype=object),
                    field_data=list(columns.values()),
                    fields=np.array(list(columns), dtype=object),
                    layer=name,
                    driver="OpenFileGDB",
                    geometry_type="MultiPolygon" if areas else "Point",
                    crs="EPSG:4326",
                    nan_as_null=True,
                )
        temporary.chmod(OWNER_FOLDER)
        for file in temporary.iterdir():
            file.chmod(OWNER_FILE)
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
