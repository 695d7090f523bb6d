"""A QGIS project over a folder of products, written without QGIS.

Sources are relative, so that the folder can move. What QGIS 3.22 was found to need: ids of ten characters or more, the
CRS as WKT, the renderer inside the project (a file's own style is not used there), and `ProjectionsEnabled`.
"""

import sqlite3
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import rasterio
from pyproj import CRS

from survey.export.symbols import QGIS_VERSION
from survey.files import replacing

PROJECT = "survey.qgz"
_GEOMETRY = {"POINT": "Point", "LINESTRING": "Line", "POLYGON": "Polygon", "MULTIPOLYGON": "Polygon"}
_TITLES: tuple[tuple[str, str, bool], ...] = (
    ("detections.gpkg|detections", "Candidate items (sightings, not confirmed)", True),
    ("detections.gpkg|items_found", "Items found on the ground", True),
    ("detections.gpkg|missed_items", "Items that reviewers saw and the search did not", True),
    ("candidates.gpkg|candidates", "Candidate areas: proposals, not declared", True),
    ("patterns.gpkg|members", "Candidate items of rows", True),
    ("patterns.gpkg|patterns", "Candidate rows", True),
    ("patterns.gpkg|places", "Candidate places of unseen items", True),
    ("work_areas.gpkg|work_areas", "Work areas", True),
    ("detections.gpkg|worked_areas", "Ground that people worked on", True),
    ("detections.gpkg|searched_area", "Ground searched and not searched", True),
    ("detections.gpkg|hectares", "Hectares", True),
    ("*.gpkg|cells", "Cells of the coarsened risk", True),
    ("work_areas.gpkg|hectares", "Hectares of the plan", False),
    ("patterns.tif|", "Rows: unseen items expected per hectare", True),
    ("disturbance.tif|", "Candidates of disturbed ground", True),
    ("cover.tif|", "Cover of the ground", False),
    ("risk.tif|", "Model risk: chance of an item or more per hectare", True),
    ("detections.gpkg|images", "Images", False),
    ("evidence_class.tif|", "Evidence of a hazard", False),
    ("prior.tif|", "Expected items per hectare before any search", False),
)
"""(file|layer, title, whether it is shown), topmost first; what is not named here lies below, hidden."""


@dataclass(frozen=True, slots=True)
class MapLayer:
    """One layer of a project."""

    file: str
    """Relative to the project, with '/'."""
    table: str
    """Layer of a GeoPackage; '' for a raster."""
    geometry: str
    """'Point', 'Line' or 'Polygon'; '' for a raster."""
    crs_wkt: str
    bounds: tuple[float, float, float, float] | None
    """Of its features in its own CRS; None if it has none."""
    style: str
    """QML; '' leaves the choice to QGIS."""


def write_project(folder: Path, *, title: str) -> Path:
    """Write `survey.qgz` over the GeoPackages and styled rasters of a folder and its folders.

    The same products give the same bytes.

    Args:
        folder: Holds finished products.
        title: Of the window.
    """
    layers = sorted(find_layers(folder), key=lambda layer: (_place(layer)[0], layer.file, layer.table))
    path = folder / PROJECT
    content = b"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + _document(layers, title=title)
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(f"{path.stem}.qgs"), content, zipfile.ZIP_DEFLATED)  # dated 1980
    return path


def find_layers(folder: Path) -> Iterator[MapLayer]:
    """Yield the layers of GeoPackages and the rasters with a style beside them."""
    for path in sorted(folder.rglob("*.gpkg")):
        if not path.name.startswith("."):
            yield from _tables(path, path.relative_to(folder).as_posix())
    for path in sorted(folder.rglob("*.tif")):
        style = path.with_suffix(".qml")
        if style.is_file():
            with rasterio.open(path) as dataset:
                wkt, bounds = CRS.from_wkt(dataset.crs.to_wkt()).to_wkt(), tuple(dataset.bounds)
            yield MapLayer(path.relative_to(folder).as_posix(), "", "", wkt, bounds, style.read_text(encoding="utf-8"))


def styles_in(path: Path) -> dict[str, str]:
    """Return the default styles of a GeoPackage as QML by layer."""
    with closing(sqlite3.connect(path)) as database:
        tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
        if "layer_styles" not in tables:
            return {}
        return dict(database.execute("SELECT f_table_name, styleQML FROM layer_styles WHERE useAsDefault = 1"))


def _tables(path: Path, name: str) -> Iterator[MapLayer]:
    styles = styles_in(path)
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute(
            "SELECT c.table_name, g.geometry_type_name, s.definition, s.organization, s.organization_coordsys_id,"
            " c.min_x, c.min_y, c.max_x, c.max_y FROM gpkg_contents c"
            " JOIN gpkg_geometry_columns g ON g.table_name = c.table_name"
            " JOIN gpkg_spatial_ref_sys s ON s.srs_id = g.srs_id ORDER BY c.table_name"
        ).fetchall()
    for table, geometry, definition, organisation, code, *bounds in rows:
        crs = CRS.from_user_input(f"{organisation}:{code}" if organisation == "EPSG" else definition)
        extent = None if None in bounds else tuple(bounds)
        yield MapLayer(name, table, _GEOMETRY.get(geometry, "Polygon"), crs.to_wkt(), extent, styles.get(table, ""))


