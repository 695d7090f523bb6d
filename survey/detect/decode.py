"""From the heads' logits to centre points: peaks without plateaus, and what was cut is counted."""

from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor
from torch.nn import functional

from survey.networks import HEAT_STRIDE, Heads
from survey.networks.network import PEAK_RADIUS, SUPPRESS_PX

LEAST_CLASS_SHARE = 0.5
"""An item whose likeliest class has less than this share of the learnt classes' softmax is not identified."""
MAX_PEAKS = 4096
"""Most peaks kept of one tile. A tile that has more is counted as saturated and reported."""


@dataclass(frozen=True, slots=True)
class Separation:
    """How far apart two sightings are, at least: a weaker one within a stronger one's item is no second item."""

    least_px: float = 0.0
    """So near a stronger one it is the same thing, whatever size that has."""

    @property
    def most_px(self) -> float:
        """No item reaches farther than this around its centre: a place depends on peaks no farther away."""
        return max(SUPPRESS_PX, self.least_px)

    @property
    def reach_px(self) -> int:
        """Farthest neighbour that decides whether a cell is a sighting, beyond the network's own reach."""
        return PEAK_RADIUS * HEAT_STRIDE + ceil(self.most_px)


@dataclass(frozen=True, slots=True, eq=False)
class Peaks:
    """Centre points of one tile; arrays of shape (N,), positions in the tile's input pixels."""

    class_index: NDArray[np.int16]
    logit: NDArray[np.float32]
    row: NDArray[np.float64]
    col: NDArray[np.float64]
    size_px: NDArray[np.float32]
    cell_row: NDArray[np.int64]
    """The heatmap cell of the tile that holds the peak: decides which tile owns it."""
    cell_col: NDArray[np.int64]
    saturated: bool
    """More than `MAX_PEAKS` peaks stood above the threshold; the weakest were dropped."""

    def only(self, kept: NDArray[np.intp]) -> "Peaks":
        """Return these of the peaks, by number."""
        return Peaks(
            class_index=self.class_index[kept],
            logit=self.logit[kept],
            row=self.row[kept],
            col=self.col[kept],
            size_px=self.size_px[kept],
            cell_row=self.cell_row[kept],
            cell_col=self.cell_col[kept],
            saturated=self.saturated,
        )


BY_SIZE = Separation()
_NO_PEAKS = Peaks(
    class_index=np.empty(0, np.int16),
    logit=np.empty(0, np.float32),
    row=np.empty(0),
    col=np.empty(0),
    size_px=np.empty(0, np.float32),
    cell_row=np.empty(0, np.int64),
    cell_col=np.empty(0, np.int64),
    saturated=False,
)


def peak_mask(heat: Tensor, *, threshold: float) -> Tensor:
    """Return a bool (H, W) mask of the local maxima of logits (H, W) that exceed `threshold`.

    A peak is no lower than any neighbour and higher than those before it in reading order, so that
    a plateau yields one peak and every tiling yields the same one.
    """
    radius, size = PEAK_RADIUS, 2 * PEAK_RADIUS + 1
    highest = functional.max_pool2d(heat[None, None], size, 1, radius)[0, 0]
    # Only the cell's own neighbours are compared, so the rule reaches no farther than the radius.
    outside = -torch.inf
    above = functional.max_pool2d(
        functional.pad(heat[None, None], (radius, radius, radius, 0), value=outside), (radius, size), 1
    )
    left = functional.max_pool2d(functional.pad(heat[None, None], (radius, 0, 0, 0), value=outside), (1, radius), 1)
    earlier = torch.maximum(above[0, 0, :-1], left[0, 0, :, :-1])
    return (heat == highest) & (heat > earlier) & (heat > threshold)


