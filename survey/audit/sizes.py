"""Sizes of labels in metres: against what is published of the class, and against the other labels of the class."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from survey.audit.boxes import is_whole, place_of
from survey.audit.finding import Check, Coverage, Finding, Severity, Spot
from survey.audit.pictures import Marks

RANGES_M: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "ap_mine": (0.056, 0.434),  # M14; MON-200
        "at_mine": (0.2, 1.2),  # the smaller round mines; L9 bar mine
        "mine": (0.056, 1.2),
        "submunition": (0.039, 0.4),  # M42 standing on end; PTAB-2.5, BLU-97 with its tail
        "projectile": (0.08, 1.53),  # 20 mm; 240 mm mortar bomb
        "other_uxo": (0.03, 7.6),  # a fuze on end; 300 mm rocket
    }
)
"""Longest extents seen from above, metres, least and greatest of the class in published data sheets, rounded.
`anomaly` has none."""
SLACK = 1.5
"""A box may be this much larger than its item, for its margin and shadow, or smaller: an item that lies askew fills
1/1.41 of its length, and soil or grass may cover a part."""
DRAWN_PX = 2.0
"""A box is drawn to about a pixel on either side."""
LEAST_LABELS = 8
"""A class with fewer labels on a site has no spread to judge by."""
OUTLIER = 3.5
"""Modified z-score of an outlier: Iglewicz and Hoaglin, How to detect and handle outliers, 1993."""
LEAST_RATIO = 1.5
"""Nothing within this factor of the class's median is an outlier, however alike the others are."""
FITS = 2.0
"""An outlier fits another class whose modified z-score of it is no more."""


