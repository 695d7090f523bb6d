"""JPEG blocks of a TIFF handed on as they are: nothing is decoded or encoded, and every pixel is the file's own."""

import os
from pathlib import Path
from typing import Any

from survey.page.pixels import BLANK, Picture

_START, _END = b"\xff\xd8", b"\xff\xd9"


class JpegBlocks:
    """The JPEG blocks of one resolution level of a file."""

    def __init__(self, path: Path, *, overview: int | None, tables: bytes) -> None:
        self._path = path
        self._overview = overview
        self._tables = tables[:-2] if tables.endswith(_END) else tables

    @classmethod
    def of(cls, dataset: Any, path: Path, *, overview: int | None, block: int) -> "JpegBlocks | None":
        """Return the blocks of a level; None where a browser could not show them as GDAL does.

        Only three bands of 8 bits in one YCbCr stream are taken: browsers read a stream without markers as that.

        Args:
            dataset: The level's dataset, open.
            path: File.
            overview: Number of the overview; None: full resolution.
            block: Edge of the square blocks wanted.
        """
        profile = dataset.profile
        fits = (
            dataset.driver == "GTiff"
            and str(profile.get("compress", "")).lower() == "jpeg"
            and str(profile.get("photometric", "")).lower() == "ycbcr"
            and str(profile.get("interleave", "")).lower() == "pixel"
            and dataset.count == 3
            and set(dataset.dtypes) == {"uint8"}
            and set(dataset.block_shapes) == {(block, block)}
        )
        if not fits or not path.is_file():
            return None
        tables = dataset.get_tag_item("JPEGTABLES", "TIFF", bidx=1)
        return cls(path, overview=overview, tables=bytes.fromhex(tables) if tables else b"")

    def block(self, dataset: Any, col: int, row: int) -> Picture | None:
        """Return a block; a sparse one is blank. None where it is no JPEG stream, and has to be read otherwise."""
        offset = dataset.get_tag_item(f"BLOCK_OFFSET_{col}_{row}", "TIFF", bidx=1)
        size = dataset.get_tag_item(f"BLOCK_SIZE_{col}_{row}", "TIFF", bidx=1)
        if offset is None or size is None:
            return BLANK
        handle = os.open(self._path, os.O_RDONLY)
        try:
            data = os.pread(handle, int(size), int(offset))
        finally:
            os.close(handle)
        if not data.startswith(_START) or not data.rstrip(b"\x00").endswith(_END):
            return None
        return Picture(self._tables + data[2:] if self._tables else data, "image/jpeg")
