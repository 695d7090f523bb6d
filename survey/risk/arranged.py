"""Detections in the order in which the posterior takes them: by cell, then by mark."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.risk.cells import CellEvidence
from survey.risk.groups import UNIDENTIFIED
from survey.values import ORDNANCE_GROUPS

_CHUNK = 1 << 17
"""Cells x found x nodes held at once: 1 MB of float64, which stays in a core's cache."""
_NODES, _FINE_NODES = 8, 112
"""Nodes, about, of a cell with few detections."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Cells that are worked on together."""

    rows: NDArray[np.intp]
    told: int
    """Most detections of one group in a cell."""
    untold: int
    """Most detections of no group in a cell."""
    graded: bool


class Arranged:
    """Detections by cell and mark, and cells by how many of them they hold."""

    def __init__(self, evidence: CellEvidence) -> None:
        self.cells = len(evidence.searched_ha)
        rank = np.where(evidence.confirmed, np.inf, evidence.log_ratio)
        order = np.lexsort((-rank, evidence.mark, evidence.cell))
        self.cell, self.mark = evidence.cell[order], evidence.mark[order]
        self.confirmed = evidence.confirmed[order]
        self.log_ratio = evidence.log_ratio[order]
        self.place = rank_within(self.cell * (UNIDENTIFIED + 1) + self.mark)
        self.start = np.searchsorted(self.cell, np.arange(self.cells + 1))
        count = np.zeros((self.cells, UNIDENTIFIED + 1), np.intp)
        np.add.at(count, (self.cell, self.mark), 1)
        self.count = count

    def parts(self, graded: NDArray[np.bool_]) -> Iterator[Part]:
        """Yield all cells, those together that are alike in numbers of detections and in what is integrated over.

        Args:
            graded: (cells,) whether the integrand over recall needs graded nodes.
        """
        told = _level(self.count[:, :UNIDENTIFIED].max(axis=1, initial=0))
        untold = _level(self.count[:, UNIDENTIFIED])
        key = (told * (untold.max(initial=0) + 1) + untold) * 2 + graded
        order = np.argsort(key, kind="stable")
        for members in np.split(order, np.flatnonzero(np.diff(key[order])) + 1):
            if not len(members):
                continue
            w, u, fine = int(told[members[0]]), int(untold[members[0]]), bool(graded[members[0]])
            found = len(ORDNANCE_GROUPS) * w + u + 1
            step = max(1, _CHUNK // (found * max(_FINE_NODES if fine else _NODES, w + u + 1)))
            for first in range(0, len(members), step):
                yield Part(members[first : first + step], w, u, fine)

    def of(self, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return (detection, place in `rows` of its cell) of every detection of some cells."""
        each = self.start[rows + 1] - self.start[rows]
        local = np.repeat(np.arange(len(rows)), each)
        first = np.repeat(self.start[rows] - np.concatenate([[0], np.cumsum(each)[:-1]]), each)
        return np.arange(len(local)) + first, local


def rank_within(key: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the place of each element among those of its key; like keys stand together."""
    new = np.flatnonzero(np.diff(key, prepend=-1))
    return np.arange(len(key)) - np.repeat(new, np.diff(np.append(new, len(key))))


def _level(count: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return counts rounded up to 0, 1, 2, 3, 4, 6, 8, 12, 16, 24, ..., so that few shapes of arrays are needed."""
    half = 2 ** np.ceil(np.log2(np.maximum(count, 1) / 3)).astype(np.intp).clip(0) * 3
    whole = 2 ** np.ceil(np.log2(np.maximum(count, 1))).astype(np.intp)
    return np.where(count <= 3, count, np.minimum(np.where(half >= count, half, whole), whole))
