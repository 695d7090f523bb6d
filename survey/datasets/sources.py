"""The pictures of a data list, decoded once into memory at the scale that training crops from."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.datasets.cutouts import Cutout, existing, load_cutouts
from survey.datasets.datalist import (
    UNIDENTIFIED_MINE,
    CutoutEntry,
    DataList,
    FrameEntry,
    GroundEntry,
    InventedEntry,
    OrthomosaicEntry,
    RenderedEntry,
    ReviewEntry,
    SimulatedEntry,
)
from survey.datasets.frames import frame_files, frame_gsd, labels_of, matching_files
from survey.datasets.orthomosaic import OVERLAP_PX, load_parts
from survey.datasets.picture import STORED_GSD_M, Picture
from survey.datasets.reviewed import load_reviews
from survey.errors import ConfigError, InputError, SurveyError
from survey.labels import Boxes
from survey.photograph import read_picture
from survey.simulate.render import BankSprite, load_bank
from survey.simulate.sun import Sun
from survey.simulate.terrain import Terrain

__all__ = [
    "AT_LEAST_M",
    "UNIDENTIFIED_MINE",
    "Boxes",
    "Cutout",
    "Picture",
    "Sources",
    "load_frames",
    "load_grounds",
    "load_orthomosaics",
    "load_sources",
]

AT_LEAST_M = 0.19
"""Least diameter of a mine that counts as anti-tank; the common ones are 0.27 m and more, AP blast mines to 0.15 m."""
SIMULATED_GROUNDS = 12
SIMULATED_SEED = 90_000
SIMULATED_PX = 1600
SIMULATED_GSD_M = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """Everything a composer draws from."""

    pictures: tuple[Picture, ...]
    cutouts: tuple[Cutout, ...]
    simulated_items: float
    """Weight of items drawn by the simulator beside the cut-outs' weights."""
    bank: tuple[BankSprite, ...] = ()
    """Rendered items and clutter."""
    rendered_items: float = 0.0
    """Weight of the bank's items beside the cut-outs' weights."""
    invented_items: float = 0.0
    """Weight of made-up items beside the cut-outs' weights."""


def load_sources(data: DataList, folder: Path, *, bank: Path | None = None) -> Sources:
    """Decode every picture, cut-out and rendered sprite of the list.

    Args:
        data: The list.
        folder: What its paths lie below.
        bank: Folder made by `survey render`; needed where the list has a rendered entry.

    Raises:
        ConfigError: A glob matches nothing, a listed file is missing or unreadable, or there is no
            ground to paste on or nothing to paste.
    """
    pictures: list[Picture] = []
    cutouts: list[Cutout] = []
    items = rendered = invented = 0.0
    sprites: tuple[BankSprite, ...] = ()
    for entry in data.entries:
        match entry:
            case GroundEntry() | FrameEntry() | OrthomosaicEntry() | ReviewEntry():
                pictures.extend(_load_pictures(entry, folder))
            case CutoutEntry():
                cutouts.extend(load_cutouts(entry, folder))
            case SimulatedEntry():
                items = entry.item_weight
                pictures.extend(_simulate_grounds(entry))
            case RenderedEntry():
                sprites, rendered = _bank_of(bank), entry.item_weight
            case InventedEntry():
                invented = entry.item_weight
    if not sum(picture.weight for picture in pictures) > 0:
        msg = "the data list has no ground: give it ground, frames or simulated entries of a weight above 0"
        raise ConfigError(msg)
    if not items + rendered + invented + sum(cutout.weight for cutout in cutouts) > 0:
        msg = "the data list has no items: give it cutouts, simulated, rendered or invented entries of a weight above 0"
        raise ConfigError(msg)
    return Sources(tuple(pictures), tuple(cutouts), items, sprites, rendered, invented)


def _load_pictures(entry: GroundEntry | FrameEntry | OrthomosaicEntry | ReviewEntry, folder: Path) -> list[Picture]:
    match entry:
        case GroundEntry():
            return load_grounds(entry, folder)
        case FrameEntry():
            return load_frames(entry, folder)
        case OrthomosaicEntry():
            return load_orthomosaics(entry, folder)
        case ReviewEntry():
            return load_reviews(entry, folder)


