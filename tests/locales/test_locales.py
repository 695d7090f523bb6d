import re

import pytest

from survey.errors import InputError
from survey.locales import LANGUAGES, load_catalogue

NAMES = re.compile(r"\{(\w+)\}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_left_in_english(language: str) -> None:
    assert load_catalogue(language).missing == (), f"survey/locales/{language}.toml lacks these texts"


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_are_those_of_english_and_fill_in_the_same_names(language: str) -> None:
    english, own = load_catalogue("en").texts, load_catalogue(language).texts
    assert own.keys() == english.keys(), "a text that English lacks is shown nowhere"
    for key, text in own.items():
        assert text.strip()
        assert sorted(NAMES.findall(text)) == sorted(NAMES.findall(english[key])), key


def test_a_missing_text_falls_back_to_english(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {"en": {"page.a": "one", "page.b": "two {n}"}, "az": {"page.a": "bir"}}
    monkeypatch.setattr("survey.locales._read", lambda language: texts[language])
    load_catalogue.cache_clear()
    try:
        catalogue = load_catalogue("az")
        assert (catalogue.text("page.a"), catalogue.text("page.b", n=2)) == ("bir", "two 2")
        assert catalogue.missing == ("page.b",)
    finally:
        load_catalogue.cache_clear()


@pytest.mark.parametrize("language", ["xx", "../en", "", "en.toml"])
def test_other_languages_are_refused(language: str) -> None:
    with pytest.raises(InputError, match="no language"):
        load_catalogue(language)


FORBIDDEN = {
    "en": ("safe", "clear", "cleared", "cancelled"),
    "ru": ("безопас", "очищен", "разминирован"),
    "uk": ("безпечн", "очищен", "розмінован"),
    "az": ("təhlükəsiz", "təmizlən"),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_releases_land(language: str) -> None:
    for key, text in load_catalogue(language).texts.items():
        words = re.findall(r"\w+", text.lower())
        for forbidden in FORBIDDEN[language]:
            found = [w for w in words if (w == forbidden if language == "en" else w.startswith(forbidden))]
            assert not found, f"{language} {key}: {text}"
