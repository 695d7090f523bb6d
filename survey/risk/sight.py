"""How well each hectare was seen: cover, the share of recall left, and what several views are worth."""

from dataclasses import replace

import numpy as np

from survey.risk.hectares import sum_by_cell
from survey.risk.looks import effective_looks, recall_after
from survey.values import COVERS, GroundGrid, GroundPatch, SearchedArea

MOST_VIEWS = 8
"""More views of one place than this count as so many."""
WHOLE = 255
"""Of what recall is left on open, sharp ground."""


class SightTally:
    """Sums over ground pixels per hectare cell. Whole numbers, so the order of patches does not matter."""

    __slots__ = ("cover", "ground", "known", "looks")

    def __init__(self, ground: GroundGrid) -> None:
        self.ground, self.known = ground, False
        shape = ground.hectares.shape
        self.cover = np.zeros((len(COVERS), *shape), np.int64)
        """Ground pixels under each cover."""
        self.looks = np.zeros((MOST_VIEWS, *shape), np.int64)
        """Sum of the share of recall left (255ths) over ground seen 1, 2, ... times."""

    def add(self, patch: GroundPatch) -> None:
        """Add a patch; patches of one tally must not overlap (`merge_ground`'s do not)."""
        view = patch.view
        if view is None:
            return
        self.known = True
        for n, total in enumerate(self.cover, start=1):
            sum_by_cell(self.ground, view.cover == n, patch.window, total)
        # A second view that shows half as much as the best one makes one and a half: whole views are counted.
        views = np.minimum(view.total // np.maximum(view.best, 1), MOST_VIEWS)
        for n in range(1, int(views.max(initial=0)) + 1):
            sum_by_cell(self.ground, np.where(views == n, view.best, np.uint8(0)), patch.window, self.looks[n - 1])

    def seen(self, area: SearchedArea, *, correlation: float, recall: float) -> SearchedArea:
        """Return a searched area with what is known of how well it was seen; unchanged where nothing is.

        A hectare whose parts were seen a different number of times gets the looks that find as many of its items at
        this recall. Their mean would find more than its parts do together, for the chance to find rises ever less.

        Args:
            area: Of the same ground.
            correlation: Of finding one item in two views (`effective_looks`).
            recall: Expected, of one look.
        """
        if not self.known:
            return area
        per_cell = self.ground.per_edge**2
        weight = self.looks.sum(axis=0)
        worth = effective_looks(np.arange(1, MOST_VIEWS + 1), correlation=correlation)
        searched = area.searched * (WHOLE * per_cell)
        found = np.tensordot(recall_after(recall, worth), self.looks, 1)
        found = np.divide(found, weight, out=np.full(weight.shape, recall), where=weight > 0)
        alike = np.count_nonzero(self.looks, axis=0) <= 1  # no rounding where all of a hectare was seen as often
        same = worth[np.argmax(self.looks, axis=0)]
        return replace(
            area,
            visible=np.divide(weight, searched, out=np.zeros(weight.shape), where=searched > 0).clip(0, 1),
            looks=np.where(alike, same, np.log1p(-found) / np.log1p(-recall)),
            cover=self.cover / per_cell,
        )
