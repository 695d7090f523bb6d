"""Items cut out of photographs, to be laid on ground."""

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.datasets.datalist import CutoutEntry
from survey.errors import ConfigError


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """An item cut out of a photograph."""

    rgb: NDArray[np.uint8]
    alpha: NDArray[np.float32]
    class_name: str
    size_range_m: tuple[float, float]
    weight: float


def load_cutouts(entry: CutoutEntry, folder: Path) -> list[Cutout]:
    """Decode the cut-outs of an entry.

    Raises:
        ConfigError: The table is missing or has no row for the entry, or a picture is missing or has no alpha.
    """
    table = existing(folder / entry.table)
    with table.open(newline="", encoding="utf-8-sig") as handle:
        reader = csv.DictReader(handle)
        if missing := sorted({"file", "class"} - set(reader.fieldnames or ())):
            msg = f"{table}: has no column {' and '.join(missing)}; name the columns in the first line"
            raise ConfigError(msg)
        rows = [r for r in reader if r["file"].startswith(entry.only_source or "")]
    rows = [r for r in rows if r["class"] in entry.classes]
    if not rows:
        msg = f"{table}: no row of source {entry.only_source!r} has one of the classes {sorted(entry.classes)}"
        raise ConfigError(msg)
    cutouts = []
    for row in rows:
        picture = cv2.imread(str(table.parent / row["file"]), cv2.IMREAD_UNCHANGED)
        if picture is None or picture.ndim != 3 or picture.shape[2] != 4:
            msg = f"{table}: {row['file']} is missing or has no alpha"
            raise ConfigError(msg)
        name, least, most = entry.classes[row["class"]]
        alpha = picture[..., 3].astype(np.float32) / 255
        rgb = np.ascontiguousarray(picture[..., 2::-1])
        cutouts.append(Cutout(rgb, alpha, name, (least, most), entry.weight / len(rows)))
    return cutouts


def existing(path: Path) -> Path:
    """Return a file that a data list names.

    Raises:
        ConfigError: It is not there.
    """
    if not path.is_file():
        msg = f"{path}: no such file; give the folder that the data list's paths lie below with --data"
        raise ConfigError(msg)
    return path
