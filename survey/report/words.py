"""Every sentence of a report, by key, so that it can be told in other languages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from survey.errors import ConfigError
from survey.report.english import ENGLISH

CATALOGUES: Mapping[str, Mapping[str, str]] = {"en": ENGLISH}
"""Sentences by language; what another language lacks is told in English."""


@dataclass(frozen=True, slots=True)
class Words:
    """The sentences of a language."""

    language: str = "en"

    def __post_init__(self) -> None:
        if self.language not in CATALOGUES:
            msg = f"--language {self.language}: there is no such catalogue; choose one of {', '.join(CATALOGUES)}"
            raise ConfigError(msg)

    def __call__(self, key: str, **values: Any) -> str:
        """Return a sentence with its values filled in."""
        sentence = CATALOGUES[self.language].get(key) or ENGLISH[key]
        return sentence.format(**values) if values else sentence
