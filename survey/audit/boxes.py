"""Boxes that no item can have: outside the picture, without extent, drawn twice."""

import numpy as np
from numpy.typing import NDArray

from survey.audit.finding import Check, Finding, Place, Severity, Spot
from survey.audit.pictures import Marks

EDGE_PX = 1.0
"""Boxes that come this close to the picture's edge are cut by it; they may reach this far beyond by rounding."""
LEAST_PX = 1.0
"""A box lower or narrower than this has no extent."""
SAME_SHARE = 0.7
"""Boxes that share this much of their union are one thing: two things on the ground do not overlap so."""


def place_of(marks: Marks, n: int) -> Place:
    """Return the place of a label."""
    top, left, bottom, right = (float(v) for v in marks.boxes.edges[n])
    return top, left, bottom, right


def is_whole(marks: Marks) -> NDArray[np.bool_]:
    """Return (N,) which boxes have an extent and lie inside the picture without touching its edge."""
    top, left, bottom, right = marks.boxes.edges.T
    inside = (top > EDGE_PX) & (left > EDGE_PX)
    inside &= (bottom < marks.height - EDGE_PX) & (right < marks.width - EDGE_PX)
    return np.asarray(inside & (np.minimum(bottom - top, right - left) >= LEAST_PX), bool)


def check_boxes(marks: Marks, *, site: str, file: str) -> list[Finding]:
    """Return what is wrong with the boxes of one file, one finding a box, and one a pair drawn twice."""
    findings = []
    usable = []
    for n, name in enumerate(marks.boxes.classes):
        place = place_of(marks, n)
        severity, words = _fault(place, marks)
        if severity is None:
            usable.append(n)
            continue
        spot = Spot(file, place if np.isfinite(place).all() else None)
        findings.append(Finding(Check.BOXES, severity, site, spot, f"{name}: {words}", _numbers(place)))
        if severity is not Severity.ERROR:
            usable.append(n)
    return findings + _twice(marks, usable, site=site, file=file)


def _fault(place: Place, marks: Marks) -> tuple[Severity | None, str]:
    top, left, bottom, right = place
    if not np.isfinite(place).all():
        return Severity.ERROR, "the box has no place: its numbers are not finite"
    if bottom - top < LEAST_PX or right - left < LEAST_PX:
        return Severity.ERROR, f"the box has no extent: {right - left:.3g} × {bottom - top:.3g} px"
    if bottom <= 0 or right <= 0 or top >= marks.height or left >= marks.width:
        return Severity.ERROR, f"the box lies outside the picture of {marks.width} × {marks.height} px"
    beyond = max(-top, -left, bottom - marks.height, right - marks.width)
    if beyond > EDGE_PX:
        return Severity.WARNING, f"the box reaches {beyond:.1f} px beyond the picture"
    if beyond >= -EDGE_PX:
        return Severity.INFO, "the picture's edge cuts the item: its size and centre are those of what shows"
    return None, ""


def _twice(marks: Marks, usable: list[int], *, site: str, file: str) -> list[Finding]:
    findings = []
    edges = marks.boxes.edges
    for at, m in enumerate(usable):
        earlier = np.array(usable[:at], np.intp)
        shares = overlaps(edges[m], edges[earlier])
        for n, share in zip(earlier[shares >= SAME_SHARE], shares[shares >= SAME_SHARE], strict=True):
            one, two = marks.boxes.classes[n], marks.boxes.classes[m]
            same = one == two
            words = f"{one}: boxed twice" if same else f"one thing is boxed as {one} and as {two}"
            severity = Severity.WARNING if same else Severity.ERROR
            own, other = Spot(file, place_of(marks, m)), Spot(file, place_of(marks, n))
            numbers = {"shared": round(float(share), 3)}
            findings.append(Finding(Check.BOXES, severity, site, own, words, numbers, beside=other))
    return findings


def overlaps(one: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (N,) the intersection of a box (4,) with each of N boxes (N, 4), as a share of their union."""
    sides = np.minimum(others[:, 2:], one[2:]) - np.maximum(others[:, :2], one[:2])
    both = np.maximum(sides, 0).prod(axis=1)
    whole = (others[:, 2:] - others[:, :2]).prod(axis=1) + (one[2:] - one[:2]).prod()
    return np.asarray(both / (whole - both), np.float64)


def _numbers(place: Place) -> dict[str, float | str]:
    if not np.isfinite(place).all():
        return {}
    return {"height_px": round(place[2] - place[0], 2), "width_px": round(place[3] - place[1], 2)}
