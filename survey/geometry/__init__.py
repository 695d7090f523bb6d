"""Checks of the geometry that goes to people and to their information systems, and repair that loses no ground."""

from survey.geometry.check import check_features
from survey.geometry.division import GRID_M, divide_ground
from survey.geometry.failure import LEAST_OVERLAP_M2, LONGEST_STEP_M, SAME_POINT_M, Failure, Fault, as_rows
from survey.geometry.repair import Repaired, repair_features

__all__ = [
    "GRID_M",
    "LEAST_OVERLAP_M2",
    "LONGEST_STEP_M",
    "SAME_POINT_M",
    "Failure",
    "Fault",
    "Repaired",
    "as_rows",
    "check_features",
    "divide_ground",
    "repair_features",
]
