import gc
import logging
import os
import threading
import time
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from survey.ingest import BlockPixels, UnreadBlock, open_image, plan_tiles, read_blocks
from survey.ingest.decode import CHUNK_ROWS, Chunk, Decoder, schedule
from survey.ingest.gdal import gdal_env
from survey.ingest.pixels import SourcePixels
from survey.values import Image, TilePlan, Window, WorkingGrid
from tests.ingest.rasters import CM, CRS, JPEG, LAYOUTS, Raster, poison, texture

WINDOWS = st.builds(Window, st.integers(0, 4000), st.integers(0, 4000), st.integers(1, 1500), st.integers(1, 1500))


@given(windows=st.lists(WINDOWS, max_size=12))
@settings(max_examples=300, deadline=None)
def test_every_window_is_covered_by_its_chunks(windows: list[Window]) -> None:
    chunks, parts = schedule(windows)
    assert len(parts) == len(windows)
    for window, part in zip(windows, parts, strict=True):
        common = [chunks[place].intersection(window) for place in part]
        assert sum(c.area for c in common if c is not None) == window.area
        assert [c.row for c in common if c is not None] == sorted(c.row for c in common if c is not None)
    starts = [part.start for part in parts]
    assert starts == sorted(starts), "a decoder lets go of the chunks before a window's"
    assert all(chunk.height <= CHUNK_ROWS for chunk in chunks)


@given(rows=st.lists(st.tuples(st.integers(0, 40), st.integers(60, 100)), min_size=1, max_size=30))
def test_ragged_rows_going_down_are_decoded_once(rows: list[tuple[int, int]]) -> None:
    windows = [Window(n * 256, left, 384, right - left) for n, (left, right) in enumerate(rows)]
    chunks, _ = schedule(windows)
    numbers = [chunk.row // CHUNK_ROWS for chunk in chunks]
    assert len(numbers) == len(set(numbers))


def _planned(path: Path, *, core_px: int = 64, gsd_m: float = 0.01) -> tuple[Image, WorkingGrid, TilePlan]:
    image = open_image(path)
    grid = WorkingGrid.over(image, gsd_m=gsd_m)
    return image, grid, plan_tiles(grid, core_px=core_px, halo_px=16, stride_px=16)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[Window]:
    """Chunks in the order in which threads took them up."""
    monkeypatch.setattr("survey.ingest.decode.CHUNK_ROWS", 50)
    seen: list[Window] = []
    original = Decoder._decode

    def counted(self: Decoder, window: Window) -> Chunk:
        seen.append(window)
        return original(self, window)

    monkeypatch.setattr(Decoder, "_decode", counted)
    return seen


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_each_row_is_decoded_once_and_ahead_of_its_use(tmp_path: Path, decoded: list[Window], threads: int) -> None:
    path = Raster(texture(700, 100), layout=LAYOUTS["lzw_strips"]).write(tmp_path / "a.tif")
    image, grid, plan = _planned(path)
    outcomes = read_blocks(image, grid, plan, plan.blocks, threads=threads)
    next(outcomes)
    # The first block needs rows 0..79, two chunks; others are decoded beside what its user does.
    pool = [thread for thread in threading.enumerate() if thread.name.startswith("decode")]
    assert 1 <= len(pool) <= threads
    expected = 2 + max(2, threads)
    for _ in range(1000):  # nobody asks for more meanwhile, so the threads come to rest there
        if len(decoded) == expected:
            break
        time.sleep(0.01)
    assert len(decoded) == expected
    outcomes.close()  # type: ignore[attr-defined]
    decoded.clear()
    assert len(list(read_blocks(image, grid, plan, plan.blocks, threads=threads))) == 11
    assert Counter(window.row for window in decoded) == Counter(range(0, 700, 50))


def test_a_resumed_part_decodes_its_own_rows_only(tmp_path: Path, decoded: list[Window]) -> None:
    image, grid, plan = _planned(Raster(texture(700, 100)).write(tmp_path / "a.tif"))
    list(read_blocks(image, grid, plan, plan.blocks[4:6]))
    assert (decoded[0].row, decoded[-1].row_end) == (256 - 16, 384 + 16)


def _open_files(name: str) -> int:
    links = (Path("/proc/self/fd") / fd for fd in os.listdir("/proc/self/fd"))  # noqa: PTH208 - entries vanish
    return sum(link.is_symlink() and link.readlink().name == name for link in links)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts open files through /proc")
@pytest.mark.parametrize("how", ["whole", "left early", "damaged"])
def test_threads_and_handles_end_with_the_reading(tmp_path: Path, how: str) -> None:
    path = Raster(texture(700, 100)).write(tmp_path / "handles.tif")
    image, grid, plan = _planned(path)
    if how == "damaged":
        for row in range(4):
            poison(path, row=row, col=0)
    outcomes = read_blocks(image, grid, plan, plan.blocks, threads=3)
    for outcome in outcomes:
        assert isinstance(outcome, BlockPixels | UnreadBlock)
        if how == "left early":
            assert _open_files("handles.tif") > 0
            break
    outcomes.close()  # type: ignore[attr-defined]
    assert _open_files("handles.tif") == 0
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_an_error_that_is_no_damage_comes_out_and_ends_the_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(SourcePixels, "read", broken)
    image, grid, plan = _planned(Raster(texture(200, 100)).write(tmp_path / "a.tif"))
    with pytest.raises(ZeroDivisionError):
        list(read_blocks(image, grid, plan, plan.blocks, threads=2))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]


