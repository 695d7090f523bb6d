"""Cover of the ground as a raster of classes."""

from survey.export.codes import Classes
from survey.export.palette import COVER_COLOURS, COVER_LABELS, NO_COVER_LABEL

COVER = Classes("cover", COVER_COLOURS, COVER_LABELS, NO_COVER_LABEL)
"""Nodata: not flown, not readable, or of imagery that was not searched."""
