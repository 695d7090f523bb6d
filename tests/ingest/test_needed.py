from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.enums import Resampling

from survey.ingest import load_aoi, needed_tiles, open_image
from survey.ingest.plan import lattice_shape
from survey.values import WorkingGrid
from tests.ingest.rasters import CRS, LAYOUTS, Raster, texture

SIZE = (301, 517)
SCALES = st.sampled_from([0.007, 0.01, 0.0137, 0.03])


def holds_any(valid: np.ndarray[tuple[int, int], np.dtype[np.bool_]], grid: WorkingGrid, core: int) -> list[bool]:
    rows, cols = lattice_shape(grid, core)
    answer = []
    for row in range(rows):
        for col in range(cols):
            top, left = row * core * grid.row_step, col * core * grid.col_step
            bottom, right = top + core * grid.row_step, left + core * grid.col_step
            answer.append(bool(valid[int(top) : int(np.ceil(bottom)), int(left) : int(np.ceil(right))].any()))
    return answer


@pytest.mark.parametrize("levels", [[], [2], [2, 4, 8], [2, 4, 8, 16], [16]])
@pytest.mark.parametrize("marked", ["black", "alpha", "mask", "msk"])
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), gsd_m=SCALES, core=st.sampled_from([16, 48, 112]))
def test_no_tile_with_an_imaged_pixel_is_skipped(
    tmp_path: Path, levels: list[int], marked: str, seed: int, gsd_m: float, core: int
) -> None:
    rng = np.random.default_rng(seed)
    rows, cols = np.mgrid[: SIZE[0], : SIZE[1]]
    valid = np.zeros(SIZE, bool)
    for _ in range(3):
        centre = rng.uniform(0, SIZE[0]), rng.uniform(0, SIZE[1])
        valid |= np.hypot(rows - centre[0], cols - centre[1]) < rng.uniform(10, 60)
    path = Raster(texture(*SIZE), valid, marked).write(tmp_path / f"{seed}.tif")
    if levels:
        with rasterio.open(path, "r+") as dataset:
            dataset.build_overviews(levels, Resampling.nearest)
    image = open_image(path)
    grid = WorkingGrid.over(image, gsd_m=gsd_m)
    needed = needed_tiles(image, grid, aoi=None, core_px=core)
    assert needed.shape == lattice_shape(grid, core)
    held = np.reshape(holds_any(valid, grid, core), needed.shape)
    assert needed[held].all()
    if 2 in levels:  # and it is of use
        assert needed.mean() < 0.95 or held.mean() > 0.5


def test_without_marks_or_overviews_everything_is_needed(tmp_path: Path) -> None:
    for marked, valid in (("all", None), ("black", np.eye(*SIZE, dtype=bool))):
        image = open_image(Raster(texture(*SIZE), valid, marked).write(tmp_path / f"{marked}.tif"))
        assert needed_tiles(image, WorkingGrid.over(image, gsd_m=0.01), aoi=None, core_px=32).all()


def test_overviews_that_cannot_be_read_skip_nothing(tmp_path: Path) -> None:
    valid = np.zeros(SIZE, bool)
    valid[:50] = True
    path = Raster(texture(*SIZE), valid, "black", LAYOUTS["deflate_tiles"]).write(tmp_path / "a.tif")
    with rasterio.Env(TIFF_USE_OVR=True, COMPRESS_OVERVIEW="DEFLATE"), rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4], Resampling.nearest)
    image = open_image(path)
    grid = WorkingGrid.over(image, gsd_m=0.01)
    assert not needed_tiles(image, grid, aoi=None, core_px=32).all()
    beside = Path(f"{path}.ovr")
    data = bytearray(beside.read_bytes())
    data[1000:-1000] = bytes(len(data) - 2000)
    beside.write_bytes(data)
    assert needed_tiles(image, grid, aoi=None, core_px=32).all()


def test_only_tiles_that_meet_the_area_are_needed(tmp_path: Path) -> None:
    image = open_image(Raster(texture(*SIZE)).write(tmp_path / "a.tif"))
    grid = WorkingGrid.over(image, gsd_m=0.02)
    corners = [(33.0, 1.0), (40.0, 1.0), (40.0, 70.0), (33.0, 70.0)]
    ring = [tuple(grid.transform @ np.array([*corner, 1.0]))[:2] for corner in corners]
    geopandas.GeoDataFrame(geometry=[shapely.Polygon(ring)], crs=CRS).to_file(tmp_path / "aoi.gpkg")
    aoi = load_aoi(tmp_path / "aoi.gpkg")
    needed = needed_tiles(image, grid, aoi=aoi, core_px=32)
    expected = np.zeros(lattice_shape(grid, 32), bool)
    expected[:3, 1] = True
    np.testing.assert_array_equal(needed, expected)
    far = shapely.box(-135.5, -1, -134.5, 1)
    geopandas.GeoDataFrame(geometry=[far], crs="EPSG:4326").to_file(tmp_path / "far.gpkg")
    assert not needed_tiles(image, grid, aoi=load_aoi(tmp_path / "far.gpkg"), core_px=32).any()
