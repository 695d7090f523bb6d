"""A bank of rendered sprites on disk: what a training draws from."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.errors import InputError

INDEX = "bank.json"
FORMAT = 1
FIELDS = (
    "class_name",
    "kind",
    "size_m",
    "gsd_m",
    "sun_azimuth_deg",
    "sun_elevation_deg",
    "overcast",
    "visible",
    "center",
)


@dataclass(frozen=True, slots=True, eq=False)
class BankSprite:
    """A rendered thing, north up; rows grow southwards."""

    rgb: NDArray[np.uint8]
    """(h, w, 3) sRGB, not multiplied by alpha."""
    alpha: NDArray[np.float32]
    """(h, w) share of the pixel that shows the thing."""
    shadow: NDArray[np.float32]
    """(h, w) share of its light that the ground has lost, sun and sky together."""
    class_name: str
    """Empty for clutter."""
    kind: str
    size_m: float
    """Longest extent of the whole thing seen from above, metres."""
    gsd_m: float
    """Edge of a pixel, metres."""
    sun_azimuth_deg: float
    """Clockwise from north, towards the sun."""
    sun_elevation_deg: float
    overcast: bool
    """No sun, and no direction of light that matters."""
    visible: float
    """Share of the whole thing's outline that shows above the soil."""
    center: tuple[float, float]
    """(row, col) of the middle of what shows, on pixel edges."""


def load_bank(folder: Path) -> tuple[BankSprite, ...]:
    """Read a bank.

    Raises:
        InputError: There is no finished bank, or a file of it is missing or damaged.
    """
    path = folder / INDEX
    if not path.is_file():
        msg = f"{path}: no finished bank; make one, or finish it, with `survey render --out {folder}`"
        raise InputError(msg)
    try:
        index = json.loads(path.read_text())
        records = index["sprites"] if index["format"] == FORMAT else None
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{path}: is not the index of a bank; render it again into an empty folder"
        raise InputError(msg) from error
    if records is None:
        msg = f"{path}: is of format {index['format']}, this version reads {FORMAT}; render the bank again"
        raise InputError(msg)
    return tuple(_read(folder, record) for record in records)


def files_of(folder: Path, number: int) -> tuple[Path, Path]:
    """Return the files of colour with alpha, and of the shadow."""
    return folder / f"{number:05d}.png", folder / f"{number:05d}.shadow.png"


def encoded(sprite: BankSprite) -> tuple[bytes, bytes, dict[str, Any]]:
    """Return a sprite as two PNG files and the record of the rest."""
    colour = np.dstack([sprite.rgb[..., ::-1], np.rint(sprite.alpha * 255).astype(np.uint8)])
    pictures = (colour, np.rint(sprite.shadow * 255).astype(np.uint8))
    first, second = (cv2.imencode(".png", picture)[1].tobytes() for picture in pictures)
    return first, second, {name: getattr(sprite, name) for name in FIELDS}


def _read(folder: Path, record: dict[str, Any]) -> BankSprite:
    first, second = files_of(folder, record["number"])
    colour, shadow = (cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in (first, second))
    if colour is None or shadow is None or colour.shape[2:] != (4,) or colour.shape[:2] != shadow.shape:
        msg = f"{first}: missing or damaged, or its shadow is; delete {INDEX} and run the same `survey render` again"
        raise InputError(msg)
    values = {name: record[name] for name in FIELDS} | {"center": tuple(record["center"])}
    return BankSprite(
        rgb=np.ascontiguousarray(colour[..., 2::-1]),
        alpha=colour[..., 3].astype(np.float32) / 255,
        shadow=shadow.astype(np.float32) / 255,
        **values,
    )
