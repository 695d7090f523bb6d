"""Styles: well formed, in step with the codes, and never in the colours of declared hazardous areas."""

import colorsys
import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from survey.export import candidate_style, layer_styles
from survey.export.palette import GROUND_COLOURS, RISK_RAMP, rgb_of
from survey.patterns.styles import hazard_style, pattern_styles
from survey.priority.styles import plan_styles
from survey.rounds.styles import round_styles

DECLARED = ("#FF0000", "#F4A718")  # confirmed and suspected hazardous areas in IMAS symbology


def style(path: Path) -> ET.Element:
    return ET.fromstring(path.read_text())  # noqa: S314 - our own file


def hue_of(rgb: tuple[int, int, int]) -> tuple[float, float]:
    """Return (hue in degrees, saturation)."""
    hue, _, saturation = colorsys.rgb_to_hls(*(c / 255 for c in rgb))
    return hue * 360, saturation


def test_risk_style_shows_the_first_band_from_none_to_certain(products: Path) -> None:
    renderer = style(products / "risk.qml").find("pipe/rasterrenderer")
    assert renderer is not None
    assert (renderer.get("type"), renderer.get("band")) == ("singlebandpseudocolor", "1")
    values = [float(item.get("value", "nan")) for item in renderer.iter("item")]
    assert values == sorted(values)
    assert (values[0], values[-1]) == (0, 1)


def test_risk_ramp_darkens_steadily() -> None:
    light = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in (rgb_of(colour) for _, colour in RISK_RAMP)]
    assert all(a - b > 25 for a, b in pairwise(light))


def test_disturbance_style_lists_every_class_once(products: Path) -> None:
    entries = list(style(products / "disturbance.qml").iter("paletteEntry"))
    assert [entry.get("value") for entry in entries] == ["1", "2", "3", "4"]
    assert all(entry.get("label") for entry in entries)


def test_no_colour_resembles_a_declared_area() -> None:
    colours = [rgb_of(c) for _, c in RISK_RAMP] + [rgb_of(c) for c in GROUND_COLOURS.values()]
    for qml in [
        *layer_styles().values(),
        *round_styles().values(),
        *pattern_styles().values(),
        *plan_styles().values(),
        candidate_style(),
    ]:
        colours += [(int(r), int(g), int(b)) for r, g, b in re.findall(r'v="(\d+),(\d+),(\d+),255"', qml)]
    assert len(colours) > 25
    for rgb in colours:
        hue, saturation = hue_of(rgb)
        for declared in DECLARED:
            distance = abs(hue - hue_of(rgb_of(declared))[0])
            assert saturation < 0.2 or min(distance, 360 - distance) > 40, (rgb, declared)


@pytest.mark.parametrize(
    "styles", [layer_styles(), round_styles(), pattern_styles(), plan_styles(), {"c": candidate_style()}]
)
def test_layer_styles_are_well_formed(styles: Mapping[str, str]) -> None:
    for qml in styles.values():
        root = ET.fromstring(qml)  # noqa: S314 - our own text
        symbols = {symbol.get("name") for symbol in root.iter("symbol")}
        assert symbols
        assert {category.get("symbol") for category in root.iter("category")} <= symbols


def test_legends_say_units_and_candidates(products: Path) -> None:
    for path in (products / "risk.qml", products / "disturbance.qml"):
        labels = [e.get("label", "") for e in style(path).iter() if e.get("label")]
        assert all(re.search(r"hectare|candidate|searched", label) for label in labels), labels
    assert b"per hectare" in hazard_style()
    for qml in (layer_styles()["detections"], candidate_style(), *pattern_styles().values()):
        assert all("candidate" in category.get("label", "") for category in ET.fromstring(qml).iter("category"))  # noqa: S314 - our own text
