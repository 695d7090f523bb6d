"""Labelled orthomosaics, cut into pictures that training can hold."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from survey.datasets.datalist import OrthomosaicEntry
from survey.datasets.parts import read_parts
from survey.errors import ConfigError, InputError
from survey.ingest import open_image
from survey.labels import Boxes
from survey.maplabels import MapLabels, read_map_labels
from survey.values import Image, Window, WorkingGrid

log = logging.getLogger(__name__)

PART_PX = 2048
"""Most that a part measures, without its overlap."""
OVERLAP_PX = 64
"""A part shows this much of its neighbours, so that an item on a seam is whole in one of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A piece of an orthomosaic."""

    name: str
    rgb: NDArray[np.uint8]
    """(H, W, 3); 127 where nothing was imaged."""
    gsd_m: float
    items: Boxes
    imaged: int
    """Number of pixels that were imaged."""
    core: Window
    """What no neighbour shows too, in this part's own pixels; an item whose centre lies in it is this part's."""
    origin: tuple[int, int]
    """(row, col) of the part's first pixel in the orthomosaic's working pixels."""


def entry_labels(entry: OrthomosaicEntry, folder: Path) -> MapLabels:
    """Read the labels of an entry, which all have a class of ours and a size.

    Raises:
        ConfigError: File, layer, column or CRS are missing, a class is not mapped, or a size is not known.
    """
    try:
        labels = read_map_labels(
            folder / entry.labels,
            layer=entry.layer,
            class_column=entry.class_column,
            size_column=entry.size_column,
            classes=entry.classes,
            item_size_m=entry.item_size_m,
        )
    except InputError as error:
        raise ConfigError(str(error)) from error
    if labels.unsized:
        msg = f"{labels.path}: {labels.unsized} points have no size; set item_size_m, or size_column to one of metres"
        raise ConfigError(msg)
    return labels


def load_parts(
    entry: OrthomosaicEntry, paths: list[Path], folder: Path, *, least_gsd_m: float, overlap_px: int = OVERLAP_PX
) -> list[Part]:
    """Cut the orthomosaics of an entry into parts with their items; parts where nothing was imaged are left out.

    An item belongs to every part that shows any of it. Rows without a usable place and labels that lie on no picture
    are counted in the log.

    Args:
        entry: The entry.
        paths: Its orthomosaics.
        folder: What the entry's paths lie below.
        least_gsd_m: Finer imagery is reduced to this ground scale.
        overlap_px: What a part shows of its neighbours.

    Raises:
        ConfigError: Labels or imagery cannot be used.
    """
    labels = entry_labels(entry, folder)
    if labels.told:
        log.warning("%s: %s", labels.path, labels.told)
    shown = np.zeros(len(labels.classes), bool)
    parts: list[Part] = []
    for path in paths:
        try:
            image = open_image(path)
        except InputError as error:
            raise ConfigError(str(error)) from error
        for warning in image.warnings:
            log.warning("%s", warning)
        parts.extend(cut(image, labels, shown, least_gsd_m=least_gsd_m, overlap_px=overlap_px))
    if not shown.all():
        text = "%s: %d of %d labels lie on no imaged ground of the pictures and are left out"
        log.warning(text, labels.path, int((~shown).sum()), len(shown))
    return parts


def cut(
    image: Image, labels: MapLabels, shown: NDArray[np.bool_], *, least_gsd_m: float, overlap_px: int = OVERLAP_PX
) -> Iterator[Part]:
    """Yield the parts of one orthomosaic, read one at a time; note in `shown`, bool (N,), which labels it shows.

    Raises:
        ConfigError: A part cannot be read.
    """
    grid = WorkingGrid.over(image, gsd_m=max(least_gsd_m, image.gsd_m))
    items = labels.in_pixels(image, grid)
    for read in read_parts(image, grid, core_px=PART_PX, margin_px=overlap_px):
        if not read.valid.any():
            continue
        window, core = read.window, read.core
        own_shown = visible(items, window, read.valid)
        shown |= own_shown
        name = f"{image.path.name}:{window.row}:{window.col}"
        own = items.chosen(own_shown).moved(window.row, window.col)
        core = Window(core.row - window.row, core.col - window.col, core.height, core.width)
        yield Part(name, read.rgb.copy(), grid.gsd_m, own, int(read.valid.sum()), core, (window.row, window.col))


def visible(items: Boxes, window: Window, valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return (N,) which items a window shows: its box reaches into it, and some of that was imaged."""
    half = np.maximum(items.size_px, 1) / 2
    own = items.edges.T  # of an item that lies askew they are farther out than its longest extent
    edges = np.stack(
        [
            np.minimum(items.row - half, own[0]),
            np.maximum(items.row + half, own[2]),
            np.minimum(items.col - half, own[1]),
            np.maximum(items.col + half, own[3]),
        ]
    )
    seen = np.zeros(len(items.classes), bool)
    for index in np.flatnonzero(np.isfinite(edges).all(axis=0)):
        top, bottom, left, right = edges[:, index]
        rows = slice(max(0, int(np.floor(top)) - window.row), max(0, int(np.ceil(bottom)) - window.row))
        cols = slice(max(0, int(np.floor(left)) - window.col), max(0, int(np.ceil(right)) - window.col))
        seen[index] = bool(valid[rows, cols].any())
    return seen
