from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin

from survey.errors import GeoreferenceError, InputError
from survey.priority.config import Condition, ExposureLayer
from survey.priority.layers import condition_on, covered_by, exposure_on
from survey.values import HectareGrid
from tests.priority.district import CRS, NORTH, WEST, write_raster, write_vector

GRID = HectareGrid(CRS, WEST, NORTH, 3, 10)


def layer(**changes: Any) -> ExposureLayer:
    return ExposureLayer(**{"file": "x", "weight": 1.0, "decay": "exponential", "range_m": 300.0, **changes})


def test_exposure_decays_with_the_distance_from_the_hectares_edge(tmp_path: Path) -> None:
    path = write_vector(tmp_path / "towns.gpkg", [shapely.Point(WEST + 50, NORTH - 150)])
    exposed = exposure_on(GRID, layer(), path=path)
    away = np.array([0.0, 50, 150, 250, 350, 450, 550, 650, 750, 850])
    np.testing.assert_allclose(exposed.distance_m[1], away, atol=0.01)
    np.testing.assert_allclose(exposed.share[1], np.exp(-away / 300), atol=1e-4)
    linear = exposure_on(GRID, layer(decay="linear"), path=path)
    np.testing.assert_allclose(linear.share[1], np.maximum(1 - away / 300, 0), atol=1e-4)


def test_the_strongest_feature_decides_and_strength_ends_at_full(tmp_path: Path) -> None:
    shapes = [shapely.Point(WEST + 50, NORTH - 50), shapely.Point(WEST + 950, NORTH - 50)]
    path = write_vector(tmp_path / "towns.gpkg", shapes, people=[500, 50])
    exposed = exposure_on(GRID, layer(value_column="people", full_at=100.0), path=path)
    assert exposed.share[0, 0] == pytest.approx(1)
    assert exposed.share[0, 9] == pytest.approx(0.5, abs=1e-4)
    assert exposed.share[0, 5] == pytest.approx(np.exp(-450 / 300), abs=1e-4)


def test_inside_means_that_it_lies_in_the_hectare_and_not_along_its_edge(tmp_path: Path) -> None:
    path = write_vector(tmp_path / "fields.gpkg", [shapely.box(WEST + 200, NORTH - 100, WEST + 400, NORTH)])
    exposed = exposure_on(GRID, layer(decay="inside", range_m=None), path=path)
    assert exposed.share[0].tolist() == [0, 0, 1, 1, 0, 0, 0, 0, 0, 0]
    assert exposed.share[1:].sum() == 0


def test_a_raster_spreads_as_features_do(tmp_path: Path) -> None:
    people = np.zeros((3, 10))
    people[1, 0], people[2, 9] = 40, np.nan
    path = write_raster(tmp_path / "returns.tif", {"people": people})
    exposed = exposure_on(GRID, layer(full_at=80.0), path=path)
    np.testing.assert_allclose(exposed.share[1, :3], 0.5 * np.exp(-np.array([0, 100, 200]) / 300))
    assert exposed.notes == ("1 hectares without a value count as not exposed to it",)


def test_geometries_that_cannot_be_used_are_counted_and_not_fatal(tmp_path: Path) -> None:
    bow_tie = shapely.Polygon([(0, 0), (200, 200), (200, 0), (0, 200)])
    moved = shapely.transform(bow_tie, lambda p: p + np.array([WEST, NORTH - 200]))
    path = write_vector(tmp_path / "x.gpkg", [moved, None, shapely.Point(WEST, NORTH)], people=[1.0, 2.0, np.nan])
    exposed = exposure_on(GRID, layer(value_column="people"), path=path)
    assert exposed.notes == (
        "1 features without a geometry set aside",
        "1 features without a value above 0 set aside",
        "1 invalid geometries repaired",
    )


