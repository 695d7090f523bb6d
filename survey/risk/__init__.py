"""From detections and searched ground to risk per hectare."""

from survey.risk.assess import assess
from survey.risk.ground import project_core
from survey.risk.hectares import AreaTally, GroundPart, merge_ground
from survey.risk.posterior import Posterior, items_per_cell, log_evidence
from survey.risk.prior import Prior
from survey.risk.sightings import merge_sightings

__all__ = [
    "AreaTally",
    "GroundPart",
    "Posterior",
    "Prior",
    "assess",
    "items_per_cell",
    "log_evidence",
    "merge_ground",
    "merge_sightings",
    "project_core",
]
