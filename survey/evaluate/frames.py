"""Labelled pictures that are decoded when they are asked for, and a second look at places in them."""

import glob
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, overload

import numpy as np
from numpy.typing import NDArray

from survey.errors import InputError
from survey.evaluate.scores import LabelledPicture
from survey.labels import Boxes, CocoLabels, YoloLabels, check_stems
from survey.photograph import read_picture

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")
"""What is taken from a folder or a glob."""


class Looks(Protocol):
    """Shows a place again."""

    def __call__(self, stretch: int, x: float, y: float, *, half_m: float) -> NDArray[np.uint8] | None:
        """Return the square of ground, uint8 (n, n, 3), around a place; None where no picture shows it."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A decoded picture with its labels."""

    site: str
    name: str
    rgb: NDArray[np.uint8]
    gsd_m: float
    items: Boxes
    imaged_px: None = None
    """All pixels show ground."""


class Frames(Sequence[LabelledPicture]):
    """Pictures that are decoded one at a time: memory does not grow with their number."""

    def __init__(self, loaders: Sequence[Callable[[], LabelledPicture]]) -> None:
        self._loaders = tuple(loaders)
        self._last: tuple[int, LabelledPicture] | None = None

    def __len__(self) -> int:
        return len(self._loaders)

    @overload
    def __getitem__(self, index: int) -> LabelledPicture: ...
    @overload
    def __getitem__(self, index: slice) -> "Frames": ...
    def __getitem__(self, index: int | slice) -> "LabelledPicture | Frames":
        if isinstance(index, slice):
            return Frames(self._loaders[index])
        if self._last is None or self._last[0] != index:
            self._last = (index, self._loaders[index]())
        return self._last[1]

    def look(self, stretch: int, x: float, y: float, *, half_m: float) -> NDArray[np.uint8] | None:
        """Return the square of ground around a place of a picture, grey where the picture ends."""
        picture = self[stretch]
        return square(picture.rgb, row=y / picture.gsd_m, col=x / picture.gsd_m, half_px=half_m / picture.gsd_m)


def square(rgb: NDArray[np.uint8], *, row: float, col: float, half_px: float) -> NDArray[np.uint8]:
    """Return uint8 (2n, 2n, 3) around a place, grey where the picture ends."""
    half = max(1, round(half_px))
    top, left = round(row) - half, round(col) - half
    chip = np.full((2 * half, 2 * half, 3), 127, np.uint8)
    part = rgb[max(0, top) : max(0, top + 2 * half), max(0, left) : max(0, left + 2 * half)]
    down, across = max(0, -top), max(0, -left)
    chip[down : down + part.shape[0], across : across + part.shape[1]] = part
    return chip


def yolo_frames(paths: Sequence[Path], *, labels: Path, classes: tuple[str, ...], gsd_m: float, site: str) -> Frames:
    """Return pictures with label files of the same stem in the folder `labels`.

    Raises:
        InputError: Two pictures would share a label file.
    """
    check_stems(paths, labels)
    marks = YoloLabels(labels, classes)

    def loader(path: Path) -> Callable[[], Frame]:
        def load() -> Frame:
            rgb = read_picture(path)
            return Frame(site, path.name, rgb, gsd_m, marks.of(path, rgb.shape))

        return load

    return Frames([loader(path) for path in paths])


def coco_frames(labels: CocoLabels, *, folder: Path, gsd_m: float | None, site: str) -> Frames:
    """Return the pictures of a COCO file, whose names lie below `folder`.

    Raises:
        InputError: A picture has no GSD of its own and none is given, or holds a crowd.
    """

    def loader(name: str) -> Callable[[], Frame]:
        labels.check(name)
        gsd = labels.gsd_m.get(name, gsd_m)
        if gsd is None:
            msg = f"{name}: nothing tells its ground distance; give --gsd in metres, or `gsd_m` in the COCO file"
            raise InputError(msg)

        def load() -> Frame:
            rgb = read_picture(folder / name)
            return Frame(site, name, rgb, gsd, labels.of(Path(name), rgb.shape))

        return load

    return Frames([loader(name) for name in labels.shapes])


def picture_files(patterns: Sequence[str]) -> list[Path]:
    """Return the pictures that files, folders or globs name, each once.

    Raises:
        InputError: A pattern names none.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        path = Path(pattern)
        names = [path] if path.is_file() else sorted(path.iterdir()) if path.is_dir() else _globbed(pattern)
        pictures = [p for p in names if path.is_file() or (p.suffix.lower() in SUFFIXES and p.is_file())]
        if not pictures:
            msg = f"{pattern}: names no picture ({', '.join(SUFFIXES)}); check the spelling and the working folder"
            raise InputError(msg)
        found.update(dict.fromkeys(pictures))
    return list(found)


def _globbed(pattern: str) -> list[Path]:
    return sorted(Path(name) for name in glob.glob(pattern, recursive=True))  # noqa: PTH207 - absolute globs
