"""What every kind of configuration has in common."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


@dataclass(frozen=True, slots=True)
class Expect:
    """Annotate a field with the words that an error uses for what belongs there."""

    text: str


class Config(BaseModel):
    """A flat, immutable set of typed keys; a subclass per kind of run.

    Fields have no defaults in code: the YAML file in `configs/` holds them, once, with comments.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
