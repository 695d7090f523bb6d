"""What the page is made of: vendored files as they were published, and nothing from elsewhere."""

import re
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

STATIC = Path(str(files("survey.page") / "static"))


def test_vendored_files_are_those_of_the_package() -> None:
    rows = re.findall(
        r"^\| `(\S+)` \| `\S+` \| `([0-9a-f]{64})` \|$", (STATIC / "VENDORED.md").read_text(), re.MULTILINE
    )
    assert {name for name, _ in rows} == {"ol.js", "ol.css", "ol.LICENSE.md"}
    for name, digest in rows:
        assert sha256((STATIC / name).read_bytes()).hexdigest() == digest, name


def test_nothing_is_fetched_from_elsewhere_and_nothing_is_inline() -> None:
    for path in STATIC.iterdir():
        if path.name.startswith("ol."):
            continue
        text = path.read_text()
        addresses = set(re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}[^\s\"')]*", text))
        assert not {a for a in addresses if path.suffix != ".md" and not a.startswith("http://www.w3.org/")}, path.name
        assert "innerHTML" not in text
        assert "eval(" not in text
    page = (STATIC / "index.html").read_text()
    assert not re.findall(r"\son\w+=|style=|<script>(?!</script>)", page)


def test_the_page_uses_only_texts_that_exist() -> None:
    from survey.locales import load_catalogue

    known = set(load_catalogue("en").texts)
    used = set(re.findall(r'data-text="([a-z_.]+)"', (STATIC / "index.html").read_text()))
    for name in ("main.js", "map.js", "panel.js"):
        used |= set(
            re.findall(
                r'"((?:page|queue|verdict|move|fact|progress|kind|legend)\.[a-z_]+)"', (STATIC / name).read_text()
            )
        )
    assert used <= known, sorted(used - known)