def _place(layer: MapLayer) -> tuple[int, str, bool]:
    """Return (place from above, title, whether it is shown)."""
    file = layer.file.rpartition("/")[2]
    for n, (key, title, shown) in enumerate(_TITLES):
        named, table = key.split("|")
        if named in {file, "*.gpkg"} and table in {layer.table, "*"}:
            return n, title.format(layer.table.replace("_", " ")), shown
    return len(_TITLES), f"{Path(file).stem} {layer.table}".strip().replace("_", " "), False


def _document(layers: Sequence[MapLayer], *, title: str) -> bytes:
    root = ET.Element("qgis", projectname=title, version=QGIS_VERSION)
    ET.SubElement(root, "title").text = title
    main = next((layer for layer in layers if layer.bounds is not None), None)
    if main is not None:
        _crs(ET.SubElement(root, "projectCrs"), main.crs_wkt)
    tree = ET.SubElement(root, "layer-tree-group")
    for n, layer in enumerate(layers):
        shown = "Qt::Checked" if _place(layer)[2] else "Qt::Unchecked"
        entry = {"id": _id(n, layer), "name": _place(layer)[1], "source": _source(layer), "checked": shown}
        ET.SubElement(tree, "layer-tree-layer", entry | {"providerKey": _provider(layer), "expanded": "1"})
    canvas = ET.SubElement(root, "mapcanvas", name="theMapCanvas")
    ET.SubElement(canvas, "units").text = "meters"
    if main is not None:
        _extent(root, canvas, layers)
        _crs(ET.SubElement(canvas, "destinationsrs"), main.crs_wkt)
    listed = ET.SubElement(root, "projectlayers")
    for n, layer in enumerate(layers):
        listed.append(_map_layer(n, layer))
    order = ET.SubElement(root, "layerorder")
    for n, layer in enumerate(layers):
        ET.SubElement(order, "layer", id=_id(n, layer))
    properties = ET.SubElement(root, "properties")
    system = ET.SubElement(properties, "SpatialRefSys")
    ET.SubElement(system, "ProjectionsEnabled", type="int").text = "1"
    ET.SubElement(ET.SubElement(properties, "Paths"), "Absolute", type="bool").text = "false"
    ET.indent(root)
    body: bytes = ET.tostring(root, encoding="utf-8")
    return body + b"\n"


def _map_layer(number: int, layer: MapLayer) -> ET.Element:
    kind = "vector" if layer.table else "raster"
    element = ET.Element("maplayer", type=kind, styleCategories="AllStyleCategories")
    if layer.table:
        element.set("geometry", layer.geometry)
    ET.SubElement(element, "id").text = _id(number, layer)
    ET.SubElement(element, "datasource").text = _source(layer)
    ET.SubElement(element, "layername").text = _place(layer)[1]
    _crs(ET.SubElement(element, "srs"), layer.crs_wkt)
    ET.SubElement(element, "provider", encoding="UTF-8").text = _provider(layer)
    if layer.style:
        style = ET.fromstring(layer.style)  # noqa: S314 - written by this program, or by who owns the folder
        wanted = ("renderer-v2", "pipe", "labeling")
        element.extend(child for tag in wanted if (child := style.find(tag)) is not None)
    return element


def _extent(root: ET.Element, canvas: ET.Element, layers: Sequence[MapLayer]) -> None:
    """Show all shown layers that share the project's CRS, with a margin; in the canvas, and as the full extent."""
    main = next(layer for layer in layers if layer.bounds is not None)
    boxes = [la.bounds for la in layers if la.bounds is not None and la.crs_wkt == main.crs_wkt and _place(la)[2]]
    if main.bounds is not None:
        boxes = boxes or [main.bounds]
    low = [min(box[i] for box in boxes) for i in (0, 1)]
    high = [max(box[i] for box in boxes) for i in (2, 3)]
    margin = 0.05 * max(high[0] - low[0], high[1] - low[1])
    values = [repr(v) for v in (low[0] - margin, low[1] - margin, high[0] + margin, high[1] + margin)]
    named = dict(zip(("xmin", "ymin", "xmax", "ymax"), values, strict=True))
    extent = ET.SubElement(canvas, "extent")
    for name, value in named.items():
        ET.SubElement(extent, name).text = value
    view = ET.SubElement(ET.SubElement(root, "ProjectViewSettings", UseProjectScales="0"), "DefaultViewExtent", named)
    _crs(view, main.crs_wkt)


def _crs(parent: ET.Element, wkt: str) -> None:
    crs = CRS.from_wkt(wkt)
    element = ET.SubElement(parent, "spatialrefsys")
    ET.SubElement(element, "wkt").text = wkt
    authority = crs.to_authority(min_confidence=100)
    if authority:
        ET.SubElement(element, "srid").text = authority[1]
        ET.SubElement(element, "authid").text = ":".join(authority)
    ET.SubElement(element, "description").text = crs.name
    ET.SubElement(element, "geographicflag").text = str(crs.is_geographic).lower()


def _id(number: int, layer: MapLayer) -> str:
    stem = layer.file.rpartition("/")[2].partition(".")[0]
    return f"survey_layer_{number:02d}_{stem}_{layer.table or 'raster'}"


def _source(layer: MapLayer) -> str:
    return f"./{layer.file}|layername={layer.table}" if layer.table else f"./{layer.file}"


def _provider(layer: MapLayer) -> str:
    return "ogr" if layer.table else "gdal"
