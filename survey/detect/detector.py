"""Pixels in, detections and disturbance out."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from survey.detect.decode import Peaks, decode, disturbance_codes
from survey.detect.model import ModelCard, find_model, load_card, load_network, model_sha256
from survey.detect.network import FILL, HEAT_STRIDE, LATTICE_PX, MASK_STRIDE
from survey.detect.runtime import Precision, Runtime, RuntimeKind, make_runtime
from survey.resources import models_folder
from survey.values import Block, Detections, GroundCode, Tile, Window

CORE_PX = 1536
"""Default edge of a tile's core: with the halo 1.5 pixels are computed for each one owned."""
_CODES = np.array([GroundCode.SEARCHED, GroundCode.CRATER, GroundCode.TRENCH, GroundCode.DISTURBED_SOIL], np.uint8)


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


class Detector:
    """A model on a runtime."""

    def __init__(self, card: ModelCard, runtime: Runtime, *, sha256: str, core_px: int = CORE_PX) -> None:
        if core_px % LATTICE_PX or core_px <= 0:
            msg = f"core_px is a positive multiple of {LATTICE_PX}, got {core_px}"
            raise ValueError(msg)
        self.card, self.runtime, self.sha256, self.core_px = card, runtime, sha256, core_px

    def with_threshold(self, score: float) -> "Detector":
        """Return the same detector with another least score."""
        thresholds = self.card.thresholds.model_copy(update={"score": score})
        card = self.card.model_copy(update={"thresholds": thresholds})
        return Detector(card, self.runtime, sha256=self.sha256, core_px=self.core_px)

    def detect(self, image: NDArray[np.uint8], *, gsd_m: float) -> Detections:
        """Find likely ordnance in one picture.

        Args:
            image: uint8 (H, W, 3), RGB.
            gsd_m: Ground distance of a pixel in metres.

        Returns:
            Sightings with `row`, `col` in the picture's pixels; `x` and `y` are NaN. No sighting does
            not mean that there is no ordnance.

        Raises:
            ValueError: The array has another shape or dtype, or the GSD is not positive.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size or not gsd_m > 0:
            msg = f"detect takes uint8 (H, W, 3) and a positive gsd_m, got {image.dtype} {image.shape}, {gsd_m}"
            raise ValueError(msg)
        height, width = (max(1, round(extent * gsd_m / self.card.gsd_m)) for extent in image.shape[:2])
        shrink = height < image.shape[0]
        method = cv2.INTER_AREA if shrink else cv2.INTER_LINEAR
        working = (
            cv2.resize(image, (width, height), interpolation=method) if image.shape[:2] != (height, width) else image
        )
        halo = self.card.halo_px
        padded = cv2.copyMakeBorder(working, halo, halo, halo, halo, cv2.BORDER_CONSTANT, value=(FILL,) * 3)
        block = _one_block(height, width, self.core_px)
        found = self.search(block, padded, np.ones(padded.shape[:2], bool))
        if gsd_m > self.card.max_gsd_m:
            return Detections.empty(classes=self.card.class_names, model_id=self.card.id)
        error = np.hypot(self.card.performance.position_error_m, gsd_m / 2)
        count = len(found.score)
        return Detections(
            classes=self.card.class_names,
            images=("array",),
            model_id=self.card.id,
            class_index=found.class_index,
            score=found.score,
            probability=found.probability,
            row=found.row * image.shape[0] / height,
            col=found.col * image.shape[1] / width,
            x=np.full(count, np.nan),
            y=np.full(count, np.nan),
            size_m=(found.size_px * self.card.gsd_m).astype(np.float32),
            position_error_m=np.full(count, error, np.float32),
            image_index=np.zeros(count, np.int32),
            tile_index=found.tile_index,
        )

    def search(self, block: Block, pixels: NDArray[np.uint8], valid: NDArray[np.bool_]) -> Findings:
        """Search a block's tiles.

        Args:
            block: The plan's block; tiles' cores at most `core_px` on a side.
            pixels: uint8 (core height + 2 halo, core width + 2 halo, 3), 127 where not valid.
            valid: bool, the same height and width.
        """
        codes = np.full([-(-extent // MASK_STRIDE) for extent in (block.core.height, block.core.width)], 0, np.uint8)
        found: list[tuple[Tile, Peaks]] = []
        empty = 0
        shape = self._shape(block)
        for tile in block.tiles:
            rows, cols = tile.core.slices(block.core)
            halo = self.card.halo_px
            inner = (slice(rows.start + halo, rows.stop + halo), slice(cols.start + halo, cols.stop + halo))
            if not valid[inner].any():
                empty += 1
                continue
            reading = pixels[rows.start : rows.stop + 2 * halo, cols.start : cols.stop + 2 * halo]
            heads = self.runtime(_filled(reading, *shape))
            found.append(
                (tile, self._owned(decode(heads, learnt=self.card.learnt, threshold=self._least()), tile, valid[inner]))
            )
            mask = disturbance_codes(
                heads, codes=_CODES, learnt=self.card.learnt_disturbances, threshold=self.card.thresholds.disturbance
            )
            first, height, width = (
                halo // MASK_STRIDE,
                -(-tile.core.height // MASK_STRIDE),
                -(-tile.core.width // MASK_STRIDE),
            )
            top, left = rows.start // MASK_STRIDE, cols.start // MASK_STRIDE
            codes[top : top + height, left : left + width] = mask[first : first + height, first : first + width]
        return self._joined(found, codes, empty)

    def _shape(self, block: Block) -> tuple[int, int]:
        """Return the one (height, width) that all tiles of a block are extended to."""
        extents = [(t.core.height, t.core.width) for t in block.tiles] or [(0, 0)]
        height, width = (-(-max(e) // LATTICE_PX) * LATTICE_PX for e in zip(*extents, strict=True))
        return height + 2 * self.card.halo_px, width + 2 * self.card.halo_px

    def _least(self) -> float:
        """Return the least logit of a detection."""
        return float(logit(self.card.thresholds.score))

    def _owned(self, peaks: Peaks, tile: Tile, valid: NDArray[np.bool_]) -> Peaks:
        """Keep the peaks whose cell lies in the tile's core and whose centre was imaged; place them in the image."""
        halo = self.card.halo_px
        row, col = peaks.row - halo, peaks.col - halo
        cell_row, cell_col = peaks.cell_row * HEAT_STRIDE - halo, peaks.cell_col * HEAT_STRIDE - halo
        height, width = valid.shape
        keep = (cell_row >= 0) & (cell_row < height) & (cell_col >= 0) & (cell_col < width)
        inside = np.flatnonzero(keep)
        pixel_row = np.clip(row[inside], 0, height - 1).astype(int)
        pixel_col = np.clip(col[inside], 0, width - 1).astype(int)
        inside = inside[valid[pixel_row, pixel_col]]
        return Peaks(
            class_index=peaks.class_index[inside],
            logit=peaks.logit[inside],
            row=row[inside] + tile.core.row,
            col=col[inside] + tile.core.col,
            size_px=peaks.size_px[inside],
            cell_row=cell_row[inside],
            cell_col=cell_col[inside],
            saturated=peaks.saturated,
        )

    def _joined(self, found: list[tuple[Tile, Peaks]], codes: NDArray[np.uint8], empty: int) -> Findings:
        peaks = [p for _, p in found]
        logits = np.concatenate([p.logit for p in peaks]) if peaks else np.empty(0, np.float32)
        fit = self.card.calibration
        return Findings(
            class_index=np.concatenate([p.class_index for p in peaks] or [np.empty(0, np.int16)]),
            score=expit(logits).astype(np.float32),
            probability=expit(fit.scale * logits.astype(np.float64) + fit.offset).astype(np.float32),
            row=np.concatenate([p.row for p in peaks] or [np.empty(0)]),
            col=np.concatenate([p.col for p in peaks] or [np.empty(0)]),
            size_px=np.concatenate([p.size_px for p in peaks] or [np.empty(0, np.float32)]),
            tile_index=np.concatenate(
                [np.full(len(p.row), t.index, np.int32) for t, p in found] or [np.empty(0, np.int32)]
            ),
            codes=codes,
            tiles_searched=len(found),
            tiles_empty=empty,
            tiles_saturated=sum(p.saturated for p in peaks),
        )


