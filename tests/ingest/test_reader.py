import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.enums import ColorInterp, Resampling

from survey.ingest import load_aoi, open_image
from survey.values import Validity
from tests.ingest.rasters import CM, CRS, JPEG, LAYOUTS, Raster, poison, ragged, texture
from tests.ingest.reading import FILL, assembled

SIZE = (203, 310)


@pytest.fixture(autouse=True)
def _many_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunk borders that no tile, strip or core falls on."""
    monkeypatch.setattr("survey.ingest.decode.CHUNK_ROWS", 75)
    monkeypatch.setattr("survey.ingest.decode.RESAMPLED_PX", 20_000)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("marked", ["all", "black", "white", "alpha", "mask", "msk"])
def test_pixels_are_those_of_the_file_whatever_its_layout(tmp_path: Path, layout: str, marked: str) -> None:
    valid = ragged(*SIZE) if marked != "all" else None
    source = texture(*SIZE)
    path = Raster(source, valid, marked, LAYOUTS[layout]).write(tmp_path / "a.tif")
    pixels, mask, unread = assembled(path, threads=2)
    expected = np.ones(SIZE, bool) if valid is None else valid
    assert not unread
    np.testing.assert_array_equal(mask, expected)
    np.testing.assert_array_equal(pixels, np.where(expected[..., None], np.moveaxis(source, 0, -1), FILL))


@pytest.mark.parametrize("layout", [JPEG, {**JPEG, "tiled": False, "blockysize": 16, "blockxsize": None}])
@pytest.mark.parametrize("marked", ["all", "msk", "mask"])
def test_jpeg_pixels_are_those_that_gdal_decodes(tmp_path: Path, layout: dict[str, Any], marked: str) -> None:
    layout = {key: value for key, value in layout.items() if value is not None}
    valid = ragged(*SIZE) if marked != "all" else np.ones(SIZE, bool)
    path = Raster(texture(*SIZE), valid, marked, layout).write(tmp_path / "a.tif")
    pixels, mask, _ = assembled(path)
    with rasterio.open(path) as dataset:
        judge = np.moveaxis(dataset.read(), 0, -1)
    np.testing.assert_array_equal(mask, valid)
    np.testing.assert_array_equal(pixels, np.where(valid[..., None], judge, FILL))


@pytest.mark.parametrize("marked", ["all", "black", "white", "alpha", "mask"])
def test_16_bit_pixels_are_scaled_by_one_range_of_the_file(tmp_path: Path, marked: str) -> None:
    valid = ragged(*SIZE) if marked != "all" else np.ones(SIZE, bool)
    source = (np.random.default_rng(1).normal(9000, 1500, (3, *SIZE))).astype(np.uint16)
    image = open_image(Raster(source, valid, marked).write(tmp_path / "a.tif"))
    low, high = image.value_range
    expected_low, expected_high = np.percentile(source[:, valid], [0.5, 99.5])
    assert low == pytest.approx(expected_low, rel=0.02)
    assert high == pytest.approx(expected_high, rel=0.02)
    pixels, mask, _ = assembled(image)
    judge = np.clip(np.moveaxis(source - np.float64(low), 0, -1) * 255 / (high - low), 0, 255)
    np.testing.assert_array_equal(mask, valid)
    assert np.abs(pixels[valid].astype(float) - judge[valid]).max() <= 0.51


def test_alpha_still_counts_when_nodata_is_given_too(tmp_path: Path) -> None:
    # Otherwise what the alpha band marks as never imaged would count as searched.
    valid = ragged(*SIZE)
    source = texture(*SIZE)
    source[:, 100:110, 200:220] = 0
    image = open_image(Raster(source, valid, "alpha").write(tmp_path / "a.tif"), nodata=0)
    _, mask, _ = assembled(image)
    expected = valid.copy()
    expected[100:110, 200:220] = False
    np.testing.assert_array_equal(mask, expected)


def test_black_in_one_band_is_imaged(tmp_path: Path) -> None:
    source = texture(*SIZE)
    source[0] = 0
    _, mask, _ = assembled(Raster(source, np.ones(SIZE, bool), "black").write(tmp_path / "a.tif"))
    assert mask.all()


def test_a_grey_and_a_many_banded_file_are_read(tmp_path: Path) -> None:
    stack = np.random.default_rng(0).integers(1, 255, (5, *SIZE)).astype(np.uint8)
    meaning = (ColorInterp.undefined, ColorInterp.blue, ColorInterp.undefined, ColorInterp.red, ColorInterp.green)
    path = Raster(stack, colorinterp=meaning).write(tmp_path / "a.tif")
    np.testing.assert_array_equal(assembled(path)[0], np.moveaxis(stack[[3, 4, 1]], 0, -1))
    chosen = open_image(path, bands=(5, 1, 2))
    np.testing.assert_array_equal(assembled(chosen)[0], np.moveaxis(stack[[4, 0, 1]], 0, -1))
    grey = Raster(stack[:1]).write(tmp_path / "grey.tif")
    np.testing.assert_array_equal(assembled(grey)[0], np.moveaxis(stack[[0, 0, 0]], 0, -1))


@pytest.mark.parametrize("gsd_m", [0.0137, 0.02, 0.033])
def test_shrinking_is_the_mean_of_the_ground_under_a_pixel(tmp_path: Path, gsd_m: float) -> None:
    source = texture(*SIZE)
    path = Raster(source).write(tmp_path / "a.tif")
    pixels, _, _ = assembled(path, gsd_m=gsd_m)
    with rasterio.open(path) as dataset:
        judge = dataset.read(out_shape=(3, *pixels.shape[:2]), resampling=Resampling.average)
    assert np.abs(pixels.astype(int) - np.moveaxis(judge, 0, -1)).max() <= 1


def test_enlarging_is_bilinear(tmp_path: Path) -> None:
    path = Raster(texture(*SIZE)).write(tmp_path / "a.tif")
    pixels, _, _ = assembled(path, gsd_m=0.0047)
    with rasterio.open(path) as dataset:
        judge = dataset.read(out_shape=(3, *pixels.shape[:2]), resampling=Resampling.bilinear)
    assert np.abs(pixels.astype(int) - np.moveaxis(judge, 0, -1)).max() <= 1


@pytest.mark.parametrize("gsd_m", [0.005, 0.0073, 0.0137, 0.026])
def test_chunks_leave_no_seams(tmp_path: Path, gsd_m: float) -> None:
    # Several chunks and bands; a seam would show against the whole image.
    path = Raster(texture(700, 900), layout=LAYOUTS["lzw_strips"]).write(tmp_path / "a.tif")
    pixels, _, _ = assembled(path, gsd_m=gsd_m, core_px=256)
    method = Resampling.average if gsd_m > 0.01 else Resampling.bilinear
    with rasterio.open(path) as dataset:
        judge = dataset.read(out_shape=(3, *pixels.shape[:2]), resampling=method)
    assert np.abs(pixels.astype(np.int16) - np.moveaxis(judge, 0, -1)).max() <= 1


@pytest.mark.parametrize("marked", ["black", "white", "alpha", "mask", "msk"])
@pytest.mark.parametrize("gsd_m", [0.0047, 0.0137, 0.02, 0.033])
def test_a_resampled_pixel_is_valid_where_its_centre_is_and_takes_nothing_from_the_hole(
    tmp_path: Path, marked: str, gsd_m: float
) -> None:
    valid = ragged(*SIZE)
    source = np.full((3, *SIZE), 200, np.uint8)
    pixels, mask, _ = assembled(Raster(source, valid, marked).write(tmp_path / "a.tif"), gsd_m=gsd_m)
    height, width = mask.shape
    rows = ((np.arange(height) + 0.5) * SIZE[0] / height).astype(int)
    cols = ((np.arange(width) + 0.5) * SIZE[1] / width).astype(int)
    np.testing.assert_array_equal(mask, valid[np.ix_(rows, cols)])
    assert np.abs(pixels[mask].astype(int) - 200).max() <= 1
    assert (pixels[~mask] == FILL).all()


def test_nodata_of_one_band_does_not_brighten_dark_ground(tmp_path: Path) -> None:
    source = np.zeros((3, *SIZE), np.uint8)
    source[0, ::2], source[1:] = 10, 5
    path = Raster(source, np.ones(SIZE, bool), "black").write(tmp_path / "a.tif")
    pixels, mask, _ = assembled(path, gsd_m=0.02)
    assert mask.all()
    inner = pixels[2:-2, 2:-2]
    assert set(np.unique(inner[..., 0])) <= {4, 5, 6}


@pytest.mark.parametrize("gsd_m", [0.025, 0.04])
def test_overviews_do_not_change_what_is_seen(tmp_path: Path, gsd_m: float) -> None:
    valid = ragged(*SIZE)
    path = Raster(texture(*SIZE), valid, "alpha").write(tmp_path / "a.tif")
    before = assembled(path, gsd_m=gsd_m)
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4], Resampling.nearest)
    after = assembled(path, gsd_m=gsd_m)
    np.testing.assert_array_equal(before[0], after[0])
    np.testing.assert_array_equal(before[1], after[1])


@pytest.mark.parametrize("gsd_m", [0.01, 0.0173])
def test_plan_threads_and_resume_do_not_change_a_bit(tmp_path: Path, gsd_m: float) -> None:
    valid = ragged(500, 1500)
    layout = {**JPEG, "blockxsize": 256, "blockysize": 256}
    path = Raster(texture(500, 1500), valid, "msk", layout).write(tmp_path / "a.tif")
    image = open_image(path)
    pixels, mask, _ = assembled(image, gsd_m=gsd_m, core_px=256)
    for core_px, threads in ((64, 2), (96, 1), (512, 4), (1024, 2)):
        again = assembled(image, gsd_m=gsd_m, core_px=core_px, threads=threads)
        np.testing.assert_array_equal(pixels, again[0])
        np.testing.assert_array_equal(mask, again[1])
    part, held, _ = assembled(image, gsd_m=gsd_m, core_px=256, keep=[1], threads=2)
    np.testing.assert_array_equal(part[held], pixels[held])
    assert held.any()


def test_blocks_come_in_the_order_asked_for(tmp_path: Path) -> None:
    source = texture(*SIZE)
    path = Raster(source).write(tmp_path / "a.tif")
    pixels, mask, _ = assembled(path, keep=[3, 0, 2, 1], threads=2)
    assert mask.all()
    np.testing.assert_array_equal(pixels, np.moveaxis(source, 0, -1))


def _aoi(path: Path, polygon: shapely.Polygon, *, crs: str = CRS) -> Path:
    geopandas.GeoDataFrame(geometry=[polygon], crs=crs).to_file(path, driver="GPKG")
    return path


@pytest.mark.parametrize("other", [CRS, "EPSG:4326", "EPSG:32637"])
def test_an_area_masks_pixels_and_leaves_them_as_they_are(tmp_path: Path, other: str) -> None:
    path = Raster(texture(300, 900)).write(tmp_path / "a.tif")
    image = open_image(path)
    # In pixels: a triangle; on the map: through the transform.
    corners = [(120.3, 20.2), (700.7, 60.1), (300.4, 280.9)]
    triangle = shapely.Polygon([image.transform * corner for corner in corners])
    moved = geopandas.GeoSeries([triangle], crs=CRS).to_crs(other)[0]
    aoi = load_aoi(_aoi(tmp_path / "aoi.gpkg", moved, crs=other))
    whole, _, _ = assembled(image)
    pixels, mask, _ = assembled(image, aoi=aoi, threads=2)
    cols, rows = np.meshgrid(np.arange(900) + 0.5, np.arange(300) + 0.5)
    judge = shapely.contains_xy(shapely.Polygon(corners), cols, rows)
    near_edge = shapely.distance(shapely.Polygon(corners).exterior, shapely.points(cols, rows)) < 0.05
    assert ((mask == judge) | near_edge).all()
    np.testing.assert_array_equal(pixels[mask], whole[mask])


def test_context_outside_the_area_is_real(tmp_path: Path) -> None:
    # An area must not draw an edge that the network takes for a feature.
    source = texture(*SIZE)
    image = open_image(Raster(source).write(tmp_path / "a.tif"))
    box = shapely.box(*(image.transform * (70, 70)), *(image.transform * (120, 120)))
    aoi = load_aoi(_aoi(tmp_path / "aoi.gpkg", box))
    pixels, mask, _ = assembled(image, aoi=aoi)
    assert mask.sum() == 50 * 50
    np.testing.assert_array_equal(pixels[60:130, 60:130], np.moveaxis(source, 0, -1)[60:130, 60:130])


@pytest.mark.parametrize("damage", [(0.0, 1.0), (0.3, 0.35)])
@pytest.mark.parametrize("compress", ["jpeg", "deflate"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_damaged_tile_costs_the_blocks_that_need_it_and_no_others(
    tmp_path: Path, damage: tuple[float, float], compress: str, threads: int
) -> None:
    layout = JPEG if compress == "jpeg" else LAYOUTS["deflate_tiles"]
    path = Raster(texture(256, 512), layout=layout).write(tmp_path / "a.tif")
    image = open_image(path)
    before, _, _ = assembled(image)
    poison(path, row=1, col=2, start=damage[0], stop=damage[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pixels, mask, unread = assembled(image, threads=threads)
    # Rows 64..127 hold the tile; with the halo of 16 the block rows above and below need it too.
    assert [block.block.core.row for block in unread] == [0, 64, 128]
    assert all("a.tif" in block.reason and "128" in block.reason for block in unread)
    assert mask[192 + 16 :].all()
    np.testing.assert_array_equal(pixels[192 + 16 :], before[192 + 16 :])


def test_a_truncated_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = Raster(texture(512, 256), layout=LAYOUTS["deflate_tiles"]).write(tmp_path / "a.tif")
    image = open_image(path)
    before, _, _ = assembled(image)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    pixels, mask, unread = assembled(image)
    assert unread
    assert mask[:128].all()  # the cut goes through the last tile of the fourth row
    np.testing.assert_array_equal(pixels[:128], before[:128])
    assert not mask[-64:].any()


def test_a_rotated_image_is_read_along_its_own_axes(tmp_path: Path) -> None:
    turned = CM * Affine.rotation(31)
    source = texture(*SIZE)
    image = open_image(Raster(source, transform=turned).write(tmp_path / "a.tif"))
    np.testing.assert_array_equal(assembled(image)[0], np.moveaxis(source, 0, -1))
    x, y = image.transform * (12.5, 40.5)
    col, row = ~image.transform * (x, y)
    assert (col, row) == pytest.approx((12.5, 40.5), abs=1e-5)


def test_vrt_over_two_files_is_read(tmp_path: Path) -> None:
    source = texture(*SIZE)
    for name, part in (("l", slice(0, 128)), ("r", slice(128, 310))):
        place = CM * Affine.translation(part.start, 0)
        Raster(source[..., part], transform=place).write(tmp_path / f"{name}.tif")
    vrt = tmp_path / "m.vrt"
    vrt.write_text(_vrt(SIZE, [("l.tif", 0, 128), ("r.tif", 128, 182)]))
    image = open_image(vrt)
    np.testing.assert_array_equal(assembled(image, threads=2)[0], np.moveaxis(source, 0, -1))


def _vrt(size: tuple[int, int], parts: list[tuple[str, int, int]]) -> str:
    height, width = size
    bands = "".join(
        f'<VRTRasterBand dataType="Byte" band="{band}"><ColorInterp>{colour}</ColorInterp>'
        + "".join(
            f'<SimpleSource><SourceFilename relativeToVRT="1">{name}</SourceFilename><SourceBand>{band}</SourceBand>'
            f'<SrcRect xOff="0" yOff="0" xSize="{wide}" ySize="{height}"/>'
            f'<DstRect xOff="{left}" yOff="0" xSize="{wide}" ySize="{height}"/></SimpleSource>'
            for name, left, wide in parts
        )
        + "</VRTRasterBand>"
        for band, colour in ((1, "Red"), (2, "Green"), (3, "Blue"))
    )
    place = ", ".join(str(v) for v in CM.to_gdal())
    return (
        f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}"><SRS>{CRS}</SRS>'
        f"<GeoTransform>{place}</GeoTransform>{bands}</VRTDataset>"
    )


def test_every_real_orthomosaic_is_read_whole(shared_data: Path) -> None:
    for path in sorted((shared_data / "ortho").glob("*.tif")):
        image = open_image(path)
        with rasterio.open(path) as dataset:
            judge, imaged = np.moveaxis(dataset.read(image.bands.rgb), 0, -1), dataset.dataset_mask() > 0
        gsd = replace(image, gsd_row_m=0.01, gsd_col_m=0.01)  # every pixel as it is
        pixels, mask, unread = assembled(gsd, core_px=256, threads=2)
        assert not unread
        np.testing.assert_array_equal(mask, imaged)
        np.testing.assert_array_equal(pixels[mask], judge[mask])
        assert image.validity in set(Validity)
        _, mask, unread = assembled(image, gsd_m=image.gsd_m, core_px=256)
        assert not unread
        assert mask.mean() == pytest.approx(imaged.mean(), abs=0.005)
