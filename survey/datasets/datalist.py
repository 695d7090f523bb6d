"""The data list: which pictures a training run may use, from which site, at which ground scale."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from survey.config import read_nested
from survey.errors import ConfigError
from survey.labels import COARSEST_GSD_M
from survey.resources import configs_folder
from survey.simulate.sun import Sun
from survey.values import CLASSES

UNIDENTIFIED_MINE = "mine"
"""A mine of unknown kind: labelled `ap_mine` or `at_mine` by the size it is shown at."""


def _known(name: str, *, also: tuple[str, ...] = ()) -> str:
    """Return a class name that the ordnance head has."""
    if name not in (*CLASSES, *also):
        msg = f"unknown class '{name}', expected one of {', '.join((*CLASSES, *also))}"
        raise ValueError(msg)
    return name


ClassName = Annotated[str, AfterValidator(_known)]
CutoutClass = Annotated[str, AfterValidator(lambda name: _known(name, also=(UNIDENTIFIED_MINE,)))]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Sited(_Entry):
    site: str
    """A place with its own ground and items; its entries are not independent of each other."""
    flight: Annotated[str, Field(min_length=1)] | None = None
    """Name of the flight, so that it can be held out as `site/flight`; an entry without one is a flight of its own."""

    @property
    def names(self) -> set[str]:
        """Return what this entry can be held out by."""
        return {self.site} if self.flight is None else {self.site, f"{self.site}/{self.flight}"}


class GroundEntry(_Sited):
    """Pictures of ground with no ordnance in them: backgrounds, and clean land to count false alarms on."""

    kind: Literal["ground"]
    images: str
    """Glob below the data folder."""
    gsd_m: Annotated[float, Field(gt=0, le=COARSEST_GSD_M)]
    scaleless: bool = False
    """The pictures have no scale of their own: a training shows them at the model's, and `gsd_m` is nominal."""
    weight: Annotated[float, Field(ge=0)] = 1.0
    """Share of the backgrounds drawn from here."""
    sun: tuple[Annotated[float, Field(ge=0, lt=360)], Annotated[float, Field(gt=0, le=90)]] | None = None
    """Azimuth (degrees clockwise from the pictures' top) and elevation of the light in all of them, if known."""
    licence: str
    note: str = ""

    @property
    def light(self) -> Sun | None:
        """Return the sun of the pictures, if it is known."""
        return None if self.sun is None else Sun(*self.sun)


class FrameEntry(_Sited):
    """Pictures with every item boxed, in YOLO text files (class, centre, size as shares of the frame) or COCO JSON."""

    kind: Literal["frames"]
    images: str
    labels: str | None = None
    """Folder of the YOLO text files, one a picture, same stem."""
    coco: str | None = None
    """COCO file, instead of `labels`."""
    classes: tuple[ClassName, ...] | dict[str, ClassName | None]
    """Our class for each class number of the YOLO files, or for each category of the COCO file (null: no ordnance)."""
    item_size_m: Annotated[float, Field(gt=0)] | None = None
    """Longest extent of the one kind of item in the frames; each frame's GSD follows from its boxes."""
    gsd_m: Annotated[float, Field(gt=0, le=COARSEST_GSD_M)]
    """GSD of frames without a box (of all frames where `item_size_m` is not given)."""
    incomplete: tuple[str, ...] = ()
    """Stems of frames whose labels are known to be incomplete; left out."""
    disturbed_soil: str | None = None
    """JSON with partial boxes of dug soil: {"boxes": {file: [[x, y, width, height], ...]}}."""
    weight: Annotated[float, Field(ge=0)] = 1.0
    licence: str
    note: str = ""

    @model_validator(mode="after")
    def _has_labels(self) -> Self:
        if (self.labels is None) == (self.coco is None):
            msg = "give either 'labels' (a folder of YOLO files) or 'coco' (a file)"
            raise ValueError(msg)
        if isinstance(self.classes, dict) != (self.coco is not None):
            msg = "'classes' is a list with 'labels', and names of categories with our classes with 'coco'"
            raise ValueError(msg)
        return self

    @property
    def class_names(self) -> tuple[str, ...]:
        """Return our classes that are labelled."""
        names = self.classes.values() if isinstance(self.classes, dict) else self.classes
        return tuple(dict.fromkeys(name for name in names if name is not None))


class OrthomosaicEntry(_Sited):
    """Orthomosaics with every item marked by a point or polygon of a vector file, usually a GeoPackage."""

    kind: Literal["orthomosaic"]
    images: str
    labels: str
    """The vector file; its CRS may be another than the imagery's."""
    layer: str | None = None
    """Needed where the file has several."""
    class_column: str
    classes: dict[str, ClassName | None]
    """Our class for each value of the column (null: no ordnance)."""
    size_column: str | None = None
    """Column with the longest extent in metres; where it says nothing, a polygon's own extent counts."""
    item_size_m: Annotated[float, Field(gt=0)] | None = None
    """Longest extent of items marked by a point."""
    weight: Annotated[float, Field(ge=0)] = 1.0
    licence: str
    note: str = ""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Return our classes that are labelled."""
        return tuple(dict.fromkeys(name for name in self.classes.values() if name is not None))


class ReviewEntry(_Sited):
    """A finished run that experts judged with `survey review`: its imagery, learnt from where it was judged."""

    kind: Literal["review"]
    run: Annotated[str, Field(exclude=True)]
    """Folder of the run. Where it lies says nothing of the weights: they follow from the content of what is there."""
    images: Annotated[tuple[str, ...], Field(exclude=True)] = ()
    """Files or folders to look for the run's imagery in, where it has moved."""
    weight: Annotated[float, Field(ge=0)] = 1.0
    licence: str = "not stated"
    note: str = ""