@dataclass(frozen=True, slots=True, eq=False)
class Sized:
    """Whole boxes of one class on one site; arrays of shape (N,)."""

    site: str
    class_name: str
    scale_known: bool
    spots: tuple[Spot, ...]
    size_m: NDArray[np.float64]
    gsd_m: NDArray[np.float64]

    @property
    def median_m(self) -> float:
        """The middle size."""
        return float(np.median(self.size_m))

    @property
    def enough(self) -> bool:
        """Whether there are enough to tell what is usual."""
        return len(self.size_m) >= LEAST_LABELS

    @property
    def published(self) -> bool:
        """Whether they can be compared with published sizes."""
        return self.scale_known and self.class_name in RANGES_M

    def score(self, size_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return modified z-scores of sizes by their logarithm, 0 within `LEAST_RATIO` of the median."""
        middle = np.log(self.median_m)
        apart = np.abs(np.log(size_m) - middle)
        spread = max(float(np.median(np.abs(np.log(self.size_m) - middle))), 1e-9)
        return np.where(apart <= np.log(LEAST_RATIO), 0.0, 0.6745 * apart / spread)

    def may_hold(self, other: "Sized") -> bool:
        """Whether labels of `other` may belong to this class as well: another one of that site, with labels enough."""
        same = (self.site, self.scale_known) == (other.site, other.scale_known)
        return same and self.class_name != other.class_name and self.enough


def check_sizes(labelled: Sequence[tuple[str, str, Marks]]) -> tuple[list[Finding], list[Coverage]]:
    """Return labels of an odd size, and those whose size is that of another class.

    Args:
        labelled: (site, file, labels) of each file.
    """
    groups = _grouped(labelled)
    findings: list[Finding] = []
    for group in groups:
        odd = _implausible(group)
        findings += [_published(group, n) for n in np.flatnonzero(odd).tolist()]
        if not group.enough:
            continue
        for n in np.flatnonzero(group.score(group.size_m) > OUTLIER).tolist():
            fitting = [g for g in groups if g.may_hold(group) and g.score(group.size_m[n : n + 1])[0] <= FITS]
            if fitting:
                closest = min(fitting, key=lambda g: abs(np.log(g.median_m / group.size_m[n])))
                findings.append(_swapped(group, n, closest))
            elif not odd[n]:
                findings.append(_outlier(group, n))
    cut = sum(int((~is_whole(marks)).sum()) for *_, marks in labelled)
    return findings, [_sizes_covered(groups, cut=cut), _swaps_covered(groups)]


def _grouped(labelled: Sequence[tuple[str, str, Marks]]) -> list[Sized]:
    rows: dict[tuple[str, str, bool], list[tuple[Spot, float, float]]] = {}
    for site, file, marks in labelled:
        for n in np.flatnonzero(is_whole(marks)).tolist():
            key = (site, marks.boxes.classes[n], marks.scale_known)
            size_m = float(marks.boxes.size_px[n]) * marks.gsd_m
            rows.setdefault(key, []).append((Spot(file, place_of(marks, n)), size_m, marks.gsd_m))
    return [
        Sized(*key, tuple(r[0] for r in own), np.array([r[1] for r in own]), np.array([r[2] for r in own]))
        for key, own in sorted(rows.items())
    ]


def _implausible(group: Sized) -> NDArray[np.bool_]:
    """Return (N,) which sizes no item of the class has."""
    if not group.published:
        return np.zeros(len(group.size_m), bool)
    least, most = RANGES_M[group.class_name]
    drawn = DRAWN_PX * group.gsd_m
    return (group.size_m + drawn < least / SLACK) | (group.size_m - drawn > most * SLACK)


def _published(group: Sized, n: int) -> Finding:
    least, most = RANGES_M[group.class_name]
    size, gsd = group.size_m[n], group.gsd_m[n]
    words = (
        f"{group.class_name} of {_told(size)} at a GSD of {gsd * 100:.2g} cm, but published sizes are {_told(least)} "
        f"to {_told(most)}: class, box or GSD is wrong"
    )
    numbers = {"size_m": _short(size), "gsd_m": _short(gsd), "least_m": least, "greatest_m": most}
    return Finding(Check.SIZES, Severity.WARNING, group.site, group.spots[n], words, numbers)


def _outlier(group: Sized, n: int) -> Finding:
    words = f"{group.class_name} of {_told(group.size_m[n])}, but the middle one of the site is {_told(group.median_m)}"
    if not group.scale_known:
        words += "; at the one GSD of the data list, which is none of the frames' own"
    return Finding(Check.SIZES, Severity.WARNING, group.site, group.spots[n], words, _compared(group, n))


def _swapped(group: Sized, n: int, other: Sized) -> Finding:
    words = (
        f"{group.class_name} of {_told(group.size_m[n])}: the site's middle one is {_told(group.median_m)}, and its "
        f"{other.class_name} {_told(other.median_m)}; perhaps it is {other.class_name}"
    )
    numbers = {**_compared(group, n), "other_class": other.class_name, "other_median_m": _short(other.median_m)}
    return Finding(Check.CLASSES_BY_SIZE, Severity.WARNING, group.site, group.spots[n], words, numbers)


def _compared(group: Sized, n: int) -> dict[str, float | str]:
    score = float(group.score(group.size_m[n : n + 1])[0])
    return {
        "size_m": _short(group.size_m[n]),
        "median_m": _short(group.median_m),
        "modified_z": round(min(score, 1e6), 1),
        "labels": len(group.size_m),
    }


def _sizes_covered(groups: Sequence[Sized], *, cut: int) -> Coverage:
    judged = sum(len(g.size_m) for g in groups if g.published or g.enough)
    left_out = []
    if cut:
        left_out.append(f"{_labels(cut)}: the box is cut by the picture's edge, outside it or empty")
    for group in groups:
        who = f"{group.site}: {_labels(len(group.size_m))} of {group.class_name}"
        if not group.scale_known:
            left_out.append(f"{who} not compared with published sizes: the GSD of their frames follows from them")
        elif not group.published:
            left_out.append(f"{who} not compared with published sizes: none are known here for this class")
        if not group.enough:
            left_out.append(f"{who} not compared with each other: {LEAST_LABELS} are needed")
    return Coverage(Check.SIZES, judged, "labels", tuple(left_out))


def _swaps_covered(groups: Sequence[Sized]) -> Coverage:
    compared, left_out = 0, []
    for group in groups:
        if group.enough and any(g.may_hold(group) for g in groups):
            compared += len(group.size_m)
            continue
        why = "no other class of the site has so many" if group.enough else f"{LEAST_LABELS} are needed"
        left_out.append(f"{group.site}: {_labels(len(group.size_m))} of {group.class_name}: {why}")
    return Coverage(Check.CLASSES_BY_SIZE, compared, "labels", tuple(left_out))


def _labels(count: int) -> str:
    return f"{count} label{'s' * (count != 1)}"


def _told(size_m: float) -> str:
    return f"{size_m * 100:.3g} cm" if size_m < 1 else f"{size_m:.3g} m"


def _short(value: float) -> float:
    return float(f"{value:.4g}")
