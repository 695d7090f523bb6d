"""A trace says what the files say, step by step."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from survey.engine.parts import unpack
from survey.errors import ConfigError, InputError
from survey.evidence.explain import Explanation
from survey.files import sha256_of
from survey.provenance import trace_detection, trace_place
from survey.values import RISK_BANDS
from tests.finished import NAMES, Finished


def numbers(told: Explanation, title: str) -> dict[str, Any]:
    return dict(next(s.numbers for s in told.sections if s.title == title))


def detections(finished: Finished) -> Any:
    return pyogrio.read_dataframe(finished.folder / "products" / "detections.gpkg", layer="detections")


def test_a_sighting_is_followed_from_its_pixels_to_its_hectare(finished: Finished) -> None:
    table = detections(finished)
    row = table[table["image"] == NAMES[0]].iloc[3]
    told = trace_detection(row["detection_id"], run=finished.folder)
    pixel = numbers(told, "Pixel")
    assert (pixel["row"], pixel["col"]) == (row["image_row"], row["image_col"])
    assert pixel["image_sha256"] == sha256_of(finished.images / NAMES[0])
    top, left, height, width = pixel["window"]
    with rasterio.open(finished.images / NAMES[0]) as dataset:
        values = dataset.read([1, 2, 3])[:, top : top + height, left : left + width]
    head = f"uint8 3 {height} {width} ".encode()
    assert pixel["window_sha256"] == hashlib.sha256(head + values.tobytes()).hexdigest()
    block = numbers(told, "Block that was searched")
    content = (finished.folder / "blocks" / block["key"][:2] / f"{block['key']}.npz").read_bytes()
    assert hashlib.sha256(content).hexdigest() == block["part_sha256"]
    part = unpack(content)
    assert part["x"][block["index"]] == row.geometry.x
    assert part["tile_index"][block["index"]] == block["tile"]
    item = numbers(told, "Merged item")
    assert {s["detection_id"] for s in item["sightings"]} == set(table["detection_id"][table["item"] == row["item"]])
    assert numbers(told, "Verdicts") == {"reviewed": False}
    manifest = json.loads((finished.folder / "products" / "MANIFEST.json").read_text())
    files = numbers(told, "Manifest")["files"]
    assert all(f["now"] == f["recorded"] == manifest["products"][name]["sha256"] for name, f in files.items())
    assert row["detection_id"] in str(told)
    json.dumps(told.as_dict(), allow_nan=False)


def test_every_sighting_can_be_traced_by_the_first_digits_of_its_id(finished: Finished) -> None:
    table = detections(finished)
    for row in table.sample(5, random_state=1).itertuples():
        told = trace_detection(row.detection_id[:12], run=finished.folder)
        assert numbers(told, "Sighting")["detection_id"] == row.detection_id
    with pytest.raises(InputError, match="no sighting"):
        trace_detection("x", run=finished.folder)
    with pytest.raises(InputError, match="no sighting"):
        trace_detection("", run=finished.folder)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(east=st.floats(0, 99.99), north=st.floats(0.01, 99.99))
def test_a_place_has_what_the_products_say_of_it(finished: Finished, east: float, north: float) -> None:
    x, y = 500_000 + east, 4_400_100 - north
    told = trace_place(x, y, run=finished.folder)
    products = finished.folder / "products"
    with rasterio.open(products / "risk.tif") as dataset:
        values = next(dataset.sample([(x, y)], masked=True))
    cell = numbers(told, "Hectare")
    for name, value in zip(RISK_BANDS, values, strict=True):
        assert cell["bands"][name] == (None if np.ma.is_masked(value) else float(value)), name
    with rasterio.open(products / "disturbance.tif") as dataset:
        assert numbers(told, "Ground")["code"] == next(dataset.sample([(x, y)]))[0]
    table = detections(finished)
    near = table[np.hypot(table.geometry.x - x, table.geometry.y - y) <= 1.5]
    assert set(near["detection_id"]) <= {
        s["detection_id"] for s in numbers(told, "Sightings at the place")["sightings"]
    }


def test_a_place_may_be_given_in_another_crs(finished: Finished) -> None:
    row = detections(finished).iloc[0]
    to_globe = pyproj.Transformer.from_crs("EPSG:32638", "EPSG:4326", always_xy=True)
    lon, lat = to_globe.transform(row.geometry.x, row.geometry.y)
    told = trace_place(lon, lat, run=finished.folder, crs="EPSG:4326")
    nearest = numbers(told, "Sightings at the place")["sightings"][0]
    assert nearest["detection_id"] == row["detection_id"]
    assert nearest["distance_m"] == pytest.approx(0, abs=1e-3)
    with pytest.raises(ConfigError, match="is no CRS"):
        trace_place(1, 2, run=finished.folder, crs="EPSG:0")
    with pytest.raises(InputError, match="outside"):
        trace_place(1, 2, run=finished.folder)


def test_ground_that_was_not_searched_says_why(finished: Finished) -> None:
    table = pyogrio.read_dataframe(finished.folder / "products" / "detections.gpkg", layer="searched_area")
    lost = table[table["state"] == "not searched"].geometry.iloc[0].representative_point()
    told = trace_place(lost.x, lost.y, run=finished.folder)
    assert "cannot be read" in numbers(told, "Ground")["state"]


def test_without_the_imagery_the_trace_says_so(finished: Finished, tmp_path: Path) -> None:
    copy = finished.copy(tmp_path)
    record = json.loads((copy.folder / "run.json").read_text())
    record["notes"]["inputs"] = []
    (copy.folder / "run.json").write_text(json.dumps(record))
    row = detections(finished).iloc[0]
    told = trace_detection(row["detection_id"], run=copy.folder)
    assert numbers(told, "Pixel")["window_sha256"] is None
    assert "cannot be hashed again" in str(told)
    again = trace_detection(row["detection_id"], run=copy.folder, images=[finished.images])
    assert numbers(again, "Pixel")["window_sha256"] is not None


def test_a_damaged_part_does_not_pass(finished: Finished, tmp_path: Path) -> None:
    copy = finished.copy(tmp_path)
    row = detections(finished).iloc[0]
    key = numbers(trace_detection(row["detection_id"], run=copy.folder), "Block that was searched")["key"]
    path = copy.folder / "blocks" / key[:2] / f"{key}.npz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Exception, match="has changed"):
        trace_detection(row["detection_id"], run=copy.folder)