class CutoutEntry(_Sited):
    """Pictures of items with alpha, described by a CSV (file, class, identity, nominal_longest_cm, source)."""

    kind: Literal["cutouts"]
    table: str
    only_source: str | None = None
    """Take only rows whose file starts so; the others belong to another entry."""
    classes: dict[str, tuple[CutoutClass, float, float]]
    """Class in the table to (our class, least, greatest longest extent in metres)."""
    weight: Annotated[float, Field(ge=0)] = 1.0
    licence: str
    note: str = ""

    @field_validator("classes")
    @classmethod
    def _sizes_fit(
        cls, value: dict[str, tuple[CutoutClass, float, float]]
    ) -> dict[str, tuple[CutoutClass, float, float]]:
        for name, (_, least, most) in value.items():
            if not 0 < least <= most < math.inf:
                msg = f"'{name}': sizes in metres are above 0 and rise, got {least:g} to {most:g}"
                raise ValueError(msg)
        return value


class SimulatedEntry(_Sited):
    """Items and ground drawn by the simulator."""

    kind: Literal["simulated"]
    item_weight: Annotated[float, Field(ge=0)] = 1.0
    ground_weight: Annotated[float, Field(ge=0)] = 1.0


class RenderedEntry(_Sited):
    """Items and clutter of a bank made by `survey render`; the folder is the run's setting `bank`."""

    kind: Literal["rendered"]
    item_weight: Annotated[float, Field(ge=0)] = 1.0


class InventedEntry(_Sited):
    """Made-up items that no list of ordnance has, each drawn anew; natural things made alike become clutter."""

    kind: Literal["invented"]
    item_weight: Annotated[float, Field(ge=0)] = 1.0


Entry = Annotated[
    GroundEntry
    | FrameEntry
    | OrthomosaicEntry
    | ReviewEntry
    | CutoutEntry
    | SimulatedEntry
    | RenderedEntry
    | InventedEntry,
    Field(discriminator="kind"),
]


class DataList(_Entry):
    """Everything a run may draw from."""

    version: Literal[1]
    entries: tuple[Entry, ...]

    def with_entries(self, entries: tuple[Entry, ...]) -> "DataList":
        """Return the list with further entries behind its own."""
        return DataList(version=1, entries=(*self.entries, *entries))

    def at(self, gsd_m: float) -> "DataList":
        """Return the list with grounds that have no scale of their own at `gsd_m`."""
        entries = (
            entry.model_copy(update={"gsd_m": gsd_m}) if isinstance(entry, GroundEntry) and entry.scaleless else entry
            for entry in self.entries
        )
        return DataList(version=1, entries=tuple(entries))

    def held_out(self, names: tuple[str, ...]) -> tuple[Entry, ...]:
        """Return the entries of the sites, and of the flights named `site/flight`."""
        return tuple(entry for entry in self.entries if entry.names & set(names))

    def without(self, names: tuple[str, ...], *, split_within_site: bool = False) -> "DataList":
        """Return the list with sites, and flights named `site/flight`, left out.

        Raises:
            ConfigError: A name is not in the list, so that a typing error cannot leak test data. Or other flights
                of a site stay in, which leaks too, unless it is asked for with `split_within_site`.
        """
        known = set().union(*(entry.names for entry in self.entries))
        if missing := sorted(set(names) - known):
            msg = f"hold_out: no site {', '.join(missing)} in the data list; it has {', '.join(sorted(known))}"
            raise ConfigError(msg)
        kept = tuple(entry for entry in self.entries if not entry.names & set(names))
        split = sorted({e.site for e in self.held_out(names)} & {e.site for e in kept})
        if split and not split_within_site:
            msg = (
                f"hold_out: other entries of the site {', '.join(split)} stay in the training; ground, light and items "
                "of one site are alike, so what is measured there flatters; hold the site out whole, or ask for it "
                "with split_within_site: true"
            )
            raise ConfigError(msg)
        return DataList(version=1, entries=kept)


def load_data_list(name: str | Path) -> DataList:
    """Read a data list from YAML.

    Args:
        name: A file; or the name of one of `configs/`, where there is no such file.

    Raises:
        ConfigError: The file cannot be read, a key is unknown, missing or twice, or a value does not fit.
    """
    own, ours = Path(name), configs_folder() / name
    path = ours if ours.is_file() and not own.is_file() else own
    return read_nested(DataList, path, example="configs/train-data.yaml")


def reviewed_runs(named: Sequence[str], *, images: Sequence[Path] = ()) -> tuple[ReviewEntry, ...]:
    """Return the entries of runs named as `[SITE=]RUN`; without a site the folder's name is one.

    Args:
        named: Folders of runs, relative to the working folder.
        images: Files or folders where imagery of any of them lies now.

    Raises:
        ConfigError: One has no name for its site, or imagery is moved and there is no run.
    """
    if images and not named:
        msg = "--images says where imagery of reviewed runs lies: name a run with --from-review, or leave it out"
        raise ConfigError(msg)
    entries = []
    for text in named:
        site, _, run = text.rpartition("=")
        folder = Path(run).absolute()
        if not (site or folder.name) or not run:
            msg = f"--from-review {text}: names no run; give the folder of a reviewed run, as RUN or SITE=RUN"
            raise ConfigError(msg)
        moved = tuple(str(path.absolute()) for path in images)
        entries.append(ReviewEntry(kind="review", site=site or folder.name, run=str(folder), images=moved))
    return tuple(entries)
