"""Runs of a model that compares with the flight's own ground: measured once, the same for all that search."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import rasterio
from numpy.typing import NDArray

from survey.config import RunConfig
from survey.detect import Background, BackgroundMeter, Detector
from survey.detect.contrast import Around, ContrastCard
from survey.detect.model import CARD, dump_card, load_card, load_network
from survey.engine import JobStore, Receipt, Shard
from survey.errors import InputError
from survey.networks import Precision
from survey.networks.runtime import TorchRuntime
from survey.pipeline import describe, run
from survey.pipeline.background import RECORD, recorded_background
from survey.pipeline.plan import plan_run
from survey.progress import SilentProgress
from survey.provenance import verify
from tests.pipeline.conftest import picture

Flight = Callable[..., Path]


@pytest.fixture(scope="session")
def comparing(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy model, with contrast beside its heatmap, biased so that it sees some things in a picture of blotches."""
    folder = tmp_path_factory.mktemp("comparing") / "model"
    shutil.copytree(model, folder)
    around = Around(cells=5, level=0.75, unrest=0.25)
    part = ContrastCard(heat=0.3, contrast=6.0, bias=0.0, trimmed=0.05, around=around)
    card = load_card(folder).model_copy(update={"contrast": part, "halo_px": 256})
    detector = Detector(card, TorchRuntime(load_network(folder, card), precision=Precision.FP32), sha256="")
    shown = picture(512, 512).transpose(1, 2, 0)
    (meter := detector.meter()).add_picture(shown, windows=9)
    heat = detector.background_of(meter).applied(detector.runtime(shown), part).heat
    part = part.model_copy(update={"bias": -float(heat.quantile(0.97))})
    (folder / CARD).write_bytes(dump_card(card.model_copy(update={"contrast": part})))
    return folder


@pytest.fixture
def settings(config: RunConfig, comparing: Path) -> RunConfig:
    return config.model_copy(update={"model": str(comparing)})


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows with each window that this process measures."""
    windows: list[int] = []
    add = BackgroundMeter.add

    def counted(self: BackgroundMeter, pixels: NDArray[np.uint8], valid: NDArray[np.bool_]) -> None:
        windows.append(len(windows))
        add(self, pixels, valid)

    monkeypatch.setattr(BackgroundMeter, "add", counted)
    return windows


def contents(out: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((out / "products").iterdir())}


def record(out: Path) -> Receipt:
    """Return the one receipt of a run's ground."""
    paths = (out / "blocks").glob("*/[0-9a-f]*.json")
    receipts = [Receipt.from_json(path.read_text()) for path in paths]
    (found,) = (receipt for receipt in receipts if receipt.block_index == RECORD)
    return found


def measure(images: list[Path], out: Path, config: RunConfig) -> NDArray[np.float32]:
    """Measure the ground of a run that then searches nothing; (1 + C, C)."""
    plan, detector = plan_run(images, config=config, aoi=None)
    background = recorded_background(plan, JobStore(out), detector=lambda: detector)
    assert background is not None
    stored = ground(out)
    assert np.array_equal(background.stored["background"], stored)
    return stored


def ground(out: Path) -> NDArray[np.float32]:
    return np.asarray(JobStore(out).load(record(out))["background"], np.float32)


def damage(path: Path, block: str) -> None:
    """Spoil one block of a file, `COL_ROW`."""
    whole = path.read_bytes()
    with rasterio.open(path) as dataset:
        offset = int(dataset.get_tag_item(f"BLOCK_OFFSET_{block}", "TIFF", bidx=1))
    path.write_bytes(whole[:offset] + b"\xff" * 400 + whole[offset + 400 :])


