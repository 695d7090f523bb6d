"""Turning, mirroring and scaling of pictures with their truth, in one convention: positions on pixel edges."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
_REDUCE_BELOW = 0.7
"""A picture that shrinks more than this is reduced by area first, for the turn itself samples points."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Mirror east to west first if asked, then turn clockwise (as seen), then scale."""

    scale: float
    angle: float
    """Radians, clockwise in a picture whose rows grow downwards."""
    mirrored: bool = False

    def linear(self) -> Matrix:
        """Return the (2, 2) matrix on (x, y) = (column, row)."""
        cos, sin = np.cos(self.angle) * self.scale, np.sin(self.angle) * self.scale
        return np.array([[cos, -sin], [sin, cos]]) @ np.diag([-1.0 if self.mirrored else 1.0, 1.0])

    def azimuth(self, degrees: float) -> float:
        """Return where a direction (degrees clockwise from up) points afterwards."""
        return ((-degrees if self.mirrored else degrees) + float(np.degrees(self.angle))) % 360


def around(turn: Turn, *, source: tuple[float, float], target: tuple[float, float]) -> Matrix:
    """Return the (2, 3) matrix that takes the place `source` (x, y) to `target`."""
    linear = turn.linear()
    return np.hstack([linear, (np.array(target) - linear @ np.array(source))[:, None]])


def warped(
    picture: NDArray[np.generic],
    matrix: Matrix,
    size: tuple[int, int],
    *,
    flags: int = cv2.INTER_LINEAR,
    border: int | None = None,
    fill: float = 0,
) -> NDArray[np.generic]:
    """Return the picture under a (2, 3) matrix on pixel edges, in a canvas of `size` (width, height).

    OpenCV counts from pixel centres; half a pixel is added before and taken away after. Outside the
    picture lies `fill`, or what the OpenCV border mode `border` makes of it.
    """
    linear, shift = matrix[:, :2], matrix[:, 2]
    on_centres = np.hstack([linear, (shift + linear @ np.array([0.5, 0.5]) - 0.5)[:, None]])
    mode = cv2.BORDER_CONSTANT if border is None else border
    value = (fill, fill, fill, fill)
    return np.asarray(cv2.warpAffine(picture, on_centres, size, flags=flags, borderMode=mode, borderValue=value))


def turned_layers(
    layers: NDArray[np.float32], turn: Turn, *, center: tuple[float, float]
) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """Return layers turned around `center` (row, col) into a canvas that holds all of them, and the new centre.

    Args:
        layers: (h, w, n), n at most 4 or any number that OpenCV takes; transparent outside.
        turn: What to do.
        center: On pixel edges.
    """
    height, width = layers.shape[:2]
    if turn.scale < _REDUCE_BELOW:
        factor = min(1.0, turn.scale * 1.4)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        layers = cv2.resize(layers, size, interpolation=cv2.INTER_AREA)
        factors = (size[0] / width, size[1] / height)
        center = (center[0] * factors[1], center[1] * factors[0])
        turn = Turn(turn.scale / float(np.sqrt(factors[0] * factors[1])), turn.angle, turn.mirrored)
        height, width = layers.shape[:2]
    corners = np.array([[x, y] for x in (0, width) for y in (0, height)]) - np.array([center[1], center[0]])
    reach = corners @ turn.linear().T
    low, high = np.floor(reach.min(axis=0)) - 1, np.ceil(reach.max(axis=0)) + 1
    matrix = around(turn, source=(center[1], center[0]), target=(-low[0], -low[1]))
    canvas = (int(high[0] - low[0]), int(high[1] - low[1]))
    return np.asarray(warped(layers, matrix, canvas), np.float32), (float(-low[1]), float(-low[0]))
