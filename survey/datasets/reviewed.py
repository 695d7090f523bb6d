"""Reviewed imagery cut into pictures that training can hold: only what somebody judged, with a margin."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize

from survey.datasets.datalist import ReviewEntry
from survey.datasets.judged import Judged, Looked
from survey.datasets.orthomosaic import visible
from survey.datasets.parts import read_parts
from survey.datasets.picture import STORED_GSD_M, Picture
from survey.datasets.reviews import EDGE_M, LookedAt, Places, check_imagery, open_review
from survey.errors import ConfigError
from survey.ingest.plan import lattice_shape
from survey.labels import Boxes
from survey.values import Image, Window, WorkingGrid

log = logging.getLogger(__name__)

PART_PX = 1024
"""Edge of a part without its margin."""
MARGIN_PX = 192
"""A crop around a thing at a part's edge is whole: half of 256 px, and more where it is shown enlarged."""
BESIDE_M = 0.25
"""Whoever judged a thing has seen the ground beside it: to its own size, and at least so far."""


def load_reviews(entry: ReviewEntry, folder: Path) -> list[Picture]:
    """Cut the judged ground of a reviewed run into pictures.

    Half of the entry's weight is shared out by items, half by ground that was looked at: labels are few, and tiles
    without any are large.

    Raises:
        ConfigError: The run was not reviewed, or its imagery is not found, has changed or cannot be read.
        InputError: The run did not finish, or a file is damaged.
    """
    review = open_review(entry, folder)
    check_imagery(review.material.images)
    pictures: list[Picture] = []
    for image in review.material.images:
        places = review.places_on(image)
        tiles = review.tiles_on(image, places)
        pictures.extend(_cut(image, entry.site, places, tiles))
    if not pictures:
        msg = f"{review.material.folder}: no judged ground lies on its imagery, so there is nothing to learn from it"
        raise ConfigError(msg)
    items = np.array([len(p.items.row) for p in pictures], np.float64)
    looked = np.array([_looked(p) * p.gsd_m**2 for p in pictures])
    parts = [part / part.sum() for part in (items, looked) if part.sum() > 0]
    shares = entry.weight * sum(parts) / len(parts)
    log.info("%s", _told(entry, pictures))
    return [replace(picture, weight=float(share)) for picture, share in zip(pictures, shares, strict=True)]


def _told(entry: ReviewEntry, pictures: list[Picture]) -> str:
    judged = [p.judged for p in pictures if p.judged is not None]
    ha = sum(_looked(p) * p.gsd_m**2 for p in pictures) * 1e-4
    counts = (
        f"{sum(len(p.items.row) for p in pictures)} items, {sum(len(j.rejected) for j in judged)} hard negatives, "
        f"{sum(len(j.unsettled.row) for j in judged)} unsettled places"
    )
    return f"review of {entry.site}: {len(pictures)} pictures with {counts}, {ha:.4f} ha looked at"


def _looked(picture: Picture) -> int:
    return int(np.count_nonzero(picture.judged.ground)) if picture.judged is not None else 0


