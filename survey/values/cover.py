"""What lies between the camera and the ground."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class CoverCode(IntEnum):
    """Cover of one ground pixel, by how much it hides: where images overlap, the least of the known ones counts."""

    UNKNOWN = 0
    """Not flown, not readable, or cover was not asked for."""
    OPEN = 1
    """Bare soil, sand, stones, paving; also dead grass, which colour does not tell from soil."""
    LOW_VEGETATION = 2
    DEEP_SHADOW = 3
    """Too dark to show what lies there."""
    CANOPY = 4
    WATER = 5


COVERS: tuple[str, ...] = tuple(code.name.lower() for code in CoverCode if code)
"""Names of the known covers, in the order of their codes."""


def merge_covers(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Join two views of the same ground: what hides less was seen through; unknown gives way."""
    # Unknown wraps round to 255.
    less = np.minimum(first - np.uint8(1), second - np.uint8(1))
    return np.asarray(less + np.uint8(1), np.uint8)
