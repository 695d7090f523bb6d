"""Labelled pictures as an audit reads them: one at a time, their boxes as they were drawn."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from survey.audit.finding import Place
from survey.datasets.orthomosaic import cut
from survey.datasets.picture import STORED_GSD_M
from survey.evaluate.frames import square
from survey.evaluate.orthomosaic import MapLooks
from survey.ingest import open_image
from survey.labels import Boxes
from survey.maplabels import MapLabels
from survey.photograph import read_picture
from survey.values import Window, WorkingGrid

LEAST_HALF_PX = 16
AROUND = 1.5
"""Half of what is shown of a box is at least this many times its longest side."""


class Look(NamedTuple):
    """A square of ground."""

    rgb: NDArray[np.uint8]
    """(n, n, 3)."""
    top: float
    """Of its first pixel in the file."""
    left: float


class Group(NamedTuple):
    """Where a picture belongs; a copy in another group leaks from one into the other."""

    site: str
    flight: str
    folder: str


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """All labels of one file, in its pixels, faulty ones too."""

    height: int
    width: int
    gsd_m: float
    boxes: Boxes
    scale_known: bool
    """False: the GSD follows from the boxes themselves, and `gsd_m` is only what the data list says in general."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Decoded ground of a file, the whole of it or a part; as `survey.evaluate.scores.LabelledPicture`."""

    site: str
    name: str
    rgb: NDArray[np.uint8]
    gsd_m: float
    items: Boxes
    """Labels with an extent, in the view's pixels."""
    marks: Marks | None
    """The file's labels, in its first view only; None in those that follow."""
    imaged: bool = True
    """Every pixel was imaged."""
    core: Window | None = None
    """Part of the view that no other view of the file shows; None: all of it."""
    origin: tuple[float, float] = (0.0, 0.0)
    """(row, col) of the view's first pixel in the file."""
    step: tuple[float, float] = (1.0, 1.0)
    """The file's pixels per pixel of the view, down and across."""
    imaged_px: None = None
    """No rate is taken of views: all of their pixels count."""

    @property
    def place(self) -> Place | None:
        """Where the view lies in the file; None where it is all of it."""
        if self.core is None:
            return None
        (top, left), (down, across), (height, width) = self.origin, self.step, self.rgb.shape[:2]
        return top, left, top + height * down, left + width * across

    def square_at(self, row: float, col: float, size_px: float) -> Place:
        """Return the place in the file of a square of the view."""
        (top, left), (down, across), half = self.origin, self.step, size_px / 2
        low = top + (row - half) * down, left + (col - half) * across
        high = top + (row + half) * down, left + (col + half) * across
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


class Picture(Protocol):
    """A file with labels."""

    @property
    def file(self) -> str: ...  # noqa: D102 - its name in the report
    @property
    def group(self) -> Group: ...  # noqa: D102
    @property
    def labelled(self) -> bool: ...  # noqa: D102 - False: listed as ground without any item

    def views(self) -> Iterator[View]:
        """Read the file; raises `InputError` or `ConfigError` where picture or labels cannot be read."""

    def looks(self, places: Sequence[Place | None]) -> list[Look | None]:
        """Return the ground around each place, the whole picture for None; None where there is nothing to show.

        Raises:
            InputError: The file cannot be read.
        """


