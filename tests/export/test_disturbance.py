"""disturbance.tif, judged by rasterio."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine

from survey.engine import RunIdentity, RunPlan, open_run
from survey.export import write_disturbance
from survey.values import GroundCode, GroundGrid, GroundPatch, HectareGrid, Window

GROUND = GroundGrid(HectareGrid("EPSG:32638", 500_000, 4_400_300, 3, 4), 300)


def patches() -> Iterator[GroundPatch]:
    rng = np.random.default_rng(0)
    for row, col, width in ((0, 0, 900), (300, 300, 600)):
        codes = rng.choice(np.array([0, 1, 2, 3, 4, 255], np.uint8), (30, width // 10)).repeat(10, 0).repeat(10, 1)
        yield GroundPatch(Window(row, col, 300, width), codes)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("d") / "disturbance.tif"
    write_disturbance(path, ground=GROUND, patches=patches(), tags={"run_id": "r1"})
    return path


def test_codes_come_back_and_unsearched_ground_is_nodata(written: Path) -> None:
    truth = np.zeros((GROUND.height, GROUND.width), np.uint8)
    for patch in patches():
        truth[patch.window.slices()] = np.where(patch.codes == GroundCode.NOT_SEARCHED, 0, patch.codes)
    with rasterio.open(written) as file:
        assert np.array_equal(file.read(1), truth)
        assert file.nodata == 0
        assert file.crs.to_epsg() == 32638
        assert file.transform.almost_equals(Affine(1 / 3, 0, 500_000, 0, -1 / 3, 4_400_300))
        assert file.descriptions == ("disturbance",)
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.tags()["AREA_OR_POINT"] == "Area"
        assert file.tags()["run_id"] == "r1"


def test_overviews_hold_classes_only(written: Path) -> None:
    with rasterio.open(written) as file:
        assert file.overviews(1)
    with rasterio.open(written, overview_level=0) as file:
        assert set(np.unique(file.read(1))) <= {0, 1, 2, 3, 4}


def test_palette_and_names_agree_with_the_codes(written: Path, tmp_path: Path) -> None:
    with rasterio.open(written) as file:
        palette = file.colormap(1)
        rasterio.shutil.copy(file, tmp_path / "seen.vrt", driver="VRT")
    assert palette[0][3] == 0
    assert len({palette[code] for code in range(1, 5)}) == 4
    names = [e.text or "" for e in ET.parse(tmp_path / "seen.vrt").getroot().iter("Category")]  # noqa: S314 - our own file
    assert len(names) == 5
    assert [name.split()[0] for name in names] == ["not", "searched,", "crater", "trench", "disturbed"]


def test_a_failure_leaves_the_old_file_and_no_litter(written: Path, tmp_path: Path) -> None:
    path = tmp_path / "disturbance.tif"
    path.write_bytes(written.read_bytes())

    def broken() -> Iterator[GroundPatch]:
        yield next(patches())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_disturbance(path, ground=GROUND, patches=broken(), tags={})
    assert path.read_bytes() == written.read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["disturbance.tif"]


def test_what_a_killed_process_leaves_the_next_run_removes(tmp_path: Path) -> None:
    identity = RunIdentity(config={}, model="m@1", inputs=(("a.tif", "1"),), aoi=None, versions={})
    plan = RunPlan(identity, ("products/disturbance.tif",))
    with open_run(tmp_path, plan):
        pass
    path = tmp_path / "products" / "disturbance.tif"
    path.parent.mkdir()
    child = multiprocessing.get_context("spawn").Process(target=_write_and_die, args=(path,))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    (left,) = path.parent.iterdir()
    assert left.stat().st_size > 0
    with open_run(tmp_path, plan):
        assert not list(path.parent.iterdir())


def _write_and_die(path: Path) -> None:
    def fatal() -> Iterator[GroundPatch]:
        yield next(patches())
        os.kill(os.getpid(), signal.SIGKILL)

    write_disturbance(path, ground=GROUND, patches=fatal(), tags={})


def test_a_survey_without_patches_is_all_nodata(tmp_path: Path) -> None:
    write_disturbance(tmp_path / "d.tif", ground=GROUND, patches=(), tags={})
    with rasterio.open(tmp_path / "d.tif") as file:
        assert not file.read(1).any()
