"""A prior learnt from ground whose past is known: P(contaminated) of a cell from what a map tells of it."""

from survey.prior.apply import apply_prior
from survey.prior.config import PriorConfig
from survey.prior.fit import fit_prior
from survey.prior.model import LearntPrior, load_prior

__all__ = ["LearntPrior", "PriorConfig", "apply_prior", "fit_prior", "load_prior"]
