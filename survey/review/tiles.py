"""Squares of searched ground that are looked at as a whole, and which of them: drawn by chance."""

import re
from collections.abc import Iterable, Sequence
from math import ceil, floor

import numpy as np
import shapely
from rasterio.features import rasterize
from rasterio.transform import Affine

from survey.errors import InputError
from survey.review.store import Draw

EDGE_M = 10.0
"""Edge of a tile: at 1 cm a screen of about 1000 pixels. A whole number of tiles fills a hectare."""
EMPTY, SIGHTED = "empty", "sighted"
_NAME = re.compile(r"tile-(\d+(?:\.\d+)?)-E(-?\d+(?:\.\d+)?)-N(-?\d+(?:\.\d+)?)")


def tile_at(x: float, y: float, *, edge_m: float = EDGE_M) -> str:
    """Return the name of the tile that a place lies in; corners are on whole multiples of the edge."""
    return f"tile-{edge_m:g}-E{floor(x / edge_m) * edge_m:.12g}-N{floor(y / edge_m) * edge_m:.12g}"


def tile_box(name: str) -> shapely.Polygon:
    """Return a tile's square.

    Raises:
        InputError: It is no name of a tile.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        msg = f"{name[:80]!r} is no tile; reload the page"
        raise InputError(msg)
    edge, x, y = (float(part) for part in match.groups())
    return shapely.box(x, y, x + edge, y + edge)


def searched_tiles(searched: shapely.Geometry, *, edge_m: float = EDGE_M) -> list[str]:
    """Return the tiles whose centre lies on searched ground, from north to south and west to east."""
    if searched.is_empty:
        return []
    x_min, y_min, x_max, y_max = searched.bounds
    west, north = floor(x_min / edge_m), ceil(y_max / edge_m)
    shape = (north - floor(y_min / edge_m), ceil(x_max / edge_m) - west)
    transform = Affine(edge_m, 0, west * edge_m, 0, -edge_m, north * edge_m)
    rows, cols = np.nonzero(rasterize([(searched, 1)], out_shape=shape, transform=transform, dtype="uint8"))
    centres = zip(rows.tolist(), cols.tolist(), strict=True)
    return [tile_at((west + col + 0.5) * edge_m, (north - row - 0.5) * edge_m, edge_m=edge_m) for row, col in centres]


def draw_tiles(
    tiles: Sequence[str], sighted: Iterable[str], *, share: float, least: int, seed: int, run_id: str
) -> tuple[Draw, Draw]:
    """Draw tiles without a sighting and tiles with one, without replacement.

    The same arguments give the same draw. A larger share begins with the tiles of a smaller one.

    Args:
        tiles: Searched tiles.
        sighted: Tiles that hold an item of the run; those not searched are left out.
        share: Share of each stratum to draw.
        least: Draw at least so many of each, if there are so many.
        seed: Of the draw.
        run_id: Name of the run.
    """
    with_sighting = set(sighted)
    strata = {
        EMPTY: [t for t in tiles if t not in with_sighting],
        SIGHTED: [t for t in tiles if t in with_sighting],
    }
    draws = []
    for number, (stratum, own) in enumerate(strata.items()):
        order = np.random.default_rng([seed, number]).permutation(len(own))
        wanted = min(len(own), max(least, round(share * len(own))))
        drawn = tuple(own[n] for n in order[:wanted])
        draws.append(Draw(run_id, seed, stratum, len(own), EDGE_M, drawn))
    return draws[0], draws[1]
