"""A whole run: what it writes, and what it says of ground that was not searched."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import geopandas
import numpy as np
import pyogrio
import pytest
import rasterio
from numpy.typing import NDArray
from shapely import box

from survey.config import RunConfig
from survey.engine import Shard
from survey.errors import ConfigError, InputError, ResumeError
from survey.export import verify_manifest
from survey.pipeline import run
from survey.rounds import compute_round
from survey.values import RISK_BANDS

ORIGIN = (500_050.0, 4_400_030.0)
Flight = Callable[..., Path]


def contents(out: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((out / "products").iterdir())}


def layer(out: Path, name: str) -> geopandas.GeoDataFrame:
    return pyogrio.read_dataframe(out / "products" / "detections.gpkg", layer=name)


def test_products_agree_with_each_other(tmp_path: Path, flight: Flight, config: RunConfig) -> None:
    result = run([flight()], tmp_path / "out", config=config)
    assert result.exit_code == 0
    assert verify_manifest(tmp_path / "out" / "products") == ()
    valid_m2 = (700 * 900 - 233 * 225) * 1e-4
    assert result.summary["area_ha"]["flown"] * 1e4 == pytest.approx(valid_m2, rel=0.02)
    assert result.summary["area_ha"]["searched"] == result.summary["area_ha"]["flown"]
    detections = layer(tmp_path / "out", "detections")
    assert len(detections) == result.summary["detections"]["sightings"] > 20
    # Every sighting lies where its pixel says, on imaged ground.
    assert np.allclose(detections.geometry.x, ORIGIN[0] + detections["image_col"] * 0.01, atol=1e-6)
    assert np.allclose(detections.geometry.y, ORIGIN[1] - detections["image_row"] * 0.01, atol=1e-6)
    assert not ((detections["image_row"] < 233) & (detections["image_col"] < 225)).any()
    with rasterio.open(tmp_path / "out" / "products" / "risk.tif") as risk:
        assert risk.descriptions == RISK_BANDS
        assert risk.nodata == -9999
        assert risk.transform.c % 100 == 0
        assert risk.transform.f % 100 == 0
        bands = dict(zip(RISK_BANDS, risk.read(masked=True), strict=True))
    assert bands["searched_fraction"].sum() * 1e4 == pytest.approx(valid_m2, rel=0.02)
    assert bands["detections"].sum() == result.summary["detections"]["items"]


def test_unflown_cells_are_nodata_and_a_little_search_keeps_the_prior(
    tmp_path: Path, flight: Flight, config: RunConfig
) -> None:
    blind = config.model_copy(update={"candidate_threshold": 0.999999})
    images = [flight("a.tif"), flight("b.tif", shift_m=300)]
    run(images, tmp_path / "out", config=blind)
    with rasterio.open(tmp_path / "out" / "products" / "risk.tif") as risk:
        p = risk.read(1, masked=True)
    assert p.mask.any()
    prior = 1 - (1 / 2) ** 0.5  # P(N >= 1) of a negative binomial with shape 0.5 and mean 0.5
    assert np.allclose(p.compressed(), prior, atol=0.005)


def test_an_area_of_interest_limits_search(tmp_path: Path, flight: Flight, config: RunConfig) -> None:
    x, y = ORIGIN
    area = box(x + 3, y - 6, x + 7, y - 2)
    geopandas.GeoDataFrame(geometry=[area], crs="EPSG:32638").to_crs(4326).to_file(tmp_path / "aoi.gpkg")
    result = run([flight()], tmp_path / "out", config=config, aoi=tmp_path / "aoi.gpkg")
    assert result.summary["area_ha"]["searched"] * 1e4 == pytest.approx(16, rel=0.05)
    assert layer(tmp_path / "out", "detections").within(area.buffer(0.02)).all()
    far = geopandas.GeoDataFrame(geometry=[box(0, 0, 10, 10)], crs="EPSG:32638")
    far.to_file(tmp_path / "far.gpkg")
    with pytest.raises(InputError, match="do not meet"):
        run([flight()], tmp_path / "other", config=config, aoi=tmp_path / "far.gpkg")


def test_overlapping_images_count_ground_and_items_once(tmp_path: Path, flight: Flight, config: RunConfig) -> None:
    alone = run([flight()], tmp_path / "alone", config=config)
    copy = tmp_path / "copy.tif"
    shutil.copy(tmp_path / "flight.tif", copy)
    with rasterio.open(copy, "r+") as dataset:
        dataset.update_tags(note="other bytes, the same ground")
    both = run([flight(), copy], tmp_path / "both", config=config)
    assert both.summary["area_ha"] == alone.summary["area_ha"]
    assert both.summary["detections"]["sightings"] == 2 * alone.summary["detections"]["sightings"]
    assert both.summary["detections"]["items"] <= alone.summary["detections"]["items"]


def test_tile_size_and_workers_find_the_same(tmp_path: Path, flight: Flight, config: RunConfig) -> None:
    def found(name: str, **changes: object) -> NDArray[np.float64]:
        run([flight()], tmp_path / name, config=config.model_copy(update=changes))
        table = layer(tmp_path / name, "detections")
        ordered = table[["image_row", "image_col", "score"]].sort_values(["image_row", "image_col"])
        return np.asarray(ordered, np.float64)

    reference = found("reference")
    assert len(reference) > 20
    for name, changes in {
        "tiles": {"core_px": 128},
        "whole": {"core_px": 1024},
        "threads": {"decode_threads": 3},
    }.items():
        assert np.allclose(found(name, **changes), reference, atol=1e-3), name
    run([flight()], tmp_path / "pool", config=config.model_copy(update={"workers": 2}))
    assert contents(tmp_path / "pool") == contents(tmp_path / "reference")


def test_imagery_too_coarse_is_not_searched(tmp_path: Path, flight: Flight, config: RunConfig) -> None:
    result = run([flight(gsd_m=0.1)], tmp_path / "out", config=config)
    assert result.exit_code == 3
    assert result.summary["area_ha"]["searched"] == 0
    assert result.summary["area_ha"]["flown"] == pytest.approx(0.577, rel=0.02)
    assert result.summary["detections"]["sightings"] == 0
    with rasterio.open(tmp_path / "out" / "products" / "risk.tif") as risk:
        p = risk.read(RISK_BANDS.index("p_at_least_one") + 1, masked=True)
        searched = risk.read(RISK_BANDS.index("searched_fraction") + 1, masked=True)
    assert np.allclose(p.compressed(), 1 - 0.5**0.5)
    assert np.all(searched.compressed() == 0)
    areas = layer(tmp_path / "out", "searched_area")
    assert set(areas["state"]) == {"not searched"}
    assert areas["reason"].str.contains("coarser").all()
    assert areas.geometry.area.sum() == pytest.approx(5770, rel=0.02)  # the flown ground, not the blocks' rectangles


def test_an_unreadable_block_is_nodata_and_read_once_the_file_is_whole(
    tmp_path: Path, flight: Flight, config: RunConfig
) -> None:
    path = flight()
    whole = path.read_bytes()
    with rasterio.open(path) as dataset:
        offset = int(dataset.get_tag_item("BLOCK_OFFSET_4_2", "TIFF", bidx=1))
    path.write_bytes(whole[:offset] + b"\xff" * 400 + whole[offset + 400 :])
    result = run([path], tmp_path / "out", config=config)
    assert result.exit_code == 3
    assert result.summary["area_ha"]["searched"] < result.summary["area_ha"]["flown"]
    lost = layer(tmp_path / "out", "searched_area").query("state == 'not searched'")
    assert lost["reason"].str.contains("flight.tif").all()
    with rasterio.open(tmp_path / "out" / "products" / "disturbance.tif") as codes:
        inside = lost.geometry.iloc[0].representative_point()
        assert next(codes.sample([(inside.x, inside.y)]))[0] == codes.nodata
    assert not layer(tmp_path / "out", "detections").within(lost.geometry.union_all().buffer(-0.2)).any()


def test_another_run_in_the_folder_is_refused(tmp_path: Path, flight: Flight, config: RunConfig) -> None:
    path = flight()
    run([path], tmp_path / "out", config=config)
    before = contents(tmp_path / "out")
    run([path], tmp_path / "out", config=config)
    assert contents(tmp_path / "out") == before
    with pytest.raises(ResumeError, match="prior_shape"):
        run([path], tmp_path / "out", config=config.model_copy(update={"prior_shape": 0.7}))
    assert contents(tmp_path / "out") == before


def test_shares_add_up_to_the_run(tmp_path: Path, flight: Flight, config: RunConfig) -> None:
    path = flight()
    run([path], tmp_path / "whole", config=config)
    first = run([path], tmp_path / "shares", config=config, shard=Shard(0, 2))
    assert first.products == {}
    run([path], tmp_path / "shares", config=config, shard=Shard(1, 2))
    assert contents(tmp_path / "shares") == contents(tmp_path / "whole")


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path: Path, flight: Flight, config: RunConfig) -> None:
    path = flight(rows=1500)
    config = config.model_copy(update={"cover": "imagery"})
    run([path], tmp_path / "whole", config=config)
    command = [sys.executable, "-c", "from survey.cli import main; main()", "run", str(path), "--out"]
    command += [str(tmp_path / "killed")]
    for key in ("core_px", "runtime", "precision", "threads", "model", "cover"):
        command += ["--set", f"{key}={getattr(config, key)}"]
    receipts = tmp_path / "killed" / "blocks"
    for wanted in (2, 4):  # killed when so many blocks and the record of implants are done, twice
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
        while len(list(receipts.glob("*/[0-9a-f]*.json"))) < wanted and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = {p: p.stat().st_mtime_ns for p in receipts.glob("*/[0-9a-f]*.json")}
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert all(p.stat().st_mtime_ns == written for p, written in done.items())
    sessions = json.loads((tmp_path / "killed" / "timing.json").read_text())["sessions"]
    assert sessions[-1]["blocks"] <= 6 - (len(done) - 1)


def test_nothing_says_that_land_is_free_of_danger(tmp_path: Path, flight: Flight, config: RunConfig) -> None:
    result = run([flight()], tmp_path / "out", config=config)
    text = " ".join(
        p.read_text(errors="ignore").lower() for p in result.products.values() if p.suffix in {".json", ".qml", ".xml"}
    )
    assert re.findall(r"\b(safe|clear|cleared|cancelled)\b", text) == []


@pytest.mark.skipif(os.name == "nt", reason="permissions are POSIX here")
def test_only_the_owner_can_read_the_results(tmp_path: Path, flight: Flight, config: RunConfig) -> None:
    run([flight()], tmp_path / "out", config=config)
    for path in [tmp_path / "out", *(tmp_path / "out").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize(
    ("crs", "says"),
    [("EPSG:4326", "not projected"), ("EPSG:2263", "not projected in metres"), ("EPSG:999999", "known")],
)
def test_an_output_crs_without_hectares_is_refused(
    tmp_path: Path, flight: Flight, config: RunConfig, crs: str, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        run([flight()], tmp_path / "out", config=config.model_copy(update={"output_crs": crs}))


def test_distant_places_are_refused_before_the_work(tmp_path: Path, flight: Flight, config: RunConfig) -> None:
    with pytest.raises(InputError, match=r"farthest off is far\.tif"):
        run([flight("a.tif"), flight("b.tif"), flight("far.tif", shift_m=900_000)], tmp_path / "out", config=config)
    assert not (tmp_path / "out").exists()


def test_images_of_one_name_are_both_vouched_for(tmp_path: Path, flight: Flight, config: RunConfig) -> None:
    for n in (1, 2):
        (tmp_path / str(n)).mkdir()
        shutil.move(flight(rows=300 + n), tmp_path / str(n) / "ortho.tif")
    run([tmp_path / "1", tmp_path / "2"], tmp_path / "out", config=config)
    inputs = json.loads((tmp_path / "out" / "products" / "MANIFEST.json").read_text())["inputs"]
    assert len(set(inputs.values())) == 2


def test_imagery_without_an_imaged_pixel_is_bad_input(tmp_path: Path, flight: Flight, config: RunConfig) -> None:
    path = flight()
    with rasterio.open(path, "r+") as dataset:
        dataset.write_mask(np.zeros(dataset.shape, np.uint8))
    with pytest.raises(InputError, match="no imaged pixel"):
        run([path], tmp_path / "out", config=config)


def test_ground_that_ends_on_a_hectares_edge_loses_no_sighting(
    tmp_path: Path, flight: Flight, config: RunConfig
) -> None:
    # 500,050 + 50 m: the last column lies on a whole hundred; a centre may be placed on its far side.
    result = run([flight(rows=160, cols=2500, gsd_m=0.02)], tmp_path / "out", config=config)
    assert tuple(result.summary["grid"]["shape"]) == (1, 1)
    assert result.summary["detections"]["sightings"] > 0


def test_a_round_without_news_is_the_run(tmp_path: Path, flight: Flight, config: RunConfig) -> None:
    run([flight()], tmp_path / "out", config=config)
    done = compute_round(tmp_path / "out")
    with (
        rasterio.open(tmp_path / "out" / "products" / "risk.tif") as before,
        rasterio.open(done.folder / "risk.tif") as after,
    ):
        assert np.array_equal(before.read(), after.read(list(range(1, before.count + 1))))
    assert (layer(tmp_path / "out", "detections")["detection_id"] == _ids(done.folder)).all()


def _ids(folder: Path) -> list[str]:
    return list(geopandas.read_file(folder / "detections.gpkg", layer="detections")["detection_id"])
