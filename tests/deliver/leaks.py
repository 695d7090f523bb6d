"""Read every byte of a folder, packed ones too, for places and names that must not be in it."""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pyogrio
import rasterio
import shapely
from pyproj import Transformer

from tests.deliver.survey_at import CODE, EDGE, NAMES, NOTE, REVIEWER, SOUTH, WEST

MARGIN_M = 50
SYSTEMS = ("EPSG:32638", "EPSG:4326", "EPSG:3857", "EPSG:32637", "EPSG:32639", "EPSG:4284", "EPSG:28408")
"""UTM of this and the neighbouring zones, degrees on two ellipsoids, web maps, Gauss-Krüger."""
WORDS = (REVIEWER, "Doe-Quist", NOTE, "Karimov", *NAMES, *(n[:-4] for n in NAMES), "agdam", "a" * 16, "b" * 16)
_NUMBER = re.compile(rb"\d+(?:\.\d+)?")
_SEXAGESIMAL = re.compile(rb"39\D{1,3}45\D{1,3}[0-9]|45\D{1,3}0?2\D{1,3}1[0-9]")


def forbidden() -> dict[str, tuple[float, float]]:
    """Return the interval of every coordinate of the survey in each system."""
    x, y = np.meshgrid(*(np.linspace(-MARGIN_M, EDGE + MARGIN_M, 9),) * 2)
    spans: dict[str, tuple[float, float]] = {}
    for system in SYSTEMS:
        east, north = Transformer.from_crs(CODE, system, always_xy=True).transform(WEST + x, SOUTH + y)
        spans |= {f"{system} x": (east.min(), east.max()), f"{system} y": (north.min(), north.max())}
    return spans


def leaks(folder: Path) -> set[tuple[str, str]]:
    """Return (file, what was found in it)."""
    spans = forbidden()
    found = set()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        name = path.relative_to(folder).as_posix()
        for content in contents(path):
            found |= {(name, what) for what in _in_bytes(content, spans)}
        found |= {(name, word) for word in WORDS if word.lower() in name.lower()}
    for path in sorted(folder.rglob("*.gdb")):
        found |= {(path.name, what) for content in _geodatabase(path) for what in _in_bytes(content, spans)}
    return found


def contents(path: Path) -> Iterator[bytes]:
    """Yield a file's bytes, and what is packed in it, as deep as it goes."""
    raw = path.read_bytes()
    yield from unpacked(raw)
    if path.suffix == ".parquet":
        table = pyarrow.parquet.read_table(path)
        yield str(table.schema.metadata).encode()
        frame = table.to_pandas()
        yield frame.drop(columns="geometry").to_csv().encode()
        for wkb in frame["geometry"]:
            yield from (wkb, shapely.from_wkb(wkb).wkt.encode())
    if path.suffix == ".tif":
        with rasterio.open(path) as dataset:
            yield str((dataset.profile, dataset.tags(), [dataset.tags(n) for n in dataset.indexes])).encode()
            yield np.array([*dataset.bounds]).tobytes()
    if path.suffix in {".gpkg", ".fgb"}:
        for layer, _ in pyogrio.list_layers(path):
            frame = pyogrio.read_dataframe(path, layer=layer)
            yield frame.to_csv().encode()


def unpacked(raw: bytes) -> Iterator[bytes]:
    """Yield bytes, the members of a zip archive in them, and every zlib stream."""
    yield raw
    if raw[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            yield archive.comment
            for member in archive.infolist():
                yield member.filename.encode() + member.extra + member.comment
                yield from unpacked(archive.read(member))
    for start in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", raw):
        try:
            yield zlib.decompressobj().decompress(raw[start.start() :], 1 << 24)
        except zlib.error:
            continue


def _geodatabase(path: Path) -> Iterator[bytes]:
    for layer, _ in pyogrio.list_layers(path):
        frame = pyogrio.read_dataframe(path, layer=layer)
        yield frame.to_csv().encode()


def _in_bytes(content: bytes, spans: dict[str, tuple[float, float]]) -> Iterator[str]:
    folded = content.lower()
    for word in WORDS:
        if any(word.lower().encode(coding) in folded for coding in ("utf-8", "utf-16-le", "utf-16-be")):
            yield word
    if _SEXAGESIMAL.search(content):
        yield "degrees, minutes and seconds"
    numbers = np.array([float(n[:30]) for n in _NUMBER.findall(content)] or [np.nan])
    yield from _within(numbers, {n: (min(map(abs, s)), max(map(abs, s))) for n, s in spans.items()}, "text")
    for kind in ("<f8", ">f8", "<i4", ">i4", "<f4", ">f4"):
        size = int(kind[2])
        for offset in range(size):
            count = (len(content) - offset) // size
            if count > 0:
                values = np.frombuffer(content, kind, count, offset)
                yield from _within(values, {n: s for n, s in spans.items() if _can_hold(kind, n)}, kind)


def _can_hold(kind: str, coordinate: str) -> bool:
    """Tell whether numbers of a kind are searched for a coordinate; four bytes have too many chance hits in metres."""
    degrees = coordinate[:-2] in {"EPSG:4326", "EPSG:4284"}
    return kind[1:] == "f8" or (kind[1:] == "f4" and degrees) or (kind[1:] == "i4" and coordinate.startswith(CODE))


def _within(values: np.ndarray, spans: dict[str, tuple[float, float]], kind: str) -> Iterator[str]:
    for name, (low, high) in spans.items():
        with np.errstate(invalid="ignore"):
            if ((values >= low) & (values <= high)).any():
                yield f"{name} as {kind}"
