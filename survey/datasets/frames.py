"""Which frames an entry of a data list has, and where their labels are; no picture is decoded."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from survey.datasets.datalist import Entry, FrameEntry
from survey.errors import ConfigError, InputError
from survey.labels import Boxes, CocoLabels, YoloLabels, check_stems, read_coco


def matching_files(folder: Path, pattern: str) -> list[Path]:
    """Return the files of a glob below a folder, sorted.

    Raises:
        ConfigError: There are none.
    """
    if Path(pattern).is_absolute():
        msg = f"{pattern}: is absolute; name it as it lies below the folder given with --data"
        raise ConfigError(msg)
    paths = sorted(folder.glob(pattern))
    if not paths:
        msg = f"{folder / pattern}: matches no file; give the folder with --data"
        raise ConfigError(msg)
    return paths


def frame_files(entry: FrameEntry, folder: Path) -> list[Path]:
    """Return the frames of an entry without those listed as incomplete.

    Raises:
        ConfigError: There are none, one listed as incomplete is not there, or two would share a YOLO file.
    """
    paths = matching_files(folder, entry.images)
    if missing := sorted(set(entry.incomplete) - {path.stem for path in paths}):
        msg = f"{folder / entry.images}: no frame has the stem {missing[0]}, which is listed as incomplete; correct it"
        raise ConfigError(msg)
    kept = [path for path in paths if path.stem not in entry.incomplete]
    if entry.labels is not None:
        try:
            check_stems(kept, folder / entry.labels)
        except InputError as error:
            raise ConfigError(str(error)) from error
    return kept


def frame_gsd(entry: FrameEntry, items: Boxes) -> float:
    """Return the GSD of a frame in metres: from its boxes, where the entry says how long the items are."""
    if entry.item_size_m is None or not len(items.row):
        return entry.gsd_m
    return float(entry.item_size_m / np.median(items.size_px))


def labels_of(entry: FrameEntry, folder: Path, *, keep_faulty: bool = False) -> YoloLabels | CocoLabels:
    """Return the labels of an entry's frames; `keep_faulty` as in `read_coco`."""
    if entry.coco is not None:
        assert isinstance(entry.classes, dict)
        return read_coco(folder / entry.coco, entry.classes, keep_faulty=keep_faulty)
    assert entry.labels is not None
    assert not isinstance(entry.classes, dict)
    return YoloLabels(folder / entry.labels, entry.classes, keep_faulty)


def unused_labels(entries: Iterable[Entry], folder: Path) -> list[str]:
    """Return in words which labels belong to no frame of any entry: they are left out, which may be a mistyped glob.

    Frames that are listed as incomplete have labels too. Entries may share a file or folder of labels.

    Raises:
        ConfigError: An entry has no frame, or its labels cannot be used.
        InputError: Likewise.
    """
    shared: dict[str, list[FrameEntry]] = {}
    for entry in entries:
        if isinstance(entry, FrameEntry):
            shared.setdefault(str(entry.coco or entry.labels), []).append(entry)
    told = []
    for own in shared.values():
        frames = [path for entry in own for path in matching_files(folder, entry.images)]
        told.append(labels_of(own[0], folder, keep_faulty=True).unused(frames))
    return [words for words in told if words is not None]
