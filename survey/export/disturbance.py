"""Ground disturbance as a raster of classes."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from survey.export.codes import NODATA, Classes, code_raster
from survey.export.palette import GROUND_COLOURS, GROUND_LABELS, NOT_SEARCHED_LABEL
from survey.values import GroundCode, GroundGrid, GroundPatch

DISTURBANCE = Classes("disturbance", GROUND_COLOURS, GROUND_LABELS, NOT_SEARCHED_LABEL)
"""Nodata: not flown, or flown and not searched. Nothing is known of such ground, so it is not drawn."""


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
    with code_raster(path, ground=ground, classes=DISTURBANCE, tags=tags) as raster:
        for patch in patches:
            shown = np.where(patch.codes == GroundCode.NOT_SEARCHED, np.uint8(NODATA), patch.codes)
            raster.add(shown, patch.window)
