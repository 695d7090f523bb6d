"""Imagery to pixels: sources, validity, plans, one ordered pass. Knows nothing of ordnance."""

from survey.ingest.aoi import Aoi, load_aoi, output_crs
from survey.ingest.inputs import expand_inputs
from survey.ingest.needed import needed_tiles
from survey.ingest.pixels import SourcePixels
from survey.ingest.plan import plan_tiles
from survey.ingest.reader import BlockPixels, UnreadBlock, read_blocks
from survey.ingest.source import open_image
from survey.ingest.validity import to_uint8, valid_pixels

__all__ = [
    "Aoi",
    "BlockPixels",
    "SourcePixels",
    "UnreadBlock",
    "expand_inputs",
    "load_aoi",
    "needed_tiles",
    "open_image",
    "output_crs",
    "plan_tiles",
    "read_blocks",
    "to_uint8",
    "valid_pixels",
]
