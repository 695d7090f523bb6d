"""How GDAL is set up for reading, and made to own up to damaged pixels."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import rasterio
from rasterio.errors import RasterioIOError

DatasetReader = Any
"""An open rasterio dataset; rasterio ships no types."""

CACHE_BYTES = 64 * 2**20
"""GDAL keeps decoded blocks up to this; its own default is 5 % of the machine's memory. rasterio takes bytes, where
GDAL's own setting takes megabytes: 64 would keep nothing, and every tile would be decoded once a row of chunks."""
DAMAGE = ("Corrupt JPEG data", "Premature end of JPEG")
"""What libjpeg says when it makes up pixels. Inside a TIFF, GDAL passes it on as a warning and no more."""


def gdal_env() -> Any:
    """Return the environment to read in."""
    return rasterio.Env(
        GDAL_CACHEMAX=CACHE_BYTES,
        GDAL_DISABLE_READDIR_ON_OPEN="FALSE",
        CPL_VSIL_CURL_ALLOWED_EXTENSIONS=".none",  # no network, whatever a file refers to
        GDAL_ERROR_ON_LIBJPEG_WARNING="TRUE",  # for JPEG files that a VRT refers to
        VRT_SHARED_SOURCE="0",  # threads must not meet in the files that a VRT refers to
    )


class _DamageFilter(logging.Filter):
    """Keeps what libjpeg complains of while a thread reads; the reader reports it with its place."""

    def __init__(self) -> None:
        super().__init__()
        self.local = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        heard: list[str] | None = getattr(self.local, "heard", None)
        message = record.getMessage()
        if heard is None or not any(sign in message for sign in DAMAGE):
            return True
        heard.append(message.removeprefix("CPLE_AppDefined:").removeprefix("CPLE_AppDefined in "))
        return False


_FILTER = _DamageFilter()
_LOGGERS = tuple(logging.getLogger(name) for name in ("rasterio._err", "rasterio._env"))


@contextmanager
def damage_raises() -> Iterator[None]:
    """Raise where pixels are read that the decoder made up, instead of a warning in the log.

    Only the first reading of a damaged block is noticed, for GDAL then keeps its pixels: close the dataset
    after an error. rasterio hands GDAL's warnings to `logging` alone, so that its level must let them pass.

    Raises:
        RasterioIOError: A JPEG stream is damaged.
    """
    for logger in _LOGGERS:
        if not logger.isEnabledFor(logging.WARNING):
            logger.setLevel(logging.WARNING)
        logger.addFilter(_FILTER)  # adds it once
    _FILTER.local.heard = heard = list[str]()
    try:
        yield
    finally:
        _FILTER.local.heard = None
    if heard:
        raise RasterioIOError(heard[0])
