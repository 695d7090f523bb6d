"""Styles of a run's products: QGIS loads `<name>.qml` beside a raster, and `layer_styles` in a GeoPackage."""

from collections.abc import Mapping
from pathlib import Path

from survey.export.palette import (
    CANDIDATE_CHA_COLOUR,
    CANDIDATE_SHA_COLOUR,
    COVER_COLOURS,
    COVER_LABELS,
    DETECTION_COLOUR,
    GROUND_COLOURS,
    GROUND_LABELS,
    IMAGE_COLOUR,
    NOT_SEARCHED_COLOUR,
    OUTLINE_COLOUR,
    RISK_RAMP,
    SEARCHED_COLOUR,
)
from survey.export.symbols import category_style, class_style, fill, marker, ramp_style, single_style
from survey.files import write_bytes


def write_risk_style(path: Path, *, band: int = 1) -> None:
    """Write the style of risk.tif: a band of probabilities, the first being P(at least one item), in blues."""
    stops = [(value, colour, f"{value:.0%} chance of an item or more in the hectare") for value, colour in RISK_RAMP]
    write_bytes(path, ramp_style(stops, band=band))


def write_disturbance_style(path: Path) -> None:
    """Write the style of disturbance.tif: one legend entry a class; searched ground hardly visible."""
    faint = min(GROUND_COLOURS)
    entries = [(int(c), colour, GROUND_LABELS[c], 70 if c == faint else 255) for c, colour in GROUND_COLOURS.items()]
    write_bytes(path, class_style(entries))


def write_cover_style(path: Path) -> None:
    """Write the style of cover.tif: one legend entry a class."""
    write_bytes(path, class_style([(int(c), colour, COVER_LABELS[c], 204) for c, colour in COVER_COLOURS.items()]))


def layer_styles() -> Mapping[str, str]:
    """Return the style of each layer of detections.gpkg as QML."""
    return {
        "detections": category_style("class", [("", "candidate item, not confirmed", marker(DETECTION_COLOUR))]),
        "hectares": single_style(fill(OUTLINE_COLOUR)),
        "images": single_style(fill(IMAGE_COLOUR, line="dash")),
        "searched_area": category_style(
            "state",
            [
                ("searched", "searched", fill(SEARCHED_COLOUR)),
                ("not searched", "not searched", fill(NOT_SEARCHED_COLOUR, style="b_diagonal")),
            ],
        ),
    }


def candidate_style() -> str:
    """Return the style of proposals: outlines only, so that nothing looks like a declared hazardous area."""
    return category_style(
        "kind",
        [
            ("candidate CHA", "candidate CHA", fill(CANDIDATE_CHA_COLOUR, width_mm=0.8)),
            ("candidate SHA", "candidate SHA", fill(CANDIDATE_SHA_COLOUR, line="dash", width_mm=0.6)),
        ],
    )
