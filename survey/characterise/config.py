"""Configuration of `survey characterise`."""

from typing import Annotated, Literal

from pydantic import Field

from survey.config import Config, Expect


class CharacteriseConfig(Config):
    """Every key of `configs/characterise.yaml`, where each is explained."""

    version: Annotated[Literal[1], Expect("1")]
    seed: Annotated[int, Field(ge=0), Expect("a whole number of at least 0")]
    bank: Annotated[str | None, Expect("null or a folder made by `survey render`")]
    windows_per_site: Annotated[int, Field(ge=12), Expect("a whole number of at least 12")]
    quantile: Annotated[float, Field(ge=0.9, lt=1), Expect("a number of at least 0.9 and below 1")]
    trials: Annotated[int, Field(ge=100), Expect("a whole number of at least 100")]
    threads: Annotated[int, Field(ge=0), Expect("a whole number; 0 means all cores")]
