"""What is audited: the pictures of a data list, or of one folder with YOLO or COCO labels."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from survey.audit.finding import Check, Finding, Severity, Spot
from survey.audit.pictures import FramePicture, Group, OrthomosaicPicture, Picture
from survey.datasets.datalist import DataList, FrameEntry, GroundEntry, OrthomosaicEntry, load_data_list
from survey.datasets.frames import frame_files, frame_gsd, labels_of, matching_files, unused_labels
from survey.datasets.orthomosaic import entry_labels
from survey.errors import ConfigError, InputError
from survey.evaluate.frames import picture_files
from survey.evaluate.source import Options
from survey.labels import Boxes, YoloLabels, check_stems, read_coco
from survey.maplabels import MapLabels


@dataclass(frozen=True, slots=True, eq=False)
class MapFile:
    """Labels on the map, and which of them the pictures of their entry showed."""

    file: str
    site: str
    labels: MapLabels
    shown: NDArray[np.bool_]

    def findings(self) -> list[Finding]:
        """Return the labels on no imaged ground, and the rows without a place. Ask when the pictures were read."""
        found = [
            Finding(
                Check.BOXES,
                Severity.ERROR,
                self.site,
                Spot(self.file),
                f"label {n + 1}, {self.labels.classes[n]}, lies on no imaged ground of the orthomosaics that were read",
                {"x": round(self.labels.geometry[n].centroid.x, 3), "y": round(self.labels.geometry[n].centroid.y, 3)},
            )
            for n in np.flatnonzero(~self.shown)
        ]
        aside = [
            Finding(
                Check.UNREAD,
                Severity.ERROR,
                self.site,
                Spot(self.file),
                f"{count} rows are set aside, {why}: not audited, and no training sees them",
                {"rows": count},
            )
            for why, count in self.labels.aside.items()
        ]
        return found + aside


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """All that is audited."""

    pictures: tuple[Picture, ...]
    maps: tuple[MapFile, ...]
    left_out: tuple[str, ...]
    """What of the input holds no labelled picture, or is known to be incomplete, in words."""

    @property
    def sites(self) -> tuple[str, ...]:
        """Names of the sites, sorted."""
        return tuple(sorted({picture.group.site for picture in self.pictures}))


def gather(options: Options) -> Material:
    """Find the pictures and read what labels lie in files of many pictures; no picture is decoded.

    Raises:
        ConfigError: The options do not fit, or the data list does not.
        InputError: There is no picture, or a file of labels cannot be used.
    """
    if options.truth is not None or not (options.data_list or options.labels or options.coco):
        msg = "say what to audit: one of --list, --labels and --coco; orthomosaics are entries of a data list"
        raise ConfigError(msg)
    return {"list": _listed, "yolo": _yolo, "coco": _coco}[options.kind](options)


def _listed(options: Options) -> Material:
    assert options.data_list is not None
    assert options.data is not None
    data = load_data_list(options.data_list)
    wanted = _wanted(data, options.sites)
    pictures: list[Picture] = []
    maps: list[MapFile] = []
    left_out: list[str] = []
    for number, entry in enumerate(data.entries, 1):
        if entry.site not in wanted:
            continue
        flight = entry.flight or f"entry {number}"
        match entry:
            case GroundEntry():
                pictures += _frames(entry, options.data, flight, labels=None)
            case FrameEntry():
                if entry.incomplete:
                    left_out.append(f"{entry.site}: {len(entry.incomplete)} pictures are listed as incomplete")
                labels = labels_of(entry, options.data, keep_faulty=True)
                pictures += _frames(entry, options.data, flight, labels=labels.of)
            case OrthomosaicEntry():
                paths = matching_files(options.data, entry.images)
                labels_read = entry_labels(entry, options.data)
                shown = np.zeros(len(labels_read.classes), bool)
                maps.append(MapFile(entry.labels, entry.site, labels_read, shown))
                pictures += [
                    OrthomosaicPicture(path, *_named(path, options.data, entry.site, flight), labels_read, shown)
                    for path in paths
                ]
            case _:
                left_out.append(f"{entry.site}: an entry of kind '{entry.kind}' holds no labelled picture")
    left_out += unused_labels((entry for entry in data.entries if entry.site in wanted), options.data)
    return Material(tuple(pictures), tuple(maps), tuple(left_out))


def _wanted(data: DataList, sites: tuple[str, ...]) -> set[str]:
    shown = {e.site for e in data.entries if isinstance(e, GroundEntry | FrameEntry | OrthomosaicEntry)}
    if missing := sorted(set(sites) - shown):
        msg = f"--site: {', '.join(missing)} has no pictures in the data list; it has {', '.join(sorted(shown))}"
        raise ConfigError(msg)
    if not shown:
        msg = f"the data list has no pictures, only {', '.join(sorted({e.kind for e in data.entries}))}"
        raise ConfigError(msg)
    return set(sites) or {entry.site for entry in data.entries}


def _frames(
    entry: FrameEntry | GroundEntry,
    folder: Path,
    flight: str,
    *,
    labels: Callable[[Path, tuple[int, ...]], Boxes] | None,
) -> list[FramePicture]:
    derived = isinstance(entry, FrameEntry) and entry.item_size_m is not None

    def gsd_m(items: Boxes) -> float:
        return frame_gsd(entry, items) if isinstance(entry, FrameEntry) else entry.gsd_m

    return [
        FramePicture(
            path,
            *_named(path, folder, entry.site, flight),
            labels=labels,
            gsd_m=gsd_m,
            listed_gsd_m=entry.gsd_m if derived else None,
        )
        for path in (
            frame_files(entry, folder) if isinstance(entry, FrameEntry) else matching_files(folder, entry.images)
        )
    ]


def _named(path: Path, folder: Path, site: str, flight: str) -> tuple[str, Group]:
    """Return a picture's name in the report and its group."""
    name = path.relative_to(folder) if path.is_relative_to(folder) else path
    return str(name), Group(site, flight, str(name.parent))


def _yolo(options: Options) -> Material:
    gsd_m = options.gsd_m
    assert options.labels is not None
    assert gsd_m is not None
    labels, paths = YoloLabels(options.labels, options.classes, keep_faulty=True), picture_files(options.images)
    check_stems(paths, labels.path)
    pictures = [
        FramePicture(path, str(path), Group(options.site, "", str(path.parent)), labels.of, lambda _: gsd_m)
        for path in paths
    ]
    unused = labels.unused(paths)
    return Material(tuple(pictures), (), () if unused is None else (unused,))


def _coco(options: Options) -> Material:
    assert options.coco is not None
    folder, read = options.data or options.coco.parent, read_coco(options.coco, keep_faulty=True)
    if not read.shapes:
        msg = f"{options.coco}: lists no picture; nothing to audit"
        raise InputError(msg)

    def gsd_of(name: str) -> Callable[[Boxes], float]:
        def gsd(_: Boxes) -> float:
            own = read.gsd_m.get(name, options.gsd_m)
            if own is None:
                msg = f"{name}: nothing tells its ground distance; give --gsd in metres, or `gsd_m` in the COCO file"
                raise InputError(msg)
            return own

        return gsd

    pictures = [
        FramePicture(folder / name, *_named(folder / name, folder, options.site, ""), read.of, gsd_of(name))
        for name in read.shapes
    ]
    return Material(tuple(pictures), (), ())
