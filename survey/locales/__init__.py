"""Texts in the languages of those who work with the results: a catalogue a language, English where one lacks a text.

A catalogue is `<language>.toml`: tables of texts, named `table.key` here. Texts may have `{names}` to fill in.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from survey.errors import InputError

LANGUAGES: Mapping[str, str] = {"en": "English", "az": "Azərbaycanca", "ru": "Русский", "uk": "Українська"}
"""Codes, and what each language calls itself."""
FALLBACK = "en"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The texts of one language."""

    language: str
    texts: Mapping[str, str]
    """By `table.key`; English where the language has none."""
    missing: tuple[str, ...]
    """Keys that are in English for want of a translation."""

    def text(self, key: str, /, **values: object) -> str:
        """Return a text with its names filled in.

        Raises:
            KeyError: No language has such a text.
        """
        return self.texts[key].format_map(values) if values else self.texts[key]


@cache
def load_catalogue(language: str) -> Catalogue:
    """Return the texts of a language.

    Raises:
        InputError: There is no such language.
    """
    if language not in LANGUAGES:
        msg = f"there is no language {language[:20]!r}; there are {', '.join(LANGUAGES)}"
        raise InputError(msg)
    english, own = _read(FALLBACK), _read(language)
    missing = tuple(key for key in english if key not in own)
    return Catalogue(language, {**english, **own}, missing)


def _read(language: str) -> dict[str, str]:
    content = tomllib.loads((files(__package__) / f"{language}.toml").read_text(encoding="utf-8"))
    return {f"{table}.{key}": text for table, texts in content.items() for key, text in texts.items()}
