"""What can be wrong with a feature's geometry or id."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Geometries = Sequence[Any] | NDArray[np.object_]
"""Shapely geometries, or None."""
SAME_POINT_M = 0.1
"""Points nearer than this are one point. GICHD's tools compare at a millionth of a degree, which is as much."""
LONGEST_STEP_M = 5000.0
"""Between consecutive points of a polygon; a longer one is mostly a mistyped coordinate."""
LEAST_OVERLAP_M2 = 1.0
"""Neighbours that share an edge overlap by rounding; what is less than this is no overlap, and no polygon either."""


class Fault(StrEnum):
    """The checks that mine action centres make before data goes into IMSMA (GICHD's geocheck)."""

    NO_GEOMETRY = "no geometry"
    NOT_FINITE = "coordinates that are not numbers"
    FEW_VERTICES = "polygon with fewer than 3 vertices"
    REPEATED_POINT = "duplicate consecutive points"
    REPEATED_END = "last points that repeat the first"
    INVALID = "invalid polygon"
    NO_AREA = "polygon without area"
    REPEATED_ID = "duplicate id"
    COPY = "duplicate polygon"
    OVERLAP = "overlap with another polygon"
    LONG_STEP = "consecutive points too far apart"


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing wrong with one feature."""

    feature: str
    """Its id as it was given."""
    position: int
    """Its number among the features, from 0: ids may be given twice."""
    fault: Fault
    x: float
    """Place of the fault in the CRS of the features; NaN where there is none."""
    y: float
    detail: str
    outcome: str = "found"
    """'found' by a check; after a repair 'repaired: how', 'set aside' or 'kept as it is'."""

    def __str__(self) -> str:
        place = f" at {self.x:.1f} {self.y:.1f}" if self.x == self.x else ""
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.feature}: {self.fault}{place}{detail}: {self.outcome}"


def as_rows(failures: Iterable[Failure]) -> list[dict[str, Any]]:
    """Return failures for JSON; a place that is not known is null."""
    return [
        {
            "feature": f.feature,
            "position": f.position,
            "fault": str(f.fault),
            "x": f.x if f.x == f.x else None,
            "y": f.y if f.y == f.y else None,
            "detail": f.detail,
            "outcome": f.outcome,
        }
        for f in failures
    ]
