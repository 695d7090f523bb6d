"""Which windows of a flight items are laid on."""

import numpy as np

from survey.implant.laying import MOST_A_WINDOW, WINDOW_PX

SHARE = 0.2
"""Most of what there is to search that windows cover, but for the first one: they are searched twice more."""
_MOST_TRIED = 4
"""Windows tried for each one wanted, for many may show nothing that was imaged, or nothing that is searched."""


def windows_wanted(items: int, *, area_px: int) -> int:
    """Return how many windows hold `items` at most, of ground of `area_px` working pixels to search: at least 1."""
    return max(1, min(-(-items // MOST_A_WINDOW), int(SHARE * area_px / WINDOW_PX**2)))


def order_of(count: int, *, wanted: int) -> list[int]:
    """Return the numbers of the windows to try one after the other, of `count`: a permutation fixed by that number."""
    return [int(n) for n in np.random.default_rng(count).permutation(count)[: _MOST_TRIED * wanted]]
