"""Styles of what `survey prioritise` writes."""

from collections.abc import Mapping

from survey.export.palette import NOT_SEARCHED_COLOUR, OUTLINE_COLOUR, WORK_AREA_COLOUR
from survey.export.symbols import category_style, fill
from survey.priority.ground import WORDS, State


def plan_styles() -> Mapping[str, str]:
    """Return the style of each layer of work_areas.gpkg as QML."""
    return {
        "work_areas": category_style(
            "planned",
            [
                ("yes", "work area in the plan", fill(WORK_AREA_COLOUR, width_mm=0.8)),
                ("no", "work area not in the plan: risk remains", fill(NOT_SEARCHED_COLOUR, line="dash", width_mm=0.5)),
            ],
        ),
        "hectares": category_style(
            "state",
            [
                (WORDS[State.SEARCHED], "hectare searched at least in part", fill(OUTLINE_COLOUR, width_mm=0.1)),
                ("", "hectare not searched: prior risk", fill(OUTLINE_COLOUR, style="b_diagonal", width_mm=0.1)),
            ],
        ),
    }
