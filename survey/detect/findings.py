"""What was found in one block, in the image's working pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from survey.calibration import Calibration
from survey.detect.decode import Peaks


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What a block holds. Positions and sizes in working pixels of the image; arrays of shape (N,)."""

    class_index: NDArray[np.int16]
    score: NDArray[np.float32]
    probability: NDArray[np.float32]
    row: NDArray[np.float64]
    col: NDArray[np.float64]
    size_px: NDArray[np.float32]
    tile_index: NDArray[np.int32]
    codes: NDArray[np.uint8]
    """(ceil(h/8), ceil(w/8)) of `GroundCode` over the block's core; NOT_FLOWN where no tile was needed."""
    tiles_searched: int
    tiles_empty: int
    """Tiles without one valid pixel: the network was not run."""
    tiles_saturated: int
    """Tiles with more peaks than are kept; the weakest were dropped."""

    @classmethod
    def joined(
        cls,
        tiles: Sequence[tuple[int, Peaks]],
        *,
        codes: NDArray[np.uint8],
        tiles_empty: int,
        calibration: Calibration,
        classes: tuple[str, ...],
    ) -> "Findings":
        """Join the owned peaks of a block's tiles.

        Args:
            tiles: Index and peaks of each tile that was searched.
            codes: The block's ground codes.
            tiles_empty: Number of tiles that were not searched for want of a valid pixel.
            calibration: Turns logits into probabilities, class by class.
            classes: Names that the peaks' class indices point into.
        """
        peaks = [p for _, p in tiles]
        # The leading empty arrays keep the dtypes of a block in which nothing was searched.
        logits = np.concatenate([np.empty(0, np.float32), *(p.logit for p in peaks)])
        class_index = np.concatenate([np.empty(0, np.int16), *(p.class_index for p in peaks)])
        index = np.repeat([n for n, _ in tiles], [len(p.logit) for p in peaks]) if tiles else np.empty(0)
        return cls(
            class_index=class_index,
            score=expit(logits).astype(np.float32),
            probability=calibration.by_class(logits, class_index, classes=classes),
            row=np.concatenate([np.empty(0), *(p.row for p in peaks)]),
            col=np.concatenate([np.empty(0), *(p.col for p in peaks)]),
            size_px=np.concatenate([np.empty(0, np.float32), *(p.size_px for p in peaks)]),
            tile_index=index.astype(np.int32),
            codes=codes,
            tiles_searched=len(tiles),
            tiles_empty=tiles_empty,
            tiles_saturated=sum(p.saturated for p in peaks),
        )
