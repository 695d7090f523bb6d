"""Products read again by those who go on from them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import rasterio
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.errors import RasterioIOError

from survey.errors import InputError
from survey.values import HectareGrid

_AGAIN = "make it again with the command that wrote it"


def read_layer(path: Path, layer: str, *, bbox: tuple[float, float, float, float] | None = None) -> Any:
    """Return a layer of a GeoPackage as a GeoDataFrame.

    Args:
        path: The file.
        layer: Its name.
        bbox: West, south, east, north: only features that touch it.

    Raises:
        InputError: It cannot be read, or has no CRS.
    """
    try:
        table = pyogrio.read_dataframe(path, layer=layer, bbox=bbox)
    except (DataSourceError, DataLayerError) as error:
        msg = f"{path}: layer {layer} cannot be read ({error}); {_AGAIN}"
        raise InputError(msg) from error
    if table.crs is None:
        msg = f"{path}: layer {layer} has no CRS; {_AGAIN}"
        raise InputError(msg)
    return table


def read_hectares(path: Path) -> tuple[HectareGrid, dict[str, NDArray[np.float64]]]:
    """Return the grid of a raster of hectares, and its bands by name, (rows, cols), NaN where it has no value.

    Raises:
        InputError: It cannot be read.
    """
    try:
        with rasterio.open(path) as dataset:
            values = dataset.read(masked=True).astype(np.float64).filled(np.nan)
            names = [name or "" for name in dataset.descriptions]
            t, crs = dataset.transform, dataset.crs.to_string()
    except RasterioIOError as error:
        msg = f"{path}: cannot be read ({error}); {_AGAIN}"
        raise InputError(msg) from error
    return HectareGrid(crs, round(t.c), round(t.f), *values.shape[1:]), dict(zip(names, values, strict=True))
