"""From detections and searched ground to risk per hectare."""

from survey.counts.mixture import Posterior
from survey.risk.assess import Observed, Review, assess, effective_search, observe
from survey.risk.belief import Belief, ratio_of
from survey.risk.cells import CellEvidence, Inference
from survey.risk.ground import project_core
from survey.risk.groups import UNIDENTIFIED, marks_of
from survey.risk.hectares import AreaTally, GroundPart, merge_ground
from survey.risk.looks import effective_looks
from survey.risk.posterior import items_per_cell, log_evidence
from survey.risk.prior import Prior, PriorField
from survey.risk.ratio import Ratio
from survey.risk.sight import SightTally
from survey.risk.sightings import merge_sightings
from survey.risk.superposition import infer
from survey.risk.work import Remaining, Taught, Work
from survey.risk.worked import infer_worked

__all__ = [
    "UNIDENTIFIED",
    "AreaTally",
    "Belief",
    "CellEvidence",
    "GroundPart",
    "Inference",
    "Observed",
    "Posterior",
    "Prior",
    "PriorField",
    "Ratio",
    "Remaining",
    "Review",
    "SightTally",
    "Taught",
    "Work",
    "assess",
    "effective_looks",
    "effective_search",
    "infer",
    "infer_worked",
    "items_per_cell",
    "log_evidence",
    "marks_of",
    "merge_ground",
    "merge_sightings",
    "observe",
    "project_core",
    "ratio_of",
]
