"""From samples to what the heads should say."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from survey.composites.compose import Sample
from survey.networks import HEAT_STRIDE

SPREAD = 0.12
"""Standard deviation of the heatmap's bump as a share of the item's longest extent."""
LEAST_SPREAD_CELLS = 0.7
DEMANDED = 2.0
"""On ground that nobody looked at an item is demanded within so many times its size: the item and its rim."""


@dataclass(frozen=True, slots=True)
class Batch:
    """B crops with their targets; h = S/4 cells, m = S/8 cells, K items in all."""

    pixels: Tensor
    """(B, 3, S, S) uint8, channels last."""
    heat: Tensor
    """(B, 1, h, h) float32: 1 at the centre cells, falling off around them."""
    weight: Tensor
    """(B, 1, h, h) float32: 0 where an item is too hidden to demand or to punish, and on ground nobody looked at."""
    centre: Tensor
    """(K, 3) int64: batch index, cell row, cell column."""
    kind: Tensor
    """(K,) int64: index of the item's class, or `NO_CLASS`."""
    geometry: Tensor
    """(K, 3) float32: ln(size / px), row and column of the centre within its cell."""
    mask: Tensor
    """(B, m, m) int64: 0, 1 + kind, or 255 where not known."""

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device."""
        return Batch(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


def make_batch(samples: Sequence[Sample]) -> Batch:
    """Stack crops and draw their targets."""
    cells = samples[0].pixels.shape[0] // HEAT_STRIDE
    heat = np.zeros((len(samples), 1, cells, cells), np.float32)
    weight = np.stack([sample.known for sample in samples])[:, None].astype(np.float32)
    centre: list[tuple[int, int, int]] = []
    kind: list[int] = []
    geometry: list[tuple[float, float, float]] = []
    for index, sample in enumerate(samples):
        for item in range(len(sample.row)):
            row, col = sample.row[item] / HEAT_STRIDE, sample.col[item] / HEAT_STRIDE
            size = sample.size_px[item] / HEAT_STRIDE
            if sample.ignored[item]:
                continue
            _bump(heat[index, 0], row, col, size)
            _weigh(weight[index, 0], row, col, DEMANDED * size, to=1)
            centre.append((index, int(row), int(col)))
            kind.append(int(sample.class_index[item]))
            geometry.append((float(np.log(sample.size_px[item])), float(row % 1), float(col % 1)))
        for item in np.flatnonzero(sample.ignored).tolist():  # after those that are demanded: what is not known counts
            row, col = sample.row[item] / HEAT_STRIDE, sample.col[item] / HEAT_STRIDE
            _weigh(weight[index, 0], row, col, sample.size_px[item] / HEAT_STRIDE, to=0)
    pixels = np.stack([sample.pixels for sample in samples])
    return Batch(
        pixels=torch.from_numpy(pixels).permute(0, 3, 1, 2),
        heat=torch.from_numpy(heat),
        weight=torch.from_numpy(weight),
        centre=torch.tensor(centre, dtype=torch.int64).reshape(-1, 3),
        kind=torch.tensor(kind, dtype=torch.int64),
        geometry=torch.tensor(geometry, dtype=torch.float32).reshape(-1, 3),
        mask=torch.from_numpy(np.stack([sample.mask for sample in samples]).astype(np.int64)),
    )


def _bump(heat: NDArray[np.float32], row: float, col: float, size: float) -> None:
    """Draw a Gaussian whose maximum of exactly 1 lies in the cell that holds the centre."""
    spread = max(LEAST_SPREAD_CELLS, SPREAD * size)
    reach = int(np.ceil(3 * spread))
    top, bottom = max(0, int(row) - reach), min(heat.shape[0], int(row) + reach + 1)
    left, right = max(0, int(col) - reach), min(heat.shape[1], int(col) + reach + 1)
    rows, cols = np.mgrid[top:bottom, left:right]
    square = (rows - int(row)) ** 2 + (cols - int(col)) ** 2
    view = heat[top:bottom, left:right]
    np.maximum(view, np.exp(-square / (2 * spread**2)), out=view)


def _weigh(weight: NDArray[np.float32], row: float, col: float, size: float, *, to: float) -> None:
    reach = max(1.0, size / 2)
    top, left = max(0, int(row - reach)), max(0, int(col - reach))
    weight[top : max(0, int(row + reach) + 1), left : max(0, int(col + reach) + 1)] = to
