"""How things and decisions are told to the page."""

from typing import Any

import numpy as np
import shapely

from survey.review.counts import Estimate
from survey.review.decision import Decision
from survey.review.standing import Standing


def state_of(thing: Standing | None) -> str:
    """Return a word for the map: 'open', 'confirmed', 'rejected', 'unsure' or 'disputed'."""
    if thing is None:
        return "open"
    if thing.disputed:
        return "disputed"
    return {1: "confirmed", -1: "rejected", 0: "unsure"}[thing.verdict]


def drawn_item(thing: Standing) -> dict[str, Any]:
    """Return an item that a reviewer drew."""
    told = thing.last.opinion
    ring = list(shapely.from_wkt(told.geometry).exterior.coords) if told.geometry else None
    return {
        "subject": thing.subject,
        "x": told.place.x,
        "y": told.place.y,
        "size_m": told.size_m,
        "class": told.label,
        "ring": ring,
        "state": state_of(thing),
    }


def decision_told(decision: Decision) -> dict[str, Any]:
    """Return a decision."""
    told = decision.opinion
    return {
        "uid": decision.uid,
        "decided_at": decision.decided_at,
        "previous": decision.previous,
        "kind": told.kind,
        "status": told.status,
        "subject": told.subject,
        "reviewer": told.reviewer,
        "class": told.label,
        "note": told.note,
        "blind_round": told.blind_round,
    }


def estimate_told(estimate: Estimate) -> dict[str, float | None]:
    """Return a figure with its interval; an end that is not finite is None."""
    high = estimate.high if np.isfinite(estimate.high) else None
    return {"value": estimate.value, "low": estimate.low, "high": high}
