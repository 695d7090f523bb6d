"""Open a georeferenced raster and find out all that reading it needs. No full-size pixels are read."""

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyproj
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioIOError

from survey.errors import GeoreferenceError, InputError
from survey.files import sha256_of
from survey.ingest.container import directories_whole, refuse_elsewhere
from survey.ingest.gdal import DatasetReader, gdal_env
from survey.ingest.validity import valid_pixels
from survey.values import BandRoles, Image, Validity

GSD_SPAN_PX = 100
"""The ground distance of a pixel is taken over this many: one pixel is lost in rounding."""
FARTHEST_DEG = 180 + 1e-9
"""East or west, of imagery in degrees: beyond, a place has another name on the ground."""
SAMPLE_PX = 1024
"""Longest edge of the decimated picture that the value range of a deep file is taken from."""
RANGE_PERCENTILES = (0.5, 99.5)
DTYPES = ("uint8", "uint16", "int16", "float32")


def open_image(
    path: str | Path,
    *,
    bands: tuple[int, int, int] | None = None,
    nodata: float | None = None,
    sha256: str | None = None,
) -> Image:
    """Read what a file says of itself, and hash its content.

    Args:
        path: GeoTIFF, COG or VRT.
        bands: 1-based numbers of red, green, blue; by colour interpretation if None.
        nodata: Value of pixels that were not imaged; what the file says if None.
        sha256: The hash of the content, where it need not be computed again to look at a file.

    Raises:
        GeoreferenceError: The file has no CRS, or no place on the ground.
        InputError: It cannot be read, or its bands cannot be used.
    """
    path = Path(path)
    refuse_elsewhere(path)
    with gdal_env(), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # it becomes an error below
        try:
            dataset = rasterio.open(path)
        except RasterioIOError as error:
            msg = f"{path}: cannot be opened as a raster ({error}); check that the file is whole"
            raise InputError(msg) from error
        with dataset:
            return _describe(dataset, path, bands=bands, nodata=nodata, sha256=sha256)


def _describe(
    dataset: DatasetReader,
    path: Path,
    *,
    bands: tuple[int, int, int] | None,
    nodata: float | None,
    sha256: str | None,
) -> Image:
    if dataset.count == 0:
        msg = f"{path}: is a container of several pictures; name one of them, exported with gdal_translate"
        raise InputError(msg)
    _check_georeference(dataset, path)
    roles, notes = _band_roles(dataset, path, bands=bands)
    dtype = dataset.dtypes[roles.red - 1]
    if dtype not in DTYPES or len({dataset.dtypes[band - 1] for band in roles.rgb}) > 1:
        msg = f"{path}: {dtype} pixels are not supported; convert with `gdal_translate -ot Byte -scale`"
        raise InputError(msg)
    marked = _marked(dataset, roles, path)
    validity, value = _validity(dataset, roles, nodata=nodata)
    if not marked and nodata is None:
        _check_marks(_files(dataset, path))
        notes.append(
            f"{path.name}: nothing marks pixels that were not imaged, so all count as imaged; "
            "if it has a black or white border, set nodata=0 or nodata=255"
        )
    sha256 = sha256 or sha256_of(*_files(dataset, path))
    row_m, col_m = _ground_distances(dataset, path)
    image = Image(
        path=path,
        image_id=sha256[:16],
        sha256=sha256,
        height=dataset.height,
        width=dataset.width,
        crs_wkt=dataset.crs.to_wkt(),
        transform=Affine(*tuple(dataset.transform)[:6]),
        gsd_row_m=row_m,
        gsd_col_m=col_m,
        dtype=dtype,
        bands=roles,
        band_count=dataset.count,
        validity=validity,
        nodata=value,
        value_range=(0.0, 255.0),
        warnings=tuple(notes),
    )
    return image if dtype == "uint8" else replace(image, value_range=_value_range(dataset, image))


