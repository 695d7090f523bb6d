import warnings
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.enums import ColorInterp

from survey.errors import GeoreferenceError, InputError
from survey.ingest import open_image
from survey.values import BandRoles, Validity
from tests.ingest.rasters import CM, CRS, Raster, poison, ragged, texture

SIZE = (60, 80)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "a.tif"


@pytest.mark.parametrize(
    ("marked", "validity", "nodata"),
    [
        ("all", Validity.ALL, None),
        ("black", Validity.NODATA, 0),
        ("white", Validity.NODATA, 255),
        ("alpha", Validity.ALPHA, None),
        ("mask", Validity.MASK, None),
        ("msk", Validity.MASK, None),
    ],
)
def test_how_validity_is_known(file: Path, marked: str, validity: Validity, nodata: float | None) -> None:
    image = open_image(Raster(texture(*SIZE), ragged(*SIZE), marked).write(file))
    assert (image.validity, image.nodata) == (validity, nodata)
    assert any("nodata=0" in warning for warning in image.warnings) == (validity is Validity.ALL)
    assert open_image(file, nodata=7).nodata == 7


def test_alpha_counts_in_files_of_five_bands(file: Path) -> None:
    # GDAL's own mask knows alpha only beside one or three bands.
    meaning = (*(ColorInterp.red, ColorInterp.green, ColorInterp.blue), ColorInterp.undefined, ColorInterp.alpha)
    stack = np.concatenate([texture(*SIZE), texture(*SIZE)[:2]])
    image = open_image(Raster(stack, colorinterp=meaning).write(file))
    assert image.validity is Validity.ALPHA
    assert image.bands == BandRoles(1, 2, 3, 5)


@pytest.mark.parametrize(
    ("meaning", "roles"),
    [
        ((5, 4, 3, 1), BandRoles(3, 2, 1)),
        ((1, 0, 0, 0), BandRoles(1, 2, 3)),
        ((3, 4, 5, 6), BandRoles(1, 2, 3, 4)),
        ((6, 3, 4, 5), BandRoles(2, 3, 4, 1)),
        ((1, 6), BandRoles(1, 1, 1, 2)),
        ((1,), BandRoles(1, 1, 1)),
    ],
)
def test_band_roles_follow_the_colour_interpretation(file: Path, meaning: tuple[int, ...], roles: BandRoles) -> None:
    stack = np.concatenate([texture(*SIZE), texture(*SIZE)])[: len(meaning)]
    image = open_image(Raster(stack, colorinterp=tuple(ColorInterp(m) for m in meaning)).write(file))
    assert image.bands == roles
    guessed = meaning[0] == 1
    assert any("colour" in warning for warning in image.warnings) == guessed


def test_bands_can_be_chosen_and_have_to_exist(file: Path) -> None:
    Raster(texture(*SIZE)).write(file)
    assert open_image(file, bands=(3, 1, 2)).bands.rgb == (3, 1, 2)
    with pytest.raises(InputError, match="has 3"):
        open_image(file, bands=(1, 2, 4))


def test_a_palette_is_refused_with_the_remedy(file: Path) -> None:
    Raster(texture(*SIZE)[:1]).write(file)
    with rasterio.open(file, "r+") as dataset:
        dataset.write_colormap(1, {n: (n, n, n, 255) for n in range(256)})
    with pytest.raises(InputError, match="-expand rgb"):
        open_image(file)


def test_pixels_of_an_odd_type_are_refused_with_the_remedy(file: Path) -> None:
    Raster(texture(*SIZE).astype(np.float64)).write(file)
    with pytest.raises(InputError, match="gdal_translate"):
        open_image(file)