class Warned(SilentProgress):
    """Keeps the warnings of a run."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, message: str) -> None:
        self.warnings.append(message)


@pytest.mark.parametrize(("share", "warns"), [(0.6, True), (1.0, False)])
def test_a_run_warns_of_ground_full_of_things(
    tmp_path: Path, flight: Flight, settings: RunConfig, monkeypatch: pytest.MonkeyPatch, share: float, *, warns: bool
) -> None:
    monkeypatch.setattr(Background, "share", lambda background, card: share)
    told = Warned()
    run([flight(rows=300, cols=300)], tmp_path / "out", config=settings, progress=told)
    assert any("full of things" in warning for warning in told.warnings) is warns


def test_tiles_workers_shares_and_threads_search_on_the_same_ground(
    tmp_path: Path, flight: Flight, settings: RunConfig
) -> None:
    path = flight(rows=530, cols=530)

    def found(name: str, **changes: object) -> NDArray[np.float64]:
        run([path], tmp_path / name, config=settings.model_copy(update=changes))
        table = pyogrio.read_dataframe(tmp_path / name / "products" / "detections.gpkg", layer="detections")
        ordered = table[["image_row", "image_col", "score"]].sort_values(["image_row", "image_col"])
        return np.asarray(ordered, np.float64)

    reference = found("reference")
    assert len(reference) > 10
    assert record(tmp_path / "reference").counts["windows"] == 9
    assert np.allclose(found("small", core_px=128), reference, atol=1e-3)
    assert np.array_equal(ground(tmp_path / "small"), ground(tmp_path / "reference"))
    found("pool", workers=2, decode_threads=2)
    run([path], tmp_path / "shares", config=settings, shard=Shard(0, 2))
    run([path], tmp_path / "shares", config=settings, shard=Shard(1, 2))
    for name in ("pool", "shares"):
        assert contents(tmp_path / name) == contents(tmp_path / "reference"), name


def test_the_ground_is_measured_once_and_measured_again_if_the_record_is_lost(
    tmp_path: Path, flight: Flight, settings: RunConfig, measured: list[int]
) -> None:
    path, out = flight(rows=530, cols=530), tmp_path / "out"
    run([path], out, config=settings, shard=Shard(0, 2))
    once = len(measured)
    assert once == 9
    before = ground(out)
    run([path], out, config=settings, shard=Shard(1, 2))
    assert len(measured) == once
    products = contents(out)
    run([path], out, config=settings)  # nothing is left to search
    assert len(measured) == once
    JobStore(out).part_path(record(out).key).write_bytes(b"damaged")
    run([path], out, config=settings)
    assert len(measured) == once  # as nothing is left to search
    for receipt in (out / "blocks").glob("*/[0-9a-f]*.json"):
        receipt.unlink()
    run([path], out, config=settings)
    assert len(measured) == 2 * once
    assert np.array_equal(ground(out), before)
    assert contents(out) == products


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path: Path, flight: Flight, settings: RunConfig) -> None:
    path = flight(rows=600, cols=600)
    run([path], tmp_path / "whole", config=settings)
    command = [sys.executable, "-c", "from survey.cli import main; main()", "run", str(path), "--out"]
    command += [str(tmp_path / "killed")]
    for key in ("core_px", "runtime", "precision", "threads", "model", "cover"):
        command += ["--set", f"{key}={getattr(settings, key)}"]
    receipts = tmp_path / "killed" / "blocks"
    for wanted in (1, 2):  # killed after the ground was measured, and after the first block
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
        while len(list(receipts.glob("*/[0-9a-f]*.json"))) < wanted and process.poll() is None:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = {p: p.stat().st_mtime_ns for p in receipts.glob("*/[0-9a-f]*.json")}
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert all(p.stat().st_mtime_ns == written for p, written in done.items())


def test_the_record_is_no_block(tmp_path: Path, flight: Flight, settings: RunConfig) -> None:
    out = tmp_path / "out"
    result = run([flight()], out, config=settings)
    assert verify(out, images=[tmp_path], model=settings.model).findings == ()
    blocks = len(list((out / "blocks").glob("*/[0-9a-f]*.json"))) - 2  # the ground, and what was laid on it
    assert result.summary["blocks"]["searched"] == blocks
    assert json.loads((out / "timing.json").read_text())["sessions"][-1]["blocks"] == blocks


def test_what_lies_under_nodata_does_not_count(tmp_path: Path, flight: Flight, settings: RunConfig) -> None:
    before = measure([flight("a.tif")], tmp_path / "a", settings)
    path = flight("b.tif")
    with rasterio.open(path, "r+") as dataset:
        values = dataset.read()
        values[:, :233, :225] = 255
        dataset.write(values)
    assert np.array_equal(measure([path], tmp_path / "b", settings), before)


def test_windows_that_cannot_be_read_are_passed_over(tmp_path: Path, flight: Flight, settings: RunConfig) -> None:
    path = flight()
    damage(path, "6_5")
    result = run([path], tmp_path / "out", config=settings.model_copy(update={"core_px": 128}))
    assert result.exit_code == 3
    assert record(tmp_path / "out").counts["windows"] == 10  # of 12; two touch the damage
    assert 0 < result.summary["area_ha"]["searched"] < result.summary["area_ha"]["flown"]


def test_where_no_window_can_be_read_the_message_says_why(tmp_path: Path, flight: Flight, settings: RunConfig) -> None:
    path = flight(rows=120, cols=120)
    damage(path, "0_0")
    with pytest.raises(InputError, match=r"flight\.tif: 0 cells.*cannot be read: .*flight\.tif"):
        run([path], tmp_path / "out", config=settings)
    assert not (tmp_path / "out" / "products").exists()


@pytest.mark.parametrize("rows", [0, 8])
def test_too_little_ground_is_bad_input(tmp_path: Path, flight: Flight, settings: RunConfig, rows: int) -> None:
    path = flight()
    with rasterio.open(path, "r+") as dataset:
        mask = np.zeros(dataset.shape, np.uint8)
        mask[:rows] = 255  # half a cell high
        dataset.write_mask(mask)
    with pytest.raises(InputError, match=r"flight\.tif: 0 cells.*check the nodata value and the AOI"):
        run([path], tmp_path / "out", config=settings)


def test_imagery_that_is_too_coarse_is_not_measured(
    tmp_path: Path, flight: Flight, settings: RunConfig, measured: list[int]
) -> None:
    coarse = flight("coarse.tif", gsd_m=0.1)
    result = run([coarse], tmp_path / "coarse", config=settings)
    assert result.exit_code == 3
    assert (result.summary["area_ha"]["searched"], measured) == (0, [])
    both = run([coarse, flight("fine.tif")], tmp_path / "both", config=settings)
    assert both.summary["area_ha"]["searched"] > 0
    assert len(measured) == 12


def test_every_image_of_a_flight_tells_what_its_ground_is_like(
    tmp_path: Path, flight: Flight, settings: RunConfig
) -> None:
    first, second = flight("a.tif"), flight("b.tif", shift_m=20)
    with rasterio.open(second, "r+") as dataset:
        dataset.write(dataset.read() // 3)
    images = {"a": [first], "b": [second], "both": [first, second]}
    means = {name: measure(paths, tmp_path / name, settings)[0] for name, paths in images.items()}
    assert record(tmp_path / "both").counts["windows"] == 24
    between = np.abs(means["both"] - means["a"]).sum() + np.abs(means["both"] - means["b"]).sum()
    assert between < 1.3 * np.abs(means["a"] - means["b"]).sum()
    assert np.abs(means["both"] - means["a"]).sum() > 0.1 * np.abs(means["a"] - means["b"]).sum()


def test_info_describes_without_measuring(flight: Flight, settings: RunConfig, measured: list[int]) -> None:
    (info,) = describe([flight()], config=settings)
    assert "a run" in str(info)
    assert measured == []
