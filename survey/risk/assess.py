"""The risk of each hectare, from what was searched and what was found."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.errors import SurveyError
from survey.risk.belief import Belief
from survey.risk.cells import CellEvidence, Inference
from survey.risk.groups import UNIDENTIFIED, marks_of
from survey.risk.looks import recall_after
from survey.risk.posterior import log_score_ratio
from survey.risk.prior import Prior, PriorField
from survey.risk.superposition import infer
from survey.values import (
    COVERS,
    GROUP_BANDS,
    HECTARE_EDGE_M,
    ORDNANCE_GROUPS,
    Detections,
    Performance,
    Risk,
    SearchedArea,
)

EDGE_M = 1.0
"""A centre this little outside the grid belongs to the cell at its edge: the last pixel's centre may be placed on
the far side of its own edge, or a projection may round it there."""


@dataclass(frozen=True, slots=True, eq=False)
class Review:
    """What people said of sightings of this site."""

    verdict: NDArray[np.int8]
    """(N,) of each sighting: 1 confirmed, -1 rejected, 0 not reviewed. One confirmed sighting confirms its item; an
    item is rejected where a sighting is and none is confirmed."""
    searched_ha: float = 0.0
    """Searched hectares on which every sighting was reviewed: on them rejections count as the site's false alarms.
    With 0 they are left out and teach nothing, for a rate needs an area."""
    found: int = 0
    """Items known by other means, seeded or found on the ground, that the search had found."""
    missed: int = 0
    """Such items that it had not found."""


def assess(
    searched: SearchedArea,
    *,
    detections: Detections,
    items: NDArray[np.intp],
    performance: Performance,
    prior: Prior | PriorField,
    review: Review | None = None,
) -> Risk:
    """Compute the posterior of every hectare cell.

    An item counts once, in the cell of its most probable sighting and with that sighting's class and probability:
    views of one item share what hides or mimics it, so their evidence is not multiplied. Likewise ground in several
    images is searched once, unless `searched.looks` says what the views are worth.

    Args:
        searched: Shares of each cell that were imaged, searched, disturbed.
        detections: All sightings, of all images, placed in the grid's CRS.
        items: (N,) item number of each sighting, from `merge_sightings`.
        performance: Operating point of the model, as its card states it.
        prior: Density of items before the search: one for all cells, or of each cell in reading order.
        review: Verdicts on sightings; none where absent.

    Returns:
        Risk with NaN in cells that nobody flew. A cell that holds an item is never NaN, even if its flown share
        rounds to nothing.

    Raises:
        SurveyError: A sighting has no place on the ground or lies outside the grid.
        ValueError: `items` or verdicts do not fit the detections.
    """
    seen = observe(searched, detections=detections, items=items, performance=performance, review=review)
    evidence, belief = seen.evidence, seen.belief
    field = prior.over(searched.flown.size) if isinstance(prior, Prior) else prior
    found = infer(evidence, prior=field, belief=belief)
    count = np.bincount(evidence.cell, minlength=searched.flown.size)
    nobody_flew = (searched.flown.ravel() == 0) & (count == 0)
    bands = posterior_bands(found) | {
        "searched_fraction": evidence.searched_ha,
        "detections": count,
        "confirmed": np.bincount(evidence.cell, evidence.confirmed, minlength=searched.flown.size),
        "effective_search": effective_search(evidence, belief),
        **seen_bands(searched),
        "disturbance_fraction": share_of(searched.disturbed.ravel(), evidence.searched_ha),
    }
    shape = searched.grid.shape
    shaped = {n: np.where(nobody_flew, np.nan, v).astype(np.float32).reshape(shape) for n, v in bands.items()}
    return Risk(searched.grid, **shaped)


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """What a search and its review say about cells, and which sightings say it."""

    evidence: CellEvidence
    """Its detections are the items that review did not reject, in the order of their numbers."""
    belief: Belief
    sighting: NDArray[np.intp]
    """Most probable sighting of each of them."""
    rejected: NDArray[np.intp]
    """Most probable sighting of each item that review rejected."""


def observe(
    searched: SearchedArea,
    *,
    detections: Detections,
    items: NDArray[np.intp],
    performance: Performance,
    review: Review | None = None,
) -> Observed:
    """Return what the posterior is made of, from what `assess` is given.

    Raises:
        SurveyError: A sighting has no place on the ground or lies outside the grid.
        ValueError: `items` or verdicts do not fit the detections.
    """
    best = best_sightings(detections, items)
    row, col = sighting_cells(searched, detections)
    marks = marks_of(detections.classes, detections.class_index)
    verdict = item_verdicts(review, items)
    belief = Belief.from_performance(performance)
    if review is not None:
        rejected = np.bincount(marks[best][verdict < 0], minlength=UNIDENTIFIED + 1) if review.searched_ha else ()
        belief = belief.reviewed(
            found=review.found,
            missed=review.missed,
            rejected=[int(n) for n in rejected],
            searched_ha=review.searched_ha,
        )
    kept = best[verdict >= 0]
    evidence = CellEvidence(
        searched.searched.ravel(),
        log_ratio=log_score_ratio(detections.probability[kept], prevalence=performance.prevalence),
        cell=(row * searched.grid.cols + col)[kept],
        mark=marks[kept],
        confirmed=verdict[verdict >= 0] > 0,
        looks=None if searched.looks is None else searched.looks.ravel(),
        visible=None if searched.visible is None else searched.visible.ravel(),
    )
    return Observed(evidence, belief, kept, best[verdict < 0])


def posterior_bands(found: Inference) -> dict[str, NDArray[np.float64]]:
    """Return what the posterior says as bands (cells,)."""
    total, groups = found.total, found.groups
    bands: dict[str, NDArray[np.float64]] = {name: getattr(total, name) for name in GROUP_BANDS}
    prior, searched = found.prior_expected[:, 0], found.searched_expected[:, 0]
    bands |= {
        "prior_items": prior,
        "search_change": searched - prior,
        "detection_change": total.expected_items - searched,
    }
    for place, group in enumerate(ORDNANCE_GROUPS):
        bands |= {f"{name}_{group}": getattr(groups, name)[:, place] for name in GROUP_BANDS}
    return bands


def seen_bands(searched: SearchedArea) -> dict[str, NDArray[np.float64]]:
    """Return how well cells were seen, NaN where that was not asked for."""
    unknown = np.full(searched.flown.size, np.nan)
    left = unknown if searched.visible is None else np.where(searched.searched > 0, searched.visible, np.nan).ravel()
    covers = [unknown] * len(COVERS) if searched.cover is None else searched.cover.reshape(len(COVERS), -1)
    return {"visibility": left} | {f"cover_{name}": share for name, share in zip(COVERS, covers, strict=True)}


def effective_search(evidence: CellEvidence, belief: Belief) -> NDArray[np.float64]:
    """Return the expected probability that an item of a cell is detected."""
    recall, weight = belief.nodes(16)
    p = np.full(len(evidence.searched_ha), weight @ recall)
    if evidence.looks is not None:
        p = recall_after(recall, evidence.looks[:, None]) @ weight
    return p * evidence.searched_ha * (1.0 if evidence.visible is None else evidence.visible)


def share_of(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return part / whole, NaN where there is no whole."""
    share: NDArray[np.float64] = np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
    return share


