"""Chips of sightings: the imagery's own pixels with a scale bar that is right in both directions."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.export.palette import DETECTION_COLOUR
from survey.markup import Markup, tag
from survey.provenance.imagery import RunImage, cut
from survey.report.svg import jpeg_uri, nice

EDGE = 220.0
"""Of a chip's drawing, in its own units."""
LEAST_HALF_M, SIZES = 1.0, 2.5
"""Half the edge of a chip in metres, and in sizes of the item if that is more."""
MOST_PX = 360
"""More pixels along an edge are averaged away."""
NOTHING = 225
"""Grey of what lies outside the image or was not imaged."""


def chip(found: RunImage, row: Any) -> Markup | None:
    """Return the chip of a sighting; None where the imagery is not what it was."""
    image = found.image
    if image is None:
        return None
    half_m = max(LEAST_HALF_M, SIZES * float(row["size_m"]))
    half_rows, half_cols = max(1, round(half_m / image.gsd_row_m)), max(1, round(half_m / image.gsd_col_m))
    at_row, at_col = float(row["image_row"]), float(row["image_col"])
    piece = cut(image, row=at_row, col=at_col, half_rows=half_rows, half_cols=half_cols)
    if piece is None:
        return None
    square = np.full((2 * half_rows + 1, 2 * half_cols + 1, 3), NOTHING, np.uint8)
    top, left = piece.window.row - (int(at_row) - half_rows), piece.window.col - (int(at_col) - half_cols)
    seen = np.where(piece.valid[..., None], piece.rgb, np.uint8(NOTHING))
    square[top : top + seen.shape[0], left : left + seen.shape[1]] = seen
    # What the drawing shows is this many metres, whole pixels on both sides of the one in the middle.
    across_m = square.shape[1] * image.gsd_col_m
    return _drawn(_fitted(square), across_m=across_m, size_m=float(row["size_m"]))


def _fitted(square: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the pixels, fewer if there are too many, and larger blocks of them if they are few."""
    most = max(square.shape[:2])
    if most > MOST_PX:
        shrunk = cv2.resize(square, (MOST_PX, MOST_PX), interpolation=cv2.INTER_AREA)
        return np.asarray(shrunk, np.uint8)
    factor = max(1, round(EDGE / most))
    return np.repeat(np.repeat(square, factor, axis=0), factor, axis=1)


def _drawn(rgb: NDArray[np.uint8], *, across_m: float, size_m: float) -> Markup:
    scale = EDGE / across_m
    metres = nice(across_m / 3)
    length, low = metres * scale, EDGE - 12
    middle = EDGE / 2
    words = f"{metres:g} m" if metres >= 1 else f"{100 * metres:g} cm"
    radius = min(middle - 4, max(10.0, 0.8 * size_m * scale))
    return tag(
        "svg",
        tag("image", href=jpeg_uri(rgb), x=0, y=0, width=EDGE, height=EDGE, preserveAspectRatio="none"),
        tag("circle", cx=middle, cy=middle, r=radius, fill="none", stroke="#fff", stroke_width=3, opacity=0.7),
        tag("circle", cx=middle, cy=middle, r=radius, fill="none", stroke=DETECTION_COLOUR, stroke_width=1.5),
        tag("rect", x=8, y=low - 15, width=length + 8, height=22, fill="#fff", fill_opacity=0.8),
        tag("rect", x=12, y=low, width=length, height=3.5, fill="#1d2733"),
        tag("text", words, x=12 + length / 2, y=low - 3, text_anchor="middle", font_size=11, fill="#1d2733"),
        viewBox=f"0 0 {EDGE:g} {EDGE:g}",
        class_="chip",
        data_across=f"{across_m:.4f}",
        data_metres=f"{metres:g}",
        data_length=f"{length:.4f}",
    )
