"""Layers of evidence to a prior by hectare and group."""

from survey.evidence.config import EvidenceConfig, load_evidence
from survey.evidence.duds import DudRate
from survey.evidence.evaluate import Evaluation, evaluate
from survey.evidence.explain import Explanation, Section, explain, explain_prior
from survey.evidence.groups import GROUPS, VERDICTS
from survey.evidence.prior import Prior
from survey.evidence.run import EvidenceResult, grid_from, run_evidence
from survey.evidence.stored import StoredPrior
from survey.evidence.vectors import VectorReport

__all__ = [
    "GROUPS",
    "VERDICTS",
    "DudRate",
    "Evaluation",
    "EvidenceConfig",
    "EvidenceResult",
    "Explanation",
    "Prior",
    "Section",
    "StoredPrior",
    "VectorReport",
    "evaluate",
    "explain",
    "explain_prior",
    "grid_from",
    "load_evidence",
    "run_evidence",
]
