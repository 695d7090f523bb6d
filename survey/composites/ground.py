"""Crops of pictures of ground, turned, mirrored and scaled, with the items and disturbance that they show."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.composites.placing import Matrix, Turn, around, warped
from survey.datasets.judged import Looked
from survey.datasets.picture import Picture
from survey.labels import Boxes
from survey.networks import FILL
from survey.simulate import Sun
from survey.simulate.canvas import Pasted
from survey.values import DISTURBANCES

IGNORED = 255
"""Mask value of cells whose disturbance is not known."""
LABELLED_SPREAD, EMPTY_SPREAD = 0.35, 0.7
"""Crops of a picture are scaled by up to exp(spread) either way: a little where items have a true size, much
where only clutter is shown, for clutter comes in all sizes."""
_AT_ITEM = 0.6
"""Share of a labelled picture's crops that are placed around one of its items."""


@dataclass(frozen=True, slots=True, eq=False)
class GroundCrop:
    """A crop of S x S working pixels."""

    rgb: NDArray[np.uint8]
    """(S, S, 3)."""
    items: list[Pasted]
    """Of the picture; some may lie outside the crop."""
    mask: NDArray[np.uint8]
    """(S, S): 0 undisturbed, 1 + kind, or `IGNORED`."""
    softness_px: float
    """Standard deviation of the blur that enlarging gave the crop."""
    aimed: tuple[float, float] | None
    """(row, col) of the place that was aimed at."""
    sun: Sun | None
    """The picture's own sun as it stands in the crop, where it is known."""
    known: NDArray[np.bool_]
    """(S, S) ground on which what is not labelled is no item."""


def crop_picture(
    picture: Picture, size: int, gsd_m: float, rng: np.random.Generator, *, aim: tuple[float, float] | None = None
) -> GroundCrop:
    """Return a randomly placed, turned, mirrored and scaled crop of a picture.

    Args:
        picture: With what is known to be in it.
        size: Edge of the crop, working pixels.
        gsd_m: Edge of a working pixel, metres.
        rng: Decides.
        aim: (row, col) of the picture that lies in the middle half of the crop; None: anywhere, rather often
            at an item.
    """
    spread = LABELLED_SPREAD if len(picture.items.row) or aim else EMPTY_SPREAD
    scale = picture.gsd_m / gsd_m * float(np.exp(rng.uniform(-spread, spread)))
    scale = max(scale, size / min(picture.rgb.shape[:2]) * 0.7)  # a crop shows little beyond the picture's edge
    turn = Turn(scale, rng.uniform(0, 2 * np.pi), bool(rng.random() < 0.5))
    centre = _place(picture, size / scale, rng, aim=aim)
    matrix = around(turn, source=centre, target=(size / 2, size / 2))
    source, reduced = _reduced(picture.rgb, matrix, scale)
    rgb = warped(source, reduced, (size, size), border=cv2.BORDER_REFLECT_101)
    items = _laid(picture.items, matrix, scale)
    known = np.ones((size, size), bool)
    if picture.judged is not None:
        items += [replace(item, ignored=True) for item in _laid(picture.judged.unsettled, matrix, scale)]
        looked = warped(picture.judged.ground, matrix, (size, size), flags=cv2.INTER_NEAREST, fill=Looked.NOT)
        known = looked != Looked.NOT
    softness = 0.42 * float(np.sqrt(max(0.0, scale**2 - 1)))
    sun = None
    if picture.sun is not None:
        sun = Sun(turn.azimuth(picture.sun.azimuth_deg), picture.sun.elevation_deg)
    aimed = None
    if aim is not None:
        x, y = matrix[:, :2] @ np.array([aim[1], aim[0]]) + matrix[:, 2]
        aimed = (float(y), float(x))
    mask = _disturbance_mask(picture, matrix, size)
    return GroundCrop(np.asarray(rgb, np.uint8), items, mask, softness, aimed, sun, known)


