"""Rows and strips in which items were laid, found to look for what was left behind along and beyond them."""

from survey.patterns.find import FoundRow, find_rows
from survey.patterns.ground import SearchedGround
from survey.patterns.hazard import Recall, hazard_along, hazard_raster
from survey.patterns.run import run_patterns
from survey.patterns.settings import PatternSettings
from survey.patterns.spacing import Spacing, estimate_spacing

__all__ = [
    "FoundRow",
    "PatternSettings",
    "Recall",
    "SearchedGround",
    "Spacing",
    "estimate_spacing",
    "find_rows",
    "hazard_along",
    "hazard_raster",
    "run_patterns",
]
