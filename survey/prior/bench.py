"""Candidates fitted to all cells of a table, or to those outside each fold."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.errors import InputError
from survey.evaluate.fitting import folds
from survey.prior.config import PriorConfig
from survey.prior.context import contexts
from survey.prior.history import HISTORY, history_by_fold
from survey.prior.learners import Candidate, train
from survey.prior.model import LearntPrior, Scorer
from survey.prior.regions import regions
from survey.prior.table import Table, columns_of

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def fold_of(cells: Table, blocks: NDArray[np.str_], config: PriorConfig) -> NDArray[np.intp]:
    """Return the fold of each cell, by the layout that the settings name."""
    if config.fold_layout == "regions":
        return regions(blocks, cells.x_km, cells.y_km, most=config.folds)
    return folds(blocks, most=config.folds)


@dataclass(frozen=True, slots=True)
class Bench:
    """Fits candidates; what a fit does not know stays out of its features too."""

    config: PriorConfig
    cells: Table
    fold: NDArray[np.intp]
    _held: dict[Candidate, Array] = field(default_factory=dict)

    def places(self, candidate: Candidate) -> list[int]:
        """Return where the candidate's columns stand among the table's."""
        names = columns_of(self.config)
        return [names.index(name) for name in candidate.columns]

    def values(self, candidate: Candidate, inside: Mask) -> Array:
        """Return the (N, K) features of all cells, as far as the cells inside and outside them tell."""
        values = self.cells.features[:, self.places(candidate)]
        if HISTORY in candidate.columns:
            places_km = np.column_stack([self.cells.x_km, self.cells.y_km])
            past = history_by_fold(places_km, self.cells.label & inside, self.fold)
            values[:, candidate.columns.index(HISTORY)] = past
        return values

    def scorer(self, candidate: Candidate, inside: Mask) -> Scorer:
        """Return a fit to the cells inside."""
        values = self.values(candidate, inside)[inside]
        monotone = self.config.monotone | {HISTORY: -1}
        return train(candidate, values, self.cells.label[inside], monotone=monotone, seed=self.config.seed)

    def held_out(self, candidate: Candidate) -> Array:
        """Return the logit of each cell by a fit that its fold had no part in."""
        if candidate not in self._held:
            self._held[candidate] = self._cross_fitted(candidate)
        return self._held[candidate]

    def _cross_fitted(self, candidate: Candidate) -> Array:
        if candidate.parts:  # an average's parts compete themselves: each is fitted once
            return np.asarray(np.mean([self.held_out(part) for part in candidate.parts], axis=0), np.float64)
        logits = np.empty(len(self.fold))
        for n in np.unique(self.fold):
            asked = self.fold == n
            logits[asked] = self.scorer(candidate, ~asked).logit(self.values(candidate, ~asked)[asked])
        return logits

    def prior(self, candidate: Candidate, *, curve: Any, training: dict[str, Any]) -> LearntPrior:
        """Return the candidate fitted to all cells.

        Raises:
            InputError: One of its features is empty.
        """
        everywhere = np.ones(len(self.fold), np.bool_)
        values = self.values(candidate, everywhere)
        known = ~np.isnan(values).all(axis=0)
        if not known.all():
            msg = f"features: {candidate.columns[int(np.argmin(known))]} is empty in every row; take it out"
            raise InputError(msg)
        past = self.cells.places[self.cells.label] if HISTORY in candidate.columns else np.empty((0, 2))
        return LearntPrior(
            format=1,
            features=candidate.columns,
            log=self.config.log,
            context=tuple(
                c for c in contexts(self.config.context, self.config.context_km) if c.name in candidate.columns
            ),
            x=self.config.x,
            y=self.config.y,
            crs=self.config.crs,
            known=tuple((float(x), float(y)) for x, y in past),
            scorer=self.scorer(candidate, everywhere),
            curve=curve,
            least=tuple(np.nanmin(values, axis=0).tolist()),
            greatest=tuple(np.nanmax(values, axis=0).tolist()),
            training=training,
        )
