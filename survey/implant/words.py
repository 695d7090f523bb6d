"""What laid items say of a run, in words. They are simulated: only how their share differs between grounds counts."""

from collections.abc import Mapping
from typing import Any

SIMULATED = "they are simulated, so their share is no recall: only how it differs between grounds is used"


def in_words(facts: Mapping[str, Any]) -> str:
    """Return what a run's summary says of its implants in a sentence or two.

    Args:
        facts: `implants` of the summary.
    """
    if not facts["laid"]:
        return f"recall is the model card's as it stands: {facts['not_measured']}"
    here = f"{facts['found']} of {facts['laid']} simulated items laid on this imagery were found"
    if facts["ratio"] is None:
        return f"{here}; recall is the model card's as it stands: {facts['not_measured']}"
    reference, ratio, recall = facts["reference"], facts["ratio"], facts["recall"]
    there = f"{reference['found']} of {reference['laid']} on the ground that the card's recall was counted on"
    factor = f"{ratio['mean']:.2f} (95 % between {ratio['low']:.2f} and {ratio['high']:.2f}; never above 1)"
    change = f"recall was multiplied by {factor}: {recall['card']:.2f} became {recall['here']:.2f}"
    return f"{here}, {there}; {change}; {SIMULATED}"


def warning_of(facts: Mapping[str, Any]) -> str | None:
    """Return a warning where less is found here than on the card's ground for all that chance may do; else None."""
    ratio = facts["ratio"]
    if ratio is None or ratio["high"] >= 1:
        return None
    return f"on this ground the model finds less than where its recall was measured: {in_words(facts)}"
