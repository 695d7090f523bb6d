"""Configuration of `survey prior fit`."""

from typing import Annotated, Literal

from pydantic import Field

from survey.config import Config, Expect

Names = tuple[Annotated[str, Field(min_length=1)], ...]
Learner = Literal["logistic", "boosting", "average"]


class PriorConfig(Config):
    """Every key of `configs/prior.yaml`, where each is explained."""

    version: Annotated[Literal[1], Expect("1")]
    label: Annotated[str, Expect("a column's name")]
    no_label: Annotated[float | None, Expect("null or a number")]
    x: Annotated[str, Expect("a column's name")]
    y: Annotated[str, Expect("a column's name")]
    crs: Annotated[str, Expect("a CRS such as EPSG:4326")]
    features: Annotated[dict[str, Names], Expect("groups of columns, such as {distance: [road_m, river_m]}")]
    context: Annotated[Names, Expect("a list of columns of features")]
    context_km: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Expect("a list of positive numbers")]
    history: Annotated[bool, Expect("true or false")]
    log: Annotated[Names, Expect("a list of columns whose values are not negative")]
    monotone: Annotated[dict[str, Literal[-1, 1]], Expect("-1 or 1 by column, such as {road_m: -1}")]
    sets: Annotated[tuple[Names, ...], Expect("lists of groups, such as [[distance], [distance, ground]]")]
    baseline: Annotated[Names, Expect("a list of groups")]
    learners: Annotated[
        tuple[Learner, ...], Field(min_length=1), Expect("a list of 'logistic', 'boosting' and 'average'")
    ]
    block_column: Annotated[str | None, Expect("null or a column's name")]
    block_km: Annotated[float, Field(gt=0), Expect("a positive number")]
    fold_layout: Annotated[Literal["scattered", "regions"], Expect("scattered or regions")]
    folds: Annotated[int, Field(ge=2), Expect("a whole number of at least 2")]
    interval_km: Annotated[float, Field(gt=0), Expect("a positive number")]
    seed: Annotated[int, Field(ge=0), Expect("a whole number of at least 0")]
