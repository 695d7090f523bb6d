"""The values that flow between the stages: immutable, checked at birth, defined here only."""

from survey.values.detections import Detections, concatenate
from survey.values.grid import HECTARE_EDGE_M, GroundGrid, HectareGrid
from survey.values.ground import DISTURBANCES, GroundCode, GroundPatch, SearchedArea, merge_codes
from survey.values.image import BandRoles, Image, Validity, WorkingGrid, working_extent
from survey.values.performance import Performance
from survey.values.risk import GROUP_BANDS, ORDNANCE_GROUPS, RISK_BANDS, Risk
from survey.values.tiles import Block, Tile, TilePlan
from survey.values.window import Window

__all__ = [
    "DISTURBANCES",
    "GROUP_BANDS",
    "HECTARE_EDGE_M",
    "ORDNANCE_GROUPS",
    "RISK_BANDS",
    "BandRoles",
    "Block",
    "Detections",
    "GroundCode",
    "GroundGrid",
    "GroundPatch",
    "HectareGrid",
    "Image",
    "Performance",
    "Risk",
    "SearchedArea",
    "Tile",
    "TilePlan",
    "Validity",
    "Window",
    "WorkingGrid",
    "concatenate",
    "merge_codes",
    "working_extent",
]
