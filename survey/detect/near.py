"""Contrast with the ground of places that stand out, seen nearer."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from survey.detect.background import Background, Sampled, measured_background
from survey.detect.contrast import ContrastCard
from survey.detect.second_look import SecondLooker

PLACES = 6
"""Looked at on each window by which a flight's ground is measured; 96 cells."""
_DRAWN = 48


def measured_near(windows: Sequence[Sampled], *, looker: SecondLooker, trimmed: float) -> Background | None:
    """Return mean and whitening of the cells of places that were not chosen for anything; None where none was imaged.

    Args:
        windows: By which the ground was measured.
        looker: Looks at places.
        trimmed: Share left out, as in `ContrastCard`.
    """
    chosen = [_spread(window, reach_px=looker.reach_px) for window in windows]
    cells = [looker.cells(window.pixels, p) for window, p in zip(windows, chosen, strict=True) if len(p)]
    if not cells:
        return None
    together = np.concatenate(cells)
    return measured_background(together.reshape(-1, together.shape[-1]), trimmed=trimmed)


def _spread(window: Sampled, *, reach_px: int) -> NDArray[np.int64]:
    """Return (N, 2) places of a window that were imaged, at most `PLACES`: the same in every window."""
    edge = window.pixels.shape[0]
    drawn = np.random.default_rng(_DRAWN).integers(reach_px, edge - reach_px + 1, (_DRAWN, 2))
    return np.asarray(drawn[window.imaged[tuple(np.minimum(drawn, edge - 1).T)]][:PLACES])


def seen_nearer(
    cells: NDArray[np.float32], surroundings: NDArray[np.float32], ground: Background, card: ContrastCard
) -> NDArray[np.float32]:
    """Return ln(distance) of places relative to their surroundings, (N,), as far as it counts on such ground.

    Args:
        cells: (N, M, C) features of each place's cells; the one that is farthest from the ground tells.
        surroundings: (N,) of the first look, to be subtracted.
        ground: Of the flight, seen nearer.
        card: Its bound on the tail of the ground holds here too.
    """
    count, each, channels = cells.shape
    distance = ground.log_distance_of(cells.reshape(-1, channels)).reshape(count, each).max(axis=1)
    return np.asarray(ground.share(card) * (distance - surroundings), np.float32)
