"""Files that are taken over: rasters and styles as they are, pictures without what cameras write into them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from survey.errors import InputError
from survey.export import MANIFEST, PROJECT
from survey.files import make_folder, replacing, write_bytes

_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
_TAKEN = frozenset({".tif", ".qml", ".xml", ".json", ".txt", ".csv", ".html", ".pdf"}) | _PICTURES
_REWRITTEN = frozenset({MANIFEST, PROJECT, "summary.json"})
CHIPS = "chips"
"""Folders of this name hold pictures of single items; other pictures may show maps."""


def others_in(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder that are taken over, GeoPackages apart."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in _TAKEN and path.name not in _REWRITTEN and not hidden:
            yield path


def is_picture(path: Path) -> bool:
    """Tell whether a file is a picture for people to look at."""
    return path.suffix.lower() in _PICTURES


def copy(path: Path, target: Path) -> None:
    """Copy a file whole, for its owner only."""
    make_folder(target.parent)
    with replacing(target) as temporary:
        shutil.copyfile(path, temporary)


def copy_pixels(path: Path, target: Path) -> None:
    """Write a picture anew from its pixels, upright: no EXIF, no place, no comment, no preview, nothing behind its end.

    Raises:
        InputError: It is no picture.
    """
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        msg = f"{path}: cannot be read as a picture; take it out of the folder"
        raise InputError(msg)
    quality = [cv2.IMWRITE_JPEG_QUALITY, 95] if target.suffix.lower() in {".jpg", ".jpeg"} else []
    make_folder(target.parent)
    write_bytes(target, cv2.imencode(target.suffix, pixels, quality)[1].tobytes())
