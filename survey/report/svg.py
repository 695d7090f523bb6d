"""A map as SVG: true to scale, with scale bar, north arrow, CRS and grid, crisp at any size."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, floor, log10
from typing import Any

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from survey.markup import Markup, tag

WIDTH, HEIGHT, MARGIN = 900.0, 620.0, 46.0
"""Of the drawing at most, and the rim in which the grid is labelled, in its own units: 900 are the width of a page."""
PIXELS = 1600
"""A raster of few cells is enlarged to at least this, cell by cell, so that no viewer blurs its edges."""
INK, QUIET = "#1d2733", "#6a7682"
TICKS = 4


def nice(value: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten that is not above a positive value."""
    power = 10.0 ** floor(log10(value))
    return next(step * power for step in (5.0, 2.0, 1.0) if step * power <= value * (1 + 1e-9))


@dataclass
class MapDrawing:
    """A map in the making: layers are drawn in the order in which they are added."""

    bounds: tuple[float, float, float, float]
    """West, south, east, north in metres."""
    crs: str
    label: str
    """What the map shows, for who cannot see it."""
    north: str = "N"
    coordinates: bool = True
    """Whether the grid is labelled with coordinates."""
    parts: list[Markup] = field(default_factory=list)

    def __post_init__(self) -> None:
        west, south, east, north = self.bounds
        self.scale = min((WIDTH - 2 * MARGIN) / (east - west), (HEIGHT - 2 * MARGIN) / (north - south))
        """Units of the drawing a metre."""
        self.wide, self.tall = (east - west) * self.scale, (north - south) * self.scale

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return a place in the drawing."""
        return MARGIN + (x - self.bounds[0]) * self.scale, MARGIN + (self.bounds[3] - y) * self.scale

    def raster(self, rgba: NDArray[np.uint8], box: tuple[float, float, float, float]) -> None:
        """Add a raster (rows, cols, 4) that covers west, south, east, north."""
        factor = max(1, ceil(PIXELS / max(rgba.shape[:2])))
        large = np.repeat(np.repeat(rgba, factor, axis=0), factor, axis=1)
        self.image(png_uri(large), box)

    def image(self, uri: str, box: tuple[float, float, float, float]) -> None:
        """Add a picture that covers west, south, east, north."""
        (left, top), (right, bottom) = self.at(box[0], box[3]), self.at(box[2], box[1])
        place = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        self.parts.append(tag("image", href=uri, preserveAspectRatio="none", **place))

    def shape(self, geometry: Any, **style: str | float | None) -> None:
        """Add polygons or lines."""
        if path := self._path(geometry):
            self.parts.append(tag("path", d=path, fill_rule="evenodd", **{"fill": "none", **style}))

    def hatch(self, geometry: Any, *, colour: str, name: str) -> None:
        """Add polygons filled with oblique lines.

        The lines are drawn one by one and cut by shapely, for printers differ in how they draw SVG's patterns.
        """
        west, south, east, north = self.bounds
        step = 7 / self.scale
        span = (east - west) + (north - south)
        starts = west - (north - south) + step * np.arange(ceil(span / step) + 1)
        lines = shapely.linestrings([[(s, south), (s + (north - south), north)] for s in starts])
        inside = shapely.intersection(shapely.MultiLineString(list(lines)), geometry)
        self.shape(inside, stroke=colour, stroke_width=0.9, class_=name)
        self.shape(geometry, stroke=colour, stroke_width=0.9)

    def points(self, x: NDArray[np.float64], y: NDArray[np.float64], *, radius: float, **style: str | float) -> None:
        """Add circles."""
        for east, north in zip(x, y, strict=True):
            cx, cy = self.at(float(east), float(north))
            self.parts.append(tag("circle", cx=cx, cy=cy, r=radius, **style))

    def text(self, x: float, y: float, words: str, *, size: float = 11, dx: float = 0, dy: float = 0) -> None:
        """Add words with a pale rim, so that they can be read on any ground."""
        left, top = self.at(x, y)
        place = {"x": left + dx, "y": top + dy, "font_size": size}
        rim: dict[str, str | float] = {"fill": "none", "stroke": "#fff", "stroke_width": 3, "stroke_linejoin": "round"}
        self.parts.append(tag("text", words, **rim, **place))
        self.parts.append(tag("text", words, fill=INK, **place))

    def finish(self) -> Markup:
        """Return the map."""
        frame = tag(
            "rect", x=MARGIN, y=MARGIN, width=self.wide, height=self.tall, fill="none", stroke=INK, stroke_width=1
        )
        whole = self.wide + 2 * MARGIN, self.tall + 2 * MARGIN
        return tag(
            "svg",
            tag("title", self.label),
            *self.parts,
            *self._grid(),
            frame,
            self._bar(),
            self._arrow(),
            viewBox=f"0 0 {whole[0]:.1f} {whole[1]:.1f}",
            class_="map",
            role="img",
            xmlns="http://www.w3.org/2000/svg",
        )

    def _path(self, geometry: Any) -> str:
        """Return the path of polygons or lines, to a tenth of a unit."""
        found = []
        for part in shapely.get_parts(np.atleast_1d(np.asarray(geometry, dtype=object))):
            for piece in shapely.get_parts(part):
                closed = piece.geom_type == "Polygon"
                lines = [piece.exterior, *piece.interiors] if closed else [piece] if "Line" in piece.geom_type else []
                for line in lines:
                    at = [self.at(x, y) for x, y in shapely.get_coordinates(line)]
                    found.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in at) + ("Z" if closed else ""))
        return "".join(found)

    def _grid(self) -> list[Markup]:
        """Return ticks on whole multiples of a round distance, with their coordinates."""
        if not self.coordinates:
            return []
        west, south, east, north = self.bounds
        step = nice(max(east - west, north - south) / TICKS)
        made = []
        for value in np.arange(ceil(west / step), floor(east / step) + 1) * step:
            x, _ = self.at(float(value), south)
            made.append(_tick(x, MARGIN + self.tall, x, MARGIN + self.tall + 5))
            made.append(_small(f"{value:.0f}", x, MARGIN + self.tall + 17, "middle"))
        for value in np.arange(ceil(south / step), floor(north / step) + 1) * step:
            _, y = self.at(west, float(value))
            made.append(_tick(MARGIN - 5, y, MARGIN, y))
            turned = tag(
                "text",
                f"{value:.0f}",
                x=MARGIN - 9,
                y=y,
                transform=f"rotate(-90 {MARGIN - 9:.1f} {y:.1f})",
                text_anchor="middle",
                font_size=10,
                fill=QUIET,
            )
            made.append(turned)
        return made

    def _bar(self) -> Markup:
        """Return a scale bar of a round length, a quarter of the map at most, and the CRS beside it."""
        metres = nice(self.wide / self.scale / 4)
        length = metres * self.scale
        left, top = MARGIN, MARGIN - 18
        words = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
        half = length / 2
        return tag(
            "g",
            tag("rect", x=left, y=top, width=half, height=5, fill=INK, stroke=INK, stroke_width=0.8),
            tag("rect", x=left + half, y=top, width=half, height=5, fill="#fff", stroke=INK, stroke_width=0.8),
            _small("0", left, top - 4, "middle"),
            tag("text", words, x=left + length, y=top - 4, text_anchor="middle", font_size=10, fill=INK),
            tag("text", self.crs, x=left + self.wide, y=top + 6, text_anchor="end", font_size=10, fill=QUIET),
            class_="scale",
            data_metres=f"{metres:g}",
            data_length=f"{length:.4f}",
        )

    def _arrow(self) -> Markup:
        """Return an arrow to grid north in the upper right corner."""
        x, y = MARGIN + self.wide - 18, MARGIN + 12
        head = f"M{x:.1f} {y:.1f}l6 19l-6 -4l-6 4Z"
        return tag(
            "g",
            tag("circle", cx=x, cy=y + 15, r=21, fill="#fff", fill_opacity=0.85),
            tag("path", d=head, fill=INK),
            tag("text", self.north, x=x, y=y + 31, text_anchor="middle", font_size=12, font_weight="bold", fill=INK),
            class_="north",
        )


def _tick(x1: float, y1: float, x2: float, y2: float) -> Markup:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=INK, stroke_width=0.8)


def _small(words: str, x: float, y: float, anchor: str) -> Markup:
    return tag("text", words, x=x, y=y, text_anchor=anchor, font_size=10, fill=QUIET)


def png_uri(rgba: NDArray[np.uint8]) -> str:
    """Return a picture (rows, cols, 4 or 3) as a data URI."""
    order = cv2.COLOR_RGBA2BGRA if rgba.shape[2] == 4 else cv2.COLOR_RGB2BGR
    done, content = cv2.imencode(".png", cv2.cvtColor(np.ascontiguousarray(rgba), order))
    assert done
    return f"data:image/png;base64,{base64.b64encode(content.tobytes()).decode()}"


def jpeg_uri(rgb: NDArray[np.uint8], *, quality: int = 86) -> str:
    """Return a picture (rows, cols, 3) as a data URI; it carries no metadata."""
    done, content = cv2.imencode(
        ".jpg", cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    assert done
    return f"data:image/jpeg;base64,{base64.b64encode(content.tobytes()).decode()}"


def ramp(values: NDArray[np.float64], stops: Sequence[tuple[float, str]]) -> NDArray[np.uint8]:
    """Return the colours (..., 4) of values in 0..1 along a ramp; transparent where a value is not finite."""
    at = np.array([stop for stop, _ in stops])
    colours = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for _, c in stops], np.float64)
    known = np.isfinite(values)
    inside = np.clip(np.where(known, values, 0), 0, 1)
    channels = [np.interp(inside, at, colours[:, k]) for k in range(3)]
    return np.stack([*channels, np.where(known, 255.0, 0.0)], axis=-1).round().astype(np.uint8)
