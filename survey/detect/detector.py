"""Pixels in, detections and disturbance out."""

from copy import copy
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from survey.detect.alarms import measured_alarms
from survey.detect.background import WINDOWS, Background, BackgroundMeter, measured_background
from survey.detect.decode import Peaks, decode, disturbance_codes
from survey.detect.findings import Findings
from survey.detect.model import ModelCard
from survey.detect.near import measured_near, seen_nearer
from survey.detect.second_look import SecondLooker
from survey.detect.tiling import filled, mask_cells, one_block
from survey.errors import InputError
from survey.networks import COARSE_STRIDE, FILL, HEAT_STRIDE, LATTICE_PX, MASK_STRIDE, Heads, Runtime, one_thread
from survey.novelty import NoveltyMeter
from survey.novelty.signature import at_scale
from survey.values import Block, Detections, GroundCode, Tile, working_extent

CORE_PX = 2048
"""Default edge of a tile's core: with a halo of 496 px 2.2 pixels are computed for each one owned; more cost memory."""
_CODES = np.array([GroundCode.SEARCHED, GroundCode.CRATER, GroundCode.TRENCH, GroundCode.DISTURBED_SOIL], np.uint8)


class Detector:
    """A model on a runtime.

    However a picture is cut into tiles, the same objects are found: in float32 on a CPU positions agree
    to 1e-3 px and scores to 1e-4 (`tests/detect/test_detector.py`), with reduced precision less closely.
    """

    def __init__(
        self,
        card: ModelCard,
        runtime: Runtime,
        *,
        sha256: str,
        core_px: int = CORE_PX,
        novelty: NoveltyMeter | None = None,
        looker: SecondLooker | None = None,
    ) -> None:
        if core_px % LATTICE_PX or core_px <= 0:
            msg = f"core_px is a positive multiple of {LATTICE_PX}, got {core_px}"
            raise ValueError(msg)
        self.card, self.runtime, self.sha256, self.core_px = card, runtime, sha256, core_px
        self.novelty, self.looker = novelty, looker
        self.background: Background | None = None

    @property
    def _least_logit(self) -> float:
        """Of a sighting."""
        return float(logit(self.card.thresholds.score))

    @property
    def _first_logit(self) -> float:
        """Of a place at the first look: lower, where a second one may make a sighting of it."""
        if self.looker is None:
            return self._least_logit
        card = self.looker.card
        margin = card.margin
        if card.near is not None and self.background is not None and self.background.near is not None:
            margin += self._calm(self.background) * card.near.margin
        return max(self._least_logit - margin, card.least_logit)

    def with_threshold(self, score: float) -> "Detector":
        """Return the same detector with another least score.

        Raises:
            ValueError: The score does not lie in 0..1.
        """
        if not 0 <= score <= 1:
            msg = f"a score lies in 0..1, got {score}"
            raise ValueError(msg)
        thresholds = self.card.thresholds.model_copy(update={"score": score})
        return self._with(self.card.model_copy(update={"thresholds": thresholds}))

    def on(self, background: Background | None) -> "Detector":
        """Return the same detector for ground like this; None leaves it to each picture."""
        twin = copy(self)
        twin.background = background
        return twin

    def at_any_gsd(self) -> "Detector":
        """Return the same detector without a limit on the imagery's GSD, for measurements."""
        return self._with(self.card.model_copy(update={"max_gsd_m": float("inf")}))

    def meter(self) -> BackgroundMeter:
        """Return what measures the ground of a flight for this detector."""
        return BackgroundMeter(self.runtime, reach_px=None if self.looker is None else self.looker.reach_px)

    def background_of(self, meter: BackgroundMeter) -> Background:
        """Return what the meter says of the ground, and of its alarms where places are looked at again.

        Raises:
            InputError: Too little ground was measured.
        """
        assert self.card.contrast is not None
        ground = measured_background(meter.cells, trimmed=self.card.contrast.trimmed)
        if self.looker is None:
            return ground
        alarms = measured_alarms(ground, meter.kept, looker=self.looker, separation=self.card.separation)
        near = None
        if self._calm(ground):
            near = measured_near(meter.kept, looker=self.looker, trimmed=self.card.contrast.trimmed)
        return replace(ground, alarms=alarms, near=near)

    def _calm(self, ground: Background) -> float:
        """Return how far contrast counts that is seen nearer, 0 where it does not."""
        if self.looker is None or self.looker.card.near is None or self.card.contrast is None:
            return 0.0
        return self.looker.card.near.calm(ground.tail, usual=self.card.contrast.usual_tail)

    def _with(self, card: ModelCard) -> "Detector":
        twin = copy(self)
        twin.card = card
        return twin

    def detect(self, image: NDArray[np.uint8], *, gsd_m: float) -> Detections:
        """Find likely ordnance in one picture.

        Args:
            image: uint8 (H, W, 3), RGB.
            gsd_m: Ground distance of a pixel in metres.

        Returns:
            Sightings with `row`, `col` in the picture's pixels; `x` and `y` are NaN. No sighting does
            not mean that there is no ordnance. A model that compares with the ground takes this picture's,
            if `on` did not say what the flight's is like.

        Raises:
            ValueError: The array has another shape or dtype, or the GSD is not positive.
            InputError: The picture is coarser than the model can work with: to search it would claim too much. Or it
                is too small to tell what its ground is like.
        """
        if (
            image.dtype != np.uint8
            or image.ndim != 3
            or image.shape[2] != 3
            or not image.size
            or not 0 < gsd_m < np.inf
        ):
            msg = f"detect takes uint8 (H, W, 3) and a positive gsd_m, got {image.dtype} {image.shape}, {gsd_m}"
            raise ValueError(msg)
        if gsd_m > self.card.max_gsd_m:
            msg = f"a GSD of {gsd_m} m is coarser than the {self.card.max_gsd_m} m of model {self.card.id}; fly lower"
            raise InputError(msg)
        working, halo = self.working(image, gsd_m), self.card.halo_px
        height, width = working.shape[:2]
        padded = cv2.copyMakeBorder(working, halo, halo, halo, halo, cv2.BORDER_CONSTANT, value=(FILL,) * 3)
        block = one_block(height, width, self.core_px)
        found = self._on_ground_of(working).search(block, np.asarray(padded, np.uint8), np.ones(padded.shape[:2], bool))
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
            position_error_m=np.full(count, np.hypot(self.card.performance.position_error_m, gsd_m / 2), np.float32),
            image_index=np.zeros(count, np.int32),
            tile_index=found.tile_index,
        )

    def _on_ground_of(self, working: NDArray[np.uint8]) -> "Detector":
        """Return the detector for one picture alone, where it compares with the ground and none was given."""
        if self.card.contrast is None or self.background is not None:
            return self
        meter = self.meter()
        meter.add_picture(working, windows=WINDOWS)
        return self.on(self.background_of(meter))

    def working(self, image: NDArray[np.uint8], gsd_m: float) -> NDArray[np.uint8]:
        """Return a picture, uint8 (H, W, 3), at the model's GSD."""
        return _resampled(image, gsd_m / self.card.gsd_m)

    def search(self, block: Block, pixels: NDArray[np.uint8], valid: NDArray[np.bool_]) -> Findings:
        """Search a block's tiles.

        Args:
            block: The plan's block; tiles' cores start on multiples of 16 working pixels.
            pixels: uint8 (core height + 2 halo, core width + 2 halo, 3), 127 where not valid.
            valid: bool, the same height and width.

        Raises:
            ValueError: The model compares with the flight's ground, and nobody said what that is like (`on`).
        """
        if self.card.contrast is not None and self.background is None:
            msg = f"model {self.card.id} compares with the ground of the flight; measure it first"
            raise ValueError(msg)
        halo, core = self.card.halo_px, block.core
        codes = np.full((mask_cells(core.height), mask_cells(core.width)), GroundCode.NOT_FLOWN, np.uint8)
        found: list[tuple[int, Peaks]] = []
        empty = 0
        shape = self._shape(block)
        for tile in block.tiles:
            rows, cols = tile.core.slices(core)
            imaged = valid[halo:, halo:][rows, cols]
            if not imaged.any():
                empty += 1
                continue
            reading = pixels[rows.start : rows.stop + 2 * halo, cols.start : cols.stop + 2 * halo]
            shown = valid[rows.start : rows.stop + 2 * halo, cols.start : cols.stop + 2 * halo]
            peaks, mask, around = self._look(filled(reading, *shape), filled(shown, *shape, fill=False))
            found.append((tile.index, self._looked_at_again(self._owned(peaks, tile, imaged), reading, around)))
            height, width = mask_cells(tile.core.height), mask_cells(tile.core.width)
            top, left, skip = rows.start // MASK_STRIDE, cols.start // MASK_STRIDE, halo // MASK_STRIDE
            codes[top : top + height, left : left + width] = mask[skip : skip + height, skip : skip + width]
        return Findings.joined(
            found,
            codes=codes,
            tiles_empty=empty,
            calibration=self.card.calibration,
            classes=self.card.class_names,
        )

    def _look(
        self, reading: NDArray[np.uint8], imaged: NDArray[np.bool_]
    ) -> tuple[Peaks, NDArray[np.uint8], NDArray[np.float32]]:
        """Run the network once: every peak of the reading, its (H/8, W/8) codes, its (H/16, W/16) surroundings."""
        return self._told(self.runtime(reading), imaged)

    @one_thread()
    def _told(self, heads: Heads, imaged: NDArray[np.bool_]) -> tuple[Peaks, NDArray[np.uint8], NDArray[np.float32]]:
        card, around = self.card, np.empty((0, 0), np.float32)
        if card.contrast is not None and self.background is not None:
            if self.background.near is not None:
                assert heads.coarse is not None
                around = self.background.surroundings(heads.coarse, card.contrast, imaged)[0, 0].cpu().numpy()
            heads = self.background.applied(heads, card.contrast, imaged)
        return (
            decode(
                heads,
                learnt=card.learnt,
                unidentified=card.unidentified,
                threshold=self._first_logit,
                separation=card.separation,
            ),
            disturbance_codes(
                heads, codes=_CODES, learnt=card.learnt_disturbances, threshold=card.thresholds.disturbance
            ),
            around,
        )

    def _looked_at_again(self, peaks: Peaks, reading: NDArray[np.uint8], around: NDArray[np.float32]) -> Peaks:
        """Return the peaks with what a second look makes of their logits; without those that fall too low.

        Where the alarms of the ground could not be measured, as in a small picture, they do not count.

        Args:
            peaks: Of the first look.
            reading: The tile's pixels.
            around: Surroundings by cells of stride 16, of ln(distance); read where the ground was seen nearer.
        """
        if self.looker is None or self.background is None:
            return peaks
        card, places = self.looker.card, np.column_stack([peaks.cell_row, peaks.cell_col]) * HEAT_STRIDE
        looks = self.looker(reading, places + HEAT_STRIDE // 2)
        seen = peaks.logit + card.items * looks.likeness
        if (alarms := self.background.alarms) is not None:
            seen = seen + card.bias + card.others * alarms.log_distance_of(looks.features)
        if card.near is not None and (ground := self.background.near) is not None:
            assert self.card.contrast is not None
            row, col = (cell * HEAT_STRIDE // COARSE_STRIDE for cell in (peaks.cell_row, peaks.cell_col))
            cells = self.looker.cells(reading, places + HEAT_STRIDE // 2)
            nearer = seen_nearer(cells, around[row, col], ground, self.card.contrast)
            seen = seen + self._calm(self.background) * (card.near.bias + card.near.contrast * nearer)
        told = replace(peaks, logit=seen)
        return told.only(np.flatnonzero(told.logit > self._least_logit))

    def _shape(self, block: Block) -> tuple[int, int]:
        """Return the one (height, width) that all tiles of a block are extended to."""
        extents = [(t.core.height, t.core.width) for t in block.tiles] or [(0, 0)]
        height, width = (-(-max(e) // LATTICE_PX) * LATTICE_PX for e in zip(*extents, strict=True))
        return height + 2 * self.card.halo_px, width + 2 * self.card.halo_px

    def _owned(self, peaks: Peaks, tile: Tile, imaged: NDArray[np.bool_]) -> Peaks:
        """Keep the peaks whose cell lies in the tile's core and whose centre was imaged; place them in the image."""
        halo = self.card.halo_px
        height, width = imaged.shape
        top, left = peaks.cell_row * HEAT_STRIDE - halo, peaks.cell_col * HEAT_STRIDE - halo
        inside = np.flatnonzero((top >= 0) & (top < height) & (left >= 0) & (left < width))
        top, left = top[inside], left[inside]
        # The last cell may stick out of the image; a centre does not.
        row = np.minimum(peaks.row[inside] - halo, height)
        col = np.minimum(peaks.col[inside] - halo, width)
        # A centre on the far edge of its cell belongs to the cell's last pixel, in every tiling.
        pixel_row = np.minimum(row.astype(int), np.minimum(top + HEAT_STRIDE, height) - 1)
        pixel_col = np.minimum(col.astype(int), np.minimum(left + HEAT_STRIDE, width) - 1)
        seen = imaged[pixel_row, pixel_col]
        kept = peaks.only(inside[seen])
        return replace(kept, row=row[seen] + tile.core.row, col=col[seen] + tile.core.col)


def _resampled(image: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    """Return the picture with `factor` working pixels for each of its own, a whole number of them."""
    height, width = (working_extent(extent, factor) for extent in image.shape[:2])
    return at_scale(image, (height, width))
