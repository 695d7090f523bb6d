"""Rasters of classes, streamed: they are never held whole."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Generic, TypeVar
from xml.etree import ElementTree as ET

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window as RasterWindow

from survey.export.cog import copy_to_cog
from survey.export.palette import rgb_of
from survey.files import replacing, temporary_beside, write_bytes
from survey.values import GroundGrid, Window

NODATA = 0
_BLOCK = 512
_CACHE_BYTES = 64 * 2**20
"""GDAL otherwise keeps 5 % of the machine's memory in tiles: 400 ha then took 1,016 MB in all."""


Code = TypeVar("Code", bound=IntEnum)


@dataclass(frozen=True, slots=True)
class Classes(Generic[Code]):
    """What the codes of a raster are called and how they are drawn."""

    band: str
    """Name of the band."""
    colours: Mapping[Code, str]
    """'#RRGGBB' by code."""
    labels: Mapping[Code, str]
    nodata_label: str


class CodeRaster:
    """A raster of codes in the making."""

    __slots__ = ("_dataset",)

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def add(self, codes: NDArray[np.uint8], window: Window) -> None:
        """Write the codes (height, width) of a window; windows do not overlap."""
        self._dataset.write(codes, 1, window=RasterWindow(window.col, window.row, window.width, window.height))


@contextmanager
def code_raster(
    path: Path, *, ground: GroundGrid, classes: Classes[Any], tags: Mapping[str, str]
) -> Iterator[CodeRaster]:
    """Write a Cloud Optimized GeoTIFF of codes with a palette, and the names of the codes to `<path>.aux.xml`.

    The file appears when the block ends, or not at all. The same codes give the same bytes.

    Args:
        path: File to write or replace.
        ground: Ground grid of the run; what no window covers is nodata.
        classes: Names and colours.
        tags: Provenance (run id, model id); no times, or two runs would differ.
    """
    streamed = temporary_beside(path, purpose=".streamed")
    try:
        with rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES):
            with rasterio.open(streamed, "w", **_profile(ground)) as dataset:
                dataset.write_colormap(1, _colour_table(classes))
                dataset.set_band_description(1, classes.band)
                dataset.update_tags(AREA_OR_POINT="Area", **dict(sorted(tags.items())))
                yield CodeRaster(dataset)
            with rasterio.open(streamed) as source, replacing(path) as temporary:
                copy_to_cog(source, temporary, block=_BLOCK, resampling="MODE")
    finally:
        streamed.unlink(missing_ok=True)
    write_bytes(path.with_name(path.name + ".aux.xml"), _category_names(classes))


def _profile(ground: GroundGrid) -> dict[str, Any]:
    """Return a tiled file; tiles that no patch touches take no room."""
    return {
        "driver": "GTiff",
        "count": 1,
        "height": ground.height,
        "width": ground.width,
        "dtype": "uint8",
        "crs": ground.hectares.crs,
        "transform": ground.transform,
        "nodata": NODATA,
        "photometric": "palette",
        "tiled": True,
        "blockxsize": _BLOCK,
        "blockysize": _BLOCK,
        "compress": "DEFLATE",
        "zlevel": 1,
        "sparse_ok": True,
        "bigtiff": "IF_SAFER",
    }


def _colour_table(classes: Classes[Any]) -> dict[int, tuple[int, int, int, int]]:
    """Return the palette of a uint8 band; unused entries are transparent like nodata."""
    table = dict.fromkeys(range(256), (0, 0, 0, 0))
    for code, colour in classes.colours.items():
        table[int(code)] = (*rgb_of(colour), 255)
    return table


def _category_names(classes: Classes[Any]) -> bytes:
    """Return the side file in which GDAL keeps category names: a TIFF has no tag for them."""
    root = ET.Element("PAMDataset")
    names = ET.SubElement(ET.SubElement(root, "PAMRasterBand", band="1"), "CategoryNames")
    ET.SubElement(names, "Category").text = classes.nodata_label
    for code in sorted(classes.labels):
        ET.SubElement(names, "Category").text = classes.labels[code]
    ET.indent(root)
    content: bytes = ET.tostring(root, encoding="utf-8")
    return content + b"\n"
