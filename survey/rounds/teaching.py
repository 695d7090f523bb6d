"""What review and work on a site teach about recall and false alarms there."""

import numpy as np
from numpy.typing import NDArray

from survey.risk import UNIDENTIFIED, Belief, CellEvidence, PriorField, Review, Taught, Work
from survey.risk.assess import item_verdicts
from survey.risk.work import quality_levels
from survey.rounds.basis import Basis
from survey.rounds.verdicts import Verdicts

THOROUGH = 0.1
"""Work that leaves no more than this of what is expected counts as a review of every sighting on its ground."""

Array = NDArray[np.float64]
Intp = NDArray[np.intp]


def thorough_kinds(left: Array, prior: PriorField) -> Intp:
    """Return the kinds of ground that were worked on so well that sightings without a find there are false alarms."""
    _, weight = quality_levels()
    expected_by = prior.mean_ha.sum(axis=0)
    share = expected_by / expected_by.sum()
    expected = np.einsum("kvg,v,g->k", left, weight, share)
    return np.flatnonzero(expected <= THOROUGH)


def taught_belief(
    basis: Basis, verdicts: Verdicts, *, alarms: Array, work: Work, evidence: CellEvidence, prior: PriorField
) -> tuple[Belief, Taught]:
    """Return recall and false alarms with what this site taught, and what of the work is in them.

    Args:
        basis: Of the run.
        verdicts: Of reviewers.
        alarms: (marks,) items of the run that reviewers rejected.
        work: On the ground.
        evidence: Sightings that are neither rejected nor found.
        prior: Of each cell.
    """
    belief = Belief.from_performance(basis.performance)
    counts = verdicts.counts
    kinds = thorough_kinds(work.left, prior)
    verdict = item_verdicts(Review(verdicts.verdict), basis.items)
    if len(verdict) and (verdict != 0).all():
        belief = belief.reviewed(rejected=alarms.tolist(), searched_ha=float(basis.searched.searched.sum()))
        kinds = kinds[:0]  # all searched ground is in it
    elif counts is not None and counts.false_alarms_ha and alarms.sum():
        drawn = alarms / alarms.sum() * counts.false_alarms
        belief = belief.reviewed(rejected=drawn.tolist(), searched_ha=counts.false_alarms_ha)
    if counts is not None and counts.recall_beta is not None:
        belief = belief.reviewed(found=counts.recall_beta[0], missed=counts.recall_beta[1])
    on_worked = work.find_kind > 0
    visible = np.ones(len(evidence.searched_ha)) if evidence.visible is None else evidence.visible
    # An item that cover hides does not tell that the model misses what it can see.
    missed = float(visible[work.find_cell[on_worked & (work.find_seen == 0)]].sum())
    belief = belief.reviewed(found=float((on_worked & (work.find_seen == 1)).sum()), missed=missed)
    resolved = np.isin(work.at, kinds) & ~evidence.confirmed
    belief = belief.reviewed(
        rejected=np.bincount(evidence.mark[resolved], minlength=UNIDENTIFIED + 1).tolist(),
        searched_ha=float(work.searched_ha[np.isin(work.kind, kinds)].sum()),
    )
    return belief, Taught(recall=True, kinds=tuple(kinds.tolist()))