@pytest.mark.parametrize(
    ("raster", "remedy"),
    [
        (Raster(texture(*SIZE), crs=None), "a_srs"),
        (Raster(texture(*SIZE), transform=None), "a_ullr"),
        (Raster(texture(*SIZE), transform=Affine(0.01, 0, 5e5, 0, 0, 4e6)), "degenerate"),
        (Raster(texture(*SIZE), crs='LOCAL_CS["arbitrary",UNIT["metre",1]]'), "gdalwarp"),
    ],
)
def test_no_place_on_the_ground_is_refused_with_the_remedy(file: Path, raster: Raster, remedy: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raster.write(file)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(GeoreferenceError, match=remedy):
            open_image(file)


def test_control_points_alone_are_refused_with_the_remedy(file: Path) -> None:
    corners = [(0, 0), (0, 80), (60, 0), (60, 80)]
    points = [GroundControlPoint(row, col, 500_000 + col / 100, 4_500_000 - row / 100) for row, col in corners]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Raster(texture(*SIZE), crs=None, transform=None).write(file)
        with rasterio.open(file, "r+") as dataset:
            dataset.gcps = (points, rasterio.CRS.from_string(CRS))
    with pytest.raises(GeoreferenceError, match="gdalwarp"):
        open_image(file)


def test_what_is_missing_or_no_raster_is_an_input_error(file: Path) -> None:
    with pytest.raises(InputError, match=r"a\.tif"):
        open_image(file)
    file.write_bytes(b"II*\0 this is no raster")
    with pytest.raises(InputError, match="cannot be opened"):
        open_image(file)


def test_a_deep_file_that_cannot_be_sampled_is_an_input_error(file: Path) -> None:
    Raster(texture(*SIZE).astype(np.uint16)).write(file)
    poison(file, row=0, col=0)
    with pytest.raises(InputError, match="value range"):
        open_image(file)


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:32638", CM),
        ("EPSG:32638", CM * Affine.rotation(31)),
        ("EPSG:2263", Affine(0.05, 0, 980_000, 0, -0.05, 200_000)),  # US survey feet
        ("EPSG:3395", Affine(0.02, 0, 3_900_000, 0, -0.02, 6_400_000)),  # Mercator at 50 degrees north
        ("EPSG:3857", Affine(0.02, 0, 3_900_000, 0, -0.02, 6_400_000)),
        ("EPSG:4326", Affine(2e-7, 0, 36.0, 0, -1e-7, 49.0)),
        ("EPSG:32633+5773", Affine(0.01, 0, 500_000, 0, -0.01, 5_000_000)),
    ],
)
def test_gsd_is_the_true_distance_on_the_ground(file: Path, crs: str, transform: Affine) -> None:
    image = open_image(Raster(texture(*SIZE), crs=crs, transform=transform).write(file))
    to_globe = pyproj.Transformer.from_crs(crs, "EPSG:4979", always_xy=True)
    corners = [transform @ np.array([40.0 + d, 30.0 + e, 1.0])[:2] for d, e in ((-5, 0), (5, 0), (0, -5), (0, 5))]
    points = [np.array(_geocentric(*to_globe.transform(*corner)[:2])) for corner in corners]
    # pyproj's geocentric chord, at ten pixels, is the ground distance to better than 1e-4 but for rounding.
    assert image.gsd_col_m == pytest.approx(np.linalg.norm(points[0] - points[1]) / 10, rel=1e-3)
    assert image.gsd_row_m == pytest.approx(np.linalg.norm(points[2] - points[3]) / 10, rel=1e-3)


def _geocentric(lon: float, lat: float) -> tuple[float, float, float]:
    x, y, z = pyproj.Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True).transform(lon, lat, 0.0)
    return float(x), float(y), float(z)


def test_the_hash_covers_sidecars(file: Path) -> None:
    valid = ragged(*SIZE)
    first = open_image(Raster(texture(*SIZE), valid, "msk").write(file))
    assert first.image_id == first.sha256[:16]
    assert open_image(file).sha256 == first.sha256
    with rasterio.open(file, "r+") as dataset:
        dataset.write_mask(~valid)
    assert open_image(file).sha256 != first.sha256


def test_the_hash_covers_all_that_a_vrt_of_a_vrt_refers_to(tmp_path: Path) -> None:
    source = Raster(texture(*SIZE), ragged(*SIZE), "msk").write(tmp_path / "a.tif")
    for name, below in (("inner.vrt", "a.tif"), ("outer.vrt", "inner.vrt")):
        with rasterio.open(tmp_path / below) as dataset:
            profile = dataset.profile
        bands = "".join(
            f'<VRTRasterBand dataType="Byte" band="{n}"><SimpleSource><SourceFilename relativeToVRT="1">{below}'
            f"</SourceFilename><SourceBand>{n}</SourceBand></SimpleSource></VRTRasterBand>"
            for n in (1, 2, 3)
        )
        place = ", ".join(str(v) for v in CM.to_gdal())
        (tmp_path / name).write_text(
            f'<VRTDataset rasterXSize="{profile["width"]}" rasterYSize="{profile["height"]}"><SRS>{CRS}</SRS>'
            f"<GeoTransform>{place}</GeoTransform>{bands}</VRTDataset>"
        )
    seen = {open_image(tmp_path / "outer.vrt").sha256}
    for changed in (source, tmp_path / "a.tif.msk", tmp_path / "inner.vrt"):
        with changed.open("ab") as handle:
            handle.write(b"\n")
        seen.add(open_image(tmp_path / "outer.vrt").sha256)
    assert len(seen) == 4


def test_the_range_of_a_deep_file_leaves_out_what_was_not_imaged(file: Path) -> None:
    source = np.random.default_rng(0).integers(3000, 9000, (3, *SIZE)).astype(np.uint16)
    source[:, :30] = 0
    Raster(source).write(file)
    assert open_image(file).value_range[0] == 0
    assert open_image(file, nodata=0).value_range[0] > 2900


def test_a_flat_or_unit_float_file_has_a_range(file: Path) -> None:
    image = open_image(Raster(np.full((3, *SIZE), 0.25, np.float32)).write(file))
    assert image.value_range[1] > image.value_range[0]
    image = open_image(Raster((texture(*SIZE) / 255).astype(np.float32)).write(file))
    assert 0.9 < image.value_range[1] <= 1
