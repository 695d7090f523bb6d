"""Outlines of what was searched and what was not, as polygons."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import shapes

from survey.export.palette import HIDDEN_REASONS
from survey.values import CoverCode, GroundCode, GroundGrid, GroundPatch

_COARSE_M = 1.0
"""Edge of the cells that the outline is drawn from."""
_SLIVER_M2 = 2.0
"""Smaller rests of an unread block, left beside the stepped outline of other images, are dropped."""
_SEARCHED, _NOT_SEARCHED, _HIDDEN = 1, 2, 10
"""States of coarse cells; what a cover hides has the code of that cover added to the last."""


@dataclass(frozen=True, slots=True)
class UnsearchedPlace:
    """Ground that should have been searched and was not."""

    polygon: Any
    """Shapely polygon in the output CRS."""
    reason: str
    """What went wrong, with file and window."""


@dataclass(frozen=True, slots=True)
class OutlinePolygon:
    """One polygon of the searched-area layer."""

    polygon: Any
    state: str
    """'searched' or 'not searched'."""
    reason: str
    """Why it was not searched; empty where it was."""


class SearchedOutline:
    """Collects merged ground, hectare row by hectare row, as polygons of about a metre's resolution.

    Memory grows with the length of the outline, not with the area. Exact areas are the tally's business.
    """

    __slots__ = ("_factor", "_found", "_ground", "_row", "_strips")

    def __init__(self, ground: GroundGrid) -> None:
        wanted = max(1, round(_COARSE_M / ground.gsd_m))
        self._factor = next(f for f in range(wanted, 0, -1) if ground.per_edge % f == 0)
        self._ground = ground
        self._row: int | None = None
        self._strips: list[tuple[int, NDArray[np.uint8]]] = []
        self._found: dict[int, list[Any]] = defaultdict(list)

    def add(self, patch: GroundPatch) -> None:
        """Add a segment of whole hectare cells, as `merge_ground` yields them.

        Raises:
            ValueError: The patch does not start and end on hectare cells.
        """
        window, edge = patch.window, self._ground.per_edge
        if any(n % edge for n in (window.row, window.col, window.width)) or window.height != edge:
            msg = f"{window} is not one row of whole hectare cells of {edge} ground pixels"
            raise ValueError(msg)
        if window.row != self._row:
            self._flush()
            self._row = window.row
        self._strips.append((window.col // self._factor, _coarsened(patch, self._factor)))

    def polygons(self, *, unsearched: Sequence[UnsearchedPlace], otherwise: str) -> list[OutlinePolygon]:
        """Return disjoint polygons of searched ground and of ground that was not searched.

        Ground of an unread block that another image searched counts as searched.

        Args:
            unsearched: Blocks that could not be read, each with its reason.
            otherwise: Reason of the other imaged ground that was not searched.
        """
        self._flush()
        searched = shapely.union_all(self._found[_SEARCHED])
        taken, found = searched, [OutlinePolygon(p, "searched", "") for p in _parts(searched)]
        for place in unsearched:
            rest = shapely.difference(place.polygon, taken)
            found += [OutlinePolygon(p, "not searched", place.reason) for p in _parts(rest) if p.area >= _SLIVER_M2]
            taken = shapely.union(taken, place.polygon)
        for code in HIDDEN_REASONS:
            hidden = shapely.difference(shapely.union_all(self._found[_HIDDEN + code]), taken)
            found += [OutlinePolygon(p, "not searched", HIDDEN_REASONS[code]) for p in _parts(hidden)]
        rest = shapely.difference(shapely.union_all(self._found[_NOT_SEARCHED]), taken)
        found += [OutlinePolygon(p, "not searched", otherwise) for p in _parts(rest) if p.area >= _SLIVER_M2 / 2]
        return found

    def _flush(self) -> None:
        """Turn the strips of the finished hectare row into polygons."""
        if not self._strips or self._row is None:
            return
        first = min(col for col, _ in self._strips)
        last = max(col + strip.shape[1] for col, strip in self._strips)
        states = np.zeros((self._strips[0][1].shape[0], last - first), np.uint8)
        for col, strip in self._strips:
            states[:, col - first : col - first + strip.shape[1]] = strip
        place = self._ground.transform * Affine.translation(first * self._factor, self._row)
        place *= Affine.scale(self._factor)
        for geometry, state in shapes(states, mask=states > 0, connectivity=4, transform=place):
            rings = geometry["coordinates"]
            self._found[int(state)].append(shapely.Polygon(rings[0], rings[1:]))
        self._strips.clear()


def _coarsened(patch: GroundPatch, factor: int) -> NDArray[np.uint8]:
    """Return the state of each coarse cell: what at least half of it is, searched first; then what hides most of it."""
    codes = patch.codes
    height, width = codes.shape
    fine = (height // factor, factor, width // factor, factor)
    blocks = codes.reshape(fine)
    unseen = (blocks == GroundCode.NOT_SEARCHED).sum(axis=(1, 3))
    flown = (blocks != GroundCode.NOT_FLOWN).sum(axis=(1, 3))
    half = factor * factor / 2
    states = np.where(flown - unseen >= half, _SEARCHED, np.where(unseen >= half, _NOT_SEARCHED, 0))
    if patch.view is not None:
        cover = np.where(codes == GroundCode.NOT_SEARCHED, patch.view.cover, 0).reshape(fine)
        by_code = np.stack([(cover == code).sum(axis=(1, 3)) for code in CoverCode])
        by_code[0] = unseen - by_code[1:].sum(axis=0)
        hider = by_code.argmax(axis=0)
        states = np.where((states == _NOT_SEARCHED) & (hider > 0), _HIDDEN + hider, states)
    return states.astype(np.uint8)


def _parts(geometry: Any) -> list[Any]:
    """Return the polygons of a geometry without needless vertices, in an order of their own (north-west first)."""
    pieces = shapely.get_parts(shapely.simplify(geometry, 0))
    polygons = [shapely.normalize(p) for p in pieces if p.geom_type == "Polygon" and not p.is_empty]
    return sorted(polygons, key=lambda p: (-p.bounds[3], p.bounds[0], p.wkb))
