"""What the alarms of a flight are like: the strongest ones on the windows by which its ground was measured."""

from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

from survey.detect.background import Background, Sampled, measured_background
from survey.detect.decode import Separation, peak_mask, separate
from survey.detect.second_look import SecondLooker
from survey.networks import HEAT_STRIDE, one_thread

LEAST_ALARMS = 16
"""Fewer tell nothing of what is ordinary among them."""


def measured_alarms(
    ground: Background, windows: Sequence[Sampled], *, looker: SecondLooker, separation: Separation
) -> Background | None:
    """Return mean and whitening of the features of the strongest alarms that are not like items.

    None where there are fewer than `LEAST_ALARMS` of them.

    Args:
        ground: Of the flight.
        windows: By which it was measured.
        looker: Describes the places of alarms.
        separation: Of two things.
    """
    found = [alarms_in(window, ground, margin_px=looker.reach_px, separation=separation) for window in windows]
    strength = np.concatenate([np.empty(0), *(s for s, _ in found)])
    most = ceil(looker.card.alarms_a_window * len(windows))
    if min(most, len(strength)) < LEAST_ALARMS:
        return None
    least = np.sort(strength)[-min(most, len(strength))]
    chosen = [places[s >= least] for s, places in found]
    looks = [looker(window.pixels, places) for window, places in zip(windows, chosen, strict=True) if len(places)]
    features = np.concatenate([look.features[look.likeness <= looker.card.most_like] for look in looks])
    return measured_background(features, trimmed=looker.card.trimmed) if len(features) >= LEAST_ALARMS else None


@one_thread()
def alarms_in(
    window: Sampled, ground: Background, *, margin_px: int, separation: Separation
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return ln(distance) (N,) and places (N, 2), in pixels, of the things that stand out in a window.

    Args:
        window: With its surroundings.
        ground: That it is compared with.
        margin_px: Places so near to the edge of the surroundings are left out.
        separation: Of two things.
    """
    distance = ground.log_distance_by_cell(window.coarse)[0, 0]
    cells = peak_mask(distance, threshold=-np.inf).nonzero().numpy()
    places = cells * HEAT_STRIDE + HEAT_STRIDE // 2
    inside = ((places >= margin_px) & (places <= window.pixels.shape[0] - margin_px)).all(axis=1)
    inside[inside] = window.imaged[tuple(places[inside].T)]
    cells, places = cells[inside], places[inside]
    strength = distance.numpy()[tuple(cells.T)].astype(np.float64)
    row, col = places.T.astype(np.float64)
    nothing = np.zeros(len(strength), np.float32)
    own = separate(row, col, size_px=nothing, logit=strength.astype(np.float32), separation=separation)
    return strength[own], places[own]
