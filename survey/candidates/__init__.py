"""Proposals of hazardous areas, for people to judge: candidate SHA and candidate CHA by a stated rule."""

from survey.candidates.config import CandidatesConfig
from survey.candidates.run import propose

__all__ = ["CandidatesConfig", "propose"]
