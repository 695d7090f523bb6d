"""What a model is measured on: a data list, labelled pictures, or orthomosaics with points or polygons."""

from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

from survey.config import RunConfig
from survey.datasets import DataList, load_data_list
from survey.datasets.datalist import FrameEntry, GroundEntry, OrthomosaicEntry
from survey.datasets.frames import unused_labels
from survey.datasets.sources import load_frames, load_grounds
from survey.detect import Detector
from survey.errors import ConfigError, InputError
from survey.evaluate.frames import Frames, Looks, coco_frames, picture_files, yolo_frames
from survey.evaluate.orthomosaic import score_run
from survey.evaluate.report import probing
from survey.evaluate.scores import LEAST_SCORE, Scores, score_pictures
from survey.files import make_folder
from survey.ingest import expand_inputs
from survey.labels import YoloLabels, check_gsd, read_coco
from survey.maplabels import read_map_labels
from survey.progress import Progress

UNNAMED = "unnamed"
"""Site of pictures whose site nobody named."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says of the pictures and their labels; None or empty where it says nothing."""

    sites: tuple[str, ...] = ()
    data_list: str | None = None
    data: Path | None = None
    images: tuple[str, ...] = ()
    labels: Path | None = None
    classes: tuple[str, ...] = ()
    coco: Path | None = None
    gsd_m: float | None = None
    truth: Path | None = None
    layer: str | None = None
    class_column: str | None = None
    size_column: str | None = None
    run: Path | None = None
    overrides: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """'list', 'yolo', 'coco' or 'map'.

        Raises:
            ConfigError: The options do not say one thing, or leave something out.
            InputError: The ground distance cannot be one.
        """
        chosen = [kind for kind, key in _KEYS.items() if getattr(self, key)]
        if len(chosen) != 1:
            msg = "say what to measure on: one of --list, --labels, --coco and --truth"
            raise ConfigError(msg)
        kind = chosen[0]
        given = {f.name for f in fields(self) if getattr(self, f.name) not in (None, ())}
        if missing := sorted(_NAMES[key] for key in _NEEDED[kind] - given):
            msg = f"{_NAMES[_KEYS[kind]]} needs {' and '.join(missing)} too"
            raise ConfigError(msg)
        if extra := sorted(_NAMES[key] for key in given - _NEEDED[kind] - _ALLOWED[kind] - {_KEYS[kind], "sites"}):
            msg = f"{', '.join(extra)} has no meaning beside {_NAMES[_KEYS[kind]]}; leave it out"
            raise ConfigError(msg)
        if kind == "map" and not (self.images or self.run):
            msg = "--truth needs --images to search, or --run with the folder of a finished run"
            raise ConfigError(msg)
        if self.gsd_m is not None:
            check_gsd(self.gsd_m, where="--gsd")
        if kind != "list" and len(self.sites) > 1:
            msg = "give one --site: several are told apart in a data list only"
            raise ConfigError(msg)
        return kind

    @property
    def site(self) -> str:
        """Name of the one site."""
        return self.sites[0] if self.sites else UNNAMED


