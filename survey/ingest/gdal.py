"""How GDAL is set up for reading."""

from typing import Any

import rasterio

DatasetReader = Any
"""An open rasterio dataset; rasterio ships no types."""

CACHE_MB = 128
"""GDAL keeps decoded blocks up to this; its own default is 5 % of the machine's memory."""


def gdal_env() -> Any:
    """Return the environment to read in.

    A damaged JPEG tile is an error here: GDAL's default is to warn and to make up grey pixels, which
    the network would search as ground.
    """
    return rasterio.Env(
        GDAL_CACHEMAX=CACHE_MB,
        GDAL_DISABLE_READDIR_ON_OPEN="FALSE",
        GDAL_ERROR_ON_LIBJPEG_WARNING="TRUE",
    )