def _laid(boxes: Boxes, matrix: Matrix, scale: float) -> list[Pasted]:
    """Return the items of a picture where a crop shows them."""
    points = (matrix[:, :2] @ np.stack([boxes.col, boxes.row])).T + matrix[:, 2]
    return [
        Pasted(float(y), float(x), float(extent * scale), name, 1.0)
        for (x, y), extent, name in zip(points, boxes.size_px, boxes.classes, strict=True)
    ]


def cut_away(rgb: NDArray[np.uint8], mask: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Replace one side of a crop by nodata, as at the ragged edge of an orthomosaic; return (S, S) what is gone."""
    size = rgb.shape[0]
    angle, offset = rng.uniform(0, 2 * np.pi), rng.uniform(0.0, 0.35) * size
    rows, cols = np.mgrid[:size, :size].astype(np.float32)
    ragged = cv2.resize(rng.normal(0, 12, (8, 8)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    distance = (cols - size / 2) * np.cos(angle) + (rows - size / 2) * np.sin(angle) + ragged
    gone: NDArray[np.bool_] = distance > offset
    rgb[gone] = FILL
    mask[gone] = 0
    return gone


def _place(
    picture: Picture, extent: float, rng: np.random.Generator, *, aim: tuple[float, float] | None
) -> tuple[float, float]:
    """Draw the middle (x, y) of a crop that is `extent` source pixels wide."""
    height, width = picture.rgb.shape[:2]
    if aim is not None:
        off = rng.uniform(-0.25, 0.25, 2) * extent
        return aim[1] + float(off[0]), aim[0] + float(off[1])
    if len(picture.items.row) and rng.random() < _AT_ITEM:
        chosen = int(rng.integers(len(picture.items.row)))
        off = rng.uniform(-0.35, 0.35, 2) * extent
        return float(picture.items.col[chosen] + off[0]), float(picture.items.row[chosen] + off[1])
    if picture.judged is not None:  # most of it may be ground that teaches nothing
        known = np.flatnonzero(picture.judged.ground)
        row, col = divmod(int(known[int(rng.integers(len(known)))]), width)
        return float(col), float(row)
    margin_x, margin_y = (min(extent / 2, full / 2) for full in (width, height))
    return float(rng.uniform(margin_x, width - margin_x)), float(rng.uniform(margin_y, height - margin_y))


def _reduced(rgb: NDArray[np.uint8], matrix: Matrix, scale: float) -> tuple[NDArray[np.uint8], Matrix]:
    """Return the picture halved as often as the crop wants it smaller (points are sampled), and its matrix."""
    while scale < 0.6:
        height, width = (extent // 2 for extent in rgb.shape[:2])
        even = rgb[: 2 * height, : 2 * width]
        rgb = np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        matrix = np.hstack([matrix[:, :2] * 2, matrix[:, 2:]])
        scale *= 2
    return rgb, matrix


def _disturbance_mask(picture: Picture, matrix: Matrix, size: int) -> NDArray[np.uint8]:
    """Return the dug soil of a picture as ellipses; unknown elsewhere where the labels are partial."""
    if picture.disturbed == ():
        return np.zeros((size, size), np.uint8)
    mask = np.full(picture.rgb.shape[:2], IGNORED, np.uint8)
    code = 1 + DISTURBANCES.index("disturbed_soil")
    for x, y, width, height in picture.disturbed or ():
        centre = (round(x + width / 2), round(y + height / 2))
        cv2.ellipse(mask, centre, (round(width / 2), round(height / 2)), 0, 0, 360, code, -1)
    return np.asarray(warped(mask, matrix, (size, size), flags=cv2.INTER_NEAREST, fill=IGNORED), np.uint8)


def inside(items: Sequence[Pasted], size: int) -> list[Pasted]:
    """Return the items of which at least the half-extent reaches into a crop of `size`."""
    return [
        item
        for item in items
        if -item.size_px < 2 * item.row < 2 * size + item.size_px
        and -item.size_px < 2 * item.col < 2 * size + item.size_px
    ]
