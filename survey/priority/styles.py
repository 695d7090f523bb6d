"""Styles of what `survey prioritise` writes."""

from collections.abc import Mapping

from survey.export.palette import NOT_SEARCHED_COLOUR, OUTLINE_COLOUR, WORK_AREA_COLOUR
from survey.export.symbols import category_style, fill
from survey.priority.ground import BASIS_WORDS, Basis

_UNSEARCHED = (
    (Basis.FOUND, "hectare not searched: prior, and what sightings, review or work say", "diagonal_x"),
    (Basis.RISK_PRIOR, "hectare flown, not searched: prior only", "b_diagonal"),
    (Basis.EVIDENCE_PRIOR, "hectare not flown: prior of the evidence only", "f_diagonal"),
    (Basis.CONFIGURED_PRIOR, "hectare not flown: configured prior only", "cross"),
)


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
            "risk_basis",
            [
                (BASIS_WORDS[Basis.SEARCH], "hectare searched at least in part", fill(OUTLINE_COLOUR, width_mm=0.1)),
                *(
                    (BASIS_WORDS[basis], words, fill(OUTLINE_COLOUR, style=style, width_mm=0.1))
                    for basis, words, style in _UNSEARCHED
                ),
            ],
        ),
    }
