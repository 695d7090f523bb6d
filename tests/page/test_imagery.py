from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioIOError
from rasterio.transform import Affine
from rasterio.windows import Window

from survey.ingest import open_image
from survey.page.far import far_view
from survey.page.imagery import Imagery
from survey.page.pixels import BLANK, coarsen, encode
from tests.page.rasters import ORIGIN, decoded, picture, write_image
from tests.review.opinions import CRS


def imagery(path: Path) -> Imagery:
    return Imagery.over(open_image(path), crs=CRS)


def gdals(path: Path, overview: int | None, col: int, row: int, size: int) -> NDArray[np.uint8]:
    """Return a tile as GDAL decodes it, (rows, cols, 3)."""
    options = {} if overview is None else {"overview_level": overview}
    with rasterio.open(path, **options) as dataset:
        return np.moveaxis(dataset.read(window=Window(col * size, row * size, size, size)), 0, -1)


@pytest.mark.parametrize("layout", ["jpeg", "cog"])
def test_jpeg_blocks_are_handed_on_pixel_for_pixel(tmp_path: Path, layout: str) -> None:
    path = write_image(tmp_path / "a.tif", layout=layout)
    tiles = imagery(path)
    handed_on = [z for z, level in enumerate(tiles.levels) if level.blocks is not None]
    assert len(handed_on) == (4 if layout == "cog" else 1)
    checked = 0
    for z in handed_on:
        level = tiles.levels[z]
        for row in range(level.height // 256):
            for col in range(level.width // 256):
                tile = tiles.tile(z, col, row)
                assert tile is not None
                assert tile.media_type == "image/jpeg"
                assert np.array_equal(decoded(tile.content), gdals(path, level.overview, col, row, 256))
                checked += 1
    assert checked >= 20


def test_handed_on_blocks_are_the_files_own_bytes(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.tif", layout="jpeg")
    tile = imagery(path).tile(2, 1, 2)
    assert tile is not None
    assert tile.content[-200:] in path.read_bytes()


@pytest.mark.parametrize("layout", ["jpeg", "cog", "deflate", "strips"])
def test_what_was_not_imaged_is_transparent_and_mixed_into_nothing(tmp_path: Path, layout: str) -> None:
    path = write_image(tmp_path / "a.tif", layout=layout, hole=(300, 290))
    tiles = imagery(path)
    finest, size = len(tiles.levels) - 1, tiles.tile_px
    with rasterio.open(path) as dataset:
        values, mask = np.moveaxis(dataset.read(), 0, -1), dataset.read_masks(1) > 0
    assert not mask.all()
    for row in range(-(-1100 // size)):
        for col in range(-(-1300 // size)):
            tile = tiles.tile(finest, col, row)
            assert tile is not None
            own = (slice(row * size, (row + 1) * size), slice(col * size, (col + 1) * size))
            expected, valid = values[own], mask[own]
            if not valid.any():
                assert tile is BLANK
                continue
            got = decoded(tile.content)
            if got.shape[2] == 3:
                assert valid.all()
                assert layout in {"jpeg", "cog"} or np.abs(got.astype(int) - expected).mean() < 6
            else:
                rows, cols = valid.shape
                assert np.array_equal(got[:rows, :cols, 3] > 0, valid)
                assert not got[rows:, :, 3].any()
                assert not got[:, cols:, 3].any()
                assert np.array_equal(got[:rows, :cols][valid][:, :3], expected[valid])


def test_coarse_levels_are_means_of_imaged_pixels() -> None:
    rng = np.random.default_rng(2)
    rgb = rng.integers(0, 256, (3, 37, 50), np.uint8)
    valid = rng.random((37, 50)) < 0.3
    rgb[:, ~valid] = 255  # whatever lies there must not show
    mean, seen = coarsen(rgb, valid, factor=4)
    assert mean.shape == (3, 10, 13)
    for row in range(10):
        for col in range(13):
            own = (slice(row * 4, row * 4 + 4), slice(col * 4, col * 4 + 4))
            inside = valid[own]
            assert seen[row, col] == inside.any()
            if inside.any():
                expected = rgb[:, own[0], own[1]][:, inside].mean(axis=1)
                assert np.abs(mean[:, row, col] - expected).max() <= 0.51


def test_nothing_imaged_is_blank_and_all_imaged_is_jpeg() -> None:
    rgb = picture(64, 64)
    assert encode(rgb, np.zeros((64, 64), bool)) is BLANK
    assert encode(rgb, np.ones((64, 64), bool)).media_type == "image/jpeg"


@pytest.mark.parametrize(("z", "col", "row"), [(-1, 0, 0), (9, 0, 0), (2, 6, 0), (2, 0, 5), (2, -1, 0), (2, 10**9, 0)])
def test_there_are_no_tiles_outside(tmp_path: Path, z: int, col: int, row: int) -> None:
    tiles = imagery(write_image(tmp_path / "a.tif"))
    assert len(tiles.levels) == 3
    assert tiles.tile(z, col, row) is None


def test_deep_pixels_are_scaled_as_in_the_search(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.tif", layout="deflate", dtype="uint16", rows=300, cols=300)
    image = open_image(path)
    tile = Imagery.over(image, crs=CRS).tile(2, 0, 0)
    assert tile is not None
    low, high = image.value_range
    expected = np.clip((gdals(path, None, 0, 0, 256).astype(float) - low) * 255 / (high - low), 0, 255)
    assert np.abs(decoded(tile.content)[..., :3] - expected).mean() < 6


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:32639", None),
        (CRS, Affine(0.01, 0, *ORIGIN[:1], 0, -0.01, ORIGIN[1]) * Affine.rotation(20)),
        (CRS, Affine(0.01, 0, ORIGIN[0], 0, -0.02, ORIGIN[1])),
    ],
)
def test_other_grids_are_brought_into_the_runs_by_the_nearest_pixel(
    tmp_path: Path, crs: str, transform: Affine | None
) -> None:
    path = write_image(tmp_path / "a.tif", layout="deflate", rows=500, cols=600, crs=crs, transform=transform)
    tiles = imagery(path)
    assert tiles.warped_to == CRS
    tile = tiles.tile(len(tiles.levels) - 1, 0, 0)
    assert tile is not None
    seen = decoded(tile.content)
    assert seen.shape[2] == 4, "the corner of a turned image was not imaged" if crs == CRS else ""
    with rasterio.open(path) as dataset:
        values = {tuple(v) for v in dataset.read().reshape(3, -1).T.tolist()}
    shown = seen[seen[..., 3] > 0][:, :3]
    assert len(shown)
    assert {tuple(v) for v in shown.tolist()} <= values, "no two pixels are mixed"


def test_a_crop_is_centred_and_padded(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.tif", layout="deflate", rows=300, cols=300)
    tiles = imagery(path)
    inside = decoded(tiles.crop(100, 50, edge_px=64, factor=1).content)
    assert np.abs(inside.astype(int) - gdals(path, None, 0, 0, 300)[100:164, 50:114]).mean() < 6
    corner = decoded(tiles.crop(-32, -32, edge_px=64, factor=1).content)
    assert corner.shape == (64, 64, 4)
    assert not corner[:32].any()
    assert np.array_equal(corner[32:, 32:, :3], gdals(path, None, 0, 0, 32))
    assert decoded(tiles.crop(100, 50, edge_px=64, factor=4).content).shape[:2] == (16, 16)
    assert tiles.crop(900, 0, edge_px=64, factor=1) is BLANK


def test_a_damaged_block_is_an_error_and_its_neighbours_are_shown(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.tif", layout="deflate")
    with rasterio.open(path) as dataset:
        offset = int(dataset.get_tag_item("BLOCK_OFFSET_1_1", "TIFF", bidx=1))
    with path.open("r+b") as handle:
        handle.seek(offset)
        handle.write(b"\xff" * 400)
    tiles = imagery(path)
    for _ in range(2):
        with pytest.raises(RasterioIOError):
            tiles.tile(2, 1, 1)
    assert tiles.tile(2, 2, 1) is not None


def test_a_far_view_holds_means_and_is_made_once(tmp_path: Path) -> None:
    path = write_image(tmp_path / "a.tif", layout="deflate", rows=1100, cols=1300, hole=(400, 500))
    near = imagery(path)
    far = far_view(near, tmp_path / "cache")
    assert far.bounds[0] == near.bounds[0]
    assert far.bounds[3] == near.bounds[3]
    with rasterio.open(path) as dataset:
        expected, valid = coarsen(dataset.read(), dataset.read_masks(1) > 0, factor=8)
    tile = far.tile(len(far.levels) - 1, 0, 0)
    assert tile is not None
    seen = decoded(tile.content)[: valid.shape[0], : valid.shape[1]]
    assert np.array_equal(seen[..., 3] > 0, valid)
    assert np.array_equal(seen[valid][:, :3], np.moveaxis(expected, 0, -1)[valid])
    made = list((tmp_path / "cache").iterdir())
    assert [p.name for p in made] == [f"{near.image.image_id}.tif"]
    before = made[0].stat().st_mtime_ns
    far_view(near, tmp_path / "cache")
    assert made[0].stat().st_mtime_ns == before
    assert made[0].stat().st_mode & 0o077 == 0
