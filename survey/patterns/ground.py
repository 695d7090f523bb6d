"""The ground that was searched: where items could have been seen."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.errors import InputError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class SearchedGround:
    """A polygon or several, in metres."""

    shape: Any
    area_m2: float = field(init=False)

    def __post_init__(self) -> None:
        if self.shape.is_empty or self.shape.area <= 0:
            msg = "no ground was searched, so that nothing can be said of patterns; run the search first"
            raise InputError(msg)
        shapely.prepare(self.shape)
        object.__setattr__(self, "area_m2", float(self.shape.area))

    def holds(self, points: Array) -> NDArray[np.bool_]:
        """Tell which of (N, 2) points were searched."""
        return np.asarray(shapely.contains_xy(self.shape, points[:, 0], points[:, 1]), np.bool_)

    def strew(self, count: int, rng: np.random.Generator) -> Array:
        """Return (count, 2) points evenly over the ground."""
        west, south, east, north = self.shape.bounds
        share = self.area_m2 / ((east - west) * (north - south))
        kept = np.empty((0, 2))
        while len(kept) < count:
            tries = int((count - len(kept)) / share * 1.2) + 16
            points = rng.uniform((west, south), (east, north), (min(tries, 1_000_000), 2))
            kept = np.concatenate([kept, points[self.holds(points)]])
        return kept[:count]

    def jitter(self, points: Array, radius_m: float, rng: np.random.Generator) -> Array:
        """Return each point moved evenly within a radius, staying on searched ground where it was on it."""
        moved = points.copy()
        waiting = np.arange(len(points))
        bound = self.holds(points)
        for _ in range(50):  # a point on a sliver that none of 50 moves hits stays where it is
            away = radius_m * np.sqrt(rng.random(len(waiting)))
            angle = rng.uniform(0, 2 * np.pi, len(waiting))
            tried = points[waiting] + np.column_stack([away * np.cos(angle), away * np.sin(angle)])
            fits = ~bound[waiting] | self.holds(tried)
            moved[waiting[fits]] = tried[fits]
            waiting = waiting[~fits]
            if not waiting.size:
                break
        return moved
