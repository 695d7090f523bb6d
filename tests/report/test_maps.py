"""Maps and chips are true to scale."""

import re

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from survey.markup import Markup, joined, prose, table, tag
from survey.provenance.imagery import RunImage, State
from survey.report.chips import EDGE, chip
from survey.report.legend import ramp_bar
from survey.report.svg import MapDrawing, nice, ramp
from survey.values import BandRoles, Image, Validity


@given(st.floats(1e-6, 1e9))
def test_round_lengths_are_the_largest_that_fit(value: float) -> None:
    length = nice(value)
    assert length <= value * (1 + 1e-9)
    assert value < 2.5 * length * (1 + 1e-9)
    digits = float(f"{length:e}".partition("e")[0])
    assert round(digits, 6) in {1.0, 2.0, 5.0}


@given(
    st.floats(-1e6, 1e6),
    st.floats(-1e7, 1e7),
    st.floats(3, 20_000),
    st.floats(3, 20_000),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_the_scale_bar_is_as_long_as_it_says(
    west: float, south: float, wide: float, tall: float, at_x: float, at_y: float
) -> None:
    drawing = MapDrawing((west, south, west + wide, south + tall), "EPSG:32638", "a map")
    page = drawing.finish()
    metres, length = (float(re.search(rf'data-{n}="([^"]+)"', page)[1]) for n in ("metres", "length"))  # type: ignore[index]
    x, y = west + at_x * wide, south + at_y * tall
    (x0, y0), (x1, y1) = drawing.at(x, y), drawing.at(x + metres, y + metres)
    assert x1 - x0 == pytest.approx(length, rel=1e-4, abs=2e-3)
    assert y0 - y1 == pytest.approx(length, rel=1e-4, abs=2e-3)
    assert 0 < length <= drawing.wide / 4 + 1e-3


def test_hatching_stays_inside_what_it_hatches() -> None:
    drawing = MapDrawing((0, 0, 100, 100), "", "")
    drawing.hatch(shapely.box(20, 30, 40, 60), colour="#333", name="unsearched")
    numbers = np.array(re.findall(r"[ML]([\d.]+) ([\d.]+)", drawing.parts[0]), float)
    left, top = drawing.at(20, 60)
    right, bottom = drawing.at(40, 30)
    assert len(numbers) > 10
    assert numbers[:, 0].min() >= left - 0.1
    assert numbers[:, 0].max() <= right + 0.1
    assert numbers[:, 1].min() >= top - 0.1
    assert numbers[:, 1].max() <= bottom + 0.1


def test_nodata_has_no_colour() -> None:
    colours = ramp(np.array([[0.0, np.nan, 1.0]]), [(0.0, "#000000"), (1.0, "#FFFFFF")])
    assert colours[0].tolist() == [[0, 0, 0, 255], [0, 0, 0, 0], [255, 255, 255, 255]]


def test_a_ramp_is_drawn_without_a_gradient_and_covers_its_bar() -> None:
    """A gradient came out blank in PDF, where another of the page did not."""
    bar = ramp_bar(1.0)
    assert "Gradient" not in bar
    found = re.findall(r'<rect x="([\d.]+)" y="2" width="([\d.]+)" height="12" fill="(#[0-9a-f]{6})"', bar)
    starts, widths, colours = zip(*found, strict=True)
    assert float(starts[0]) == 6
    assert all(float(x) + float(width) == pytest.approx(156, abs=0.02) for x, width in zip(starts, widths, strict=True))
    light = [sum(bytes.fromhex(colour[1:])) for colour in colours]
    assert light == sorted(light, reverse=True)
    assert light[0] - light[-1] > 400


def test_without_coordinates_a_map_has_no_grid() -> None:
    bounds = (500_000.0, 4_400_000.0, 500_100.0, 4_400_100.0)
    assert "500020" in MapDrawing(bounds, "EPSG:32638", "").finish()
    bare = MapDrawing(bounds, "", "", coordinates=False).finish()
    assert not re.search(r"\b(5000|4400)\d\d", bare)


@pytest.mark.parametrize("gsd", [(0.01, 0.01), (0.02, 0.025)])
def test_a_chip_is_as_wide_as_its_pixels(
    gsd: tuple[float, float], tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from affine import Affine

    from survey.provenance import imagery
    from survey.report import chips

    image = Image(
        path=None,  # type: ignore[arg-type]
        image_id="a" * 16,
        sha256="a" * 64,
        height=400,
        width=500,
        crs_wkt="",
        transform=Affine.identity(),
        gsd_row_m=gsd[0],
        gsd_col_m=gsd[1],
        dtype="uint8",
        bands=BandRoles(1, 2, 3),
        band_count=3,
        validity=Validity.ALL,
        nodata=None,
        value_range=(0, 255),
    )
    asked: dict[str, int] = {}

    def cut(_: Image, *, row: float, col: float, half_rows: int, half_cols: int) -> imagery.Cut:
        from survey.values import Window

        asked.update(rows=2 * half_rows + 1, cols=2 * half_cols + 1)
        window = Window(int(row) - half_rows, int(col) - half_cols, asked["rows"], asked["cols"])
        shape = (window.height, window.width)
        return imagery.Cut(window, np.zeros((*shape, 3), np.uint8), np.ones(shape, bool), "", "")

    monkeypatch.setattr(chips, "cut", cut)
    row = pd.Series({"size_m": 0.6, "image_row": 200.5, "image_col": 250.5})
    page = chip(RunImage("a.tif", "a" * 64, State.SAME, image), row)
    assert page is not None
    across, metres, length = (float(re.search(rf'data-{n}="([^"]+)"', page)[1]) for n in ("across", "metres", "length"))  # type: ignore[index]
    assert across == pytest.approx(asked["cols"] * gsd[1])
    assert across == pytest.approx(asked["rows"] * gsd[0], rel=0.02)
    assert length / EDGE == pytest.approx(metres / across, rel=1e-3)


def test_what_is_no_markup_is_escaped() -> None:
    bad = '<script>"&'
    assert tag("p", bad, title=bad) == '<p title="&lt;script&gt;&quot;&amp;">&lt;script&gt;&quot;&amp;</p>'
    assert joined(bad, tag("b", "x")) == "&lt;script&gt;&quot;&amp;<b>x</b>"
    assert prose("a `<b>` c") == "<p>a <code>&lt;b&gt;</code> c</p>"
    assert "<script" not in table([bad], [[bad, None]])
    assert tag("p", None, Markup("<i>x</i>"), class_=None) == "<p><i>x</i></p>"
