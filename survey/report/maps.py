"""The maps of a report."""

from collections.abc import Sequence
from math import floor, log10
from typing import Any

import numpy as np
import pyproj
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioIOError
from rasterio.warp import reproject

from survey.export.palette import (
    DETECTION_COLOUR,
    NOT_SEARCHED_COLOUR,
    RISK_RAMP,
    SEARCHED_COLOUR,
)
from survey.ingest import to_uint8, valid_pixels
from survey.markup import Markup, tag
from survey.report.legend import figure, ramp_bar, swatch
from survey.report.subject import Bounds, Subject, finite
from survey.report.svg import INK, MapDrawing, jpeg_uri, png_uri, ramp
from survey.values import HECTARE_EDGE_M, Image

SEARCHED_FILL = "#cfe3ee"
MOST_POINTS = 5000
"""Items drawn on a map; the page says so where there are more."""
NUMBERED = 25
"""Items whose number stands beside their circle, the most probable ones."""
MANY, LARGE, SMALL = 200, 5.0, 3.0
"""Radius of an item's circle, and that of one of many."""
BACKDROP_PX = 1000
COVERS = ("open", "low_vegetation", "deep_shadow", "canopy", "water")
"""Covers in the order of their codes in cover.tif, from 1."""
_PALE = 0.45
"""Share of white mixed into the imagery below a map, so that what is drawn stands out."""


def searched_map(subject: Subject) -> Markup:
    """Return the map of what was searched and what was flown and not searched."""
    drawing = drawing_of(subject, "map.searched.label", subject.ground)
    table = subject.outlines
    searched, rest = (list(table.geometry[table["state"].eq("searched") == flag]) for flag in (True, False))
    drawing.shape(searched, fill=SEARCHED_FILL, stroke=SEARCHED_COLOUR, stroke_width=0.8)
    _hatch(drawing, rest)
    drawing.shape(
        list(subject.run.layer("images").geometry), stroke="#8A8F94", stroke_width=0.8, stroke_dasharray="4 3"
    )
    w = subject.words
    legend = [
        (swatch(SEARCHED_FILL, line=SEARCHED_COLOUR), w("legend.searched")),
        (swatch("none", hatch=True), w("legend.not_searched")),
        (swatch("#fff"), w("legend.not_flown")),
        (swatch("none", line="#8A8F94", dashed=True), w("legend.outline")),
    ]
    return figure(drawing, w("map.searched.caption"), legend)


def band_map(subject: Subject, band: str, *, top: float | None = None) -> Markup:
    """Return the map of a band of the risk; cells that nobody flew stay blank, unsearched ground is hatched.

    Args:
        subject: The run.
        band: Name of the band.
        top: Value of the ramp's dark end; a round number above the largest value if None.
    """
    w, values, grid = subject.words, subject.bands[band], subject.run.grid
    most = finite(values)
    end = top if top is not None else _above(most)
    drawing = drawing_of(subject, f"map.{band}.label", subject.extent)
    south, east = grid.y_max - grid.rows * HECTARE_EDGE_M, grid.x_min + grid.cols * HECTARE_EDGE_M
    draw_cells(drawing, ramp(values / end, RISK_RAMP), (grid.x_min, south, east, grid.y_max))
    table = subject.outlines
    _hatch(drawing, list(table.geometry[table["state"] != "searched"]))
    draw_edge(drawing, table)
    legend = [
        (ramp_bar(end), w(f"map.{band}.unit")),
        (swatch("none", hatch=True), w("legend.not_searched_prior")),
        (swatch("#fff"), w("legend.not_flown")),
        (swatch("none", line=SEARCHED_COLOUR), w("legend.searched_outline")),
    ]
    return figure(drawing, w(f"map.{band}.caption"), legend)


