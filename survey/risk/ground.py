"""From the network's answer on an image's own pixels to codes on the ground grid."""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from survey.errors import GeoreferenceError
from survey.values import GroundCode, GroundGrid, GroundPatch, Window, WorkingGrid

_LATTICE_M = 10.0
"""Distance of exactly transformed points when CRSs differ: bending over 10 m is below 1e-4 m in any usual CRS."""
_MARGIN_PX = 2
"""Ground pixels added around a core's outline before each pixel is asked, against bent and rounded edges."""
_BAND_ROWS = 128
"""Rows worked on at once, so that the intermediate arrays stay in the processor's cache."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Answer:
    """What the network said about one core."""

    core: Window
    codes: NDArray[np.uint8]
    stride_px: int
    valid: NDArray[np.bool_]

    def __post_init__(self) -> None:
        cells = (ceil(self.core.height / self.stride_px), ceil(self.core.width / self.stride_px))
        if self.codes.shape != cells or self.valid.shape != (self.core.height, self.core.width):
            msg = (
                f"{self.core} at stride {self.stride_px} needs codes {cells}, "
                f"got codes {self.codes.shape} and valid {self.valid.shape}"
            )
            raise ValueError(msg)


def project_core(  # noqa: PLR0913 - the six describe one block; a value for them would be used only here
    grid: WorkingGrid,
    *,
    crs: str,
    ground: GroundGrid,
    core: Window,
    codes: NDArray[np.uint8],
    stride_px: int,
    valid: NDArray[np.bool_],
) -> GroundPatch | None:
    """Give each ground pixel the code of the network cell that its centre falls into.

    A ground pixel belongs to the core that holds the working pixel under its centre. The place of a centre is
    computed from its absolute row and column alone, so every core of an image finds the same place, and cores
    that tile an image own each ground pixel exactly once.

    Args:
        grid: Working grid of the image.
        crs: CRS of the image (WKT).
        ground: Ground grid of the run.
        core: Working pixels that the block owns.
        codes: (ceil(height / stride), ceil(width / stride)) `GroundCode` of each network cell of the core.
        stride_px: Working pixels along the edge of a network cell.
        valid: (height, width) working pixels that were imaged.

    Returns:
        The smallest patch around the owned, imaged ground pixels; None where there are none.

    Raises:
        ValueError: `codes` or `valid` do not fit the core.
        GeoreferenceError: The core cannot be transformed to the ground grid's CRS.
    """
    answer = _Answer(core, codes, stride_px, valid)
    same = _same_crs(crs, ground.hectares.crs)
    window = _reach(grid, crs=crs, ground=ground, core=core, same=same)
    if window is None:
        return None
    to_working = ~grid.transform * ground.transform
    if same and to_working.b == 0 and to_working.d == 0:
        return _trimmed(window, _take_separable(to_working, window=window, answer=answer))
    out = np.empty((window.height, window.width), np.uint8)
    for top in range(0, window.height, _BAND_ROWS):
        band = Window(window.row + top, window.col, min(_BAND_ROWS, window.height - top), window.width)
        if same:
            row, col = _affine_places(to_working, band)
        else:
            row, col = _lattice_places(grid, crs=crs, ground=ground, window=band)
        out[top : top + band.height] = _take(row, col, answer=answer)
    return _trimmed(window, out)


def _affine_places(to_working: Affine, window: Window) -> tuple[Array, Array]:
    """Return working (row, col) of the ground pixel centres of a window."""
    x = np.arange(window.col, window.col_end) + 0.5
    y = np.arange(window.row, window.row_end)[:, None] + 0.5
    a, b, c, d, e, f = to_working[:6]
    return d * x + (e * y + f), a * x + (b * y + c)


def _lattice_places(grid: WorkingGrid, *, crs: str, ground: GroundGrid, window: Window) -> tuple[Array, Array]:
    """Return working (row, col) of ground pixel centres, bilinear between exactly transformed lattice points.

    The lattice starts at the ground grid's corner, whatever the window: two windows see the same points.
    """
    step = max(1, round(_LATTICE_M / ground.gsd_m))
    rows = np.arange(window.row // step, (window.row_end - 1) // step + 2)
    cols = np.arange(window.col // step, (window.col_end - 1) // step + 2)
    node_row, node_col = np.meshgrid(rows * float(step), cols * float(step), indexing="ij")
    node_x, node_y = _to_working(grid, crs=crs, ground=ground, col=node_col, row=node_row)
    row, col = (_bilinear(nodes, window=window, step=step) for nodes in (node_y, node_x))
    return row, col


def _bilinear(nodes: Array, *, window: Window, step: int) -> Array:
    """Interpolate lattice values at the pixel centres of a window, rows first, then column by column of the lattice."""
    row = np.arange(window.row, window.row_end)
    low = row // step - window.row // step
    share = ((row % step + 0.5) / step)[:, None]
    lines = nodes[low] * (1 - share) + nodes[low + 1] * share
    out = np.empty((window.height, window.width))
    first = window.col // step
    for j in range(nodes.shape[1] - 1):
        start, end = max(window.col, (first + j) * step), min(window.col_end, (first + j + 1) * step)
        along = (np.arange(start, end) % step + 0.5) / step
        out[:, start - window.col : end - window.col] = lines[:, j, None] * (1 - along) + lines[:, j + 1, None] * along
    return out


def _take_separable(to_working: Affine, *, window: Window, answer: _Answer) -> NDArray[np.uint8]:
    """Return the window's codes where rows depend on rows only: two index vectors instead of two index images."""
    row, col = _affine_places(to_working, window)
    core, out = answer.core, np.zeros((window.height, window.width), np.uint8)
    r = np.floor(row[:, 0]).astype(np.intp) - core.row
    c = np.floor(col[0]).astype(np.intp) - core.col
    rows = np.flatnonzero((r >= 0) & (r < core.height))
    cols = np.flatnonzero((c >= 0) & (c < core.width))
    if len(rows) and len(cols):
        r, c = r[rows], c[cols]
        taken = answer.codes[r // answer.stride_px][:, c // answer.stride_px]
        taken[~answer.valid[r][:, c]] = GroundCode.NOT_FLOWN
        out[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1] = taken
    return out


def _take(row: Array, col: Array, *, answer: _Answer) -> NDArray[np.uint8]:
    """Return the codes at working places."""
    core, out = answer.core, np.zeros(row.shape, np.uint8)
    r = np.floor(row).astype(np.intp) - core.row
    c = np.floor(col).astype(np.intp) - core.col
    inside = (r >= 0) & (r < core.height) & (c >= 0) & (c < core.width)
    r, c = r[inside], c[inside]
    codes = answer.codes[r // answer.stride_px, c // answer.stride_px]
    out[inside] = np.where(answer.valid[r, c], codes, np.uint8(GroundCode.NOT_FLOWN))
    return out


def _reach(grid: WorkingGrid, *, crs: str, ground: GroundGrid, core: Window, same: bool) -> Window | None:
    """Return the ground pixels that may lie in a core: the bounds of its outline, with a margin."""
    steps = 2 + ceil(max(core.height, core.width) * grid.gsd_m / _LATTICE_M)
    down = np.linspace(core.row, core.row_end, steps)
    along = np.linspace(core.col, core.col_end, steps)
    col = np.concatenate([along, along, np.full(steps, core.col), np.full(steps, core.col_end)])
    row = np.concatenate([np.full(steps, core.row), np.full(steps, core.row_end), down, down])
    x, y = grid.transform * (col, row)
    if not same:
        x, y = _transformer(crs, ground.hectares.crs).transform(x, y)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        msg = f"{core} of the image cannot be placed in {ground.hectares.crs}; check the image's CRS and geotransform"
        raise GeoreferenceError(msg)
    c, r = ~ground.transform * (np.asarray(x), np.asarray(y))
    top, left = floor(r.min()) - _MARGIN_PX, floor(c.min()) - _MARGIN_PX
    bottom, right = ceil(r.max()) + _MARGIN_PX, ceil(c.max()) + _MARGIN_PX
    around = Window(top, left, bottom - top, right - left)
    return around.intersection(Window(0, 0, ground.height, ground.width))


def _to_working(grid: WorkingGrid, *, crs: str, ground: GroundGrid, col: Array, row: Array) -> tuple[Array, Array]:
    """Return working (x = col, y = row) of places given in ground pixels, transformed exactly."""
    x, y = ground.transform * (col, row)
    x, y = _transformer(ground.hectares.crs, crs).transform(x, y)
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        msg = f"ground near ({col.flat[0]}, {row.flat[0]}) of {ground.hectares.crs} has no place in the image's CRS"
        raise GeoreferenceError(msg)
    places: tuple[Array, Array] = ~grid.transform * (np.asarray(x), np.asarray(y))
    return places


def _trimmed(window: Window, codes: NDArray[np.uint8]) -> GroundPatch | None:
    """Return the smallest patch around the flown pixels, None where there are none."""
    rows, cols = np.flatnonzero(codes.any(axis=1)), np.flatnonzero(codes.any(axis=0))
    if not len(rows):
        return None
    top, left, bottom, right = int(rows[0]), int(cols[0]), int(rows[-1]) + 1, int(cols[-1]) + 1
    inside = Window(window.row + top, window.col + left, bottom - top, right - left)
    return GroundPatch(inside, np.ascontiguousarray(codes[top:bottom, left:right]))


@lru_cache(maxsize=64)
def _same_crs(first: str, second: str) -> bool:
    """Tell whether two CRSs are one; axis order does not count, coordinates are always x, y here."""
    return bool(CRS.from_user_input(first).equals(CRS.from_user_input(second), ignore_axis_order=True))


@lru_cache(maxsize=64)
def _transformer(source: str, target: str) -> Transformer:
    """Return the transformation between two CRSs, in x, y order."""
    return Transformer.from_crs(source, target, always_xy=True)
