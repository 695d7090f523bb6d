"""KMZ and GPX for tablets and handsets, in longitude and latitude."""

import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import pyogrio.raw
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from survey.deliver.tables import Table
from survey.export.palette import (
    DETECTION_COLOUR,
    NOT_SEARCHED_COLOUR,
    OUTLINE_COLOUR,
    RISK_RAMP,
    ROW_COLOUR,
    WORK_AREA_COLOUR,
    rgb_of,
)
from survey.files import replacing

MOST_CELLS = 5000
"""Hectares that a tablet draws; of larger surveys only the rest is put into the KMZ."""
CAUTION = "Candidates from imagery for people to judge. No detection is not absence."
_FOLDERS = (
    ("items", "Candidate items, not confirmed", DETECTION_COLOUR),
    ("candidates", "Candidate areas, not confirmed", DETECTION_COLOUR),
    ("patterns", "Candidate rows, not confirmed", ROW_COLOUR),
    ("work_areas", "Work areas", WORK_AREA_COLOUR),
    ("searched_area", "Ground that was not searched", NOT_SEARCHED_COLOUR),
    ("hectares", "Model risk per hectare", OUTLINE_COLOUR),
    ("cells", "Model risk per cell", OUTLINE_COLOUR),
)
_TOLD = (
    frozenset({"class", "probability", "size_m", "position_error_m", "sightings", "kind", "basis", "area_ha"})
    | {"method", "expected_items", "p_at_least_one", "searched_fraction", "members", "length_m", "spacing_m"}
    | {"reason", "completion"}
)
"""Columns in a description: what helps on the ground."""


