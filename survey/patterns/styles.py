"""Styles of what `survey patterns` writes."""

from collections.abc import Mapping

from survey.export.palette import PLACE_COLOUR, ROW_COLOUR
from survey.export.symbols import category_style, marker, ramp_style, stroke

_HAZARD_STOPS = ((0.0, "#F3F0F7"), (0.5, "#CBB9E0"), (2.0, "#9C78C2"), (10.0, "#6A3D9A"), (50.0, "#33115C"))
"""(expected unseen items per hectare, colour): pale to dark violet."""


def pattern_styles() -> Mapping[str, str]:
    """Return the style of each layer of patterns.gpkg as QML."""
    within = marker(PLACE_COLOUR, shape="diamond", size_mm=2.4, width_mm=0.4)
    beyond = marker(PLACE_COLOUR, shape="cross2", size_mm=2.0, width_mm=0.3)
    return {
        "patterns": category_style(
            "strip", [("", "candidate row of items, not confirmed", stroke(ROW_COLOUR, line="dash"))]
        ),
        "members": category_style(
            "pattern", [("", "candidate item of a row", marker(ROW_COLOUR, shape="square", size_mm=5, width_mm=0.4))]
        ),
        "places": category_style(
            "beyond_the_ends",
            [
                ("0", "candidate place in a row where an unseen item may lie", within),
                ("1", "candidate place beyond a row's ends", beyond),
            ],
        ),
    }


def hazard_style() -> bytes:
    """Return the style of patterns.tif."""
    return ramp_style([(v, c, f"{v:g} unseen items expected per hectare") for v, c in _HAZARD_STOPS])
