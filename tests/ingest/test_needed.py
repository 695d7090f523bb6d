from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.enums import Resampling
from rasterio.windows import Window

from survey.ingest import load_aoi, needed_tiles, open_image
from survey.ingest.plan import lattice_shape
from survey.values import WorkingGrid
from tests.ingest.rasters import CM, CRS, LAYOUTS, Raster, texture

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


def test_without_marks_or_overviews_everything_is_needed(tmp_path: Path) -> None:
    for marked, valid in (("all", None), ("black", np.eye(*SIZE, dtype=bool))):
        image = open_image(Raster(texture(*SIZE), valid, marked).write(tmp_path / f"{marked}.tif"))
        assert needed_tiles(image, WorkingGrid.over(image, gsd_m=0.01), aoi=None, core_px=32).all()


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


@pytest.mark.parametrize("marked", ["black", "alpha", "mask"])
@pytest.mark.parametrize("factors", [[], [2, 4], [8]])
def test_a_single_imaged_pixel_is_never_skipped(tmp_path: Path, marked: str, factors: list[int]) -> None:
    # Nearest-neighbour overviews lose it; to skip it would call ground unflown that was flown.
    valid = np.zeros((512, 768), bool)
    valid[301, 459] = True
    path = Raster(texture(512, 768), valid, marked).write(tmp_path / "a.tif")
    if factors:
        with rasterio.open(path, "r+") as dataset:
            dataset.build_overviews(factors, Resampling.nearest)
    image = open_image(path)
    for gsd_m in (0.01, 0.023):
        grid = WorkingGrid.over(image, gsd_m=gsd_m)
        needed = needed_tiles(image, grid, aoi=None, core_px=64)
        assert needed[int(301.5 / grid.row_step) // 64, int(459.5 / grid.col_step) // 64]


def _sparse(path: Path, *, count: int, nodata: float | None, interleave: str = "pixel") -> Path:
    profile = {
        "driver": "GTiff", "height": 512, "width": 768, "count": count, "dtype": "uint8", "crs": CRS, "transform": CM,
        "nodata": nodata, "sparse_ok": True, "photometric": "rgb", "interleave": interleave,
        **LAYOUTS["deflate_tiles"],
    }  # fmt: skip
    if count == 4:
        profile["alpha"] = "yes"
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(np.full((count, 64, 128), 255, np.uint8), window=Window(128, 64, 128, 64))
    return path


@pytest.mark.parametrize(("count", "nodata"), [(4, None), (3, 0)])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
def test_blocks_that_were_never_written_are_skipped(
    tmp_path: Path, count: int, nodata: float | None, interleave: str
) -> None:
    image = open_image(_sparse(tmp_path / "a.tif", count=count, nodata=nodata, interleave=interleave))
    needed = needed_tiles(image, WorkingGrid.over(image, gsd_m=0.01), aoi=None, core_px=128)
    expected = np.zeros((4, 6), bool)
    expected[:2, :3] = True  # the written blocks, and the tiles that a source pixel of margin reaches
    np.testing.assert_array_equal(needed, expected)


def test_blocks_that_were_never_written_are_read_where_they_count_as_imaged(tmp_path: Path) -> None:
    image = open_image(_sparse(tmp_path / "a.tif", count=3, nodata=None))
    assert needed_tiles(image, WorkingGrid.over(image, gsd_m=0.01), aoi=None, core_px=128).all()
