"""Pages and their elements. What is not markup is text, and text is escaped: nothing from a file becomes markup."""

from html import escape


class Markup(str):
    """HTML or SVG that is ready to be written."""

    __slots__ = ()


POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Of every page: no script, nothing fetched."""
SHORT = 12
"""Tables of so many rows are not broken over pages."""


def tag(name: str, /, *children: "str | int | Markup | None", **attributes: "str | float | None") -> Markup:
    """Return an element. Children that are no `Markup` are escaped; None is left out, of attributes too.

    Underscores in names of attributes become hyphens, a last one falls away: `class_`, `stroke_width`.
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(
        child if isinstance(child, Markup) else escape(str(child)) for child in children if child is not None
    )
    if not inner and name in _VOID:
        return Markup(f"<{name}{told}>")
    return Markup(f"<{name}{told}/>" if not inner and name in _DRAWN else f"<{name}{told}>{inner}</{name}>")


def joined(*parts: "str | Markup | None") -> Markup:
    """Return markup one after the other; text is escaped."""
    return Markup("".join(p if isinstance(p, Markup) else escape(str(p)) for p in parts if p is not None))


def document(body: Markup, *, title: str, style: str, language: str = "en") -> str:
    """Return a page that stands alone.

    Args:
        body: The element `body`.
        title: As text.
        style: CSS of the program itself, which is not escaped.
        language: Of the page.
    """
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        Markup(f"<style>{style}</style>"),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang=language)}\n"


def table(
    heads: "list[str]", rows: "list[list[str | Markup | None]]", *, numbers: "set[int] | None" = None, kind: str = ""
) -> Markup:
    """Return a table; the columns of `numbers` are set flush right."""
    right = numbers or set()

    def row(name: str, cells: "list[str | Markup | None]") -> Markup:
        return tag("tr", *(tag(name, c or "", class_="n" if i in right else None) for i, c in enumerate(cells)))

    body = joined(*(row("td", cells) for cells in rows))
    name = f"{kind} short" if len(rows) <= SHORT else kind
    return tag("table", tag("thead", row("th", [*heads])), tag("tbody", body), class_=name.strip() or None)


def facts(pairs: "list[tuple[str, str | Markup]]") -> Markup:
    """Return names with their values."""
    return tag("table", tag("tbody", *(tag("tr", tag("th", n), tag("td", v)) for n, v in pairs)), class_="facts")


def prose(words: str, **attributes: "str | float | None") -> Markup:
    """Return a paragraph, in which what stands between backticks is set as code."""
    parts = words.split("`")
    return tag("p", *(tag("code", part) if n % 2 else part for n, part in enumerate(parts)), **attributes)


def _number(value: "str | float") -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


_VOID = {"meta", "br", "hr", "img"}
_DRAWN = {"rect", "path", "circle", "line", "image", "polyline", "polygon", "use", "stop"}
"""Elements of SVG that hold nothing."""
