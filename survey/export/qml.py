"""QGIS styles, written by hand: QGIS loads `<name>.qml` beside a raster, and `layer_styles` in a GeoPackage."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from survey.export.palette import (
    CANDIDATE_CHA_COLOUR,
    CANDIDATE_SHA_COLOUR,
    COVER_COLOURS,
    COVER_LABELS,
    DETECTION_COLOUR,
    GROUND_COLOURS,
    GROUND_LABELS,
    NOT_SEARCHED_COLOUR,
    OUTLINE_COLOUR,
    RISK_RAMP,
    SEARCHED_COLOUR,
    rgb_of,
)
from survey.files import write_bytes

_DOCTYPE = b"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_VERSION = "3.22"
"""Oldest QGIS the styles are meant for."""


def write_risk_style(path: Path, *, band: int = 1) -> None:
    """Write the style of risk.tif: a band of probabilities, the first being P(at least one item), in blues."""
    root, renderer = _raster(
        band=str(band), type="singlebandpseudocolor", opacity="0.7", classificationMin="0", classificationMax="1"
    )
    shader = ET.SubElement(
        ET.SubElement(renderer, "rastershader"),
        "colorrampshader",
        colorRampType="INTERPOLATED",
        classificationMode="1",
        clip="0",
        minimumValue="0",
        maximumValue="1",
        labelPrecision="2",
    )
    for value, colour in RISK_RAMP:
        ET.SubElement(shader, "item", value=f"{value:g}", color=colour, label=f"{value:.0%}", alpha="255")
    write_bytes(path, _content(root))


def write_disturbance_style(path: Path) -> None:
    """Write the style of disturbance.tif: one legend entry a class; searched ground hardly visible."""
    root, renderer = _raster(type="paletted", opacity="1")
    palette = ET.SubElement(renderer, "colorPalette")
    for code, colour in GROUND_COLOURS.items():
        alpha = "70" if code == min(GROUND_COLOURS) else "255"
        ET.SubElement(
            palette, "paletteEntry", value=str(int(code)), color=colour, label=GROUND_LABELS[code], alpha=alpha
        )
    write_bytes(path, _content(root))


def write_cover_style(path: Path) -> None:
    """Write the style of cover.tif: one legend entry a class."""
    root, renderer = _raster(type="paletted", opacity="0.8")
    palette = ET.SubElement(renderer, "colorPalette")
    for code, colour in COVER_COLOURS.items():
        ET.SubElement(
            palette, "paletteEntry", value=str(int(code)), color=colour, label=COVER_LABELS[code], alpha="255"
        )
    write_bytes(path, _content(root))


def layer_styles() -> Mapping[str, str]:
    """Return the style of each layer of detections.gpkg as QML."""
    point = _marker(DETECTION_COLOUR)
    return {
        "detections": _single("0", point),
        "hectares": _single("2", _fill(OUTLINE_COLOUR, style="no")),
        "images": _single("2", _fill("#8A8F94", style="no", line="dash")),
        "searched_area": _categories(
            "state",
            [
                ("searched", _fill(SEARCHED_COLOUR, style="no")),
                ("not searched", _fill(NOT_SEARCHED_COLOUR, style="b_diagonal")),
            ],
        ),
    }


def candidate_style() -> str:
    """Return the style of proposals: outlines only, so that nothing looks like a declared hazardous area."""
    return _categories(
        "kind",
        [
            ("candidate CHA", _fill(CANDIDATE_CHA_COLOUR, style="no", width="0.8")),
            ("candidate SHA", _fill(CANDIDATE_SHA_COLOUR, style="no", line="dash", width="0.6")),
        ],
    )


def _raster(**renderer: str) -> tuple[ET.Element, ET.Element]:
    """Return (document, renderer) of a raster style, on band 1 unless told otherwise."""
    root = ET.Element("qgis", version=_VERSION, styleCategories="Symbology")
    pipe = ET.SubElement(root, "pipe")
    element = ET.SubElement(pipe, "rasterrenderer", {"band": "1", "alphaBand": "-1", "nodataColor": "", **renderer})
    ET.SubElement(element, "rasterTransparency")
    return root, element


def _single(geometry_type: str, layer: ET.Element) -> str:
    """Return a vector style with one symbol; geometry type 0 is points, 2 polygons."""
    root = ET.Element("qgis", version=_VERSION, styleCategories="Symbology")
    renderer = ET.SubElement(root, "renderer-v2", type="singleSymbol", symbollevels="0", enableorderby="0")
    _symbol(ET.SubElement(renderer, "symbols"), name="0", layer=layer)
    ET.SubElement(root, "layerGeometryType").text = geometry_type
    return _content(root).decode()


def _categories(attribute: str, values: Sequence[tuple[str, ET.Element]]) -> str:
    """Return a polygon style with one symbol for each value of an attribute."""
    root = ET.Element("qgis", version=_VERSION, styleCategories="Symbology")
    renderer = ET.SubElement(
        root, "renderer-v2", type="categorizedSymbol", attr=attribute, symbollevels="0", enableorderby="0"
    )
    categories, symbols = ET.SubElement(renderer, "categories"), ET.SubElement(renderer, "symbols")
    for number, (value, layer) in enumerate(values):
        ET.SubElement(categories, "category", value=value, label=value, symbol=str(number), render="true")
        _symbol(symbols, name=str(number), layer=layer)
    ET.SubElement(root, "layerGeometryType").text = "2"
    return _content(root).decode()


def _symbol(parent: ET.Element, *, name: str, layer: ET.Element) -> None:
    """Add a symbol of one symbol layer."""
    kind = "marker" if layer.get("class") == "SimpleMarker" else "fill"
    symbol = ET.SubElement(parent, "symbol", type=kind, name=name, alpha="1", clip_to_extent="1", force_rhr="0")
    symbol.append(layer)


def _marker(colour: str) -> ET.Element:
    """Return a hollow circle: the item under it stays visible."""
    options = {
        "name": "circle",
        "color": "0,0,0,0",
        "outline_color": _rgba(colour),
        "outline_width": "0.6",
        "size": "4",
    }
    return _symbol_layer("SimpleMarker", options)


def _fill(colour: str, *, style: str, line: str = "solid", width: str = "0.3") -> ET.Element:
    """Return an outline with an optional hatch."""
    options = {"color": _rgba(colour), "style": style, "outline_color": _rgba(colour), "outline_style": line}
    return _symbol_layer("SimpleFill", {**options, "outline_width": width})


def _symbol_layer(kind: str, options: Mapping[str, str]) -> ET.Element:
    """Return a symbol layer with its options as QGIS 3 writes them, and as QGIS before 3.16 did."""
    layer = ET.Element("layer", {"class": kind, "enabled": "1", "locked": "0", "pass": "0"})
    typed = ET.SubElement(layer, "Option", type="Map")
    for name, value in options.items():
        ET.SubElement(typed, "Option", name=name, type="QString", value=value)
    for name, value in options.items():
        ET.SubElement(layer, "prop", k=name, v=value)
    return layer


def _rgba(colour: str) -> str:
    """Return '#RRGGBB' as QGIS writes it in options."""
    return ",".join(str(part) for part in (*rgb_of(colour), 255))


def _content(root: ET.Element) -> bytes:
    """Return the file's bytes."""
    ET.indent(root)
    body: bytes = ET.tostring(root, encoding="utf-8")
    return _DOCTYPE + body + b"\n"