def test_another_crs_is_brought_to_the_grid(tmp_path: Path) -> None:
    from pyproj import Transformer

    lon, lat = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform(WEST + 550, NORTH - 150)
    path = write_vector(tmp_path / "x.geojson.gpkg", [shapely.Point(lon, lat)], crs="EPSG:4326")
    exposed = exposure_on(GRID, layer(decay="inside", range_m=None), path=path)
    assert np.argwhere(exposed.share).tolist() == [[1, 5]]


def test_a_layer_that_reaches_nothing_is_told(tmp_path: Path) -> None:
    path = write_vector(tmp_path / "x.gpkg", [shapely.Point(WEST + 90_000, NORTH)])
    assert "reaches no hectare" in exposure_on(GRID, layer(decay="linear"), path=path).notes[0]


@pytest.mark.parametrize(
    ("kind", "error", "says"),
    [
        ("missing", InputError, "no such file"),
        ("text", InputError, "cannot be read as a raster"),
        ("no crs", GeoreferenceError, "has no CRS"),
        ("no column", InputError, "has no column 'people'; it has: houses"),
        ("words", InputError, "does not hold numbers"),
        ("negative", InputError, "below 0"),
        ("empty", InputError, "no usable feature"),
    ],
)
def test_a_layer_that_cannot_be_used_is_refused_by_name(
    tmp_path: Path, kind: str, error: type[Exception], says: str
) -> None:
    path, point = tmp_path / "layer.gpkg", [shapely.Point(WEST, NORTH)]
    match kind:
        case "text":
            path.write_text("hello")
        case "no crs":
            write_vector(path, point, crs=None, people=[1])
        case "no column":
            write_vector(path, point, houses=[1])
        case "words":
            write_vector(path, point, people=["many"])
        case "negative":
            path = write_raster(tmp_path / "layer.tif", {"x": np.full((3, 10), -1.0)})
        case "empty":
            write_vector(path, [None], people=[1])
    with pytest.raises(error, match=says) as told:
        exposure_on(GRID, layer(value_column="people"), path=path)
    assert str(told.value).startswith(str(path))


def test_a_condition_is_the_mean_of_its_raster_and_a_value_elsewhere(tmp_path: Path) -> None:
    fine = np.tile(np.arange(4.0), (2, 1))  # cells of 50 m: hectares of mean 0.5 and 2.5
    profile = {"driver": "GTiff", "count": 1, "height": 2, "width": 4, "dtype": "float64", "crs": CRS}
    with rasterio.open(tmp_path / "s.tif", "w", **profile, transform=from_origin(WEST, NORTH, 50, 50)) as dataset:
        dataset.write(fine, 1)
    values, notes = condition_on(GRID, Condition(file="s.tif", value=7.0), path=tmp_path / "s.tif")
    assert values[0, :3].tolist() == [0.5, 2.5, 7.0]
    assert notes == ("28 hectares without a value count as 7",)


def test_a_hectare_is_covered_if_half_of_it_is(tmp_path: Path) -> None:
    path = write_vector(tmp_path / "lake.gpkg", [shapely.box(WEST + 40, NORTH - 100, WEST + 260, NORTH + 500)])
    covered, _ = covered_by(GRID, path, layer=None)
    assert np.argwhere(covered).tolist() == [[0, 0], [0, 1], [0, 2]]
    shapes = [shapely.box(WEST + 90_000, NORTH, WEST + 90_500, NORTH + 500), shapely.Point(WEST, NORTH)]
    covered, notes = covered_by(GRID, write_vector(tmp_path / "far.gpkg", shapes), layer=None)
    assert not covered.any()
    assert notes == (
        "1 features without an area set aside",
        "covers half of no hectare of the grid: check its CRS and extent",
    )
    line = write_vector(tmp_path / "line.gpkg", [shapely.LineString([(WEST, NORTH), (WEST + 9, NORTH)])])
    with pytest.raises(InputError, match="holds no polygon"):
        covered_by(GRID, line, layer=None)
