"""Recall against false alarms per hectare, and precision over recall, by centre distance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.evaluate.intervals import Rate, Units, recall_rate
from survey.evaluate.scores import Scores
from survey.matching import MATCH_M

RATES = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""False alarms per hectare at which recall is reported."""
RECALLS = (0.90, 0.95)
"""Recalls at which false alarms per hectare are reported."""


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Counts at every threshold at which they change. Arrays of shape (T,), highest threshold first."""

    score: NDArray[np.float64]
    """Sightings of this score and above are counted; one score is one threshold, however many share it."""
    found: NDArray[np.intp]
    alarms: NDArray[np.intp]
    items: int
    area_ha: float

    @property
    def recall(self) -> NDArray[np.float64]:
        """(T,) share of the items found; NaN where there is none."""
        return np.asarray(np.divide(self.found, self.items or np.nan), np.float64)

    @property
    def precision(self) -> NDArray[np.float64]:
        """(T,) share of true sightings."""
        return np.asarray(np.divide(self.found, np.maximum(1, self.found + self.alarms)), np.float64)

    @property
    def alarms_per_ha(self) -> NDArray[np.float64]:
        """(T,) false alarms per hectare."""
        return np.asarray(np.divide(self.alarms, self.area_ha), np.float64)


def curve(scores: Scores) -> Curve:
    """Return what is found and what is raised falsely, threshold by threshold."""
    seen = scores.sightings
    order = np.argsort(-seen.score, kind="stable")
    score, true = seen.score[order], seen.true[order]
    last = np.flatnonzero(np.append(np.diff(score) != 0, True)) if len(score) else np.empty(0, np.intp)
    found, alarms = (np.cumsum(each, dtype=np.intp)[last] for each in (true, ~true))
    return Curve(score[last], found, alarms, len(scores.items.x), scores.area_ha)


def average_precision(scores: Scores) -> float:
    """Return the area under precision over recall by centre distance: every point, no interpolation.

    Sum over thresholds of precision times the recall gained there; items never found add nothing. NaN
    where there is no item.
    """
    points = curve(scores)
    if not points.items:
        return float("nan")
    gained = np.diff(points.found, prepend=0)
    return float((points.precision * gained).sum() / points.items)


def recall_at(scores: Scores, alarms_per_ha: float) -> tuple[float, float]:
    """Return (recall, score) at the lowest threshold with at most this many false alarms per hectare.

    The score is 1 where every threshold has more.
    """
    points = curve(scores)
    within = np.flatnonzero(points.alarms_per_ha <= alarms_per_ha)
    if not len(within):
        return 0.0, 1.0
    return float(points.recall[within[-1]]), float(points.score[within[-1]])


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """Recall and false alarms at one threshold, with their intervals."""

    score: float
    recall: Rate
    alarms: Rate


def chance_recall(scores: Scores, alarms_per_ha: float) -> float | None:
    """Return the recall of that many sightings a hectare strewn at random: what a curve has to stay above.

    1 - exp(-density times the area within reach), a mean over the items; None where there is none. Where a
    curve meets it, items are found because something is always near, not because they are seen.
    """
    reach = np.fmax(MATCH_M, scores.items.size_m / 2)
    return float(np.mean(-np.expm1(-alarms_per_ha / 1e4 * np.pi * reach**2))) if len(reach) else None


def units_of(scores: Scores) -> Units:
    """Return what intervals on false alarms are resampled over."""
    ground = scores.stretches
    return Units.choose(ground.sites, ground.area_ha, kind=ground.kind)


def operating_points(scores: Scores, thresholds: list[float]) -> list[OperatingPoint]:
    """Return what is found and raised falsely by sightings of each score and above."""
    seen = scores.sightings
    alarms = units_of(scores).alarm_rates([seen.stretch[(seen.score >= t) & ~seen.true] for t in thresholds])
    items = len(scores.items.x)
    found = [recall_rate(int((seen.true & (seen.score >= t)).sum()), items) for t in thresholds]
    return [OperatingPoint(t, r, a) for t, r, a in zip(thresholds, found, alarms, strict=True)]


def score_for_recall(scores: Scores, recall: float) -> float | None:
    """Return the highest threshold that finds this share of the items; None where none does."""
    points = curve(scores)
    reached = np.flatnonzero(points.found >= recall * points.items - 1e-9) if points.items else np.empty(0, np.intp)
    return float(points.score[reached[0]]) if len(reached) else None
