"""Labels on a map as others draw them, by one set of rules; what is set aside is counted, and a misfit is named."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from shapely import affinity

from survey.errors import ConfigError, InputError
from survey.maplabels import ITEM, MapLabels, longest_side, read_map_labels

CRS = "EPSG:32638"
BOW = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])


def written(folder: Path, shapes: list[Any], **columns: Any) -> Path:
    """Write a layer `items` of shapes with columns."""
    table = geopandas.GeoDataFrame(columns, geometry=geopandas.GeoSeries(shapes, crs=CRS))
    table.to_file(folder / "t.gpkg", layer="items")
    return folder / "t.gpkg"


def read(folder: Path, shapes: list[Any], **columns: Any) -> MapLabels:
    return read_map_labels(written(folder, shapes, **columns))


def test_points_and_polygons_on_the_map_become_places(tmp_path: Path) -> None:
    shapes = [shapely.box(0, 0, 0.3, 0.4), shapely.Point(5, 6), None]
    path = written(tmp_path, shapes, kind=["mine", "bomb", "mine"], longest=[np.nan, 0.9, 1.0])
    labels = read_map_labels(path, class_column="kind", size_column="longest")
    assert labels.classes == ("mine", "bomb")
    assert (labels.rows, labels.aside) == (3, {"without geometry": 1})
    places = labels.on_map(CRS)
    assert places.x == pytest.approx([0.15, 5])
    assert places.y == pytest.approx([0.2, 6])
    assert places.size_m == pytest.approx([0.4, 0.9])
    assert places.classes == labels.classes
    plain = read_map_labels(path)
    assert plain.classes == (ITEM, ITEM)
    assert plain.on_map(CRS).size_m == pytest.approx([0.4, np.nan], nan_ok=True)
    with pytest.raises(InputError, match="has no column klass; it has kind, longest"):
        read_map_labels(path, class_column="klass")
    with pytest.raises(InputError, match="has no layer others; it has items"):
        read_map_labels(path, layer="others")


def test_what_tells_no_place_is_set_aside_and_counted_by_reason(tmp_path: Path) -> None:
    line = shapely.LineString([(0, 0), (1, 1)])
    labels = read(tmp_path, [shapely.Point(1, 2), BOW, None, line, BOW, shapely.Polygon()], size_m=[1.0] * 6)
    assert len(labels.classes) == 1
    assert labels.rows == 6
    assert labels.aside["invalid"] == 2
    assert labels.aside["neither point nor polygon"] == 1
    assert sum(labels.aside.values()) == 5
    assert labels.told is not None
    assert labels.told.startswith("5 of 6 rows are set aside: 2 invalid, ")
    assert read(tmp_path, [shapely.Point(1, 2)]).told is None


def test_several_parts_are_several_items(tmp_path: Path) -> None:
    both = [
        shapely.MultiPoint([(1, 2), (30, 40)]),
        shapely.MultiPolygon([shapely.box(0, 0, 1, 2), shapely.box(5, 5, 6, 6)]),
    ]
    labels = read(tmp_path, both, **{"class": ["a", "b"], "size_m": [0.5, None]})
    places = labels.on_map(CRS)
    assert places.x[:3] == pytest.approx([1, 30, 0.5])
    assert places.size_m == pytest.approx([0.5, 0.5, 2, 1])
    assert places.classes == ("a", "a", "b", "b")
    assert labels.rows == 2


@pytest.mark.parametrize("degrees", [0, 30, 45, 90, 137])
def test_the_longest_extent_does_not_depend_on_how_an_item_lies(degrees: float) -> None:
    shell = affinity.rotate(shapely.box(0, 0, 1.2, 0.2), degrees)
    disc = affinity.rotate(shapely.Point(3, 3).buffer(0.15), degrees)
    assert longest_side(np.array([shell, disc, shapely.Point(1, 1)])) == pytest.approx([1.2, 0.3, 0], abs=1e-3)


def test_usual_columns_are_read_unless_others_are_named(tmp_path: Path) -> None:
    columns = {"class": ["a", ""], "size_m": [0.3, -1.0], "other": ["x", "y"], "long": [0.0, np.inf]}
    path = written(tmp_path, [shapely.Point(0, 0), shapely.Point(1, 1)], **columns)
    labels = read_map_labels(path)
    assert labels.classes == ("a", ITEM)
    assert labels.size_m == pytest.approx([0.3, np.nan], nan_ok=True)
    labels = read_map_labels(path, class_column="other", size_column="long", item_size_m=0.2)
    assert labels.classes == ("x", "y")
    assert labels.size_m == pytest.approx([0.2, 0.2])
    with pytest.raises(InputError, match="column other holds no numbers"):
        read_map_labels(path, size_column="other")
    assert (labels.unsized, read_map_labels(path).unsized) == (0, 1)


def test_a_size_in_centimetres_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, [shapely.Point(0, 0), shapely.Point(1, 1)], size_m=[0.3, 14.0])
    with pytest.raises(InputError, match="row 2: size_m is 14, but no ordnance is longer than 8 m"):
        read_map_labels(path)


def test_classes_are_mapped_numbers_and_gaps_too(tmp_path: Path) -> None:
    code = pd.array([4, None, 7], "Int64")
    path = written(tmp_path, [shapely.Point(n, 0) for n in range(3)], code=code)
    assert read_map_labels(path, class_column="code").classes == ("4", ITEM, "7")
    labels = read_map_labels(path, class_column="code", classes={"4": "ap_mine", "": None, "7": "at_mine"})
    assert labels.classes == ("ap_mine", "at_mine")
    assert shapely.get_x(labels.geometry) == pytest.approx([0, 2])
    with pytest.raises(ConfigError, match="the value '' of column code is not in 'classes'"):
        read_map_labels(path, class_column="code", classes={"4": "ap_mine", "7": "at_mine"})


def test_places_are_brought_to_the_crs_asked_for(tmp_path: Path) -> None:
    points = geopandas.GeoSeries([shapely.Point(500_000, 4_400_000)], crs=CRS)
    points.to_crs("EPSG:4326").to_file(tmp_path / "t.geojson")
    places = read_map_labels(tmp_path / "t.geojson").on_map(CRS)
    assert (places.x[0], places.y[0]) == pytest.approx((500_000, 4_400_000), abs=0.01)


def test_a_layer_without_geometry_is_none_to_choose_from(tmp_path: Path) -> None:
    path = written(tmp_path, [shapely.Point(1, 2)])
    pyogrio.write_dataframe(pd.DataFrame({"styleName": ["s"]}), path, layer="layer_styles", append=True)
    assert len(pyogrio.list_layers(path)) == 2
    assert read_map_labels(path).rows == 1
    with pytest.raises(InputError, match="has no geometry in layer layer_styles"):
        read_map_labels(path, layer="layer_styles")
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="has no geometry; give points or polygons"):
        read_map_labels(tmp_path / "t.csv")


def test_a_file_without_any_item_is_read(tmp_path: Path) -> None:
    for shapes in ([], [None]):
        labels = read(tmp_path, shapes, size_m=[1.0] * len(shapes))
        assert labels.rows == len(shapes)
        assert labels.on_map(CRS).x.shape == labels.on_map(CRS).size_m.shape == (0,)


def test_a_place_that_the_map_does_not_have_is_nan(tmp_path: Path) -> None:
    odd = geopandas.GeoSeries([shapely.Point(0, 1e9), shapely.box(0, 1e9, 1, 1e9 + 1)], crs="EPSG:4326")
    odd.to_file(tmp_path / "t.gpkg")
    places = read_map_labels(tmp_path / "t.gpkg").on_map(CRS)
    assert np.isnan([places.x, places.y, places.size_m]).all()


def test_labels_that_cannot_be_placed_are_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="crs"):
        geopandas.GeoDataFrame(geometry=[shapely.Point(1, 2)]).to_file(tmp_path / "t.gpkg", layer="items")
    with pytest.raises(InputError, match="no CRS on the globe; assign"):
        read_map_labels(tmp_path / "t.gpkg")
    with pytest.raises(InputError, match="no such file"):
        read_map_labels(tmp_path / "gone.gpkg")
    (tmp_path / "x.gpkg").write_text("no")
    with pytest.raises(InputError, match="cannot be read as a vector file"):
        read_map_labels(tmp_path / "x.gpkg")


def test_reading_labels_needs_no_torch() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys, survey.maplabels; sys.exit('torch' in sys.modules)"], check=False
    )
    assert done.returncode == 0
