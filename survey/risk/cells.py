"""What a search says about cells, and what comes of it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.counts.mixture import Posterior
from survey.risk.groups import UNIDENTIFIED
from survey.risk.looks import recall_after
from survey.risk.prior import CELL_HA

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CellEvidence:
    """What a search says about each cell."""

    searched_ha: Array
    """(cells,) hectares that were searched, 0..1."""
    log_ratio: Array
    """(K,) log f1 / f0 of each detection's score: log odds of its probability less those it was calibrated at."""
    cell: NDArray[np.intp]
    """(K,) cell of each detection."""
    mark: NDArray[np.intp]
    """(K,) place in `ORDNANCE_GROUPS`, or `UNIDENTIFIED`."""
    confirmed: NDArray[np.bool_]
    """(K,) True: review says that it is an item; its score no longer counts."""
    looks: Array | None = None
    """(cells,) effective number of looks at the searched ground (`effective_looks`); one where absent."""
    visible: Array | None = None
    """(cells,) share of items on searched ground that recall holds for; 1 where absent."""

    def __post_init__(self) -> None:
        cells, count = len(self.searched_ha), len(self.log_ratio)
        if not np.all((self.searched_ha >= 0) & (self.searched_ha <= CELL_HA)):
            msg = f"searched area must lie within 0..{CELL_HA} ha in every cell"
            raise ValueError(msg)
        given = (len(self.cell), len(self.mark), len(self.confirmed))
        if given != (count,) * 3:
            msg = "{} detections have {} cells, {} marks, {} verdicts".format(count, *given)
            raise ValueError(msg)
        if count and not (self.cell.min() >= 0 and self.cell.max() < cells):
            msg = f"cells of detections must lie within 0..{cells - 1}, got {self.cell.min()}..{self.cell.max()}"
            raise ValueError(msg)
        if count and not (self.mark.min() >= 0 and self.mark.max() <= UNIDENTIFIED):
            msg = f"marks of detections must lie within 0..{UNIDENTIFIED}, got {self.mark.min()}..{self.mark.max()}"
            raise ValueError(msg)
        for name, most in (("looks", np.inf), ("visible", 1.0)):
            values = getattr(self, name)
            if values is not None and not (len(values) == cells and np.all((values >= 0) & (values <= most))):
                msg = f"{name} has one value within 0..{most} for each of {cells} cells"
                raise ValueError(msg)

    def detected(self, rows: NDArray[np.intp] | slice, recall: Array) -> Array:
        """Return the probability that an item on searched ground is detected, (cells, nodes).

        Args:
            rows: Cells.
            recall: (nodes,) values of recall.
        """
        p = np.broadcast_to(recall, (len(self.searched_ha[rows]), len(recall)))
        if self.looks is not None:
            p = recall_after(p, self.looks[rows][:, None])
        if self.visible is not None:
            p = p * self.visible[rows][:, None]
        return np.maximum(p, 1e-12)  # a detection where nothing can be seen is unlikely, not impossible


@dataclass(frozen=True, slots=True, eq=False)
class Inference:
    """Posterior of every cell, and what prior, search and detections each made of it."""

    total: Posterior
    """Arrays (cells,)."""
    groups: Posterior
    """Arrays (cells, groups), in the order of `ORDNANCE_GROUPS`."""
    prior_expected: Array
    """(cells, 1 + groups) expected items before the search: in total, then of each group."""
    searched_expected: Array
    """The same after the search, had it detected nothing."""
    prior_p: Array
    """(cells, 1 + groups) P(at least one item) before the search."""
    searched_p: Array
    """The same after the search, had it detected nothing."""
    at_most: Array | None = None
    """(cells, 1 + groups) P(items <= `counts`), where those were given."""
    below: Array | None = None
    """The same of P(items < `counts`)."""