def test_decoded_tiles_are_kept(tmp_path: Path) -> None:
    # Seen from outside: once its row of tiles is read, the file's bytes are not looked at again.
    path = Raster(texture(256, 256), layout=LAYOUTS["deflate_tiles"]).write(tmp_path / "a.tif")
    source = SourcePixels(open_image(path))
    with gdal_env():
        before = source.read(Window(0, 0, 10, 256))[0]
        path.write_bytes(bytes(path.stat().st_size))
        after, _, damage = source.read(Window(10, 0, 54, 256))
        source.close()
    assert not damage
    np.testing.assert_array_equal(np.concatenate([before, after], axis=1), texture(256, 256)[:, :64])


def test_the_settings_for_reading_do_not_leak_to_the_reader(tmp_path: Path) -> None:
    image, grid, plan = _planned(Raster(texture(200, 100)).write(tmp_path / "a.tif"))
    with rasterio.Env(GDAL_CACHEMAX=77):
        outcomes = read_blocks(image, grid, plan, plan.blocks)
        next(outcomes)
        assert rasterio.env.getenv().get("GDAL_CACHEMAX") == 77
        list(outcomes)


def _peak(path: Path, *, gsd_m: float) -> tuple[int, int]:
    image, grid, plan = _planned(path, core_px=128, gsd_m=gsd_m)
    gc.collect()
    tracemalloc.start()
    buffers = set()
    for outcome in read_blocks(image, grid, plan, plan.blocks, threads=2):
        assert isinstance(outcome, BlockPixels)
        if outcome.block.core.height == 128:
            buffers.add(outcome.pixels.ctypes.data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, len(buffers)


@pytest.mark.parametrize("gsd_m", [0.01, 0.017])
def test_memory_does_not_grow_with_height(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gsd_m: float) -> None:
    monkeypatch.setattr("survey.ingest.decode.CHUNK_ROWS", 64)
    monkeypatch.setattr("survey.ingest.decode.RESAMPLED_PX", 10_000)
    layout = LAYOUTS["lzw_strips"]
    short, long = (
        _peak(Raster(texture(height, 300), layout=layout).write(tmp_path / f"{height}.tif"), gsd_m=gsd_m)
        for height in (1000, 8000)
    )
    assert long[0] < 2 * short[0]  # eight times the height; how far reading runs ahead depends on what else runs
    assert long[0] < 8000 * 300 * 3 / 2, "not even half of the picture is held"
    assert short[1] <= 2, "one buffer, or two if the first block is the smallest"
    assert long[1] <= 2


@pytest.mark.parametrize("step", ["plain", "resampled"])
def test_damage_in_a_file_of_a_vrt_is_found_in_every_chunk_it_reaches(tmp_path: Path, step: str) -> None:
    # GDAL keeps the made-up pixels of a damaged tile and complains once: the chunks after the first must not get them.
    source = Raster(texture(512, 128), layout=JPEG).write(tmp_path / "a.tif")
    bands = "".join(
        f'<VRTRasterBand dataType="Byte" band="{n}"><SimpleSource><SourceFilename relativeToVRT="1">a.tif'
        f"</SourceFilename><SourceBand>{n}</SourceBand></SimpleSource></VRTRasterBand>"
        for n in (1, 2, 3)
    )
    place = ", ".join(str(v) for v in CM.to_gdal())
    vrt = tmp_path / "a.vrt"
    vrt.write_text(
        f'<VRTDataset rasterXSize="128" rasterYSize="512"><SRS>{CRS}</SRS>'
        f"<GeoTransform>{place}</GeoTransform>{bands}</VRTDataset>"
    )
    poison(source, row=3, col=1, start=0.3, stop=0.5)  # rows 192..255
    image, grid, plan = _planned(vrt, core_px=32, gsd_m=0.01 if step == "plain" else 0.0125)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("survey.ingest.decode.CHUNK_ROWS", 20)
        outcomes = list(read_blocks(image, grid, plan, plan.blocks, threads=2))
    touched = [
        b
        for b in plan.blocks
        if (b.core.row - 16) * grid.row_step < 256 and (b.core.row_end + 16) * grid.row_step > 192
    ]
    unread = [o for o in outcomes if isinstance(o, UnreadBlock)]
    # A VRT is read in blocks of its own, 128 high: the damage is told no finer than that.
    assert {b.index for b in touched} <= {o.block.index for o in unread}
    assert len(unread) < len(plan.blocks)


def test_damage_is_found_although_logging_is_turned_down(tmp_path: Path) -> None:
    path = Raster(texture(128, 128), layout=JPEG).write(tmp_path / "a.tif")
    image, grid, plan = _planned(path)
    poison(path, row=0, col=0, start=0.3, stop=0.5)
    logger = logging.getLogger("rasterio")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        outcomes = list(read_blocks(image, grid, plan, plan.blocks))
    finally:
        logger.setLevel(before)
    assert isinstance(outcomes[0], UnreadBlock)


def test_damage_is_not_logged_as_well(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = Raster(texture(128, 128), layout=JPEG).write(tmp_path / "a.tif")
    image, grid, plan = _planned(path)
    poison(path, row=0, col=0, start=0.3, stop=0.5)
    outcomes = list(read_blocks(image, grid, plan, plan.blocks))
    assert isinstance(outcomes[0], UnreadBlock)
    assert "rows 0-63, columns 0-63" in outcomes[0].reason
    assert "Corrupt JPEG" in outcomes[0].reason
    assert "JPEG" not in caplog.text


def test_a_file_that_is_gone_is_unread_and_no_crash(tmp_path: Path) -> None:
    path = Raster(texture(128, 128)).write(tmp_path / "a.tif")
    image, grid, plan = _planned(path)
    path.unlink()
    outcomes = list(read_blocks(image, grid, plan, plan.blocks))
    assert len(outcomes) == len(plan.blocks)
    assert all(isinstance(o, UnreadBlock) and "a.tif" in o.reason for o in outcomes)


def test_a_halo_wider_than_the_image_is_filled(tmp_path: Path) -> None:
    source = texture(20, 9)
    image = open_image(Raster(source).write(tmp_path / "a.tif"))
    grid = WorkingGrid.over(image, gsd_m=0.01)
    plan = plan_tiles(grid, core_px=16, halo_px=64, stride_px=16)
    blocks = list(plan.blocks)
    for outcome in read_blocks(image, grid, plan, blocks):
        assert isinstance(outcome, BlockPixels)
        core = outcome.block.core
        expected = np.full((core.height + 128, core.width + 128, 3), 127, np.uint8)
        expected[64 - core.row : 84 - core.row, 64:73] = np.moveaxis(source, 0, -1)
        np.testing.assert_array_equal(outcome.pixels, expected)
        assert outcome.valid.sum() == 20 * 9
