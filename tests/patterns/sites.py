"""Simulated sites with known rows."""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.patterns import SearchedGround

Array = NDArray[np.float64]
EDGE_M = 200.0


def ground(edge_m: float = EDGE_M) -> SearchedGround:
    return SearchedGround(shapely.box(0, 0, edge_m, edge_m))


@dataclass(frozen=True)
class Site:
    points: Array
    """Items seen."""
    row: NDArray[np.intp]
    """Row of each, -1 for clutter."""
    hidden: Array
    """Items of rows that were not seen."""


def laid_site(
    seed: int, *, rows: int = 1, laid: int = 16, spacing_m: float = 4.0, recall: float = 0.75, clutter: int = 60
) -> Site:
    """Rows of items with a place error of 0.2 m across and 4 % of the spacing along, of which some are not seen."""
    rng = np.random.default_rng(seed)
    points, row = [rng.uniform(0, EDGE_M, (clutter, 2))], [np.full(clutter, -1)]
    hidden = [np.empty((0, 2))]
    for n in range(rows):
        angle, middle = rng.uniform(0, np.pi), rng.uniform(50, 150, 2)
        unit = np.array([np.cos(angle), np.sin(angle)])
        along = (np.arange(laid) - (laid - 1) / 2) * spacing_m + rng.normal(0, 0.04 * spacing_m, laid)
        placed = middle + along[:, None] * unit + rng.normal(0, 0.2, (laid, 1)) * np.array([-unit[1], unit[0]])
        seen = rng.random(laid) < recall
        points.append(placed[seen])
        row.append(np.full(int(seen.sum()), n))
        hidden.append(placed[~seen])
    return Site(np.concatenate(points), np.concatenate(row).astype(np.intp), np.concatenate(hidden))