def to_lonlat(geometry: NDArray[np.object_], crs: str) -> NDArray[np.object_]:
    """Return geometries in longitude and latitude, to a centimetre."""
    transform = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)

    def turned(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.round(np.column_stack(transform.transform(xy[:, 0], xy[:, 1])), 7)

    return np.asarray(shapely.transform(geometry, turned), dtype=object)


def middles(table: Table) -> NDArray[np.object_]:
    """Return a point for each feature, computed on the projected plane: its centroid, if that lies inside it."""
    found = np.asarray(shapely.centroid(table.geometry), dtype=object)
    areas = np.isin(shapely.get_type_id(table.geometry), (3, 6))
    outside = areas & ~shapely.intersects(table.geometry, found)
    found[outside] = shapely.point_on_surface(table.geometry[outside])
    return found


def write_kmz(path: Path, tables: Sequence[Table]) -> tuple[str, ...]:
    """Write a folder for each layer that is of use on the ground, with icons inside; return what was left out."""
    root = ET.Element("kml", xmlns="http://www.opengis.net/kml/2.2")
    document = ET.SubElement(root, "Document")
    ET.SubElement(document, "name").text = "survey"
    ET.SubElement(document, "description").text = CAUTION
    left_out = []
    for name, title, colour in _FOLDERS:
        _style(document, name, colour)
        for table in (t for t in tables if t.name == name and not (t.name == "hectares" and t.folder)):
            if len(table) > MOST_CELLS and name in {"hectares", "cells"}:
                left_out.append(f"survey.kmz: {len(table)} {name} are too many for a tablet")
                continue
            folder = ET.SubElement(document, "Folder")
            ET.SubElement(folder, "name").text = title
            for mark in _marks(table):
                folder.append(mark)
    ET.indent(root, space="")
    content: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        archive.writestr(zipfile.ZipInfo("doc.kml"), content, zipfile.ZIP_DEFLATED)  # dated 1980
        archive.writestr(zipfile.ZipInfo("icons/item.png"), _icon(DETECTION_COLOUR), zipfile.ZIP_STORED)
    return tuple(left_out)


def write_gpx(path: Path, tables: Sequence[Table]) -> None:
    """Write a waypoint for each item, candidate area and work area."""
    points, rows = [], []
    for table in tables:
        if table.name in {"items", "candidates", "work_areas"} and len(table):
            points.append(to_lonlat(middles(table), table.crs))
            rows += [(_label(table, n), _words(table, n), table.name.replace("_", " ")) for n in range(len(table))]
    geometry = np.asarray(shapely.to_wkb(np.concatenate([np.empty(0, object), *points])), dtype=object)
    texts = [np.array([row[k] for row in rows], dtype=object) for k in range(3)]
    with replacing(path) as temporary:
        pyogrio.raw.write(
            temporary,
            geometry,
            field_data=texts,
            fields=np.array(["name", "desc", "type"], dtype=object),
            layer="waypoints",
            driver="GPX",
            geometry_type="Point",
            crs="EPSG:4326",
        )


def _marks(table: Table) -> Iterator[ET.Element]:
    shapes = to_lonlat(table.geometry, table.crs)
    state = table.columns.get("state") if table.name == "searched_area" else None
    for n, shape in enumerate(shapes):
        if state is not None and state[n] == "searched":
            continue
        mark = ET.Element("Placemark")
        if table.name not in {"hectares", "cells", "searched_area"}:
            ET.SubElement(mark, "name").text = _label(table, n)
        ET.SubElement(mark, "description").text = _words(table, n)
        ET.SubElement(mark, "styleUrl").text = f"#{table.name}"
        if table.name in {"hectares", "cells"}:
            _risk_fill(mark, float(table.columns["p_at_least_one"][n]))
        mark.append(_geometry(shape))
        yield mark


def _label(table: Table, n: int) -> str:
    """Return a short name for a small screen."""
    if table.name == "items":
        return f"C{n + 1} {table.columns['class'][n]}"
    if table.name == "work_areas" and "rank" in table.columns:
        return f"work area {table.columns['rank'][n]}"
    return f"{table.name.rstrip('s').replace('_', ' ')} {n + 1}"


def _words(table: Table, n: int) -> str:
    said = []
    for name, values in table.columns.items():
        value = values[n]
        if name in _TOLD and value not in {"", None} and not (isinstance(value, np.floating) and np.isnan(value)):
            said.append(f"{name.replace('_', ' ')}: {value if isinstance(value, str) else f'{value:.3g}'}")
    return "; ".join([*said, "candidate, not confirmed"] if table.name != "work_areas" else said)


def _style(document: ET.Element, name: str, colour: str) -> None:
    style = ET.SubElement(document, "Style", id=name)
    icon = ET.SubElement(style, "IconStyle")
    ET.SubElement(ET.SubElement(icon, "Icon"), "href").text = "icons/item.png"
    line = ET.SubElement(style, "LineStyle")
    ET.SubElement(line, "color").text = _abgr(colour, 255)
    ET.SubElement(line, "width").text = "2"
    ET.SubElement(ET.SubElement(style, "PolyStyle"), "fill").text = "0"


def _risk_fill(mark: ET.Element, p: float) -> None:
    colours = np.array([rgb_of(colour) for _, colour in RISK_RAMP], float)
    rgb = [int(np.interp(p, [v for v, _ in RISK_RAMP], colours[:, k]).round()) for k in range(3)]
    style = ET.SubElement(mark, "Style")
    line = ET.SubElement(style, "LineStyle")
    ET.SubElement(line, "color").text = _abgr(OUTLINE_COLOUR, 160)
    ET.SubElement(ET.SubElement(style, "PolyStyle"), "color").text = _abgr("#{:02X}{:02X}{:02X}".format(*rgb), 120)


def _geometry(shape: Any) -> ET.Element:
    parts = shapely.get_parts(shape)
    if len(parts) != 1:
        several = ET.Element("MultiGeometry")
        several.extend(_geometry(part) for part in parts)
        return several
    part = parts[0]
    if part.geom_type == "Polygon":
        polygon = ET.Element("Polygon")
        rings = [("outerBoundaryIs", part.exterior), *(("innerBoundaryIs", ring) for ring in part.interiors)]
        for kind, ring in rings:
            ET.SubElement(ET.SubElement(ET.SubElement(polygon, kind), "LinearRing"), "coordinates").text = _listed(ring)
        return polygon
    element = ET.Element("Point" if part.geom_type == "Point" else "LineString")
    ET.SubElement(element, "coordinates").text = _listed(part)
    return element


def _listed(shape: Any) -> str:
    return " ".join(f"{x:.7f},{y:.7f}" for x, y in shapely.get_coordinates(shape))


def _abgr(colour: str, alpha: int) -> str:
    red, green, blue = rgb_of(colour)
    return f"{alpha:02x}{blue:02x}{green:02x}{red:02x}"


def _icon(colour: str) -> bytes:
    """Return a hollow circle as PNG: handsets are offline, so the icon travels along."""
    red, green, blue = rgb_of(colour)
    image = np.zeros((48, 48, 4), np.uint8)
    cv2.circle(image, (24, 24), 18, (blue, green, red, 255), 5, cv2.LINE_AA)
    return bytes(cv2.imencode(".png", image)[1].tobytes())
