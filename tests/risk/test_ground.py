"""Who owns which ground pixel, and what code it gets."""

from itertools import pairwise

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from survey.errors import GeoreferenceError
from survey.risk import project_core
from survey.risk.ground import _lattice_places
from survey.values import GroundCode, GroundGrid, HectareGrid, Window, WorkingGrid

UTM = "EPSG:32638"
WKT = CRS(UTM).to_wkt()
STRIDE = 4


def working(height: int, width: int, *, gsd: float, angle: float = 0.0, x: float = 0, y: float = 0) -> WorkingGrid:
    place = Affine.translation(500_050 + x, 4_400_050 + y) * Affine.rotation(angle) * Affine.scale(gsd, -gsd)
    return WorkingGrid(height, width, 1.0, 1.0, place, gsd)


def ground(per_edge: int) -> GroundGrid:
    return GroundGrid(HectareGrid(UTM, 500_000, 4_400_200, 2, 2), per_edge)


def cores(height: int, width: int, edges: list[int]) -> list[Window]:
    """Return cores on multiples of the stride that tile height x width."""
    rows = sorted({0, height, *(STRIDE * e for e in edges if STRIDE * e < height)})
    cols = sorted({0, width, *(STRIDE * e for e in edges if STRIDE * e < width)})
    return [Window(r, c, r_end - r, c_end - c) for r, r_end in pairwise(rows) for c, c_end in pairwise(cols)]


