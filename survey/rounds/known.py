"""What a round is computed from: the flight's items, and what people say of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.risk import CellEvidence, PriorField, Review, marks_of
from survey.risk.assess import best_sightings, item_verdicts, sighting_cells
from survey.risk.posterior import log_label_ratio
from survey.rounds.basis import Basis
from survey.rounds.ground import WorkedGround
from survey.rounds.matching import match_finds
from survey.rounds.results import Results
from survey.rounds.verdicts import Verdicts

STATES = ("unreviewed", "confirmed", "rejected", "not found by work", "found and removed", "found, still there")
UNREVIEWED, CONFIRMED, REJECTED, NOT_FOUND, REMOVED, STILL_THERE = range(6)
"""What becomes of the run's items."""
Intp = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Everything that a round is computed from."""

    basis: Basis
    """What the run's risk was computed from."""
    prior: PriorField
    """Density of items before the flight."""
    verdicts: Verdicts
    results: Results
    ground: WorkedGround
    """The same results on the run's grid."""


@dataclass(frozen=True, slots=True, eq=False)
class Items:
    """The run's K items, each by its best sighting, and what people say of them."""

    best: Intp
    """(K,) place of the sighting."""
    cell: Intp
    """(K,) in reading order."""
    mark: Intp
    """(K,) group, or none."""
    verdict: Intp
    """(K,) 1 confirmed, -1 rejected, 0 neither."""
    find: Intp
    """(F,) place among the items of what each find is; -1 for none."""
    taken: NDArray[np.bool_]
    """(K,) found on the ground."""
    at: Intp
    """(K,) kind of worked ground that each lies on; 0 for none."""

    @classmethod
    def of(cls, known: Known) -> "Items":
        """Return the items of what a round is computed from."""
        basis = known.basis
        d = basis.detections
        best = best_sightings(d, basis.items)
        row, col = sighting_cells(basis.searched, d)
        find = match_finds(basis, known.results)
        taken = np.zeros(len(best), bool)
        taken[find[find >= 0]] = True
        return cls(
            best,
            (row * basis.searched.grid.cols + col)[best],
            marks_of(d.classes, d.class_index)[best],
            item_verdicts(Review(known.verdicts.verdict), basis.items),
            find,
            taken,
            known.ground.kinds_at(d.x[best], d.y[best]),
        )

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Return which may be items or false alarms: neither found nor rejected."""
        return ~self.taken & (self.verdict >= 0)

    def evidence(self, basis: Basis) -> CellEvidence:
        """Return what the flight says of the cells: the search, and the sightings that may be items or not."""
        d, area = basis.detections, basis.searched
        best = self.best[self.kept]
        return CellEvidence(
            area.searched.ravel(),
            log_ratio=log_label_ratio(
                d.probability[best], class_index=d.class_index[best], classes=d.classes, performance=basis.performance
            ),
            cell=self.cell[self.kept],
            mark=self.mark[self.kept],
            confirmed=self.verdict[self.kept] > 0,
            looks=None if area.looks is None else area.looks.ravel(),
            visible=None if area.visible is None else area.visible.ravel(),
        )

    def state(self, removed: NDArray[np.bool_]) -> Intp:
        """Return (K,) places in `STATES`, from which of the finds were removed."""
        told = [self.taken, self.verdict > 0, self.verdict < 0, self.at > 0]
        state = np.select(told, [REMOVED, CONFIRMED, REJECTED, NOT_FOUND], UNREVIEWED).astype(np.intp)
        state[self.find[(self.find >= 0) & ~removed]] = STILL_THERE
        return state
