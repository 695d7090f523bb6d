"""Posterior risk per hectare."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from survey.values.grid import HectareGrid

ORDNANCE_GROUPS = ("ap", "at", "submunition", "uxo")
"""Anti-personnel mines, anti-tank (anti-vehicle) mines, submunitions, other unexploded ordnance."""


@dataclass(frozen=True, slots=True, eq=False)
class Risk:
    """One value per cell and band, float32 of the grid's shape; NaN in cells that nobody flew."""

    grid: HectareGrid
    p_at_least_one: NDArray[np.float32]
    """P(at least one item in the cell)."""
    p_unseen: NDArray[np.float32]
    """P(at least one item in the cell that was not detected)."""
    expected_items: NDArray[np.float32]
    """Expected number of items in the cell, seen and unseen."""
    q05: NDArray[np.float32]
    """5 % quantile of the number of items in the cell."""
    q95: NDArray[np.float32]
    """95 % quantile of the number of items in the cell."""
    searched_fraction: NDArray[np.float32]
    """Share of the cell that was searched."""
    detections: NDArray[np.float32]
    """Number of detected items (sightings of one item count once)."""
    disturbance_fraction: NDArray[np.float32]
    """Share of the searched ground that looks disturbed; NaN where nothing was searched."""
    confirmed: NDArray[np.float32]
    """Number of detected items that review confirmed; they are among `detections`."""
    effective_search: NDArray[np.float32]
    """Expected probability that an item of the cell was detected: recall times the share in which it holds."""
    prior_items: NDArray[np.float32]
    """Expected number of items before the search."""
    search_change: NDArray[np.float32]
    """What a search without any detection would have changed of that, never above 0."""
    detection_change: NDArray[np.float32]
    """What the detections changed; with the two before it adds up to `expected_items`."""
    p_at_least_one_ap: NDArray[np.float32]
    p_unseen_ap: NDArray[np.float32]
    expected_items_ap: NDArray[np.float32]
    q05_ap: NDArray[np.float32]
    q95_ap: NDArray[np.float32]
    """The last five: of the group `ap` alone."""
    p_at_least_one_at: NDArray[np.float32]
    p_unseen_at: NDArray[np.float32]
    expected_items_at: NDArray[np.float32]
    q05_at: NDArray[np.float32]
    q95_at: NDArray[np.float32]
    """The last five: of the group `at` alone."""
    p_at_least_one_submunition: NDArray[np.float32]
    p_unseen_submunition: NDArray[np.float32]
    expected_items_submunition: NDArray[np.float32]
    q05_submunition: NDArray[np.float32]
    q95_submunition: NDArray[np.float32]
    """The last five: of the group `submunition` alone."""
    p_at_least_one_uxo: NDArray[np.float32]
    p_unseen_uxo: NDArray[np.float32]
    expected_items_uxo: NDArray[np.float32]
    q05_uxo: NDArray[np.float32]
    q95_uxo: NDArray[np.float32]
    """The last five: of the group `uxo` alone."""
    visibility: NDArray[np.float32]
    """Share of recall left on the searched ground under its cover and at its sharpness; NaN where not known."""
    cover_open: NDArray[np.float32]
    cover_low_vegetation: NDArray[np.float32]
    cover_deep_shadow: NDArray[np.float32]
    cover_canopy: NDArray[np.float32]
    cover_water: NDArray[np.float32]
    """The last five: share of the cell under each of `COVERS`; NaN where cover was not asked for."""

    def __post_init__(self) -> None:
        for name in RISK_BANDS:
            array = getattr(self, name)
            if array.shape != self.grid.shape or array.dtype != np.float32:
                msg = f"Risk.{name} has {array.dtype} {array.shape}, expected float32 {self.grid.shape}"
                raise ValueError(msg)


GROUP_BANDS = ("p_at_least_one", "p_unseen", "expected_items", "q05", "q95")
"""Bands that every group has too, named `<band>_<group>`."""
RISK_BANDS: tuple[str, ...] = tuple(f.name for f in fields(Risk) if f.name != "grid")