_KEYS = {"list": "data_list", "yolo": "labels", "coco": "coco", "map": "truth"}
_NEEDED: dict[str, set[str]] = {
    "list": {"data"},
    "yolo": {"images", "classes", "gsd_m"},
    "coco": set(),
    "map": set(),
}
_ALLOWED: dict[str, set[str]] = {
    "list": {"overrides"},
    "yolo": {"overrides"},
    "coco": {"gsd_m", "data", "overrides"},
    "map": {"images", "layer", "class_column", "size_column", "run", "overrides"},
}
_NAMES = {
    "data_list": "--list",
    "data": "--data",
    "images": "--images",
    "labels": "--labels",
    "classes": "--classes",
    "coco": "--coco",
    "gsd_m": "--gsd",
    "truth": "--truth",
    "layer": "--layer",
    "class_column": "--class-column",
    "size_column": "--size-column",
    "run": "--run",
    "overrides": "--set",
}


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Scores, and how to look at their places again."""

    scores: Scores
    look: Looks
    facts: dict[str, Any]


def sites_of(options: Options) -> tuple[str, ...]:
    """Return the sites that will be measured on, before anything is decoded.

    Raises:
        ConfigError: A site is not in the data list, or has no picture to measure on.
    """
    if options.kind != "list":
        return (options.site,)
    shown = {e.site for e in _data_list(options).entries if isinstance(e, GroundEntry | FrameEntry)}
    missing = sorted(set(options.sites) - shown)
    if mapped := sorted(_mapped(options) & set(missing or ([] if shown else _mapped(options)))):
        msg = f"--site: {', '.join(mapped)} has orthomosaics only; measure on them with --images and --truth"
        raise ConfigError(msg)
    if not shown:
        msg = f"--list {options.data_list}: has no pictures to measure on; add an entry of kind frames or ground"
        raise ConfigError(msg)
    if missing:
        msg = f"--site: {', '.join(missing)} has no pictures in the data list; it has {', '.join(sorted(shown))}"
        raise ConfigError(msg)
    return tuple(sorted(options.sites or shown))


def measure(options: Options, detector: Detector, *, config: RunConfig, out: Path, progress: Progress) -> Measured:
    """Search what the options name, and match it to the labels.

    Args:
        options: Where pictures and labels are.
        detector: The model.
        config: Settings of a run over orthomosaics; names the same model.
        out: Folder for the run over orthomosaics, where there is one.
        progress: Told how that run goes.
    """
    if options.kind == "map":
        return _on_the_map(options, detector, config=config, out=out, progress=progress)
    frames = {"list": _listed, "yolo": _yolo, "coco": _coco}[options.kind](options)
    scores = score_pictures(probing(detector), frames)
    coarse = sum(gsd > detector.card.max_gsd_m for gsd in scores.items.gsd_m)
    facts: dict[str, Any] = {"items_in_pictures_too_coarse": int(coarse), "scores_down_to": LEAST_SCORE}
    facts["labels_not_used"] = _not_used(options)
    if options.kind == "list":
        mapped = _mapped(options)
        facts["orthomosaics_not_measured"] = sorted(mapped & set(options.sites) if options.sites else mapped)
    return Measured(scores, frames.look, facts)


def _data_list(options: Options) -> "DataList":
    assert options.data_list is not None
    return load_data_list(options.data_list)


def _mapped(options: Options) -> set[str]:
    """Return the sites of which a data list has orthomosaics, which are not measured on from there."""
    return {e.site for e in _data_list(options).entries if isinstance(e, OrthomosaicEntry)}


def _not_used(options: Options) -> list[str]:
    """Return in words which labels belong to no picture that was measured on."""
    if options.kind == "yolo":
        assert options.labels is not None
        told = YoloLabels(options.labels, options.classes).unused(picture_files(options.images))
        return [] if told is None else [told]
    if options.kind != "list":
        return []
    wanted = set(sites_of(options))
    assert options.data is not None
    return unused_labels((e for e in _data_list(options).entries if e.site in wanted), options.data)


def _listed(options: Options) -> Frames:
    wanted = set(sites_of(options))
    assert options.data is not None
    pictures: list[Any] = []
    for entry in _data_list(options).entries:
        if entry.site in wanted and isinstance(entry, GroundEntry):
            pictures.extend(load_grounds(entry, options.data))
        elif entry.site in wanted and isinstance(entry, FrameEntry):
            pictures.extend(load_frames(entry, options.data))
    return Frames([partial(pictures.__getitem__, n) for n in range(len(pictures))])


def _yolo(options: Options) -> Frames:
    assert options.labels is not None
    assert options.gsd_m is not None
    paths = picture_files(options.images)
    return yolo_frames(paths, labels=options.labels, classes=options.classes, gsd_m=options.gsd_m, site=options.site)


def _coco(options: Options) -> Frames:
    assert options.coco is not None
    folder, labels = options.data or options.coco.parent, read_coco(options.coco)
    if not labels.shapes:
        msg = f"{options.coco}: lists no picture; nothing to measure on"
        raise InputError(msg)
    return coco_frames(labels, folder=folder, gsd_m=options.gsd_m, site=options.site)


def _on_the_map(options: Options, detector: Detector, *, config: RunConfig, out: Path, progress: Progress) -> Measured:
    assert options.truth is not None
    truth = read_map_labels(
        options.truth, layer=options.layer, class_column=options.class_column, size_column=options.size_column
    )
    folder = options.run
    if folder is None:
        from survey import pipeline  # noqa: PLC0415 - heavy, and only needed to search

        if config.candidate_threshold is None:
            config = config.model_copy(update={"candidate_threshold": LEAST_SCORE})
        folder = pipeline.run(list(options.images), make_folder(out) / "run", config=config, progress=progress).out
    images = expand_inputs(options.images) if options.images else []
    scores, looks, facts = score_run(folder, card=detector.card, truth=truth, images=images, site=options.site)
    return Measured(scores, looks, facts)
