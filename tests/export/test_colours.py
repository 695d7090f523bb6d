"""Colours as colour-blind eyes see them: Machado, Oliveira and Fernandes (2009), full severity, on linear RGB."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from survey.export import palette
from survey.export.palette import GROUND_COLOURS, RISK_RAMP, rgb_of
from survey.patterns.styles import hazard_style

EYES = {
    "all cones": np.eye(3),
    "no red": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "no green": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "no blue": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
DECLARED = ("#FF0000", "#F4A718", "#FF8080", "#FAD38C")
"""Confirmed and suspected hazardous areas in IMAS symbology: outlines, and fills at half opacity over white."""
JUST_SEEN = 2.3
"""CIE 1976 colour difference that eyes just notice."""
POINTS = (palette.DETECTION_COLOUR, palette.ROW_COLOUR, palette.PLACE_COLOUR)
AREAS = (palette.WORK_AREA_COLOUR, palette.SEARCHED_COLOUR, palette.NOT_SEARCHED_COLOUR)
PROPOSALS = (palette.CANDIDATE_CHA_COLOUR, palette.CANDIDATE_SHA_COLOUR, palette.NOT_SEARCHED_COLOUR)


def lab(colour: str, eyes: str) -> NDArray[np.float64]:
    """Return CIE L*a*b* (D65) of a colour as some eyes see it."""
    rgb = np.array(rgb_of(colour)) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(EYES[eyes] @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    ratio = to_xyz @ seen / (0.9505, 1.0, 1.089)
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def difference(one: str, other: str, eyes: str) -> float:
    return float(np.linalg.norm(lab(one, eyes) - lab(other, eyes)))


def test_the_simulation_confuses_what_such_eyes_confuse() -> None:
    assert difference("#FF0000", "#008000", "no green") < 0.5 * difference("#FF0000", "#008000", "all cones")
    assert difference("#808080", "#808080", "no red") == 0
    for eyes in EYES:
        assert np.allclose(lab("#FFFFFF", eyes), (100, 0, 0), atol=0.5)


@pytest.mark.parametrize("eyes", EYES)
def test_more_risk_is_darker_to_all_eyes(eyes: str) -> None:
    hazard = [part.split('"')[0] for part in hazard_style().decode().split('color="')[1:]]
    assert len(hazard) == 5
    for ramp in ([colour for _, colour in RISK_RAMP], hazard):
        assert all(lab(a, eyes)[0] - lab(b, eyes)[0] > 10 for a, b in pairwise(ramp))


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("group", [tuple(GROUND_COLOURS.values()), POINTS, AREAS, PROPOSALS])
def test_what_lies_side_by_side_is_told_apart(eyes: str, group: tuple[str, ...]) -> None:
    """Points also differ in shape, outlines in width and dashes; ground differs by colour alone."""
    least = 20 if group[0] == GROUND_COLOURS[min(GROUND_COLOURS)] else 5 * JUST_SEEN
    for one, other in combinations(group, 2):
        assert difference(one, other, eyes) > least, (one, other)


@pytest.mark.parametrize("eyes", EYES)
def test_nothing_computed_is_taken_for_a_declared_area(eyes: str) -> None:
    computed = [*(colour for _, colour in RISK_RAMP), *GROUND_COLOURS.values(), *POINTS, *AREAS, *PROPOSALS]
    for colour in computed:
        assert min(difference(colour, declared, eyes) for declared in DECLARED) > 15, colour