@dataclass(frozen=True, slots=True, eq=False)
class FramePicture:
    """A picture file whose labels are boxes in its pixels; one without labels is listed as empty ground."""

    path: Path
    file: str
    group: Group
    labels: Callable[[Path, tuple[int, ...]], Boxes] | None
    gsd_m: Callable[[Boxes], float]
    """Of a pixel, from the labels with an extent."""
    listed_gsd_m: float | None = None
    """What the data list says in general, where the picture's own GSD follows from its boxes."""

    @property
    def labelled(self) -> bool:
        """False: listed as ground without any item."""
        return self.labels is not None

    def views(self) -> Iterator[View]:
        """Yield the whole picture."""
        rgb = read_picture(self.path)
        boxes = Boxes.none() if self.labels is None else self.labels(self.path, rgb.shape)
        items = with_extent(boxes)
        gsd_m = self.gsd_m(items)
        listed = gsd_m if self.listed_gsd_m is None else self.listed_gsd_m
        marks = Marks(rgb.shape[0], rgb.shape[1], listed, boxes, self.listed_gsd_m is None)
        yield View(self.group.site, self.file, rgb, gsd_m, items, marks)

    def looks(self, places: Sequence[Place | None]) -> list[Look | None]:
        """Return the ground around each place, grey where the picture ends; the picture is decoded once."""
        rgb = read_picture(self.path)
        looks: list[Look | None] = []
        for place in places:
            row, col, half = _framed(place, *rgb.shape[:2])
            looks.append(Look(square(rgb, row=row, col=col, half_px=half), row - half, col - half))
        return looks


@dataclass(frozen=True, slots=True, eq=False)
class OrthomosaicPicture:
    """An orthomosaic whose labels lie on the map; several may share the labels."""

    path: Path
    file: str
    group: Group
    labels: MapLabels
    shown: NDArray[np.bool_]
    """(N,) labels that some view showed; grows while the pictures of an entry are read."""
    labelled: bool = True

    def views(self) -> Iterator[View]:
        """Yield the parts on which something was imaged."""
        image = open_image(self.path)
        grid = WorkingGrid(image.height, image.width, 1.0, 1.0, image.transform, image.gsd_m)
        boxes = self.labels.in_pixels(image, grid)
        top, left, bottom, right = boxes.edges.T
        here = (bottom > 0) & (right > 0) & (top < grid.height) & (left < grid.width)
        marks: Marks | None = Marks(grid.height, grid.width, image.gsd_m, boxes.chosen(here), scale_known=True)
        coarse = WorkingGrid.over(image, gsd_m=max(STORED_GSD_M, image.gsd_m))
        for part in cut(image, self.labels, self.shown, least_gsd_m=STORED_GSD_M):
            origin = (part.origin[0] * coarse.row_step, part.origin[1] * coarse.col_step)
            step, whole = (coarse.row_step, coarse.col_step), part.imaged == part.rgb[..., 0].size
            items = with_extent(part.items)
            yield View(self.group.site, part.name, part.rgb, part.gsd_m, items, marks, whole, part.core, origin, step)
            marks = None

    def looks(self, places: Sequence[Place | None]) -> list[Look | None]:
        """Return the ground around each place; None for the whole orthomosaic and where nothing was imaged."""
        image = open_image(self.path)
        ground = MapLooks((image,), image.crs_wkt)
        looks: list[Look | None] = []
        for place in places:
            row, col, half = _framed(place, image.height, image.width)
            x, y = image.transform * (col, row)
            rgb = None if place is None else ground(0, x, y, half_m=half * image.gsd_m)
            looks.append(None if rgb is None else Look(rgb, row - half, col - half))
        return looks


def _framed(place: Place | None, height: int, width: int) -> tuple[int, int, int]:
    """Return middle and half edge of the square to show: box and surroundings, and always some of the picture."""
    if place is None:
        return height // 2, width // 2, max(height, width) // 2
    top, left, bottom, right = place
    row = round(min(max((top + bottom) / 2, 0), height - 1))
    col = round(min(max((left + right) / 2, 0), width - 1))
    far = max(row - top, bottom - row, col - left, right - col)
    return row, col, round(min(max(LEAST_HALF_PX, AROUND * max(bottom - top, right - left), 1.1 * far), height + width))


def with_extent(boxes: Boxes) -> Boxes:
    """Return the boxes that have a place and an extent."""
    edges = boxes.edges
    return boxes.chosen(np.isfinite(edges).all(axis=1) & (boxes.size_px > 0))
