"""What is believed of a search where flights are judged: a card, carried to each flight by its laid items or not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from survey.calibration import Calibration
from survey.detect.model import ModelCard
from survey.implant import Tally
from survey.pipeline.implants import performance_here
from survey.risk import Belief, CellEvidence, Inference, Posterior, infer, marks_of
from survey.risk.posterior import log_label_ratio
from survey.values import Performance
from survey.worlds.flights import FlightSettings
from survey.worlds.flown import Flown
from survey.worlds.measured import logit_of

MEASURED, UNCOUNTED, EARLIER = "card of other flights", "same, classes uncounted", "same, sites neither"
MEASURED_LAID = "card of others, laid items"
RELEASED, RELEASED_LAID = "released card", "released card, laid items"
LAID_OVER = {MEASURED_LAID: MEASURED, RELEASED_LAID: RELEASED}
"""The same card without laid items, of each that is carried by them."""


@dataclass(frozen=True, slots=True)
class Believed:
    """A card and its curve."""

    performance: Performance
    """With what was found of items laid on the ground that its recall was counted on."""
    curve: Calibration
    """From score to probability."""
    carried: bool = False
    """Whether recall is multiplied by how much less is found of items laid on the flight that is judged."""

    def on(self, flown: Flown) -> Performance:
        """Return what is believed of the search of one flight."""
        if not self.carried:
            return self.performance
        return replace(self.performance, implants_laid=flown.implants.laid, implants_found=flown.implants.found)

    def posterior(self, flown: Sequence[Flown], *, settings: FlightSettings, classes: tuple[str, ...]) -> Inference:
        """Return the posterior of every hectare of flights, one after the other."""
        parts = [[f] for f in flown] if self.carried else [list(flown)]
        return joined(
            [
                posterior(part, self.on(part[0]), settings=settings, classes=classes, calibration=self.curve)
                for part in parts
            ]
        )

    def claims(self, flown: Sequence[Flown]) -> dict[str, Any]:
        """Return recall as it is told of each flight, and what share of the items on searched ground that makes.

        The share is that of the products: recall, less for cover and blur, weighted by what was searched.
        """
        recall = np.array([Belief.from_performance(self.on(f)).recall for f in flown])
        seen = np.array([float(f.searched @ f.visible) for f in flown])
        area = np.array([float(f.searched.sum()) for f in flown])
        return {"recall_by_flight": recall.tolist(), "share": float(recall @ seen / area.sum())}


def cards_of(card: ModelCard, measured: Performance, curve: Calibration) -> dict[str, Believed]:
    """Return what flights are judged with: the card measured on others, it with less counted, the model's own.

    Args:
        card: The model's.
        measured: Of other flights.
        curve: Fitted on them.
    """
    uncounted = replace(measured, false_alarms_by_class=None, found_by_class=None)
    # As a run has it: a count of another procedure is no reference, and recall stays as the card says.
    released = performance_here(card, Tally())
    return {
        MEASURED: Believed(measured, curve),
        UNCOUNTED: Believed(uncounted, curve),
        EARLIER: Believed(replace(uncounted, site_alarms=(), site_ha=()), curve),
        MEASURED_LAID: Believed(measured, curve, carried=True),
        RELEASED: Believed(released, card.calibration),
        RELEASED_LAID: Believed(released, card.calibration, carried=True),
    }


def posterior(
    flown: Sequence[Flown],
    performance: Performance,
    *,
    settings: FlightSettings,
    classes: tuple[str, ...],
    calibration: Calibration,
) -> Inference:
    """Return the posterior of every hectare of flights, one after the other, with the chances of the true numbers.

    Args:
        flown: Flights.
        performance: What is believed of the search.
        settings: Their prior.
        classes: The model's.
        calibration: From score to probability.
    """
    first = np.concatenate([[0], np.cumsum([len(f.truth) for f in flown])])
    name = np.concatenate([f.class_name for f in flown])
    index = np.array([classes.index(str(n)) for n in name], np.intp)
    logit = logit_of(np.concatenate([f.score for f in flown]))
    probability = calibration.by_class(logit, index, classes=classes)
    evidence = CellEvidence(
        np.clip(np.concatenate([f.searched for f in flown]), 0, 1),
        log_ratio=log_label_ratio(probability, class_index=index, classes=classes, performance=performance),
        cell=np.concatenate([f.cell + n for f, n in zip(flown, first, strict=False)]).astype(np.intp),
        mark=marks_of(classes, index),
        confirmed=np.zeros(len(name), np.bool_),
        visible=np.concatenate([f.visible for f in flown]),
    )
    truth = np.concatenate([f.truth for f in flown])
    prior = settings.prior
    belief = Belief.from_performance(performance, shares=prior.shares)
    counts = np.column_stack([truth.sum(axis=1), truth])
    return infer(evidence, prior=prior.over(len(truth)), belief=belief, counts=counts)


def joined(parts: Sequence[Inference]) -> Inference:
    """Return the posterior of the cells of several inferences with counts, one after the other."""
    return Inference(
        total=_joined([part.total for part in parts]),
        groups=_joined([part.groups for part in parts]),
        prior_expected=np.concatenate([part.prior_expected for part in parts]),
        searched_expected=np.concatenate([part.searched_expected for part in parts]),
        prior_p=np.concatenate([part.prior_p for part in parts]),
        searched_p=np.concatenate([part.searched_p for part in parts]),
        at_most=np.concatenate([part.at_most for part in parts if part.at_most is not None]),
        below=np.concatenate([part.below for part in parts if part.below is not None]),
    )


def _joined(parts: Sequence[Posterior]) -> Posterior:
    return Posterior(*(np.concatenate([getattr(part, name) for part in parts]) for name in Posterior.__slots__))