def load_detector(
    model: str | Path = "default",
    *,
    runtime: RuntimeKind | str = RuntimeKind.AUTO,
    precision: Precision | str = Precision.AUTO,
    threads: int = 0,
    core_px: int = CORE_PX,
) -> Detector:
    """Load a released model by id (`default` for the default one) or a model folder by path.

    Args:
        model: Id or folder.
        runtime: `auto`, `torch` or `openvino`.
        precision: `auto`, `fp32` or `bf16`.
        threads: CPU threads of the runtime; 0 leaves the library's choice.
        core_px: Working pixels along a tile's core; a multiple of 16.

    Raises:
        ModelError: No such model, or its files do not fit each other.
        ConfigError: The runtime is not installed.
    """
    folder = find_model(model, models=models_folder())
    card = load_card(folder)
    network = load_network(folder, card)
    chosen = make_runtime(network, kind=RuntimeKind(runtime), precision=Precision(precision), threads=threads)
    return Detector(card, chosen, sha256=model_sha256(folder, card), core_px=core_px)


def _one_block(height: int, width: int, core_px: int) -> Block:
    """Return a whole picture as one block of tiles, row by row."""
    cores = [
        Window(row, col, min(core_px, height - row), min(core_px, width - col))
        for row in range(0, height, core_px)
        for col in range(0, width, core_px)
    ]
    return Block(0, Window(0, 0, height, width), tuple(Tile(i, core) for i, core in enumerate(cores)))


def _filled(reading: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Return the reading extended to the runtime's one static shape by nodata at the bottom and right."""
    if reading.shape[:2] == (height, width):
        return reading
    whole = np.full((height, width, 3), FILL, np.uint8)
    whole[: reading.shape[0], : reading.shape[1]] = reading
    return whole
