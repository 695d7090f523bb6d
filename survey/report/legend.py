"""Maps with their legends and captions."""

from collections.abc import Sequence

import numpy as np

from survey.export.palette import NOT_SEARCHED_COLOUR, OUTLINE_COLOUR, RISK_RAMP
from survey.markup import Markup, joined, tag
from survey.report.svg import INK, MapDrawing, ramp


def swatch(fill: str, *, line: str = OUTLINE_COLOUR, hatch: bool = False, dashed: bool = False) -> Markup:
    """Return the sample of a legend."""
    strokes = [
        tag(
            "path",
            d=f"M{x} 14L{x + 14} 0",
            stroke=line if line != OUTLINE_COLOUR else NOT_SEARCHED_COLOUR,
            stroke_width=0.9,
        )
        for x in (-7, 0, 7, 14)
    ]
    box = tag(
        "rect", x=0.5, y=0.5, width=23, height=13, fill=fill, stroke=line, stroke_dasharray="4 3" if dashed else None
    )
    return tag("svg", *(strokes if hatch else ()), box, viewBox="0 0 24 14", class_="swatch")


def ramp_bar(end: float) -> Markup:
    """Return the ramp with its values.

    It is drawn step by step: of SVG's gradients the first of a page came out blank in PDF.
    """
    left, width, steps = 6.0, 150.0, 50
    colours = ramp((np.arange(steps) + 0.5) / steps, RISK_RAMP)[:, :3]
    each = width / steps
    bars = [
        # to the end of the bar, under the next: side by side they would leave pale lines
        tag("rect", x=left + n * each, y=2, width=width - n * each, height=12, fill="#" + colour.tobytes().hex())
        for n, colour in enumerate(colours)
    ]
    marks = [
        tag("text", f"{share * end:g}", x=left + share * width, y=26, font_size=10, text_anchor="middle", fill=INK)
        for share in (0, 0.25, 0.5, 0.75, 1)
    ]
    edge = tag("rect", x=left, y=2, width=width, height=12, fill="none", stroke=OUTLINE_COLOUR, stroke_width=0.6)
    return tag("svg", *bars, edge, *marks, viewBox="0 0 170 30", class_="ramp")


def figure(drawing: MapDrawing, caption: str, legend: Sequence[tuple[Markup, str]]) -> Markup:
    """Return a map with its legend below it: samples and their words."""
    entries = [tag("li", mark, tag("span", words)) for mark, words in legend]
    return tag("figure", drawing.finish(), tag("ul", joined(*entries), class_="legend"), tag("figcaption", caption))
