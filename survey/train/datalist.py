"""The data list: which pictures a training run may use, from which site, at which ground scale."""

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from survey.errors import ConfigError
from survey.simulate.sun import Sun
from survey.train.config import CLASSES

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
    model_config = ConfigDict(extra="forbid", frozen=True)


class GroundEntry(_Entry):
    """Pictures of ground with no ordnance in them: backgrounds, and clean land to count false alarms on."""

    kind: Literal["ground"]
    site: str
    images: str
    """Glob below the data folder."""
    gsd_m: Annotated[float, Field(gt=0)]
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


class FrameEntry(_Entry):
    """Pictures with every item boxed in YOLO text files (class, centre, size as shares of the frame)."""

    kind: Literal["frames"]
    site: str
    images: str
    labels: str
    """Folder of the text files, one a picture, same stem."""
    classes: tuple[ClassName, ...]
    """Our class for each class number of the label files."""
    item_size_m: Annotated[float, Field(gt=0)] | None = None
    """Longest extent of the one kind of item in the frames; each frame's GSD follows from its boxes."""
    gsd_m: Annotated[float, Field(gt=0)]
    """GSD of frames without a box (of all frames where `item_size_m` is not given)."""
    incomplete: tuple[str, ...] = ()
    """Stems of frames whose labels are known to be incomplete; left out."""
    disturbed_soil: str | None = None
    """JSON with partial boxes of dug soil: {"boxes": {file: [[x, y, width, height], ...]}}."""
    weight: Annotated[float, Field(ge=0)] = 1.0
    licence: str
    note: str = ""


class CutoutEntry(_Entry):
    """Pictures of items with alpha, described by a CSV (file, class, identity, nominal_longest_cm, source)."""

    kind: Literal["cutouts"]
    site: str
    table: str
    only_source: str | None = None
    """Take only rows whose file starts so; the others belong to another entry."""
    classes: dict[str, tuple[CutoutClass, float, float]]
    """Class in the table to (our class, least, greatest longest extent in metres)."""
    weight: Annotated[float, Field(ge=0)] = 1.0
    licence: str
    note: str = ""


class SimulatedEntry(_Entry):
    """Items and ground drawn by the simulator."""

    kind: Literal["simulated"]
    site: str
    item_weight: Annotated[float, Field(ge=0)] = 1.0
    ground_weight: Annotated[float, Field(ge=0)] = 1.0


class RenderedEntry(_Entry):
    """Items and clutter of a bank made by `survey render`; the folder is the run's setting `bank`."""

    kind: Literal["rendered"]
    site: str
    item_weight: Annotated[float, Field(ge=0)] = 1.0


Entry = Annotated[GroundEntry | FrameEntry | CutoutEntry | SimulatedEntry | RenderedEntry, Field(discriminator="kind")]


class DataList(_Entry):
    """Everything a run may draw from; a site is held out whole or not at all."""

    version: Literal[1]
    entries: tuple[Entry, ...]

    def without(self, sites: tuple[str, ...]) -> "DataList":
        """Return the list with whole sites left out.

        Raises:
            ConfigError: A site is not in the list, so that a typing error cannot leak test data.
        """
        known = {entry.site for entry in self.entries}
        if missing := sorted(set(sites) - known):
            msg = f"hold_out: no site {', '.join(missing)} in the data list; it has {', '.join(sorted(known))}"
            raise ConfigError(msg)
        return DataList(version=1, entries=tuple(e for e in self.entries if e.site not in sites))


def load_data_list(path: Path) -> DataList:
    """Read a data list from YAML.

    Raises:
        ConfigError: The file is missing or does not fit.
    """
    if not path.is_file():
        msg = f"{path}: no such data list"
        raise ConfigError(msg)
    try:
        return DataList.model_validate(yaml.safe_load(path.read_text()))
    except yaml.YAMLError as error:
        msg = f"{path}: is not YAML: {error}"
        raise ConfigError(msg) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        msg = f"{path}: {place}: {first['msg']}"
        raise ConfigError(msg) from error
