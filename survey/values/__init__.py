"""The values that flow between the stages: immutable, checked at birth, defined here only."""

from survey.values.cover import COVERS, CoverCode, merge_covers
from survey.values.detections import CLASSES, UNIDENTIFIED_CLASS, Detections, concatenate
from survey.values.grid import HECTARE_EDGE_M, GroundGrid, HectareGrid
from survey.values.ground import DISTURBANCES, GroundCode, GroundPatch, GroundView, SearchedArea, merge_codes
from survey.values.image import BandRoles, Image, Validity, WorkingGrid, working_extent
from survey.values.performance import Performance
from survey.values.risk import GROUP_BANDS, ORDNANCE_GROUPS, RISK_BANDS, Risk
from survey.values.tiles import Block, Tile, TilePlan
from survey.values.window import Window

__all__ = [
    "CLASSES",
    "COVERS",
    "DISTURBANCES",
    "GROUP_BANDS",
    "HECTARE_EDGE_M",
    "ORDNANCE_GROUPS",
    "RISK_BANDS",
    "UNIDENTIFIED_CLASS",
    "BandRoles",
    "Block",
    "CoverCode",
    "Detections",
    "GroundCode",
    "GroundGrid",
    "GroundPatch",
    "GroundView",
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
    "merge_covers",
    "working_extent",
]