def _check_georeference(dataset: DatasetReader, path: Path) -> None:
    if dataset.transform.is_identity and dataset.gcps[0]:
        msg = f"{path}: is placed by ground control points only; warp it with gdalwarp"
        raise GeoreferenceError(msg)
    if not dataset.crs:
        msg = f"{path}: has no CRS; if you know it, set it with `gdal_edit.py -a_srs EPSG:32638 {path.name}`"
        raise GeoreferenceError(msg)
    if not (dataset.crs.is_projected or dataset.crs.is_geographic):
        msg = f"{path}: its CRS is neither projected nor geographic; reproject it with gdalwarp"
        raise GeoreferenceError(msg)
    if dataset.transform.is_identity:
        msg = (
            f"{path}: has no geotransform, so its place on the ground is not known; "
            "add a world file or use `gdal_edit.py -a_ullr`"
        )
        raise GeoreferenceError(msg)
    west, _, east, _ = dataset.bounds
    if dataset.crs.is_geographic and not (min(west, east) >= -FARTHEST_DEG and max(west, east) <= FARTHEST_DEG):
        msg = f"{path}: lies beyond 180 degrees of longitude; warp it into its UTM zone with gdalwarp"
        raise GeoreferenceError(msg)
    if abs(dataset.transform.determinant) < 1e-30:
        msg = f"{path}: its geotransform is degenerate (pixels without area); georeference it again"
        raise GeoreferenceError(msg)


def _files(dataset: DatasetReader, path: Path) -> list[Path]:
    """Return the file and everything it refers to, in a stable order."""
    others = _referred(dataset) - {path}
    for other in sorted(others):
        # What a VRT lists has sidecars, and may be another VRT.
        others |= _referred_by(other, seen=others | {path})
    return [path, *sorted(others - {path})]


def _referred(dataset: DatasetReader) -> set[Path]:
    return {Path(name) for name in dataset.files if Path(name).is_file()}


def _referred_by(path: Path, *, seen: set[Path]) -> set[Path]:
    try:
        with rasterio.open(path) as dataset:
            found = _referred(dataset) - seen
    except RasterioIOError:
        return set()  # a sidecar, no raster
    return found.union(*(_referred_by(other, seen=seen | found) for other in sorted(found)))


def _band_roles(
    dataset: DatasetReader, path: Path, *, bands: tuple[int, int, int] | None
) -> tuple[BandRoles, list[str]]:
    """Tell which bands are red, green, blue and alpha."""
    meanings = dataset.colorinterp
    if ColorInterp.palette in meanings:
        msg = f"{path}: is a palette picture; expand it with `gdal_translate -expand rgb`"
        raise InputError(msg)
    alpha = meanings.index(ColorInterp.alpha) + 1 if ColorInterp.alpha in meanings else None
    if bands is not None:
        if any(not 1 <= band <= dataset.count for band in bands):
            msg = f"{path}: bands {list(bands)} are asked for, the file has {dataset.count}; set bands to existing ones"
            raise InputError(msg)
        return BandRoles(*bands, alpha=alpha), []
    colours = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
    if all(colour in meanings for colour in colours):
        red, green, blue = (meanings.index(colour) + 1 for colour in colours)
        return BandRoles(red, green, blue, alpha), []
    colour_bands = [n + 1 for n, meaning in enumerate(meanings) if meaning is not ColorInterp.alpha]
    if not colour_bands:
        msg = f"{path}: has an alpha band and no picture; export it again with colour bands"
        raise InputError(msg)
    if len(colour_bands) >= 3:
        red, green, blue = colour_bands[:3]
        warning = f"{path.name}: bands have no colour interpretation; taking {red}, {green}, {blue} as red, green, blue"
        return BandRoles(red, green, blue, alpha), [warning]
    grey = colour_bands[0]
    return BandRoles(grey, grey, grey, alpha), [f"{path.name}: has one colour band; the model was trained on colour"]