def decode(
    heads: Heads,
    *,
    learnt: NDArray[np.bool_],
    unidentified: int | None,
    threshold: float,
    separation: Separation = BY_SIZE,
) -> Peaks:
    """Pick the sightings of one tile.

    Args:
        heads: Logits of a batch of one.
        learnt: (classes,) bool; a class that was never learnt is never recognised.
        unidentified: Index of the class given to items whose class is not even likely; None gives the likeliest.
        threshold: Least logit of a peak.
        separation: Of two items.
    """
    if not learnt.any():
        return _NO_PEAKS
    heat = heads.heat[0, 0]
    rows, cols = peak_mask(heat, threshold=threshold).nonzero(as_tuple=True)
    values = heat[rows, cols]
    saturated = len(values) > MAX_PEAKS
    if saturated:
        keep = values.topk(MAX_PEAKS).indices.sort().values
        rows, cols, values = rows[keep], cols[keep], values[keep]
    log_size, offset_row, offset_col = heads.geometry[0, :, rows, cols].double().cpu().numpy()
    cell_row, cell_col = rows.cpu().numpy(), cols.cpu().numpy()
    logit = values.cpu().numpy().astype(np.float32)
    row = (cell_row + np.clip(offset_row, 0, 1)) * HEAT_STRIDE
    col = (cell_col + np.clip(offset_col, 0, 1)) * HEAT_STRIDE
    size_px = np.exp(np.clip(log_size, 0, 7)).astype(np.float32)
    own = separate(row, col, size_px=size_px, logit=logit, separation=separation)
    kind = _recognise(heads.kind[0, :, rows, cols], learnt=learnt, unidentified=unidentified)
    peaks = Peaks(kind, logit, row, col, size_px, cell_row, cell_col, saturated)
    return peaks.only(np.flatnonzero(own))


def separate(
    row: NDArray[np.float64],
    col: NDArray[np.float64],
    *,
    size_px: NDArray[np.float32],
    logit: NDArray[np.float32],
    separation: Separation = BY_SIZE,
) -> NDArray[np.bool_]:
    """Return which peaks are items of their own: those that lie within no stronger one's item.

    An item reaches half its longest extent around its centre, within the bounds of `separation`. Every stronger peak
    counts, one within another's item too: so the answer at a place depends on peaks no farther than that
    away, and every tiling gives the same one. Of two equal peaks the first in reading order is the stronger.

    Args:
        row: (N,) centres, pixels, in the reading order of their cells.
        col: (N,).
        size_px: (N,) longest extents.
        logit: (N,).
        separation: Of two items.
    """
    own = np.ones(len(row), np.bool_)
    if len(row) < 2:
        return own
    places = np.column_stack([row, col])
    first, second = cKDTree(places).query_pairs(separation.most_px, output_type="ndarray").T
    weaker_first = logit[first] < logit[second]
    strong, weak = np.where(weaker_first, second, first), np.where(weaker_first, first, second)
    apart = np.hypot(*(places[strong] - places[weak]).T)
    own[weak[apart < np.clip(size_px[strong] / 2, separation.least_px, separation.most_px)]] = False
    return own


def _recognise(logits: Tensor, *, learnt: NDArray[np.bool_], unidentified: int | None) -> NDArray[np.int16]:
    """Return (N,) the class of each of N items from its (classes, N) logits."""
    allowed = np.flatnonzero(learnt)
    shares = logits.double().cpu()[torch.as_tensor(allowed)].softmax(dim=0).numpy()
    likeliest = allowed[shares.argmax(axis=0)] if shares.shape[1] else np.empty(0, np.intp)
    if unidentified is not None:
        likeliest = np.where(shares.max(axis=0, initial=0.0) < LEAST_CLASS_SHARE, unidentified, likeliest)
    return likeliest.astype(np.int16)


def disturbance_codes(
    heads: Heads, *, codes: NDArray[np.uint8], learnt: NDArray[np.bool_], threshold: float
) -> NDArray[np.uint8]:
    """Return (H/8, W/8) codes: `codes[0]` where undisturbed, `codes[1 + k]` where kind k exceeds `threshold`.

    Args:
        heads: Logits of a batch of one.
        codes: (1 + kinds,) what to write for undisturbed and for each kind.
        learnt: (kinds,) bool; kinds never learnt are never output.
        threshold: Least probability (softmax over the learnt kinds) of a disturbance.
    """
    allowed = np.concatenate([[0], 1 + np.flatnonzero(learnt)])
    shares = heads.mask[0, torch.as_tensor(allowed, device=heads.mask.device)].softmax(dim=0)
    best, which = shares[1:].max(dim=0) if len(allowed) > 1 else (shares[0] * 0, shares[0].long() * 0)
    kind = torch.where(best > threshold, which + 1, torch.zeros_like(which)).cpu().numpy()
    return np.asarray(codes[allowed[kind]], np.uint8)
