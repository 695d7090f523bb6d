"""How figures are said to people."""

from collections.abc import Mapping
from math import floor, log10
from typing import Any

_SMALL_HA = 0.01
_REASONS_SAID = 3
"""Reasons named at the end of a run; `summary.json` has them all."""


def hectares(area_ha: float) -> str:
    """Return an area with its unit; small ones keep two digits that say something: '0.0012 ha'."""
    digits = 1 - floor(log10(area_ha)) if 0 < area_ha < _SMALL_HA else 2
    return f"{area_ha:.{digits}f} ha"


def time_left(area_ha: float, pace_ha_per_s: float) -> str:
    """Return hours, minutes and seconds as 'h:mm:ss', or '?' while there is no pace yet."""
    if pace_ha_per_s <= 0:
        return "?"
    seconds = round(max(0.0, area_ha) / pace_ha_per_s)
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def closing_lines(summary: Mapping[str, Any]) -> list[str]:
    """Return the end of a run in one line, and what could not be searched in another."""
    area, seen, blocks = (summary.get(key, {}) for key in ("area_ha", "detections", "blocks"))
    lines = ["done"]
    if area and seen:
        flown, searched = hectares(area["flown"]), hectares(area["searched"])
        items = f"{seen['items']} candidate items in {seen['sightings']} sightings"
        lines = [f"done: {flown} flown, {searched} searched; {items}"]
    if unsearched := blocks.get("not_searched", 0):
        reasons = [str(reason) for reason in blocks.get("reasons", ())]
        said = "; ".join(reasons[:_REASONS_SAID])
        more = len(reasons) - _REASONS_SAID
        rest = f"; and {more} more reasons, see summary.json" if more > 0 else ""
        lines.append(f"{unsearched} {'block' if unsearched == 1 else 'blocks'} could not be searched: {said}{rest}")
    return lines
