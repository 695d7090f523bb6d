"""What every kind of configuration has in common."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


@dataclass(frozen=True, slots=True)
class Expect:
    """Annotate a field with the words that an error uses for what belongs there."""

    text: str


class Config(BaseModel):
    """A flat, immutable set of typed keys; a subclass per kind of run.

    Fields have no defaults in code: `configs/<kind>.yaml` holds them, once, with comments.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    kind: ClassVar[str]
    """Name of the YAML file in `configs/` that holds the defaults."""

    @classmethod
    def expected(cls, key: str) -> str | None:
        """Return the words for what belongs under `key`, or None where the field gives none."""
        field = cls.model_fields.get(key)
        metadata = field.metadata if field else []
        return next((item.text for item in metadata if isinstance(item, Expect)), None)
