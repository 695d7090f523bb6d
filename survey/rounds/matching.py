"""Which items that people found on the ground are which sightings of the flight."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from survey.rounds.basis import Basis
from survey.rounds.results import Results
from survey.rounds.verdicts import Verdicts

REACH_SIGMAS = 3.0
"""As when sightings of one item are merged."""

Intp = NDArray[np.intp]


def match_finds(basis: Basis, results: Results) -> Intp:
    """Return which item of the run, by its place among the item numbers, each find is; -1 for none.

    A sighting and a find are one thing within 3 combined position errors or half the size; one to one, nearest first.
    """
    d, found = basis.detections, np.column_stack([results.x, results.y]).reshape(-1, 2)
    out = np.full(len(found), -1, np.intp)
    if not len(found) or not len(d):
        return out
    place = np.searchsorted(np.unique(basis.items), basis.items)
    tree = cKDTree(np.column_stack([d.x, d.y]))
    widest = float(d.size_m.max()) / 2
    largest = float(d.position_error_m.max())
    pairs: list[tuple[float, int, int]] = []
    for n, (xy, error) in enumerate(zip(found, results.position_error_m.tolist(), strict=True)):
        for k in tree.query_ball_point(xy, max(REACH_SIGMAS * float(np.hypot(error, largest)), widest)):
            distance = float(np.hypot(d.x[k] - xy[0], d.y[k] - xy[1]))
            reach = max(REACH_SIGMAS * float(np.hypot(error, d.position_error_m[k])), float(d.size_m[k]) / 2)
            if distance <= reach:
                pairs.append((distance, n, int(place[k])))
    used: set[int] = set()
    for _, n, item in sorted(pairs):
        if out[n] < 0 and item not in used:
            out[n] = item
            used.add(item)
    return out


def still_unknown(verdicts: Verdicts, results: Results) -> NDArray[np.bool_]:
    """Return which items that reviewers know of, and the run did not find, were not found on the ground either."""
    known = np.ones(len(verdicts.known_xy), bool)
    if not len(results.x):
        return known
    tree = cKDTree(np.column_stack([results.x, results.y]))
    for n, (xy, error) in enumerate(zip(verdicts.known_xy, verdicts.known_error_m.tolist(), strict=True)):
        distance, find = tree.query(xy)
        known[n] = distance > REACH_SIGMAS * np.hypot(error, results.position_error_m[find])
    return known
