"""The ground of a sprite: flat far away, uneven and piled up around what is sunk into it."""

import numpy as np
from numpy.typing import NDArray

from survey.simulate.render.mesh import Points, Solid
from survey.simulate.render.weather import Noise

Field = NDArray[np.float64]
_CELLS = 120
_SPILT = 0.5
"""Share of the sunk things with soil washed or dug over one side of them."""
_SPILL_MOST = 0.16
"""Height of such soil, as a share of the thing's extent: what stands higher is not covered."""


def relief(solid: Solid, *, sunk_m: float, rng: np.random.Generator) -> tuple[Points, NDArray[np.uint32]]:
    """Return the surface of the soil around a thing at the origin.

    The soil is flat at z = 0 but for lumps near the thing, the larger the deeper it is sunk, and soil spilt over one
    side of some; its far rim is laid out wide, so that the thing sees soil all around it.

    Args:
        solid: The thing as it lies, already sunk.
        sunk_m: How far it is sunk, metres.
        rng: Decides the lumps.

    Returns:
        Corners (n, 3) and triangles (m, 3) of a height field, seen from above counter-clockwise.
    """
    extent = float(np.hypot(*solid.extent[:2]))
    reach = 1.15 * extent + 0.01
    line = np.linspace(-1, 1, _CELLS + 1) * reach
    line = np.concatenate([[-30 * reach, -6 * reach], line, [6 * reach, 30 * reach]])
    x, y = (axis.ravel() for axis in np.meshgrid(line, line))
    points = np.column_stack([x, y, np.zeros_like(x)])
    # Three octaves in all: finer lumps would throw a net of shadows at a low sun, around rendered things alone.
    broad, fine = (Noise(rng)(points, cell=share * extent, octaves=n) for share, n in ((0.34, 2), (0.12, 1)))
    lumps = 0.8 * broad + 0.25 * fine
    middle = (solid.low + solid.high) / 2
    across = 0.62 * solid.extent + 0.01
    distance = np.hypot((x - middle[0]) / across[0], (y - middle[1]) / across[1])
    near = _smooth((1.7 - distance) / 0.7)
    piled = min(sunk_m, 0.3 * extent)
    height = near * ((0.14 * piled + 0.003 * extent) * lumps + 0.15 * piled)
    height = np.maximum(height, -0.3 * piled)
    if sunk_m > 0.05 * solid.extent[2] and rng.random() < _SPILT:
        away = np.hypot(points[:, 0] - middle[0], points[:, 1] - middle[1]) / (0.5 * extent)
        beside = _smooth((1.7 - away) / 1.1)  # gentle even beside a slim thing: a steep heap is dark on its lee
        height = np.maximum(height, beside * _spill(solid, points - middle, broad=broad, rng=rng))
    points[:, 2] = height - 0.002 * extent
    return points, _grid_triangles(len(line))


def _spill(solid: Solid, offset: Points, *, broad: Field, rng: np.random.Generator) -> Field:
    """Return the height of soil spilt over one side of a thing at points (n, 3) from its middle."""
    way, edge = rng.uniform(0, 2 * np.pi), rng.uniform(-0.1, 0.9)
    across = 2 * (offset[:, 0] * np.cos(way) + offset[:, 1] * np.sin(way)) / float(np.hypot(*solid.extent[:2]))
    top = min(float(solid.high[2]) * 1.1, _SPILL_MOST * float(solid.extent[:2].max()))
    return np.asarray(top * _smooth(1.1 * (across + 0.15 * broad - edge) + 0.5))


def _smooth(value: Field) -> Field:
    """Return 0 below 0 and 1 above 1, without a crease between."""
    inside = np.clip(value, 0, 1)
    return np.asarray(inside**2 * (3 - 2 * inside))


def _grid_triangles(count: int) -> NDArray[np.uint32]:
    index = np.arange(count * count).reshape(count, count)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    both = [np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)]
    return np.concatenate(both).astype(np.uint32)