@dataclass(frozen=True, slots=True, eq=False)
class _Laid:
    """What was judged, in working pixels."""

    items: Boxes
    unsettled: Boxes
    rejected: Boxes
    tiles: LookedAt

    @classmethod
    def over(cls, grid: WorkingGrid, places: Places, tiles: LookedAt) -> "_Laid":
        size = places.size_m / grid.gsd_m
        boxes = Boxes(places.row / grid.row_step, places.col / grid.col_step, size, places.classes)
        shapes = np.empty(len(tiles.shape), object)
        scale = np.array([grid.col_step, grid.row_step])
        shapes[:] = [_scaled(shape, scale) for shape in tiles.shape]
        items, unsettled, rejected = (boxes.chosen(places.verdict == verdict) for verdict in (1, 0, -1))
        return cls(items, unsettled, rejected, LookedAt(shapes, tiles.empty))

    def needed(self, grid: WorkingGrid) -> NDArray[np.bool_]:
        """Return which parts hold anything that was judged."""
        shape = lattice_shape(grid, PART_PX)
        needed = np.zeros(shape, bool)
        for boxes in (self.items, self.rejected):
            inside = (boxes.row >= 0) & (boxes.row < grid.height) & (boxes.col >= 0) & (boxes.col < grid.width)
            needed[(boxes.row[inside] // PART_PX).astype(int), (boxes.col[inside] // PART_PX).astype(int)] = True
        if len(self.tiles.shape):
            coarse = [_scaled(one, np.array([PART_PX, PART_PX])) for one in self.tiles.shape]
            needed |= rasterize(coarse, out_shape=shape, all_touched=True, dtype="uint8").astype(bool)
        return needed

    def ground(self, window: Window, valid: NDArray[np.bool_], gsd_m: float) -> NDArray[np.uint8]:
        """Return (H, W) `Looked` of a window."""
        ground = np.zeros(valid.shape, np.uint8)
        for boxes in (self.items, self.rejected):
            for row, col, size in zip(boxes.row - window.row, boxes.col - window.col, boxes.size_px, strict=True):
                reach = max(size, BESIDE_M / gsd_m)
                if -reach < row < window.height + reach and -reach < col < window.width + reach:
                    # Centres of pixels lie at halves, and OpenCV counts them from 0; 3 more bits keep the fraction.
                    middle = (round((col - 0.5) * 8), round((row - 0.5) * 8))
                    cv2.circle(ground, middle, round(reach * 8), int(Looked.YES), -1, shift=3)
        for code, chosen in ((Looked.YES, ~self.tiles.empty), (Looked.EMPTY, self.tiles.empty)):
            shapes = [_moved(one.buffer(-EDGE_M / gsd_m), window) for one in self.tiles.shape[chosen]]
            if shapes := [one for one in shapes if not one.is_empty]:
                marked = rasterize(shapes, out_shape=valid.shape, dtype="uint8").astype(bool)
                ground[marked] = code
        ground[~valid] = Looked.NOT
        return ground


def _cut(image: Image, site: str, places: Places, tiles: LookedAt) -> Iterator[Picture]:
    """Yield the parts of an image on which something was judged, read one at a time."""
    grid = WorkingGrid.over(image, gsd_m=max(STORED_GSD_M, image.gsd_m))
    laid = _Laid.over(grid, places, tiles)
    needed = laid.needed(grid)
    for read in read_parts(image, grid, core_px=PART_PX, margin_px=MARGIN_PX, needed=needed):
        window = read.window
        ground = laid.ground(window, read.valid, grid.gsd_m)
        if not ground.any():
            continue
        shown, unsettled = (
            boxes.chosen(visible(boxes, window, read.valid)).moved(window.row, window.col)
            for boxes in (laid.items, laid.unsettled)
        )
        rejected = laid.rejected.chosen(_centred(laid.rejected, read.core)).moved(window.row, window.col)
        judged = Judged(ground, unsettled, np.column_stack([rejected.row, rejected.col]))
        name = f"{image.path.name}:{window.row}:{window.col}"
        yield Picture(site, name, read.rgb.copy(), grid.gsd_m, shown, None, 0.0, judged=judged)


def _centred(boxes: Boxes, core: Window) -> NDArray[np.bool_]:
    """Return (N,) whose centre lies in a core, so that each is one part's."""
    row, col = boxes.row - core.row, boxes.col - core.col
    return (row >= 0) & (row < core.height) & (col >= 0) & (col < core.width)


def _scaled(shape: Any, by: NDArray[np.float64]) -> Any:
    return shapely.transform(shape, lambda xy: xy / by)


def _moved(shape: Any, window: Window) -> Any:
    return shapely.transform(shape, lambda xy: xy - np.array([window.col, window.row]))
