"""Symbols and renderers of QGIS, written by hand: the parts that styles are put together from."""

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

from survey.export.palette import rgb_of

QGIS_VERSION = "3.22"
"""Oldest QGIS the styles are meant for."""
_DOCTYPE = b"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_GEOMETRY = {"SimpleMarker": ("marker", "0"), "SimpleLine": ("line", "1"), "SimpleFill": ("fill", "2")}
"""(kind of symbol, number of the geometry type) by symbol layer."""


def raster_style(**renderer: str) -> tuple[ET.Element, ET.Element]:
    """Return (document, renderer) of a raster style, on band 1 unless told otherwise."""
    root = ET.Element("qgis", version=QGIS_VERSION, styleCategories="Symbology")
    pipe = ET.SubElement(root, "pipe")
    element = ET.SubElement(pipe, "rasterrenderer", {"band": "1", "alphaBand": "-1", "nodataColor": "", **renderer})
    ET.SubElement(element, "rasterTransparency")
    return root, element


def ramp_style(stops: Sequence[tuple[float, str, str]], *, opacity: float = 0.7, band: int = 1) -> bytes:
    """Return the style of a raster of which a band is a quantity.

    Args:
        stops: (value, colour, words of the legend), smallest value first.
        opacity: Of the whole layer.
        band: From 1.
    """
    low, high = f"{stops[0][0]:g}", f"{stops[-1][0]:g}"
    root, renderer = raster_style(
        band=str(band),
        type="singlebandpseudocolor",
        opacity=f"{opacity:g}",
        classificationMin=low,
        classificationMax=high,
    )
    shader = ET.SubElement(
        ET.SubElement(renderer, "rastershader"),
        "colorrampshader",
        colorRampType="INTERPOLATED",
        classificationMode="1",
        clip="0",
        minimumValue=low,
        maximumValue=high,
        labelPrecision="2",
    )
    for value, colour, label in stops:
        ET.SubElement(shader, "item", value=f"{value:g}", color=colour, label=label, alpha="255")
    # a colour bar of QGIS shows numbers only; entries one by one show their units
    ET.SubElement(shader, "rampLegendSettings", useContinuousLegend="0")
    return content_of(root)


def class_style(entries: Sequence[tuple[int, str, str, int]]) -> bytes:
    """Return the style of a raster of classes from (code, colour, words, opacity 0 to 255)."""
    root, renderer = raster_style(type="paletted", opacity="1")
    palette = ET.SubElement(renderer, "colorPalette")
    for code, colour, label, alpha in entries:
        ET.SubElement(palette, "paletteEntry", value=str(code), color=colour, label=label, alpha=str(alpha))
    return content_of(root)


def single_style(layer: ET.Element) -> str:
    """Return a vector style with one symbol."""
    root = ET.Element("qgis", version=QGIS_VERSION, styleCategories="Symbology")
    renderer = ET.SubElement(root, "renderer-v2", type="singleSymbol", symbollevels="0", enableorderby="0")
    _symbol(ET.SubElement(renderer, "symbols"), name="0", layer=layer)
    ET.SubElement(root, "layerGeometryType").text = _GEOMETRY[layer.get("class", "")][1]
    return content_of(root).decode()


def category_style(attribute: str, values: Sequence[tuple[str, str, ET.Element]]) -> str:
    """Return a vector style with a symbol for each (value, words, symbol layer); the value '' stands for all others."""
    root = ET.Element("qgis", version=QGIS_VERSION, styleCategories="Symbology")
    renderer = ET.SubElement(
        root, "renderer-v2", type="categorizedSymbol", attr=attribute, symbollevels="0", enableorderby="0"
    )
    categories, symbols = ET.SubElement(renderer, "categories"), ET.SubElement(renderer, "symbols")
    for number, (value, label, layer) in enumerate(values):
        ET.SubElement(categories, "category", value=value, label=label, symbol=str(number), render="true")
        _symbol(symbols, name=str(number), layer=layer)
    ET.SubElement(root, "layerGeometryType").text = _GEOMETRY[values[0][2].get("class", "")][1]
    return content_of(root).decode()


def marker(colour: str, *, shape: str = "circle", size_mm: float = 4.0, width_mm: float = 0.6) -> ET.Element:
    """Return a hollow marker: the item under it stays visible."""
    options = {
        "name": shape,
        "color": "0,0,0,0",
        "outline_color": _rgba(colour),
        "outline_width": f"{width_mm:g}",
        "size": f"{size_mm:g}",
    }
    return _symbol_layer("SimpleMarker", options)


def fill(colour: str, *, style: str = "no", line: str = "solid", width_mm: float = 0.3) -> ET.Element:
    """Return an outline with an optional hatch."""
    options = {"color": _rgba(colour), "style": style, "outline_color": _rgba(colour), "outline_style": line}
    return _symbol_layer("SimpleFill", {**options, "outline_width": f"{width_mm:g}"})


def stroke(colour: str, *, line: str = "solid", width_mm: float = 0.6) -> ET.Element:
    """Return a line."""
    return _symbol_layer("SimpleLine", {"line_color": _rgba(colour), "line_style": line, "line_width": f"{width_mm:g}"})


def content_of(root: ET.Element) -> bytes:
    """Return the file's bytes."""
    ET.indent(root)
    body: bytes = ET.tostring(root, encoding="utf-8")
    return _DOCTYPE + body + b"\n"


def _symbol(parent: ET.Element, *, name: str, layer: ET.Element) -> None:
    """Add a symbol of one symbol layer."""
    kind = _GEOMETRY[layer.get("class", "")][0]
    symbol = ET.SubElement(parent, "symbol", type=kind, name=name, alpha="1", clip_to_extent="1", force_rhr="0")
    symbol.append(layer)


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
