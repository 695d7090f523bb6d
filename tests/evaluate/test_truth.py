"""Labels as others write them, and what is said when they are something else."""

import json
from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely

from survey.errors import InputError
from survey.evaluate.truth import ITEM, read_coco, read_places, read_yolo

CRS = "EPSG:32638"


def test_yolo_shares_become_pixels(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("1 0.5 0.25 0.1 0.4\n\n0 0.1 0.9 0.2 0.05 0.87\n")  # the last value is a score
    marks = read_yolo(path, shape=(100, 200), classes=("bomb", "mine"))
    assert marks.classes == ("mine", "bomb")
    assert marks.row == pytest.approx([25, 90])
    assert marks.col == pytest.approx([100, 20])
    assert marks.size_px == pytest.approx([40, 40])
    path.write_text("")
    assert not len(read_yolo(path, shape=(100, 200), classes=("mine",)).row)


@pytest.mark.parametrize("line", ["2 0.5 0.5 0.1 0.1", "-1 0.5 0.5 0.1 0.1", "0 0.5 0.5 0.1", "mine 0.5 0.5 0.1 0.1"])
def test_a_line_that_is_no_label_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"0 0.5 0.5 0.1 0.1\n{line}\n")
    with pytest.raises(InputError, match=r"a\.txt:2: expected"):
        read_yolo(path, shape=(10, 10), classes=("bomb", "mine"))
    with pytest.raises(InputError, match="an empty one says"):
        read_yolo(tmp_path / "gone.txt", shape=(10, 10), classes=("mine",))


def coco(path: Path, **changes: object) -> Path:
    content = {
        "images": [{"id": 7, "file_name": "x/a.jpg", "gsd_m": 0.02}, {"id": 8, "file_name": "b.jpg"}],
        "categories": [{"id": 3, "name": "mine"}],
        "annotations": [{"id": 1, "image_id": 7, "category_id": 3, "bbox": [10, 20, 6, 4]}],
        **changes,
    }
    path.write_text(json.dumps(content))
    return path


def test_coco_boxes_become_middles(tmp_path: Path) -> None:
    first, second = read_coco(coco(tmp_path / "c.json"))
    assert (first.file, first.gsd_m, first.marks.classes) == ("x/a.jpg", 0.02, ("mine",))
    assert (first.marks.row[0], first.marks.col[0], first.marks.size_px[0]) == (22, 13, 6)
    assert (second.gsd_m, len(second.marks.row)) == (None, 0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"annotations": [{"image_id": 9, "category_id": 3, "bbox": [0, 0, 1, 1]}]}, "no COCO file"),
        ({"annotations": [{"image_id": 7, "category_id": 3, "bbox": [0, 0, 1]}]}, "no COCO file"),
        ({"categories": None}, "no COCO file"),
        (
            {"annotations": [{"id": 5, "image_id": 7, "category_id": 3, "bbox": [0, 0, 1, 1], "iscrowd": 1}]},
            "5 are crowds",
        ),
    ],
)
def test_what_is_no_coco_file_of_boxes_is_refused(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_coco(coco(tmp_path / "c.json", **changes))
    with pytest.raises(InputError, match="check the path"):
        read_coco(tmp_path / "gone.json")


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
