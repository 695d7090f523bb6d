"""Groups of ordnance that risk is told apart for: each has its own methods of clearance."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from survey.values import ORDNANCE_GROUPS

GROUP_OF_CLASS = {
    "ap_mine": "ap",
    "at_mine": "at",
    "submunition": "submunition",
    "projectile": "uxo",
    "other_uxo": "uxo",
}
"""A class that is not listed, such as `anomaly`, may be an item of any group."""
UNIDENTIFIED = len(ORDNANCE_GROUPS)
"""Mark of a sighting whose group is not known; marks below it are places in `ORDNANCE_GROUPS`."""


def marks_of(classes: Sequence[str], class_index: NDArray[np.integer]) -> NDArray[np.intp]:
    """Return the mark of each sighting: its group's place in `ORDNANCE_GROUPS`, or `UNIDENTIFIED`.

    Args:
        classes: Names that `class_index` points into.
        class_index: (K,).
    """
    place = {name: number for number, name in enumerate(ORDNANCE_GROUPS)}
    lookup = [place.get(GROUP_OF_CLASS.get(name, ""), UNIDENTIFIED) for name in classes]
    marks: NDArray[np.intp] = np.array(lookup, np.intp)[class_index]
    return marks


def counts_by_mark(by_class: Mapping[str, int]) -> NDArray[np.intp]:
    """Return (groups + 1,) how many of what was counted by class carry each mark."""
    marks = marks_of(tuple(by_class), np.arange(len(by_class)))
    counts = np.bincount(marks, np.array(list(by_class.values()), np.float64), minlength=UNIDENTIFIED + 1)
    return counts.astype(np.intp)
