"""Styles of the layers of a round."""

from collections.abc import Mapping

from survey.export import layer_styles
from survey.export.palette import DETECTION_COLOUR, OUTLINE_COLOUR, PLACE_COLOUR, WORK_AREA_COLOUR
from survey.export.symbols import category_style, fill, marker, single_style
from survey.rounds.known import CONFIRMED, NOT_FOUND, REJECTED, REMOVED, STATES, STILL_THERE


def round_styles() -> Mapping[str, str]:
    """Return the style of each layer of a round's detections.gpkg as QML."""
    states = [
        (STATES[CONFIRMED], "candidate item, confirmed by review", marker(DETECTION_COLOUR, width_mm=1.2)),
        (STATES[STILL_THERE], "found on the ground, still there", marker(DETECTION_COLOUR, shape="square")),
        (STATES[REMOVED], "found on the ground and removed", marker(WORK_AREA_COLOUR, shape="square", width_mm=0.4)),
        (STATES[NOT_FOUND], "candidate item that work did not find", marker(PLACE_COLOUR, width_mm=0.4)),
        (STATES[REJECTED], "rejected by review", marker(OUTLINE_COLOUR, shape="cross2", size_mm=2, width_mm=0.3)),
        ("", "candidate item, not reviewed", marker(DETECTION_COLOUR)),
    ]
    return {
        **layer_styles(),
        "detections": category_style("state", states),
        "items_found": single_style(marker(WORK_AREA_COLOUR, shape="cross", size_mm=3, width_mm=0.5)),
        "missed_items": single_style(marker(DETECTION_COLOUR, shape="triangle", width_mm=0.8)),
        "worked_areas": single_style(fill(WORK_AREA_COLOUR, style="f_diagonal", line="dash")),
    }
