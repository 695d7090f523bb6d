"""One cell of a run judged again by the code that judged it, step by step."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from survey.errors import InputError
from survey.explain.finished import AGAIN, FinishedRun
from survey.explain.known import RoundKnown
from survey.risk import Belief, CellEvidence, Inference, PriorField, Review, effective_search, infer, observe
from survey.risk.looks import recall_after
from survey.values import GROUP_BANDS, ORDNANCE_GROUPS, SearchedArea

MOST_STEPS = 50
"""Sightings that are told one by one; weaker ones are told together."""
_ROUNDING = 2e-4
"""Shares of risk.tif are float32, so what is made of them again differs in the last digits."""
_ONE = 1e-5
"""Looks this near to one are one."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class JudgedCell:
    """The posterior of one cell after 0, 1, 2, ... of its sightings."""

    steps: Inference
    """Its cells are the steps; the last one has all sightings."""
    sighting: NDArray[np.intp]
    """(K,) the run's sightings, strongest first: that of step n is number n - 1."""
    ratio: Array
    """(K,) f1 / f0 of their scores."""
    confirmed: NDArray[np.bool_]
    told: int
    """How many of them have a step of their own; the rest are the last step."""
    rejected: NDArray[np.intp]
    """Sightings of the cell that review rejected."""
    belief: Belief
    searched: float
    """Searched hectares."""
    looks: float
    visible: float
    effective: float
    """Expected probability that an item of the cell was detected."""


def judge(
    run: FinishedRun,
    *,
    row: int,
    col: int,
    prior: PriorField,
    review: Review | None = None,
    known: RoundKnown | None = None,
) -> JudgedCell:
    """Judge a cell of a run again.

    Args:
        run: A finished run.
        row: Of a cell that was flown.
        col: Of the same.
        prior: Of this cell alone.
        review: Verdicts on the run's sightings, if its risk was made with some.
        known: The round whose risk is explained, if it is not the run's own.

    Raises:
        InputError: What comes out is not what risk.tif holds.
    """
    if known is not None:
        review = Review(known.verdict())
    searched = SearchedArea(
        run.grid,
        flown=np.isfinite(run.bands["searched_fraction"]).astype(np.float64),
        searched=np.nan_to_num(run.bands["searched_fraction"]),
        disturbed=np.zeros(run.grid.shape),
    )
    seen = observe(searched, detections=run.detections, items=run.items, performance=run.performance, review=review)
    cell = row * run.grid.cols + col
    own = np.flatnonzero(seen.evidence.cell == cell)
    rank = np.where(seen.evidence.confirmed, np.inf, seen.evidence.log_ratio)[own]
    own = own[np.argsort(-rank, kind="stable")]
    share = float(searched.searched[row, col])
    visible, looks = _sight(run, row, col, share, seen.belief)
    belief = seen.belief if known is None else known.belief
    lengths = sorted({*range(min(len(own), MOST_STEPS) + 1), len(own)})
    steps = _prefixes(seen.evidence, own, lengths, searched=share, looks=looks, visible=visible)
    repeated = PriorField(np.repeat(prior.shape, len(lengths), axis=0), np.repeat(prior.rate_ha, len(lengths), axis=0))
    judged = JudgedCell(
        infer(steps, prior=repeated, belief=belief),
        seen.sighting[own],
        np.exp(seen.evidence.log_ratio[own]),
        seen.evidence.confirmed[own],
        min(len(own), MOST_STEPS),
        seen.rejected[_cell_of(run, seen.rejected) == cell],
        belief,
        share,
        looks,
        visible,
        float(effective_search(steps, belief)[0]),
    )
    _hold_to(run, row, col, judged, known)
    return judged


def _prefixes(
    evidence: CellEvidence, own: NDArray[np.intp], lengths: list[int], *, searched: float, looks: float, visible: float
) -> CellEvidence:
    """Return a search whose cell n is the cell with the first `lengths[n]` of its detections."""
    count = len(lengths)
    taken = np.concatenate([own[:length] for length in lengths])
    return CellEvidence(
        np.full(count, searched),
        log_ratio=evidence.log_ratio[taken],
        cell=np.repeat(np.arange(count), lengths),
        mark=evidence.mark[taken],
        confirmed=evidence.confirmed[taken],
        looks=np.full(count, looks) if looks != 1 else None,
        visible=np.full(count, visible) if visible != 1 else None,
    )


def _sight(run: FinishedRun, row: int, col: int, searched: float, belief: Belief) -> tuple[float, float]:
    """Return the share of recall left and the looks of a cell: what its effective search was made of."""
    visible = 1.0
    if "visibility" in run.bands and np.isfinite(run.bands["visibility"][row, col]):
        visible = float(run.bands["visibility"][row, col])
    if searched * visible == 0:
        return visible, 1.0
    recall, weight = belief.nodes(16)
    wanted = float(run.bands["effective_search"][row, col]) / (searched * visible)

    def excess(looks: float) -> float:
        return float(recall_after(recall, looks) @ weight) - wanted

    if abs(excess(1.0)) <= _ONE * wanted:
        return visible, 1.0
    return visible, float(brentq(excess, 0.0, 1e3))


def _cell_of(run: FinishedRun, sightings: NDArray[np.intp]) -> NDArray[np.intp]:
    row, col = run.grid.cells_of(run.detections.x[sightings], run.detections.y[sightings])
    return row * run.grid.cols + col


def _hold_to(run: FinishedRun, row: int, col: int, judged: JudgedCell, known: RoundKnown | None) -> None:
    """Refuse to explain numbers that are not those of the product; of a cell with work, those from before the work."""
    bands = run.bands if known is None else known.bands
    made: dict[str, Any] = {"prior_items": judged.steps.prior_expected[-1, 0], "effective_search": judged.effective}
    told: tuple[str, ...] = GROUP_BANDS[:3]
    if known is not None and known.worked(run, row, col) is not None:
        told = ()
    else:
        made["detections"] = float(len(judged.sighting)) + (0 if known is None else known.taken(judged.rejected))
    for name in told:  # quantiles are whole numbers, which rounding may carry over an edge
        made[name] = getattr(judged.steps.total, name)[-1]
        groups = getattr(judged.steps.groups, name)[-1]
        made |= {f"{name}_{group}": value for group, value in zip(ORDNANCE_GROUPS, groups, strict=True)}
    for name, value in made.items():
        held = float(bands[name][row, col])
        if abs(held - value) > _ROUNDING * (abs(held) + 1e-3):
            msg = (
                f"{run.folder}: {name} of this cell is {held:.6g}, but prior, search and sightings make it "
                f"{value:.6g}, so the run was judged by more than its folder says; {AGAIN}"
            )
            raise InputError(msg)
