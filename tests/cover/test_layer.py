"""A user's layer of cover."""

from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
from affine import Affine
from shapely import box

from survey.cover import load_cover
from survey.errors import ConfigError, GeoreferenceError, InputError
from survey.values import CoverCode, GroundGrid, HectareGrid, Window

GROUND = GroundGrid(HectareGrid("EPSG:32638", 500_000, 4_400_200, 2, 2), 100)
WINDOW = Window(20, 30, 60, 50)


def polygons(path: Path, kinds: list[str], boxes: list[tuple[float, float, float, float]], crs: int = 32638) -> Path:
    frame = geopandas.GeoDataFrame({"kind": kinds}, geometry=[box(*b) for b in boxes], crs="EPSG:32638")
    frame.to_crs(crs).to_file(path)
    return path


def test_polygons_cover_what_lies_in_them_and_the_most_hiding_wins(tmp_path: Path) -> None:
    path = polygons(
        tmp_path / "c.gpkg",
        ["wood", "open"],
        [(500_040, 4_400_100, 500_060, 4_400_160), (500_050, 4_400_100, 500_070, 4_400_160)],
        crs=4326,
    )
    layer = load_cover(path, ground=GROUND, classes={"wood": "canopy"}, column="kind")
    codes = layer.codes_of(WINDOW)
    row, col = np.mgrid[20:80, 30:80]
    x, y = 500_000.5 + col, 4_400_199.5 - row
    inside = (y < 4_400_160) & (y > 4_400_100)
    truth = np.where(inside & (x > 500_050) & (x < 500_070), CoverCode.OPEN, CoverCode.UNKNOWN)
    truth = np.where(inside & (x > 500_040) & (x < 500_060), CoverCode.CANOPY, truth)
    assert np.array_equal(codes, truth)
    assert not layer.codes_of(Window(0, 150, 5, 5)).any()


def test_a_raster_of_another_grid_is_sampled(tmp_path: Path) -> None:
    path = tmp_path / "c.tif"
    values = np.array([[7, 5], [0, 7]], np.uint8)
    profile = {"driver": "GTiff", "height": 2, "width": 2, "count": 1, "dtype": "uint8", "crs": "EPSG:32638"}
    with rasterio.open(path, "w", **profile, transform=Affine(25, 0, 500_030, 0, -30, 4_400_180), nodata=0) as file:
        file.write(values, 1)
    layer = load_cover(path, ground=GROUND, classes={"7": "water", "5": "open"}, column="cover")
    truth = np.array([[CoverCode.WATER, CoverCode.OPEN], [CoverCode.UNKNOWN, CoverCode.WATER]], np.uint8)
    assert np.array_equal(layer.codes_of(WINDOW), np.kron(truth, np.ones((30, 25), np.uint8)))


def test_what_a_layer_says_names_it(tmp_path: Path) -> None:
    place = [(500_040.0, 4_400_100.0, 500_060.0, 4_400_160.0)]
    layers = [
        load_cover(polygons(tmp_path / f"{n}.gpkg", [kind], place), ground=GROUND, classes=classes, column="kind")
        for n, (kind, classes) in enumerate([("canopy", {}), ("wood", {"wood": "canopy"}), ("wood", {"wood": "water"})])
    ]
    assert layers[0].sha256 == layers[1].sha256 != layers[2].sha256


def test_faults_are_named(tmp_path: Path) -> None:
    path = polygons(tmp_path / "c.gpkg", ["scrub"], [(500_040, 4_400_100, 500_060, 4_400_160)])
    with pytest.raises(InputError, match="'scrub'"):
        load_cover(path, ground=GROUND, classes={}, column="kind")
    with pytest.raises(InputError, match="cover_column"):
        load_cover(path, ground=GROUND, classes={}, column="type")
    with pytest.raises(ConfigError, match="forest"):
        load_cover(path, ground=GROUND, classes={"scrub": "forest"}, column="kind")
    with pytest.raises(InputError, match="no such"):
        load_cover(tmp_path / "none.gpkg", ground=GROUND, classes={}, column="kind")
    (tmp_path / "text.txt").write_text("no map")
    with pytest.raises(InputError, match="neither"):
        load_cover(tmp_path / "text.txt", ground=GROUND, classes={}, column="kind")
    geopandas.GeoDataFrame({"kind": ["open"]}, geometry=[box(0, 0, 1, 1)]).to_file(tmp_path / "bare.shp")
    with pytest.raises(GeoreferenceError, match="CRS"):
        load_cover(tmp_path / "bare.shp", ground=GROUND, classes={}, column="kind")