def _marked(dataset: DatasetReader, roles: BandRoles, path: Path) -> bool:
    """Tell whether the file marks pixels that were not imaged.

    Raises:
        InputError: A mask lies beside it and cannot be read.
    """
    flags: Sequence[MaskFlags] = dataset.mask_flag_enums[roles.red - 1]
    sidecar = path.with_name(path.name + ".msk")
    if sidecar.exists() and MaskFlags.per_dataset not in flags:
        msg = f"{sidecar}: the mask cannot be read, so it is not known which pixels were imaged; restore or remove it"
        raise InputError(msg)
    return roles.alpha is not None or MaskFlags.per_dataset in flags or MaskFlags.nodata in flags


def _check_marks(files: Sequence[Path]) -> None:
    for file in files:
        if not directories_whole(file):
            msg = (
                f"{file}: is cut short, and a mask of pixels that were not imaged may be lost with its end; "
                "copy it again, or set nodata"
            )
            raise InputError(msg)


def _validity(dataset: DatasetReader, roles: BandRoles, *, nodata: float | None) -> tuple[Validity, float | None]:
    """Tell how the file marks pixels that were not imaged; in real numbers what is none marks them at least."""
    if nodata is not None:
        return Validity.NODATA, float(nodata)
    flags: Sequence[MaskFlags] = dataset.mask_flag_enums[roles.red - 1]
    if roles.alpha is not None:
        return Validity.ALPHA, None
    if MaskFlags.per_dataset in flags:
        return Validity.MASK, None
    if MaskFlags.nodata in flags:
        return Validity.NODATA, float(dataset.nodatavals[roles.red - 1])
    if np.issubdtype(dataset.dtypes[roles.red - 1], np.floating):
        return Validity.NODATA, float("nan")
    return Validity.ALL, None


def _ground_distances(dataset: DatasetReader, path: Path) -> tuple[float, float]:
    """Return the ground distance in metres of one step down the rows and along the columns, at the centre.

    Measured on the ellipsoid, so that it is true in any CRS: degrees, feet, or a Mercator far from its
    standard parallel.
    """
    row, col, half = dataset.height / 2, dataset.width / 2, GSD_SPAN_PX / 2
    cols = np.array([col, col, col - half, col + half])
    rows = np.array([row - half, row + half, row, row])
    transform = Affine(*tuple(dataset.transform)[:6])
    x, y = transform * (cols, rows)
    try:
        source = pyproj.CRS.from_wkt(dataset.crs.to_wkt())
        lon, lat = pyproj.Transformer.from_crs(source, "EPSG:4326", always_xy=True).transform(x, y, errcheck=True)
    except (CRSError, pyproj.exceptions.ProjError) as error:
        msg = f"{path}: the centre cannot be placed on the globe ({error}); check CRS and geotransform"
        raise GeoreferenceError(msg) from error
    _, _, distance = pyproj.Geod(ellps="WGS84").inv(lon[::2], lat[::2], lon[1::2], lat[1::2])
    if not np.all(np.isfinite(distance)) or not np.all(distance > 0):
        msg = f"{path}: its centre lies outside the CRS's area; check CRS and geotransform"
        raise GeoreferenceError(msg)
    return float(distance[0]) / GSD_SPAN_PX, float(distance[1]) / GSD_SPAN_PX


def _value_range(dataset: DatasetReader, image: Image) -> tuple[float, float]:
    """Return the values that become 0 and 255, taken once from the whole picture, never from a tile."""
    factor = max(1.0, max(dataset.shape) / SAMPLE_PX)
    shape = (max(1, int(dataset.height / factor)), max(1, int(dataset.width / factor)))
    try:
        sample = dataset.read(image.bands.rgb, out_shape=(3, *shape))
        valid = valid_pixels(dataset, image, window=None, shape=shape, values=sample)
    except RasterioIOError as error:
        cause = error.__cause__ if error.__cause__ is not None else error
        msg = f"{image.path}: its value range cannot be told ({cause}); check that the file is whole"
        raise InputError(msg) from error
    values: NDArray[np.float64] = sample[:, valid].astype(np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 255.0
    low, high = np.percentile(values, RANGE_PERCENTILES)
    return float(low), float(high if high > low else low + 1)
