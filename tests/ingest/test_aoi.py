from dataclasses import replace
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine

from survey.errors import ConfigError, GeoreferenceError, InputError
from survey.ingest import load_aoi, open_image, output_crs
from survey.values import Image, WorkingGrid
from tests.ingest.rasters import CRS, Raster, texture

SQUARE = shapely.box(500_000, 4_499_990, 500_020, 4_500_000)


def write(path: Path, *geometries: shapely.Geometry, crs: str | None = CRS) -> Path:
    driver = "ESRI Shapefile" if path.suffix == ".shp" else None
    geopandas.GeoDataFrame(geometry=list(geometries), crs=crs).to_file(path, driver=driver)
    return path


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return open_image(Raster(texture(60, 80)).write(tmp_path / "a.tif"))


def test_all_polygons_of_a_file_count_overlapping_nested_or_three_dimensional(tmp_path: Path) -> None:
    other = shapely.force_3d(shapely.box(500_010, 4_499_990, 500_040, 4_500_000), 7)
    nested = shapely.GeometryCollection([shapely.MultiPolygon([other]), SQUARE, shapely.Point(0, 0)])
    assert load_aoi(write(tmp_path / "a.gpkg", SQUARE, other)).polygons.area == pytest.approx(400)
    assert load_aoi(write(tmp_path / "b.gpkg", nested)).polygons.area == pytest.approx(400)


def test_the_hash_is_of_the_ground_and_not_of_the_file(tmp_path: Path) -> None:
    turned = shapely.Polygon(np.roll(shapely.get_coordinates(SQUARE)[:-1], 1, axis=0))
    first, same = (load_aoi(write(tmp_path / n, g)) for n, g in (("a.gpkg", SQUARE), ("b.gpkg", turned)))
    assert first.sha256 == same.sha256
    assert first.sha256 != load_aoi(write(tmp_path / "c.gpkg", SQUARE.buffer(1))).sha256
    assert first.sha256 != load_aoi(write(tmp_path / "d.gpkg", SQUARE, crs="EPSG:32637")).sha256


def test_a_bow_tie_is_repaired(tmp_path: Path) -> None:
    tie = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    assert load_aoi(write(tmp_path / "a.gpkg", tie)).polygons.area == pytest.approx(50)


def test_what_holds_no_polygon_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no polygon"):
        load_aoi(write(tmp_path / "points.gpkg", shapely.Point(0, 0)))
    pd.DataFrame({"a": [1]}).to_csv(tmp_path / "table.csv")
    with pytest.raises(InputError, match="no polygon"):
        load_aoi(tmp_path / "table.csv")
    with pytest.raises(InputError, match="no such"):
        load_aoi(tmp_path / "missing.gpkg")
    (tmp_path / "bad.gpkg").write_bytes(b"no vectors here")
    with pytest.raises(InputError, match="cannot be read"):
        load_aoi(tmp_path / "bad.gpkg")


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_no_crs_is_a_georeference_error(tmp_path: Path) -> None:
    with pytest.raises(GeoreferenceError, match="no CRS"):
        load_aoi(write(tmp_path / "a.shp", SQUARE, crs=None))


def test_polygons_land_on_the_pixels_of_a_rotated_image(tmp_path: Path, image: Image) -> None:
    turned = replace(image, transform=image.transform * Affine.rotation(30))
    grid = WorkingGrid.over(turned, gsd_m=0.02)
    corners = [(2.0, 3.0), (20.0, 3.0), (11.0, 25.0)]
    ring = [tuple(grid.transform @ np.array([*corner, 1.0]))[:2] for corner in corners]
    moved = load_aoi(write(tmp_path / "a.gpkg", shapely.Polygon(ring))).in_pixels(turned, grid)
    assert shapely.symmetric_difference(moved, shapely.Polygon(corners)).area < 1e-3


def test_an_area_beyond_the_images_crs_is_nowhere(tmp_path: Path, image: Image) -> None:
    far = load_aoi(write(tmp_path / "a.gpkg", shapely.box(-135.5, -1, -134.5, 1), crs="EPSG:4326"))
    grid = WorkingGrid.over(image, gsd_m=0.01)
    frame = shapely.box(0, 0, grid.width, grid.height)
    assert not shapely.intersects(far.in_pixels(image, grid), frame)


def test_output_is_in_the_utm_zone_of_the_centre(tmp_path: Path, image: Image) -> None:
    assert output_crs([image], aoi=None) == "EPSG:32638"
    for number, (lon, lat, zone) in enumerate(
        [(-179.9, 10, "EPSG:32601"), (179.9, -10, "EPSG:32760"), (36.1, 49, "EPSG:32637"), (35.9, -2, "EPSG:32736")]
    ):
        path = write(tmp_path / f"{number}.gpkg", shapely.box(lon, lat, lon + 0.01, lat + 0.01), crs="EPSG:4326")
        assert output_crs([image], aoi=load_aoi(path)) == zone


def test_the_poles_need_a_crs_of_the_users(tmp_path: Path, image: Image) -> None:
    path = write(tmp_path / "a.gpkg", shapely.box(0, 85, 1, 86), crs="EPSG:4326")
    with pytest.raises(ConfigError, match="output_crs"):
        output_crs([image], aoi=load_aoi(path))
