"""Opinions with everything that a test does not care about filled in."""

from typing import Any

from survey.review import Kind, Opinion, Place, Status

CRS = "EPSG:32638"


def opinion(
    subject: str = "d1",
    status: Status = Status.CONFIRMED,
    *,
    x: float = 500_050.0,
    y: float = 4_400_030.0,
    error_m: float = 0.02,
    crs: str = CRS,
    **more: Any,
) -> Opinion:
    """Return an opinion on a sighting, unless `kind` says otherwise."""
    given: dict[str, Any] = {
        "kind": Kind.SIGHTING,
        "reviewer": "Aygun",
        "label": "ap_mine",
        "size_m": 0.1,
        "run_id": "r1",
    } | more
    return Opinion(status=status, subject=subject, place=Place(crs, x, y, error_m), **given)
