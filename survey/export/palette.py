"""Colours and words of the map layers, in one place.

None of them is the red of a confirmed or the orange of a suspected hazardous area in IMAS symbology (#FF0000,
#F4A718): what a model computes must not be taken for what a survey team has declared. Lightness alone orders the
risk ramp, so it reads the same for colour-blind eyes and in grey print.
"""

from survey.values import CoverCode, GroundCode

RISK_RAMP: tuple[tuple[float, str], ...] = (
    (0.0, "#EEF3FA"),
    (0.25, "#B3C7E6"),
    (0.5, "#7B93CF"),
    (0.75, "#5055A8"),
    (1.0, "#2B1A66"),
)
"""(P(at least one item), colour): pale blue to dark indigo."""

GROUND_COLOURS: dict[GroundCode, str] = {
    GroundCode.SEARCHED: "#DDE3E8",
    GroundCode.CRATER: "#0F2A5F",
    GroundCode.TRENCH: "#A877CC",
    GroundCode.DISTURBED_SOIL: "#00695C",
}
GROUND_LABELS: dict[GroundCode, str] = {
    GroundCode.SEARCHED: "searched, no disturbance seen",
    GroundCode.CRATER: "crater candidate",
    GroundCode.TRENCH: "trench candidate",
    GroundCode.DISTURBED_SOIL: "disturbed soil candidate",
}
NOT_SEARCHED_LABEL = "not searched or not flown"

COVER_COLOURS: dict[CoverCode, str] = {
    CoverCode.OPEN: "#E8DFC8",
    CoverCode.LOW_VEGETATION: "#A9C77B",
    CoverCode.DEEP_SHADOW: "#4A4458",
    CoverCode.CANOPY: "#3F7D4E",
    CoverCode.WATER: "#4F9BD0",
}
COVER_LABELS: dict[CoverCode, str] = {
    CoverCode.OPEN: "open ground, or not told from it",
    CoverCode.LOW_VEGETATION: "low green plants",
    CoverCode.DEEP_SHADOW: "deep shadow",
    CoverCode.CANOPY: "trees, bushes or tall crops",
    CoverCode.WATER: "water",
}
NO_COVER_LABEL = "cover not known"
HIDDEN_REASONS: dict[CoverCode, str] = {
    code: f"{label}: the ground does not show" for code, label in COVER_LABELS.items()
}
"""Why ground that an image shows does not count as searched."""

DETECTION_COLOUR = "#C2189B"
SEARCHED_COLOUR = "#2A7FA8"
NOT_SEARCHED_COLOUR = "#3D3D3D"
OUTLINE_COLOUR = "#5B6770"
IMAGE_COLOUR = "#8A8F94"
ROW_COLOUR = "#6A1B9A"
"""Laid rows and their members."""
PLACE_COLOUR = "#0B7A75"
"""Places where an item that nobody saw may lie."""
WORK_AREA_COLOUR = "#0B5FA5"
CANDIDATE_CHA_COLOUR = "#7A1FA2"
CANDIDATE_SHA_COLOUR = "#00727A"


def rgb_of(colour: str) -> tuple[int, int, int]:
    """Return '#RRGGBB' as three numbers in 0..255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
