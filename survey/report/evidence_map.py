"""The map of the classes of evidence."""

from math import ceil, floor
from pathlib import Path

import numpy as np
import rasterio
import shapely
from rasterio.windows import Window

from survey.errors import InputError
from survey.export.palette import SEARCHED_COLOUR
from survey.markup import Markup
from survey.report.legend import figure, swatch
from survey.report.maps import draw_cells, draw_edge, drawing_of
from survey.report.subject import Subject
from survey.values import HECTARE_EDGE_M

CLASSES = (("none", "#EEF1F4"), ("indirect", "#B4B4B4"), ("direct", "#4A4A4A"))
"""Names and greys by code: no colour of a declared area, and lightness alone orders them."""
UNKNOWN, UNKNOWN_LINE = 255, "#8E4FB0"
AROUND = 0.25
"""How far around the hectares that were flown the map reaches, in shares of their extent."""


def evidence_map(subject: Subject, folder: Path) -> Markup:
    """Return the map of evidence by the configured classes around the run; what the evidence does not cover is hatched.

    Raises:
        InputError: The folder's raster cannot be used.
    """
    w, path = subject.words, folder / "evidence_class.tif"
    west, south, east, north = subject.extent
    edge, more = HECTARE_EDGE_M, AROUND * max(east - west, north - south)
    left, top = floor((west - more) / edge), ceil((north + more) / edge)
    cols, rows = ceil((east + more) / edge) - left, top - floor((south - more) / edge)
    try:
        with rasterio.open(path) as dataset:
            crs, own = dataset.crs.to_string(), dataset.transform
            place = Window(round(left - own.c / edge), round(own.f / edge - top), cols, rows)
            codes = dataset.read(1, window=place, boundless=True, fill_value=UNKNOWN)
    except rasterio.errors.RasterioIOError as error:
        msg = f"{path}: cannot be read ({error}); run `survey evidence` again"
        raise InputError(msg) from error
    if crs != subject.run.grid.crs:
        msg = f"{path}: is in {crs}, the run in {subject.run.grid.crs}; make the evidence --like the run's risk.tif"
        raise InputError(msg)
    box = float(left * edge), float((top - rows) * edge), float((left + cols) * edge), float(top * edge)
    drawing = drawing_of(subject, "map.evidence.label", box)
    rgba = np.zeros((rows, cols, 4), np.uint8)
    for code, (_, colour) in enumerate(CLASSES):
        rgba[codes == code] = (*bytes.fromhex(colour[1:]), 255)
    draw_cells(drawing, rgba, box)
    row, col = np.nonzero(codes == UNKNOWN)
    bare = shapely.box(box[0] + col * edge, box[3] - (row + 1) * edge, box[0] + (col + 1) * edge, box[3] - row * edge)
    if bare.size:
        drawing.hatch(shapely.union_all(bare), colour=UNKNOWN_LINE, name="uncovered")
    draw_edge(drawing, subject.outlines)
    legend = [(swatch(colour), w(f"legend.evidence.{name}")) for name, colour in reversed(CLASSES)]
    legend += [
        (swatch("none", hatch=True, line=UNKNOWN_LINE), w("legend.evidence.unknown")),
        (swatch("none", line=SEARCHED_COLOUR), w("legend.searched_outline")),
    ]
    return figure(drawing, w("map.evidence.caption"), legend)