def item_verdicts(review: Review | None, items: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the verdict on each item, in the order of their numbers."""
    names, item = np.unique(items, return_inverse=True)
    if review is None:
        return np.zeros(len(names), np.intp)
    if review.verdict.shape != items.shape:
        msg = f"{len(review.verdict)} verdicts do not fit {len(items)} sightings"
        raise ValueError(msg)
    confirmed = np.bincount(item, review.verdict > 0, minlength=len(names)) > 0
    rejected = np.bincount(item, review.verdict < 0, minlength=len(names)) > 0
    return np.where(confirmed, 1, np.where(rejected, -1, 0))


def best_sightings(detections: Detections, items: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the most probable sighting of each item; ties go to the lesser x, then y."""
    if items.shape != (len(detections),):
        msg = f"items of shape {items.shape} do not fit {len(detections)} detections"
        raise ValueError(msg)
    order = np.lexsort((detections.y, detections.x, -detections.probability, items))
    return order[np.unique(items[order], return_index=True)[1]]


def sighting_cells(searched: SearchedArea, detections: Detections) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return (row, col) of the cell of each sighting, all inside the grid."""
    placed = np.isfinite(detections.x) & np.isfinite(detections.y)
    if not placed.all():
        image = detections.images[detections.image_index[np.flatnonzero(~placed)[0]]]
        msg = f"{int((~placed).sum())} detections have no place on the ground (first in image {image}): georeference it"
        raise SurveyError(msg)
    grid = searched.grid
    east, south = grid.x_min + HECTARE_EDGE_M * grid.cols, grid.y_max - HECTARE_EDGE_M * grid.rows
    x = _pulled_in(detections.x, grid.x_min, np.nextafter(east, grid.x_min))
    y = _pulled_in(detections.y, np.nextafter(south, grid.y_max), grid.y_max)
    row, col = grid.cells_of(x, y)
    inside = (row >= 0) & (row < searched.grid.rows) & (col >= 0) & (col < searched.grid.cols)
    if not inside.all():
        n = int(np.flatnonzero(~inside)[0])
        msg = (
            f"{int((~inside).sum())} detections lie outside the hectare grid {searched.grid} (first at "
            f"({detections.x[n]:.2f}, {detections.y[n]:.2f})): lay the grid over all images"
        )
        raise SurveyError(msg)
    return row, col


def _pulled_in(values: NDArray[np.float64], least: float, most: float) -> NDArray[np.float64]:
    """Return the values, those less than `EDGE_M` outside moved to the nearer bound."""
    bounded = np.clip(values, least, most)
    return np.where(np.abs(bounded - values) <= EDGE_M, bounded, values)
