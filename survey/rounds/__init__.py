"""Posterior of a finished run with what became known since, in rounds that are kept."""

from survey.rounds.current import Current, current_of
from survey.rounds.folder import Round, latest_round, rounds_of
from survey.rounds.run import RoundResult, compute_round, history
from survey.rounds.taken import TakenEvidence

__all__ = [
    "Current",
    "Round",
    "RoundResult",
    "TakenEvidence",
    "compute_round",
    "current_of",
    "history",
    "latest_round",
    "rounds_of",
]