def cover_map(subject: Subject) -> Markup | None:
    """Return the map of the cover of the ground, in the colours of cover.tif; None where the run has no such file."""
    path = subject.run.products / "cover.tif"
    if not path.is_file():
        return None
    w, drawing = subject.words, drawing_of(subject, "map.cover.label", subject.ground)
    west, south, east, north = drawing.bounds
    metres = max(east - west, north - south) / BACKDROP_PX
    shape = (round((north - south) / metres), round((east - west) / metres))
    with rasterio.open(path) as dataset:
        place = dataset.window(*drawing.bounds)
        codes = dataset.read(1, window=place, out_shape=shape, boundless=True, fill_value=0)
        colours = {code: colour for code, colour in dataset.colormap(1).items() if colour[3] and code}
    rgba = np.zeros((*shape, 4), np.uint8)
    for code, colour in colours.items():
        rgba[codes == code] = colour
    drawing.image(png_uri(rgba), drawing.bounds)
    draw_edge(drawing, subject.outlines)
    legend = [
        (swatch("#{:02x}{:02x}{:02x}".format(*colours[code][:3])), w(f"cover.{name}"))
        for code, name in enumerate(COVERS, start=1)
        if code in colours
    ]
    legend += [
        (swatch("#fff"), w("legend.no_cover")),
        (swatch("none", line=SEARCHED_COLOUR), w("legend.searched_outline")),
    ]
    return figure(drawing, w("map.cover.caption"), legend)


def detections_map(subject: Subject) -> Markup:
    """Return the map of the items, over the imagery where it is still there."""
    w, items = subject.words, subject.items
    drawing = drawing_of(subject, "map.detections.label", subject.ground)
    below = backdrop(subject, drawing)
    table = subject.outlines
    _hatch(drawing, list(table.geometry[table["state"] != "searched"]))
    draw_edge(drawing, table)
    drawn = items.head(MOST_POINTS)
    x, y = (np.asarray(values, np.float64) for values in (drawn.geometry.x, drawn.geometry.y))
    radius = LARGE if len(drawn) <= MANY else SMALL
    drawing.points(x, y, radius=radius, fill="none", stroke="#fff", stroke_width=0.64 * radius)
    drawing.points(x, y, radius=radius, fill="none", stroke=DETECTION_COLOUR, stroke_width=0.32 * radius)
    for n, row in enumerate(drawn.head(NUMBERED).itertuples()):
        drawing.text(float(x[n]), float(y[n]), str(row.number), dx=7, dy=-4)
    legend = [
        (tag("span", class_="ring"), w("legend.item", n=NUMBERED)),
        (swatch("none", hatch=True), w("legend.not_searched")),
        (swatch("none", line=SEARCHED_COLOUR), w("legend.searched_outline")),
    ]
    notes = [w("map.backdrop", n=below, all=len(subject.images)) if below else w("map.no_backdrop")]
    if len(items) > MOST_POINTS:
        notes.append(w("map.most", n=MOST_POINTS, all=len(items)))
    return figure(drawing, " ".join([w("map.detections.caption"), *notes]), legend)


def areas_map(subject: Subject, label: str, shapes: Sequence[tuple[Any, str, bool]]) -> Markup:
    """Return a map of areas: each polygon with its name, and whether it is drawn boldly."""
    drawing = drawing_of(subject, f"map.{label}.label", _around(subject.extent, [g for g, _, _ in shapes]))
    table = subject.outlines
    drawing.shape(list(table.geometry[table["state"] == "searched"]), fill=SEARCHED_FILL)
    _hatch(drawing, list(table.geometry[table["state"] != "searched"]))
    for geometry, _, bold in shapes:
        drawing.shape(geometry, stroke=INK, stroke_width=2.0 if bold else 1.0, stroke_dasharray=None if bold else "5 3")
    for geometry, name, _ in shapes:
        if geometry.geom_type != "LineString":
            place = shapely.point_on_surface(geometry)
        else:
            place = geometry.interpolate(0.5, normalized=True)
        drawing.text(place.x, place.y, name, size=12, dx=-4, dy=4)
    w = subject.words
    legend = [
        (swatch("none", line=INK), w(f"legend.{label}")),
        (swatch("none", line=INK, dashed=True), w(f"legend.{label}.other")),
        (swatch(SEARCHED_FILL), w("legend.searched")),
        (swatch("none", hatch=True), w("legend.not_searched")),
    ]
    return figure(drawing, w(f"map.{label}.caption"), legend)


def backdrop(subject: Subject, drawing: MapDrawing) -> int:
    """Draw the imagery, paled, below a map; return how many images could be read."""
    west, south, east, north = drawing.bounds
    metres = max(east - west, north - south) / BACKDROP_PX
    ground = np.full((round((north - south) / metres), round((east - west) / metres), 3), 255, np.uint8)
    read = sum(_lay(ground, found.image, subject=subject, bounds=drawing.bounds) for found in subject.images)
    if read:
        paled = (ground * (1 - _PALE) + 255 * _PALE).round().astype(np.uint8)
        drawing.image(jpeg_uri(paled, quality=82), drawing.bounds)
    return read


