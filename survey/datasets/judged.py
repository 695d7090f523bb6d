"""What people said of a picture of which they looked at parts only."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from survey.labels import Boxes


class Looked(IntEnum):
    """How much of the ground at a pixel was looked at."""

    NOT = 0
    """Nobody said anything: what lies there is neither demanded nor punished."""
    YES = 1
    """What is not labelled there is no item."""
    EMPTY = 2
    """Of a square that was looked at as a whole and holds no item: false alarms may be mined there."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Beside the items of a picture, what else is known of it and what is not."""

    ground: NDArray[np.uint8]
    """(H, W) `Looked`."""
    unsettled: Boxes
    """Places that may be items, neither demanded nor punished: not judged, unsure, disputed, or of uncertain place."""
    rejected: NDArray[np.float64]
    """(K, 2) row and col of what was taken for an item and is none."""

    @property
    def may_be_mined(self) -> bool:
        """Tell whether any of the ground is known to be empty."""
        return bool((self.ground == Looked.EMPTY).any())
