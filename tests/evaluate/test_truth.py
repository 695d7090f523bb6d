"""Labels as others write them, and what is said when they are something else."""

from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely

from survey.errors import InputError
from survey.evaluate.truth import ITEM, read_places

CRS = "EPSG:32638"


def test_points_and_polygons_on_the_map_become_places(tmp_path: Path) -> None:
    path = tmp_path / "t.gpkg"
    shapes = [shapely.box(0, 0, 0.3, 0.4), shapely.Point(5, 6), None]
    table = {"kind": ["mine", "bomb", "mine"], "longest": [np.nan, 0.9, 1.0]}
    geopandas.GeoDataFrame(table, geometry=shapes, crs=CRS).to_file(path, layer="items")
    places = read_places(path, crs=CRS, class_column="kind", size_column="longest")
    assert places.classes == ("mine", "bomb")
    assert places.x == pytest.approx([0.15, 5])
    assert places.size_m == pytest.approx([0.5, 0.9])
    assert places.without_geometry == 1
    plain = read_places(path, crs=CRS)
    assert plain.classes == (ITEM, ITEM)
    assert plain.size_m[0] == pytest.approx(0.5)
    assert np.isnan(plain.size_m[1])
    with pytest.raises(InputError, match="has no column klass; it has kind, longest"):
        read_places(path, crs=CRS, class_column="klass")
    with pytest.raises(InputError, match="--layer: items"):
        read_places(path, crs=CRS, layer="others")


def test_places_are_brought_to_the_runs_crs(tmp_path: Path) -> None:
    points = geopandas.GeoSeries([shapely.Point(500_000, 4_400_000)], crs=CRS)
    points.to_crs("EPSG:4326").to_file(tmp_path / "t.geojson")
    places = read_places(tmp_path / "t.geojson", crs=CRS)
    assert (places.x[0], places.y[0]) == pytest.approx((500_000, 4_400_000), abs=0.01)


def test_truth_that_cannot_be_placed_is_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="crs"):
        geopandas.GeoDataFrame(geometry=[shapely.Point(1, 2)]).to_file(tmp_path / "t.gpkg", layer="items")
    with pytest.raises(InputError, match="no CRS; assign"):
        read_places(tmp_path / "t.gpkg", crs=CRS)
    with pytest.raises(InputError, match="no such file"):
        read_places(tmp_path / "gone.gpkg", crs=CRS)
    (tmp_path / "x.gpkg").write_text("no")
    with pytest.raises(InputError, match="cannot be read as a vector file"):
        read_places(tmp_path / "x.gpkg", crs=CRS)
