"""The risk of each hectare, from what was searched and what was found."""

import numpy as np
from numpy.typing import NDArray

from survey.errors import SurveyError
from survey.risk.posterior import items_per_cell, log_evidence
from survey.risk.prior import Prior
from survey.values import HECTARE_EDGE_M, Detections, Performance, Risk, SearchedArea

EDGE_M = 1.0
"""A centre this little outside the grid belongs to the cell at its edge: the last pixel's centre may be placed on
the far side of its own edge, or a projection may round it there."""


def assess(
    searched: SearchedArea,
    *,
    detections: Detections,
    items: NDArray[np.intp],
    performance: Performance,
    prior: Prior,
) -> Risk:
    """Compute the posterior of every hectare cell.

    An item counts once, in the cell of its most probable sighting and with that sighting's probability: views of
    one item share what hides or mimics it, so their evidence is not multiplied. Likewise ground in several
    images is searched once.

    Args:
        searched: Shares of each cell that were imaged, searched, disturbed.
        detections: All sightings, of all images, placed in the grid's CRS.
        items: (N,) item number of each sighting, from `merge_sightings`.
        performance: Operating point of the model.
        prior: Density of items before the search.

    Returns:
        Risk with NaN in cells that nobody flew. A cell that holds an item is never NaN, even if its flown share
        rounds to nothing.

    Raises:
        SurveyError: A sighting has no place on the ground or lies outside the grid.
        ValueError: `items` does not fit the detections.
    """
    best = _best_sightings(detections, items)
    row, col = _cells(searched, detections)
    cell = (row * searched.grid.cols + col)[best]
    posterior = items_per_cell(
        performance.recall * searched.searched.ravel(),
        log_ratio=log_evidence(detections.probability[best], performance=performance),
        cell=cell,
        prior=prior,
    )
    count = np.bincount(cell, minlength=searched.flown.size)
    nobody_flew = (searched.flown.ravel() == 0) & (count == 0)
    disturbed, looked = searched.disturbed.ravel(), searched.searched.ravel()
    bands = {
        "p_at_least_one": posterior.p_at_least_one,
        "p_unseen": posterior.p_unseen,
        "expected_items": posterior.expected_items,
        "q05": posterior.q05,
        "q95": posterior.q95,
        "searched_fraction": looked,
        "detections": count,
        "disturbance_fraction": np.divide(disturbed, looked, out=np.full(looked.shape, np.nan), where=looked > 0),
    }
    shape = searched.grid.shape
    shaped = {n: np.where(nobody_flew, np.nan, v).astype(np.float32).reshape(shape) for n, v in bands.items()}
    return Risk(searched.grid, **shaped)


def _best_sightings(detections: Detections, items: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the most probable sighting of each item; ties go to the lesser x, then y."""
    if items.shape != (len(detections),):
        msg = f"items of shape {items.shape} do not fit {len(detections)} detections"
        raise ValueError(msg)
    order = np.lexsort((detections.y, detections.x, -detections.probability, items))
    return order[np.unique(items[order], return_index=True)[1]]


def _cells(searched: SearchedArea, detections: Detections) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
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
