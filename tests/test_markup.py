"""Text never becomes markup, wherever a page is made."""

import re
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

import survey
from survey.markup import Markup, document, joined, prose, table, tag


class Reader(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str | None] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(value for _, value in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


HOSTILE = st.text(st.sampled_from("<>&\"'/ =abscriptonload;#x27`\n"), min_size=1, max_size=30)


@given(HOSTILE, HOSTILE)
def test_whatever_a_file_holds_stays_text(words: str, value: str) -> None:
    read = Reader(tag("p", words, joined(words), title=value))
    assert (read.tags, read.attributes, read.text) == (["p"], [value], words * 2)
    read = Reader(document(tag("body", table([words], [[words]])), title=words, style=""))
    assert set(read.tags) == {
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    }
    assert set(Reader(prose(words)).tags) <= {"p", "code"}


def test_only_markup_is_written_as_it_is() -> None:
    assert tag("p", Markup("<b>x</b>"), "<b>") == "<p><b>x</b>&lt;b&gt;</p>"
    assert joined(Markup("<i/>"), None, "&") == "<i/>&amp;"


def test_escaping_lives_in_one_place() -> None:
    folder = Path(survey.__file__).parent
    own = re.compile(r"^\s*(from html import|import html\b)|<(p|td|li|div|h1)[ >].*\{", re.MULTILINE)
    found = [
        path.relative_to(folder).as_posix() for path in folder.rglob("*.py") if own.search(path.read_text("utf-8"))
    ]
    assert found == ["markup.py"]
