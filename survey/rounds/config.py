"""What `survey risk` is told of work on the ground."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from survey.config import read_nested
from survey.evidence.terms import POINTS, Beta, Day, Group, Strict, VectorLayer

EXAMPLE = "configs/results.yaml"


def _some(recall: dict[str, Beta]) -> dict[str, Beta]:
    if not recall:
        msg = "name at least one group that the method looks for"
        raise ValueError(msg)
    return recall


Recall = Annotated[dict[Group, Beta], AfterValidator(_some)]


class _Results(VectorLayer):
    date_column: str | None = None
    x_column: str | None = None
    y_column: str | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.x_column is None) != (self.y_column is None):
            msg = "x_column and y_column go together"
            raise ValueError(msg)
        return self

    @property
    def open_options(self) -> dict[str, str]:
        """Options with which GDAL opens the file."""
        if self.x_column is None or self.y_column is None:
            return {}
        return {"X_POSSIBLE_NAMES": self.x_column, "Y_POSSIBLE_NAMES": self.y_column}


class Worked(_Results):
    """Areas that people worked on."""

    kind: Literal["worked"]
    recall: Recall
    method_column: str | None = None
    methods: dict[str, Recall] = Field(default_factory=dict)
    depth_column: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """Attributes that are read."""
        names = (self.date_column, self.method_column, self.depth_column)
        return tuple(dict.fromkeys(name for name in names if name is not None))


class Found(_Results):
    """Items that people found."""

    kind: Literal["found"]
    class_column: str
    groups: dict[str, Group]
    condition_column: str | None = None
    removed: tuple[str, ...] = ()
    position_error_m: Annotated[float, Field(ge=0, le=100)]

    @model_validator(mode="after")
    def _conditions(self) -> Self:
        if (self.condition_column is None) == bool(self.removed):
            msg = "condition_column and removed go together"
            raise ValueError(msg)
        return self

    @property
    def wants(self) -> str:
        """Kind of geometry that the layer is made of."""
        return POINTS

    @property
    def columns(self) -> tuple[str, ...]:
        """Attributes that are read."""
        names = (self.date_column, self.class_column, self.condition_column)
        return tuple(dict.fromkeys(name for name in names if name is not None))


class ResultsConfig(Strict):
    """Every key of `configs/results.yaml`, where each is explained."""

    version: Literal[1]
    flown: Day
    georeference_error_m: Annotated[float, Field(ge=0, le=100)]
    layers: tuple[Annotated[Worked | Found, Field(discriminator="kind")], ...]

    @model_validator(mode="after")
    def _names(self) -> Self:
        names = [layer.name for layer in self.layers]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            msg = f"layers: {', '.join(twice)} stands twice; names tell layers apart"
            raise ValueError(msg)
        return self


def load_results(path: Path) -> ResultsConfig:
    """Return the configuration in a file; the paths in it are taken relative to its folder.

    Raises:
        ConfigError: The file cannot be read, a key is unknown, missing or twice, or a value does not fit.
    """
    config = read_nested(ResultsConfig, path, example=EXAMPLE)
    layers = tuple(entry.model_copy(update={"path": str(path.parent / entry.path)}) for entry in config.layers)
    return config.model_copy(update={"layers": layers})
