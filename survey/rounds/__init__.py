"""Posterior of a finished run with what became known since, in rounds that are kept."""

from survey.rounds.folder import Round, latest_round, rounds_of
from survey.rounds.run import RoundResult, compute_round, history

__all__ = ["Round", "RoundResult", "compute_round", "history", "latest_round", "rounds_of"]
