"""Configuration of `survey prioritise`."""

import re
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from survey.config import Config, read_nested

_VERDICTS = frozenset({"safe", "unsafe", "clear", "cleared", "cancelled", "canceled"})


def _name(name: str) -> str:
    """Return a name that can be part of a column's name and says nothing about land being free of danger."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        msg = f"'{name}' becomes a column's name; use small letters, digits and _, and begin with a letter"
        raise ValueError(msg)
    if told := sorted(_VERDICTS & set(name.split("_"))):
        msg = f"'{name}' would stand in results that judge no land; choose a name without '{told[0]}'"
        raise ValueError(msg)
    return name


def _rising(curve: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    values = [value for value, _ in curve]
    if not curve or any(b <= a for a, b in pairwise(values)):
        msg = "the first numbers of the pairs must rise, as in [[0, 1.0], [20, 0.5]]"
        raise ValueError(msg)
    return curve


Name = Annotated[str, AfterValidator(_name)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(gt=0, le=1)]
Curve = Annotated[tuple[tuple[float, Positive], ...], AfterValidator(_rising)]
"""Pairs of a condition's value and the factor on speed there; straight lines between, level outside."""


class ExposureLayer(Config):
    """Who or what is endangered or kept from using land, and how far a hectare's danger reaches them."""

    file: str
    layer: str | None = None
    weight: NotNegative
    """What one hectare that surely holds an item is worth, if it is fully exposed to this layer."""
    decay: Literal["exponential", "linear", "inside"]
    range_m: Positive | None = None
    value_column: str | None = None
    full_at: Positive = 1.0
    """Value of the column, or of the raster, that counts as full exposure."""

    @model_validator(mode="after")
    def _has_range(self) -> Self:
        if (self.range_m is None) != (self.decay == "inside"):
            msg = f"decay '{self.decay}' goes {'without' if self.decay == 'inside' else 'with'} range_m"
            raise ValueError(msg)
        return self


class Condition(Config):
    """A property of the ground that decides how fast teams are."""

    file: str | None = None
    value: float
    """Everywhere, or where the raster has no value."""


class GroundLayer(Config):
    """Polygons of ground that no team can work on."""

    file: str
    layer: str | None = None


class Method(Config):
    """How one kind of team works."""

    teams: Annotated[int, Field(ge=0)]
    teams_per_area: Annotated[int, Field(ge=1)] = 1
    """Teams that work one area together, as a crew."""
    ha_per_week: Positive
    """Of one team, on ground where every factor is 1."""
    setup_weeks: NotNegative = 0.0
    """Before work on an area begins."""
    cost_per_team_week: NotNegative = 0.0
    found_share: Share
    """Share of the items present that the method finds."""
    speed: dict[str, Curve] = Field(default_factory=dict)
    limits: dict[str, float] = Field(default_factory=dict)
    """Greatest value of a condition at which the method can be used."""

    @model_validator(mode="after")
    def _whole_crews(self) -> Self:
        if self.teams % self.teams_per_area:
            msg = f"{self.teams} teams do not make whole crews of {self.teams_per_area} (teams_per_area)"
            raise ValueError(msg)
        return self

    @property
    def crews(self) -> int:
        """Return the number of areas that can be worked on at once."""
        return self.teams // self.teams_per_area


class PriorityConfig(Config):
    """Every key of `configs/priority.yaml`, where each is explained."""

    version: Literal[1]
    items_band: str = "expected_items"
    p_band: str = "p_at_least_one"
    searched_band: str | None = "searched_fraction"
    area: str | None = None
    evidence: str | None = None
    extent: Literal["risk", "evidence"] = "risk"
    not_flown: Literal["prior", "leave_out"] = "prior"
    prior_items_per_ha: Positive | None = None
    prior_shape: Positive | None = None
    items_weight: NotNegative
    exposure: dict[Name, ExposureLayer] = Field(default_factory=dict)
    conditions: dict[Name, Condition] = Field(default_factory=dict)
    unsuitable: dict[Name, GroundLayer] = Field(default_factory=dict)
    methods: Annotated[dict[Name, Method], Field(min_length=1)]
    area_ha: Annotated[int, Field(ge=1)]
    least_area_ha: Annotated[int, Field(ge=1)]
    compactness: NotNegative = 0.25
    start: date
    horizon_weeks: Positive
    budget: Positive | None = None
    nearest_to: str | None = None
    solver: Literal["milp", "greedy"] = "milp"
    gap: Annotated[float, Field(ge=0, lt=1)] = 0.005
    nodes: Annotated[int, Field(ge=1)] = 200

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        known = ", ".join(self.conditions) or "none"
        for name, method in self.methods.items():
            if missing := sorted({*method.speed, *method.limits} - set(self.conditions)):
                msg = f"methods.{name}: no condition '{missing[0]}'; conditions has: {known}"
                raise ValueError(msg)
        if self.nearest_to is not None and self.nearest_to not in self.exposure:
            msg = (
                f"nearest_to: no exposure layer '{self.nearest_to}'; exposure has: {', '.join(self.exposure) or 'none'}"
            )
            raise ValueError(msg)
        if self.least_area_ha > self.area_ha:
            msg = f"least_area_ha {self.least_area_ha} is more than area_ha {self.area_ha}"
            raise ValueError(msg)
        if not any(method.crews for method in self.methods.values()):
            msg = "methods: no method has a team; give at least one of them teams"
            raise ValueError(msg)
        if not self.items_weight and not any(layer.weight for layer in self.exposure.values()):
            msg = "items_weight: nothing has a weight above 0, so no area is worth more than another"
            raise ValueError(msg)
        return self


def load_priority(path: Path) -> PriorityConfig:
    """Return the settings of a file; the files that it names are relative to it.

    Raises:
        ConfigError: The file cannot be read, a key is unknown, missing or twice, or a value does not fit.
    """
    return read_nested(PriorityConfig, path, example="configs/priority.yaml")
