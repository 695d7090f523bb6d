"""Resampling whose answer for a pixel depends on nothing but the source pixels under it.

GDAL's own depends on the window that is asked for (in its last bits), on the file's overviews (which may be
made by any method), and takes each band's nodata by itself. Here weights come from whole numbers, so that a
pixel is the same in every window.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array


@dataclass(frozen=True, slots=True)
class Axis:
    """Working pixels laid over source pixels along one axis: the mean where they shrink, bilinear where they grow."""

    source: int
    """Source pixels along the whole image."""
    working: int
    """Working pixels along the whole image."""

    @property
    def is_identity(self) -> bool:
        """Whether the two are the same pixels."""
        return self.source == self.working

    def reach(self, start: int, stop: int) -> tuple[int, int]:
        """Return the source pixels (first, one after last) that working pixels `start` to `stop` are made of."""
        index, _ = self._taps(np.array([start, stop - 1]))
        return int(index.min()), int(index.max()) + 1

    def centres(self, start: int, stop: int) -> NDArray[np.int64]:
        """Return the source pixel at the centre of each working pixel."""
        return (2 * np.arange(start, stop, dtype=np.int64) + 1) * self.source // (2 * self.working)

    def made_of(self, start: int, stop: int) -> tuple[int, int]:
        """Return the working pixels (first, one after last) that source pixels `start` to `stop` have a part in."""
        margin = 0 if self.source >= self.working else -(-self.working // self.source)
        first = start * self.working // self.source - margin
        last = -(-stop * self.working // self.source) + margin
        return max(0, first), min(self.working, last)

    def weights(self, start: int, stop: int) -> Any:
        """Return the sparse matrix (stop - start, reach) that makes working pixels of source pixels."""
        index, weight = self._taps(np.arange(start, stop, dtype=np.int64))
        first, last = self.reach(start, stop)
        row = np.repeat(np.arange(stop - start), index.shape[1])
        shape = (stop - start, last - first)
        return csr_array((weight.ravel().astype(np.float32), (row, index.ravel() - first)), shape=shape)

    def _taps(self, working: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return (n, taps) source pixels and their weights; taps outside the image fall on its edge."""
        ours, theirs = self.working, self.source
        if theirs >= ours:
            begin = working[:, None] * theirs  # in 1/ours of a source pixel
            index = begin // ours + np.arange(-(-theirs // ours) + 1)
            overlap = np.minimum((index + 1) * ours, begin + theirs) - np.maximum(index * ours, begin)
            index = np.where(overlap > 0, index, begin // ours)
            return index, np.maximum(overlap, 0) / theirs
        centre = (2 * working[:, None] + 1) * theirs - ours  # in 1/(2 ours), from the first pixel's centre
        lower = centre // (2 * ours)
        upper_share = (centre - lower * 2 * ours) / (2 * ours)
        index = np.clip(lower + np.array([0, 1]), 0, theirs - 1)
        return index, np.concatenate([1 - upper_share, upper_share], axis=1)


def resampled(values: NDArray[Any], valid: NDArray[np.bool_], *, rows: Any, cols: Any) -> NDArray[np.float32]:
    """Return (working rows, working cols, 3): weighted means over the valid source pixels, 0 where there are none.

    Args:
        values: (3, height, width) of the source.
        valid: (height, width): which of them count.
        rows: `Axis.weights` down the rows, (working rows, height).
        cols: `Axis.weights` along the columns, (working cols, width).
    """
    if valid.all():
        # The common case, and faster; the weights add up as they would beside pixels that do not count.
        ones = np.ones((*valid.shape[:1], 1), np.float32)
        total = cols @ np.repeat((rows @ ones).T, valid.shape[1], axis=0)
        mean: NDArray[np.float32] = _across(_down(np.moveaxis(values, 0, -1), rows), cols) / total.T[..., None]
        return mean
    planes = np.empty((*valid.shape, 4), np.float32)
    planes[..., :3] = np.moveaxis(np.where(valid, values, 0), 0, -1)
    planes[..., 3] = valid
    sums = _across(_down(planes, rows), cols)
    total = sums[..., 3:]
    return np.divide(sums[..., :3], total, out=np.zeros((*sums.shape[:2], 3), np.float32), where=total > 0)


def _down(planes: NDArray[Any], rows: Any) -> NDArray[np.float32]:
    """Return (working rows, width, depth) of (height, width, depth)."""
    height, width, depth = planes.shape
    down: NDArray[np.float32] = rows @ np.ascontiguousarray(planes, np.float32).reshape(height, -1)
    return down.reshape(-1, width, depth)


def _across(planes: NDArray[np.float32], cols: Any) -> NDArray[np.float32]:
    """Return (height, working cols, depth) of (height, width, depth)."""
    height, width, depth = planes.shape
    turned = np.ascontiguousarray(planes.transpose(1, 0, 2)).reshape(width, -1)
    across: NDArray[np.float32] = cols @ turned
    return across.reshape(-1, height, depth).transpose(1, 0, 2)
