"""Maps with their legends and captions."""

from collections.abc import Sequence

from survey.export.palette import NOT_SEARCHED_COLOUR, OUTLINE_COLOUR, RISK_RAMP
from survey.markup import Markup, joined, tag
from survey.report.svg import INK, MapDrawing


def swatch(fill: str, *, line: str = OUTLINE_COLOUR, hatch: bool = False, dashed: bool = False) -> Markup:
    """Return the sample of a legend."""
    strokes = [
        tag("path", d=f"M{x} 14L{x + 14} 0", stroke=NOT_SEARCHED_COLOUR, stroke_width=0.9) for x in (-7, 0, 7, 14)
    ]
    box = tag(
        "rect", x=0.5, y=0.5, width=23, height=13, fill=fill, stroke=line, stroke_dasharray="4 3" if dashed else None
    )
    return tag("svg", *(strokes if hatch else ()), box, viewBox="0 0 24 14", class_="swatch")


def ramp_bar(end: float) -> Markup:
    """Return the ramp with its values."""
    stops = [tag("stop", offset=f"{at:g}", stop_color=colour) for at, colour in RISK_RAMP]
    name = f"ramp{end:g}".replace(".", "-")
    marks = [
        tag("text", f"{share * end:g}", x=6 + share * 150, y=26, font_size=10, text_anchor="middle", fill=INK)
        for share in (0, 0.25, 0.5, 0.75, 1)
    ]
    return tag(
        "svg",
        tag("defs", tag("linearGradient", *stops, id=name, x1="0", x2="1", y1="0", y2="0")),
        tag("rect", x=6, y=2, width=150, height=12, fill=f"url(#{name})", stroke=OUTLINE_COLOUR, stroke_width=0.6),
        *marks,
        viewBox="0 0 170 30",
        class_="ramp",
    )


def figure(drawing: MapDrawing, caption: str, legend: Sequence[tuple[Markup, str]]) -> Markup:
    """Return a map with its legend below it: samples and their words."""
    entries = [tag("li", mark, tag("span", words)) for mark, words in legend]
    return tag("figure", drawing.finish(), tag("ul", joined(*entries), class_="legend"), tag("figcaption", caption))
