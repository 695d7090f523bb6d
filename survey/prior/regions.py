"""Folds of neighbouring blocks: what is left out lies in one piece, as far off as another region."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.intp]


def regions(blocks: NDArray[np.str_], x_km: Array, y_km: Array, *, most: int) -> Index:
    """Return the fold of each of N cells; a block lies in one fold whole, and a fold's blocks lie side by side.

    The blocks' middles are cut across their longer side, over and over, so that the cells divide as evenly as whole
    blocks let them.

    Args:
        blocks: (N,) block of each cell.
        x_km: (N,).
        y_km: (N,).
        most: Folds, if there are as many blocks.
    """
    names, block, cells = np.unique(blocks, return_inverse=True, return_counts=True)
    middle = np.column_stack([np.bincount(block, x_km), np.bincount(block, y_km)]) / cells[:, None]
    fold = np.empty(len(names), np.intp)
    for n, members in enumerate(_pieces(np.arange(len(names)), middle, cells, min(most, len(names)))):
        fold[members] = n
    return np.asarray(fold[block], np.intp)


def _pieces(members: Index, middle: Array, cells: Index, count: int) -> list[Index]:
    if count == 1:
        return [members]
    axis = int(np.argmax(np.ptp(middle[members], axis=0)))
    ordered = members[np.argsort(middle[members, axis], kind="stable")]
    first = count // 2
    passed = np.cumsum(cells[ordered]) / cells[ordered].sum()
    wanted = int(np.argmin(np.abs(passed - first / count))) + 1
    at = min(max(wanted, first), len(ordered) - (count - first))  # each side keeps a block for each of its folds
    return [
        *_pieces(ordered[:at], middle, cells, first),
        *_pieces(ordered[at:], middle, cells, count - first),
    ]
