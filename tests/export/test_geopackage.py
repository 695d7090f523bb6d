"""detections.gpkg, judged by pyogrio and sqlite."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely

from survey.errors import SurveyError
from survey.export import (
    detection_layer,
    hectare_layer,
    image_layer,
    layer_styles,
    searched_layer,
    write_geopackage,
)
from survey.values import RISK_BANDS, Risk

LAYERS = {"detections": "Point", "hectares": "Polygon", "searched_area": "Polygon", "images": "Polygon"}
FIELDS = [
    "detection_id",
    "item",
    "class",
    "score",
    "probability",
    "size_m",
    "position_error_m",
    "image",
    "image_id",
    "image_row",
    "image_col",
    "model",
    "run_id",
]


def layer(path: Path, name: str) -> Any:
    return pyogrio.read_dataframe(path, layer=name)


def test_layers_and_their_crs(products: Path) -> None:
    path = products / "detections.gpkg"
    found = {str(name): kind for name, kind in pyogrio.list_layers(path)}
    assert found.pop("layer_styles") is None
    assert found == LAYERS
    for name in LAYERS:
        assert pyogrio.read_info(path, layer=name)["crs"] == "EPSG:32638"


def test_detections_come_back(products: Path, case: Any) -> None:
    found = layer(products / "detections.gpkg", "detections")
    assert list(found.columns) == [*FIELDS, "geometry"]
    assert len(found) == len(case.detections)
    assert found["detection_id"].is_unique
    assert found["item"].is_monotonic_increasing
    order = np.argsort(found["image_row"].to_numpy())
    truth = np.argsort(case.detections.row)
    for name, column in (("image_col", "col"), ("probability", "probability"), ("size_m", "size_m")):
        assert np.array_equal(found[name].to_numpy()[order], getattr(case.detections, column)[truth])
    assert np.array_equal(found.geometry.x.to_numpy()[order], case.detections.x[truth])
    assert np.array_equal(found["item"].to_numpy()[order], case.items[truth])
    assert set(found["image"]) <= {"north.tif", "south.tif"}


def test_ids_survive_a_change_of_order_and_company(case: Any) -> None:
    whole = detection_layer(case.detections, items=case.items, images=case.images, run_id="r1")
    some = case.detections.take(np.array([4, 1]))
    part = detection_layer(some, items=np.array([7, 3], np.intp), images=case.images, run_id="r2")
    assert set(part.columns["detection_id"]) < set(whole.columns["detection_id"])


def test_hectares_are_the_flown_cells(products: Path, case: Any) -> None:
    found = layer(products / "detections.gpkg", "hectares")
    assert list(found.columns) == ["cell", *RISK_BANDS, "geometry"]
    assert len(found) == np.isfinite(case.risk.p_unseen).sum() == 6
    assert (found.geometry.area == 10_000).all()
    assert (found.geometry.bounds % 100 == 0).all(axis=None)
    inside = found[found.geometry.contains(shapely.Point(500_150, 4_400_250))].iloc[0]
    assert inside["p_unseen"] == case.risk.p_unseen[0, 1]
    assert np.isnan(inside["disturbance_fraction"])
    assert inside["cell"] == "E500100N4400200"


def test_searched_area_says_why(products: Path) -> None:
    found = layer(products / "detections.gpkg", "searched_area")
    assert dict(zip(found["reason"], found["state"], strict=True)) == {
        "": "searched",
        "north.tif rows 10-20: damaged": "not searched",
        "imaged, but too coarse for the model": "not searched",
    }
    assert found["area_ha"].tolist() == pytest.approx([3.490, 0.045, 0.235])
    assert found.geometry.is_valid.all()


def test_images_are_where_they_were_flown(products: Path) -> None:
    found = layer(products / "detections.gpkg", "images")
    assert found["image"].tolist() == ["north.tif", "south.tif"]
    assert found["sha256"].tolist() == ["a" * 64, "b" * 64]
    assert found["crs"].tolist() == ["EPSG:32638"] * 2
    assert found.geometry.area.to_numpy() == pytest.approx([20_000.0] * 2)
    assert found.geometry.iloc[0].distance(shapely.Point(500_010, 4_400_290)) == pytest.approx(0, abs=1e-6)


def test_empty_layers_keep_geometry_type_and_fields(tmp_path: Path, empty_case: Any, products: Path) -> None:
    nothing = np.full(empty_case.risk.grid.shape, np.nan, np.float32)
    risk = Risk(empty_case.risk.grid, *(nothing for _ in RISK_BANDS))
    layers = [
        detection_layer(empty_case.detections, items=empty_case.items, images=empty_case.images, run_id="r1"),
        hectare_layer(risk),
        searched_layer([]),
        image_layer([], crs="EPSG:32638"),
    ]
    path = tmp_path / "empty.gpkg"
    write_geopackage(path, crs="EPSG:32638", layers=layers, styles=layer_styles())
    for name, kind in LAYERS.items():
        empty, full = (pyogrio.read_info(p, layer=name) for p in (path, products / "detections.gpkg"))
        assert empty["features"] == 0
        assert empty["geometry_type"] == kind
        assert list(empty["fields"]) == list(full["fields"])
        assert list(empty["dtypes"]) == list(full["dtypes"])


def test_the_file_is_plain_and_old_enough(products: Path) -> None:
    content = (products / "detections.gpkg").read_bytes()
    assert content[18:20] == b"\x01\x01"  # rollback journal: a copy of the file alone is whole
    with closing(sqlite3.connect(products / "detections.gpkg")) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (10300,)
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT DISTINCT last_change FROM gpkg_contents").fetchall() == [
            ("1970-01-01T00:00:00.000Z",)
        ]
        styles = database.execute("SELECT f_table_name, useAsDefault FROM layer_styles").fetchall()
    assert sorted(styles) == [(name, 1) for name in sorted(LAYERS)]


def test_how_often_the_file_was_written_to_is_not_in_it(products: Path) -> None:
    path = products / "detections.gpkg"
    header = path.read_bytes()[:100]
    assert header[24:28] == header[92:96] == (1).to_bytes(4, "big")
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        pages, size = (database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    assert pages * size == path.stat().st_size


def test_a_detection_of_an_unknown_image_is_an_error(case: Any) -> None:
    with pytest.raises(SurveyError, match="b" * 16):
        detection_layer(case.detections, items=case.items, images=case.images[:1], run_id="r1")
