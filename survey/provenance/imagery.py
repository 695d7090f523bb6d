"""Where a run's imagery is now, whether it is still the same, and hashes of windows of its pixels."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from survey.errors import InputError
from survey.ingest import SourcePixels, open_image, to_uint8
from survey.provenance.finished import FinishedRun
from survey.values import Image, Window


class State(StrEnum):
    """What became of an input since the run."""

    SAME = "unchanged"
    CHANGED = "changed since the run"
    ABSENT = "not where it was"
    UNREADABLE = "cannot be read"


@dataclass(frozen=True, slots=True)
class RunImage:
    """One image of a run."""

    name: str
    sha256: str
    """Of its content when it was searched."""
    state: State
    image: Image | None
    """As it is now; only where the content is still the same."""
    why: str = ""
    """What the reader said, for an image that cannot be read."""

    @property
    def image_id(self) -> str:
        """First 16 hex digits of the hash, as in the layers."""
        return self.sha256[:16]


def find_imagery(run: FinishedRun, *, elsewhere: Sequence[Path] = ()) -> tuple[RunImage, ...]:
    """Look for the imagery of a run and hash it again.

    Args:
        run: The run.
        elsewhere: Folders or files to look for the images' names in before where they were.
    """
    recorded = [Path(name) for name in run.notes.get("inputs", [])]
    found = []
    for number, (name, sha256) in enumerate(run.identity.inputs):
        places = [place / name if place.is_dir() else place for place in elsewhere]
        places = [place for place in places if place.name == name]
        places += recorded[number : number + 1]
        found.append(_found(run, name, sha256, [place for place in places if place.is_file()]))
    return tuple(found)


def _found(run: FinishedRun, name: str, sha256: str, places: Sequence[Path]) -> RunImage:
    """Return an image at the first place that has its content, else what the first place has."""
    bands, nodata = run.identity.config.get("bands"), run.identity.config.get("nodata")
    told: list[RunImage] = []
    for place in places:
        try:
            image = open_image(
                place,
                bands=None if not isinstance(bands, list | tuple) else (int(bands[0]), int(bands[1]), int(bands[2])),
                nodata=float(nodata) if isinstance(nodata, int | float) else None,
            )
        except InputError as error:
            told.append(RunImage(name, sha256, State.UNREADABLE, None, str(error)))
            continue
        if image.sha256 == sha256:
            return RunImage(name, sha256, State.SAME, image)
        told.append(RunImage(name, sha256, State.CHANGED, None))
    return told[0] if told else RunImage(name, sha256, State.ABSENT, None)


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A rectangle of an image's own pixels."""

    window: Window
    rgb: NDArray[np.uint8]
    """(height, width, 3)."""
    valid: NDArray[np.bool_]
    """(height, width) which pixels were imaged."""
    sha256: str
    """Of the source values, see `hash_of`."""
    damage: str
    """Why part of it cannot be read; empty if all can."""


def cut(image: Image, *, row: float, col: float, half_rows: int, half_cols: int) -> Cut | None:
    """Return the pixels around a place, cut at the image's edges; None where the place lies outside."""
    if not (0 <= row < image.height and 0 <= col < image.width):
        return None
    top, left = max(0, int(row) - half_rows), max(0, int(col) - half_cols)
    bottom, right = min(image.height, int(row) + half_rows + 1), min(image.width, int(col) + half_cols + 1)
    window = Window(top, left, bottom - top, right - left)
    pixels = SourcePixels(image)
    values, valid, damage = pixels.read(window)
    pixels.close()
    rgb = np.ascontiguousarray(to_uint8(values, image).transpose(1, 2, 0))
    return Cut(window, rgb, valid, hash_of(values), "; ".join(d.reason for d in damage))


def hash_of(values: NDArray[np.generic]) -> str:
    """Return the hex SHA-256 of pixels: type and shape as text, then the values, little-endian, in C order.

    The text is such as 'uint8 3 64 64 ': bands (red, green, blue), rows, columns. Anyone can compute it again.
    """
    head = f"{values.dtype.name} {' '.join(map(str, values.shape))} "
    content = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"))).tobytes()
    return hashlib.sha256(head.encode() + content).hexdigest()
