"""Which pixels were imaged, and what grey levels they have."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import MaskFlags, Resampling

from survey.ingest.gdal import DatasetReader
from survey.values import Image, Validity


def valid_pixels(
    dataset: DatasetReader,
    image: Image,
    *,
    window: Any,
    shape: tuple[int, int],
    resampling: Resampling = Resampling.nearest,
    values: NDArray[Any] | None = None,
) -> NDArray[np.bool_]:
    """Return which pixels of a window were imaged.

    Args:
        dataset: Open dataset.
        image: What is known of it.
        window: Source window; None for the whole image.
        shape: Rows and columns wanted.
        resampling: Where the shape is not the window's own; nearest keeps a mask a mask.
        values: The window's pixels (3, rows, cols) if they were read already.
    """
    if image.validity is Validity.ALL:
        return np.ones(shape, bool)
    where = {"window": window, "out_shape": shape, "resampling": resampling}
    valid = _marked_valid(dataset, image, where)
    real = np.issubdtype(image.dtype, np.floating)
    if image.validity is Validity.NODATA or real:
        if values is None:
            values = dataset.read(image.bands.rgb, **{**where, "out_shape": (3, *shape)})
        if image.validity is Validity.NODATA:
            valid &= _differs(values, image.nodata)
        if real:
            valid &= np.isfinite(values).all(axis=0)
    return valid


def _differs(values: NDArray[Any], nodata: float | None) -> NDArray[np.bool_]:
    """Return where any band differs from the nodata value: black in one band only is a colour."""
    assert nodata is not None
    marked = np.isnan(values) if np.isnan(nodata) else values == nodata
    return np.asarray(~marked.all(axis=0), bool)


def _marked_valid(dataset: DatasetReader, image: Image, where: dict[str, Any]) -> NDArray[np.bool_]:
    """Return what alpha and mask say, whether or not a nodata value is given besides."""
    if image.bands.alpha is not None:
        # GDAL itself takes an alpha band for a mask only in files of two or four bands.
        return np.asarray(dataset.read(image.bands.alpha, **where) > 0, bool)
    if MaskFlags.per_dataset in dataset.mask_flag_enums[image.bands.red - 1]:
        return np.asarray(dataset.read_masks(image.bands.red, **where) > 0, bool)
    return np.ones(where["out_shape"], bool)


def to_uint8(values: NDArray[Any], image: Image) -> NDArray[np.uint8]:
    """Scale by the file's one value range, rounding to the nearest level."""
    if values.dtype == np.uint8:
        return values
    low, high = image.value_range
    scaled = (values.astype(np.float32) - np.float32(low)) * np.float32(255 / (high - low))
    np.add(np.nan_to_num(scaled, copy=False), np.float32(0.5), out=scaled)
    levels: NDArray[np.uint8] = np.clip(scaled, 0, 255, out=scaled).astype(np.uint8)
    return levels
