"""The ground of a sprite: flat far away, uneven and piled up around what is sunk into it."""

import numpy as np
from numpy.typing import NDArray

from survey.simulate.render.mesh import Points, Solid
from survey.simulate.render.weather import Noise

Field = NDArray[np.float64]
_CELLS = 72


def relief(solid: Solid, *, sunk_m: float, rng: np.random.Generator) -> tuple[Points, NDArray[np.uint32]]:
    """Return the surface of the soil around a thing at the origin.

    The soil is flat at z = 0 but for lumps near the thing, the larger the deeper it is sunk; its far rim is laid
    out wide, so that the thing sees soil all around it.

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
    lumps = 0.7 * Noise(rng)(points, cell=0.3 * extent) + 0.5 * Noise(rng)(points, cell=0.09 * extent)
    middle = (solid.low + solid.high) / 2
    across = 0.62 * solid.extent + 0.01
    distance = np.hypot((x - middle[0]) / across[0], (y - middle[1]) / across[1])
    near = np.clip(1.7 - distance, 0, 1)
    piled = min(sunk_m, 0.3 * extent)
    height = near * (0.12 * piled + 0.006 * extent) * lumps + near * 0.15 * piled
    points[:, 2] = np.maximum(height, -0.3 * piled) - 0.002 * extent
    return points, _grid_triangles(len(line))


def _grid_triangles(count: int) -> NDArray[np.uint32]:
    index = np.arange(count * count).reshape(count, count)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    both = [np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)]
    return np.concatenate(both).astype(np.uint32)
