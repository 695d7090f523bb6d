"""What configurations of evidence and of results are made of: words, dates, shares, files."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field

from survey.config import Config
from survey.evidence.groups import GROUPS, VERDICTS

AREAS = "polygons"
POINTS = "points"
ANY = "anything"


def _group(name: str) -> str:
    if name not in GROUPS:
        msg = f"no such group; expected one of {', '.join(GROUPS)}"
        raise ValueError(msg)
    return name


def _no_verdict(text: str) -> str:
    """Refuse words that would turn up on maps as a statement about land."""
    if found := VERDICTS.search(text):
        msg = f"'{found.group()}' would read as a release of land in the results; say what was done, as in 'clearance'"
        raise ValueError(msg)
    return text


def _as_date(value: Any) -> date:
    """Return a day, or the last day of a year."""
    text = str(value)
    try:
        return date.fromisoformat(f"{text}-12-31" if len(text) == 4 else text)
    except ValueError as error:
        msg = f"expected a year or a day such as 1995-12-14, got '{text}'"
        raise ValueError(msg) from error


def _not_empty(values: dict[str, float]) -> dict[str, float]:
    if not values:
        msg = f"give at least one of {', '.join(GROUPS)}"
        raise ValueError(msg)
    return values


Group = Annotated[str, AfterValidator(_group)]
Text = Annotated[str, Field(min_length=1), AfterValidator(_no_verdict)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$"), AfterValidator(_no_verdict)]
Day = Annotated[date, BeforeValidator(_as_date)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Metres = Annotated[float, Field(ge=0, le=5000)]
Decay = Annotated[float, Field(ge=20, le=5000)]
Items = Annotated[dict[Group, Positive], AfterValidator(_not_empty)]
Recall = Annotated[dict[Group, Annotated[float, Field(gt=0, le=0.999)]], AfterValidator(_not_empty)]
Reduction = Annotated[dict[Group, Annotated[float, Field(gt=0, le=0.95)]], AfterValidator(_not_empty)]


class Beta(Config):
    """A share that is not known exactly: Beta(mean * strength, (1 - mean) * strength)."""

    mean: Annotated[float, Field(gt=0, lt=1)]
    strength: Positive
    """How many trials the knowledge is worth."""

    @property
    def variance(self) -> float:
        """Variance of the share."""
        return self.mean * (1 - self.mean) / (self.strength + 1)


class VectorLayer(Config):
    """A vector file, and what its rows become."""

    name: Name
    path: str
    """Vector file, relative to the YAML."""
    layer: str | None = None
    where: str | None = None
    """SQL condition on the attributes."""
    crs: str | None = None
    """What the coordinates are in, where the file says nothing or the wrong thing."""
    source: Text
    date: Day
    """Latest day that the layer speaks of. Clearance and use of land act on what is dated no later."""
    duplicates: Literal["set_aside", "keep"] = "set_aside"

    @property
    def wants(self) -> str:
        """Kind of geometry that the layer is made of."""
        return AREAS

    @property
    def open_options(self) -> dict[str, str]:
        """Options with which GDAL opens the file."""
        return {}


class _Located(Protocol):
    @property
    def path(self) -> str: ...

    def model_copy(self, *, update: Mapping[str, Any]) -> Self: ...


Located = TypeVar("Located", bound=_Located)


def below(folder: Path, layers: Iterable[Located]) -> tuple[Located, ...]:
    """Return layers with their `path` taken relative to a folder, that of the YAML."""
    return tuple(layer.model_copy(update={"path": str(folder / layer.path)}) for layer in layers)
