"""The report's sentences in a language: table `report` of the catalogues, English where a language lacks one."""

from dataclasses import dataclass
from typing import Any

from survey.locales import Catalogue, load_catalogue


@dataclass(frozen=True, slots=True)
class Words:
    """The sentences of a language."""

    catalogue: Catalogue

    @classmethod
    def of(cls, language: str) -> "Words":
        """Return the sentences of a language.

        Raises:
            InputError: There is no such language.
        """
        return cls(load_catalogue(language))

    def __call__(self, key: str, /, **values: Any) -> str:
        """Return a sentence with its values filled in."""
        return self.catalogue.text(f"report.{key}", **values)

    def class_name(self, name: str) -> str:
        """Return what a class of ordnance is called; a class that no catalogue knows goes by its own name."""
        return self.catalogue.texts.get(f"class.{name}", name)
