"""Ground disturbance as a raster of classes, streamed: it is never held whole."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import rasterio
from rasterio.windows import Window as RasterWindow

from survey.export.cog import copy_to_cog
from survey.export.palette import GROUND_COLOURS, GROUND_LABELS, NOT_SEARCHED_LABEL, rgb_of
from survey.files import replacing, temporary_beside, write_bytes
from survey.values import GroundCode, GroundGrid, GroundPatch

NODATA = 0
"""Not flown, or flown and not searched: nothing is known of such ground, so it is not drawn."""
_BLOCK = 512
_CACHE_BYTES = 64 * 2**20
"""GDAL otherwise keeps 5 % of the machine's memory in tiles: 400 ha then took 1,016 MB in all."""


def write_disturbance(
    path: Path, *, ground: GroundGrid, patches: Iterable[GroundPatch], tags: Mapping[str, str]
) -> None:
    """Write the classes of `GroundCode` with a palette, and their names to `<path>.aux.xml`.

    The same patches give the same bytes.

    Args:
        path: File to write or replace.
        ground: Ground grid of the run.
        patches: Patches that do not overlap, such as whole segments of hectare rows; the rest is nodata.
        tags: Provenance (run id, model id); no times, or two runs would differ.
    """
    streamed = temporary_beside(path, purpose=".streamed")
    try:
        with rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES):
            _stream(streamed, ground=ground, patches=patches, tags=tags)
            with rasterio.open(streamed) as source, replacing(path) as temporary:
                copy_to_cog(source, temporary, block=_BLOCK, resampling="MODE")
    finally:
        streamed.unlink(missing_ok=True)
    write_bytes(path.with_name(path.name + ".aux.xml"), _category_names())


def _stream(path: Path, *, ground: GroundGrid, patches: Iterable[GroundPatch], tags: Mapping[str, str]) -> None:
    """Write the patches to a tiled file; tiles that no patch touches take no room."""
    profile = {
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
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write_colormap(1, _colour_table())
        dataset.set_band_description(1, "disturbance")
        dataset.update_tags(AREA_OR_POINT="Area", **dict(sorted(tags.items())))
        for patch in patches:
            shown = np.where(patch.codes == GroundCode.NOT_SEARCHED, np.uint8(NODATA), patch.codes)
            window = patch.window
            dataset.write(shown, 1, window=RasterWindow(window.col, window.row, window.width, window.height))


def _colour_table() -> dict[int, tuple[int, int, int, int]]:
    """Return the palette of a uint8 band; unused entries are transparent like nodata."""
    table = dict.fromkeys(range(256), (0, 0, 0, 0))
    for code, colour in GROUND_COLOURS.items():
        table[int(code)] = (*rgb_of(colour), 255)
    return table


def _category_names() -> bytes:
    """Return the side file in which GDAL keeps category names: a TIFF has no tag for them."""
    root = ET.Element("PAMDataset")
    names = ET.SubElement(ET.SubElement(root, "PAMRasterBand", band="1"), "CategoryNames")
    ET.SubElement(names, "Category").text = NOT_SEARCHED_LABEL
    for code in sorted(GROUND_LABELS):
        ET.SubElement(names, "Category").text = GROUND_LABELS[code]
    ET.indent(root)
    content: bytes = ET.tostring(root, encoding="utf-8")
    return content + b"\n"
