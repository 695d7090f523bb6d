import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from survey.evidence.cells import CellWindow, count_points, cover
from survey.values import HectareGrid
from tests.evidence.conftest import GRID

edges = st.floats(-900, 4900)


def by_force(polygons: list[shapely.Geometry], grid: HectareGrid, margin: int) -> np.ndarray:
    whole = shapely.union_all(polygons)
    row, col = np.mgrid[-margin : grid.rows + margin, -margin : grid.cols + margin]
    west, north = grid.x_min + 100 * col, grid.y_max - 100 * row
    shares = shapely.area(shapely.intersection(whole, shapely.box(west, north - 100, west + 100, north))) / 1e4
    return np.asarray(shares)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(edges, edges, st.floats(1, 2500)), min_size=1, max_size=4))
def test_cover_is_exact_inside_and_around_the_grid(discs: list[tuple[float, float, float]]) -> None:
    polygons = [shapely.Point(500_000 + x, 4_800_000 + y).buffer(r) for x, y, r in discs]
    found = cover(np.array(polygons, object), grid=GRID, margin=3).within(CellWindow(-3, -3, 36, 46))
    expected = by_force(polygons, GRID, 3)
    assert np.allclose(np.zeros_like(expected) if found is None else found, expected, atol=1e-6)


def test_a_polygon_of_a_few_square_metres_is_not_lost() -> None:
    tiny = shapely.box(500_101, 4_800_101, 500_103, 4_800_103)
    assert cover(np.array([tiny], object), grid=GRID, margin=0).value.sum() * 1e4 == np.float32(4)


def test_nothing_covers_nothing() -> None:
    assert cover(np.array([], object), grid=GRID, margin=2).within(CellWindow(0, 0, 30, 40)) is None


def test_points_are_counted_with_their_weights() -> None:
    points = np.array([shapely.Point(500_050, 4_802_950)] * 2 + [shapely.Point(503_950, 4_800_050)], object)
    dense = count_points(points, grid=GRID, weights=np.array([1.0, 2, 5])).within(CellWindow(0, 0, 30, 40))
    assert dense is not None
    assert (dense[0, 0], dense[29, 39], dense.sum()) == (3, 5, 8)
