"""How well a model finds ordnance on sites that training never saw."""

from survey.evaluate.curves import average_precision, curve, operating_points, recall_at
from survey.evaluate.intervals import Rate, alarm_rate, recall_rate
from survey.evaluate.report import evaluate, evaluation, probing
from survey.evaluate.scores import Scores, on_own_ground, score_pictures
from survey.matching import MATCH_M

__all__ = [
    "MATCH_M",
    "Rate",
    "Scores",
    "alarm_rate",
    "average_precision",
    "curve",
    "evaluate",
    "evaluation",
    "on_own_ground",
    "operating_points",
    "probing",
    "recall_at",
    "recall_rate",
    "score_pictures",
]