def _bank_of(folder: Path | None) -> tuple[BankSprite, ...]:
    if folder is None:
        msg = "the data list has a rendered entry: make a bank with `survey render --out DIR` and give --set bank=DIR"
        raise ConfigError(msg)
    return load_bank(folder)


def _simulate_grounds(entry: SimulatedEntry) -> list[Picture]:
    """Return simulated terrains, each under a sun of its own; no seed is one of the demo flight's."""
    pictures = []
    for seed in range(SIMULATED_SEED, SIMULATED_SEED + SIMULATED_GROUNDS):
        terrain = Terrain(seed=seed, gsd_m=SIMULATED_GSD_M, sun=Sun.sample(np.random.default_rng(seed)))
        rgb = terrain.window(0, 0, SIMULATED_PX, SIMULATED_PX)
        weight = entry.ground_weight / SIMULATED_GROUNDS
        picture = Picture(entry.site, f"terrain-{seed}", rgb, SIMULATED_GSD_M, Boxes.none(), (), weight, terrain.sun)
        pictures.append(picture)
    return pictures


def load_grounds(entry: GroundEntry, folder: Path) -> list[Picture]:
    """Decode empty ground, reduced to no finer than `STORED_GSD_M`."""
    paths = matching_files(folder, entry.images)
    return [
        Picture(entry.site, path.name, rgb, gsd_m, Boxes.none(), (), entry.weight / len(paths), entry.light)
        for path in paths
        for rgb, gsd_m in [_reduced(_read(path), entry.gsd_m)]
    ]


def load_frames(entry: FrameEntry, folder: Path) -> list[Picture]:
    """Decode labelled frames with their items."""
    paths = frame_files(entry, folder)
    dug = _read_dug(folder / entry.disturbed_soil) if entry.disturbed_soil else {}
    labels = labels_of(entry, folder)
    pictures = []
    for path in paths:
        rgb = _read(path)
        items = labels.of(path, rgb.shape)
        gsd_m = frame_gsd(entry, items)
        boxes = tuple(dug.get(path.name, ())) or None
        pictures.append(Picture(entry.site, path.name, rgb, gsd_m, items, boxes, entry.weight / len(paths)))
    return pictures


def load_orthomosaics(entry: OrthomosaicEntry, folder: Path, *, overlap_px: int = OVERLAP_PX) -> list[Picture]:
    """Cut labelled orthomosaics into pictures, each weighted by its imaged ground.

    Of their ground it is not known whether it is disturbed, and an unmarked item may have been overlooked: false
    alarms are not mined there.
    """
    paths = matching_files(folder, entry.images)
    parts = load_parts(entry, paths, folder, least_gsd_m=STORED_GSD_M, overlap_px=overlap_px)
    area = [part.imaged * part.gsd_m**2 for part in parts]
    return [
        Picture(
            site=entry.site,
            name=part.name,
            rgb=part.rgb,
            gsd_m=part.gsd_m,
            items=part.items,
            disturbed=None,
            weight=entry.weight * own / sum(area),
            imaged_px=part.imaged,
        )
        for part, own in zip(parts, area, strict=True)
    ]


def _read_dug(path: Path) -> dict[str, list[tuple[float, float, float, float]]]:
    """Read the boxes of dug soil by file name."""
    try:
        boxes = json.loads(existing(path).read_text())["boxes"]
        return {str(name): [(x, y, w, h) for x, y, w, h in map(_numbers, rows)] for name, rows in boxes.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, SurveyError):
            raise
        msg = f'{path}: is not {{"boxes": {{file: [[x, y, width, height], ...]}}}} ({error}); write it so'
        raise ConfigError(msg) from error


def _numbers(row: Sequence[float]) -> list[float]:
    return [float(value) for value in row]


def _read(path: Path) -> NDArray[np.uint8]:
    try:
        return read_picture(path)
    except InputError as error:
        raise ConfigError(str(error)) from error


def _reduced(rgb: NDArray[np.uint8], gsd_m: float) -> tuple[NDArray[np.uint8], float]:
    if gsd_m >= STORED_GSD_M:
        return rgb, gsd_m
    factor = gsd_m / STORED_GSD_M
    smaller = cv2.resize(rgb, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.uint8), STORED_GSD_M