def _lay(ground: NDArray[np.uint8], image: Image | None, *, subject: Subject, bounds: Bounds) -> bool:
    """Draw an image on the ground (rows, cols, 3); return whether it could be read."""
    if image is None:
        return False
    rows, cols = ground.shape[:2]
    metres = (bounds[2] - bounds[0]) / cols
    step = max(1.0, metres / image.gsd_m)
    shape = (max(1, round(image.height / step)), max(1, round(image.width / step)))
    try:
        # Shrunk first and then warped: GDAL's warper would average every pixel of the file, ten times slower.
        with rasterio.open(image.path) as dataset:
            values = dataset.read(image.bands.rgb, out_shape=(3, *shape), resampling=Resampling.average)
            valid = valid_pixels(dataset, image, window=None, shape=shape, values=values)
    except RasterioIOError:  # damaged in part: the section on what was not searched says where
        return False
    how = {
        "src_crs": image.crs_wkt,
        "src_transform": image.transform * Affine.scale(image.width / shape[1], image.height / shape[0]),
        "dst_crs": subject.run.grid.crs,
        "dst_transform": rasterio.transform.from_bounds(*bounds, cols, rows),
    }
    shown = np.zeros((3, rows, cols), np.uint8)
    known = np.zeros((rows, cols), np.uint8)
    reproject(to_uint8(values, image), shown, resampling=Resampling.bilinear, **how)
    reproject(valid.astype(np.uint8), known, resampling=Resampling.nearest, **how)
    ground[known > 0] = shown.transpose(1, 2, 0)[known > 0]
    return True


def drawing_of(subject: Subject, label: str, bounds: Bounds) -> MapDrawing:
    """Return an empty map over bounds, with the CRS of the run."""
    crs = pyproj.CRS.from_user_input(subject.run.grid.crs)
    name = f"{subject.run.grid.crs}  {crs.name}" if subject.options.coordinates else ""
    words = subject.words
    return MapDrawing(bounds, name, words(label), words("map.north"), subject.options.coordinates)


def draw_cells(drawing: MapDrawing, rgba: NDArray[np.uint8], box: Bounds) -> None:
    """Draw the cells inside the map only."""
    grid_west, _, _, grid_north = box
    west, south, east, north = drawing.bounds
    edge = HECTARE_EDGE_M
    left = max(0, int(np.ceil((west - grid_west) / edge)))
    right = min(rgba.shape[1], int(np.floor((east - grid_west) / edge)))
    top = max(0, int(np.ceil((grid_north - north) / edge)))
    bottom = min(rgba.shape[0], int(np.floor((grid_north - south) / edge)))
    inside = rgba[top:bottom, left:right]
    x, y = grid_west + left * edge, grid_north - top * edge
    drawing.raster(inside, (x, y - (bottom - top) * edge, x + (right - left) * edge, y))


def draw_edge(drawing: MapDrawing, table: Any) -> None:
    """Draw the edge of searched ground, with a pale rim that shows on dark ground too."""
    searched = list(table.geometry[table["state"] == "searched"])
    drawing.shape(searched, stroke="#fff", stroke_width=2.6, stroke_opacity=0.8)
    drawing.shape(searched, stroke=SEARCHED_COLOUR, stroke_width=1.1)


def _hatch(drawing: MapDrawing, shapes: list[Any]) -> None:
    if shapes:
        drawing.hatch(shapely.union_all(shapes), colour=NOT_SEARCHED_COLOUR, name="unsearched")


def _above(most: float) -> float:
    """Return a round number that is not below a value, and whose quarters are round too."""
    if most <= 0:
        return 1.0
    power = 10.0 ** floor(log10(most))
    return next(step * power for step in (1, 2, 4, 8, 10) if step * power >= most * (1 - 1e-9))


def _around(bounds: Bounds, shapes: Sequence[Any]) -> Bounds:
    """Return bounds that hold some shapes too."""
    boxes = np.array([bounds, *(g.bounds for g in shapes)])
    west, south = boxes[:, :2].min(axis=0)
    east, north = boxes[:, 2:].max(axis=0)
    return float(west), float(south), float(east), float(north)