def cell_codes(core: Window, value: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the codes of a core's cells, cut from a whole image's cells."""
    r, c = core.row // STRIDE, core.col // STRIDE
    return value[r : r + -(-core.height // STRIDE), c : c + -(-core.width // STRIDE)]


def assembled(
    grid: WorkingGrid,
    gg: GroundGrid,
    *,
    crs: str,
    parts: list[Window],
    value: NDArray[np.uint8],
    valid: NDArray[np.bool_],
) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    """Return the codes of all cores together and how often each ground pixel was owned."""
    codes, owners = np.zeros((gg.height, gg.width), np.uint8), np.zeros((gg.height, gg.width), np.intp)
    for core in parts:
        patch = project_core(
            grid,
            crs=crs,
            ground=gg,
            core=core,
            codes=cell_codes(core, value),
            stride_px=STRIDE,
            valid=valid[core.slices()],
        )
        if patch is not None:
            place = patch.window.slices()
            owners[place] += patch.codes != GroundCode.NOT_FLOWN
            codes[place] = np.maximum(codes[place], patch.codes)
    return codes, owners


@settings(deadline=None, max_examples=60)
@given(
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    gsd=st.floats(0.2, 1.5),
    angle=st.sampled_from([0.0, 0.0, 90.0, 180.0]) | st.floats(-180, 180),
    shift=st.tuples(st.floats(-60, 60), st.floats(-60, 60)),
    edges=st.lists(st.integers(1, 22), max_size=4),
    seed=st.integers(0, 99),
)
def test_every_ground_pixel_has_one_owner_and_the_code_under_its_centre(
    *, size: tuple[int, int], gsd: float, angle: float, shift: tuple[float, float], edges: list[int], seed: int
) -> None:
    grid, gg = working(*size, gsd=gsd, angle=angle, x=shift[0], y=shift[1]), ground(100)
    rng = np.random.default_rng(seed)
    value = rng.choice(np.array([1, 2, 3, 4, 255], np.uint8), (-(-size[0] // STRIDE), -(-size[1] // STRIDE)))
    valid = rng.random(size) < 0.8
    codes, owners = assembled(grid, gg, crs=WKT, parts=cores(*size, edges), value=value, valid=valid)
    assert owners.max(initial=0) <= 1
    x, y = gg.transform * tuple(np.meshgrid(np.arange(gg.width) + 0.5, np.arange(gg.height) + 0.5))
    col, row = ~grid.transform * (x, y)
    r, c = np.floor(row).astype(int), np.floor(col).astype(int)
    near_edge = (np.abs(row - np.round(row)) < 1e-6) | (np.abs(col - np.round(col)) < 1e-6)
    inside = (r >= 0) & (r < size[0]) & (c >= 0) & (c < size[1])
    r, c = np.clip(r, 0, size[0] - 1), np.clip(c, 0, size[1] - 1)
    truth = np.where(inside & valid[r, c], value[r // STRIDE, c // STRIDE], 0)
    assert np.array_equal(codes[~near_edge], truth[~near_edge])


@settings(deadline=None, max_examples=25)
@given(
    size=st.tuples(st.integers(8, 120), st.integers(8, 120)),
    edges=st.lists(st.integers(1, 29), min_size=1, max_size=4),
    crs=st.sampled_from(["EPSG:4326", "EPSG:32639", "EPSG:3857"]),
    angle=st.sampled_from([0.0, 30.0]),
)
def test_ownership_is_exact_across_crs(size: tuple[int, int], edges: list[int], crs: str, angle: float) -> None:
    gg = ground(200)
    grid = placed_in(crs, size=size, angle=angle)
    value = np.ones((-(-size[0] // STRIDE), -(-size[1] // STRIDE)), np.uint8)
    valid = np.ones(size, bool)
    whole, _ = assembled(grid, gg, crs=crs, parts=[Window(0, 0, *size)], value=value, valid=valid)
    codes, owners = assembled(grid, gg, crs=crs, parts=cores(*size, edges), value=value, valid=valid)
    assert owners.max() == 1
    assert np.array_equal(codes, whole)


def placed_in(crs: str, *, size: tuple[int, int], angle: float) -> WorkingGrid:
    """Return a grid of about 0.6 m in another CRS around the middle of the ground grid."""
    x, y = Transformer.from_crs(UTM, crs, always_xy=True).transform([500_100.0, 500_101.0], [4_400_100.0, 4_400_100.0])
    step = 0.6 * float(np.hypot(x[1] - x[0], y[1] - y[0]))
    middle = Affine.translation(x[0], y[0]) * Affine.rotation(angle) * Affine.scale(step, -step)
    return WorkingGrid(*size, 1.0, 1.0, middle * Affine.translation(-size[1] / 2, -size[0] / 2), 0.6)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32639", "EPSG:3857"])
def test_lattice_stays_within_a_hundredth_of_a_working_pixel(crs: str) -> None:
    gg = ground(1000)
    step = 0.01 / 0.6  # the same place, at 1 cm
    grid = placed_in(crs, size=(100, 100), angle=20)
    fine = WorkingGrid(6000, 6000, 1.0, 1.0, grid.transform * Affine.scale(step), 0.01)
    window = Window(333, 777, 250, 310)
    row, col = _lattice_places(fine, crs=crs, ground=gg, window=window)
    centres = np.meshgrid(np.arange(777, 1087) + 0.5, np.arange(333, 583) + 0.5)
    x, y = Transformer.from_crs(UTM, crs, always_xy=True).transform(*(gg.transform * tuple(centres)))
    exact_col, exact_row = ~fine.transform * (x, y)
    assert np.abs(row - exact_row).max() < 0.01
    assert np.abs(col - exact_col).max() < 0.01


def test_an_equal_crs_in_other_words_takes_the_affine_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("survey.risk.ground._lattice_places", None)
    core = Window(0, 0, 40, 40)
    patch = project_core(
        working(40, 40, gsd=0.5, angle=10),
        crs=WKT,
        ground=ground(100),
        core=core,
        codes=np.ones((10, 10), np.uint8),
        stride_px=STRIDE,
        valid=np.ones((40, 40), bool),
    )
    assert patch is not None


@pytest.mark.parametrize("away", [0.0, 10_000.0])
def test_no_flown_ground_makes_no_patch(away: float) -> None:
    patch = project_core(
        working(8, 8, gsd=0.5, x=away),
        crs=WKT,
        ground=ground(100),
        core=Window(0, 0, 8, 8),
        codes=np.ones((2, 2), np.uint8),
        stride_px=STRIDE,
        valid=np.full((8, 8), away > 0),
    )
    assert patch is None


def test_codes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="needs codes"):
        project_core(
            working(9, 8, gsd=0.5),
            crs=WKT,
            ground=ground(100),
            core=Window(0, 0, 9, 8),
            codes=np.ones((2, 2), np.uint8),
            stride_px=STRIDE,
            valid=np.ones((9, 8), bool),
        )


def test_a_place_outside_the_crs_is_an_error() -> None:
    grid = WorkingGrid(8, 8, 1.0, 1.0, Affine.translation(0, 95) * Affine.scale(1e-6, -1e-6), 0.1)
    with pytest.raises(GeoreferenceError, match="cannot be placed"):
        project_core(
            grid,
            crs="EPSG:4326",
            ground=ground(100),
            core=Window(0, 0, 8, 8),
            codes=np.ones((2, 2), np.uint8),
            stride_px=STRIDE,
            valid=np.ones((8, 8), bool),
        )
