"""How well each image of a run saw the ground: cover of the parts, the image's blur, the user's layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.cover import CoverLayer, cover_cells, excess_blur, visibility, window_blurs
from survey.ingest import BlockPixels
from survey.networks import MASK_STRIDE
from survey.pipeline.plan import ImagePlan, Plan
from survey.values import CoverCode, GroundCode, GroundPatch, GroundView

BLUR = "blur_px"
"""Name of a part's column: blur of the windows whose first pixel the block owns."""
_STEP = len(CoverCode)
_NOT_SEARCHED = 5
"""Stands for `GroundCode.NOT_SEARCHED` where both codes share a byte."""


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """Of all images of a run."""

    left: Mapping[str, NDArray[np.uint8]]
    """By image id: share of recall left by cover code, in 255ths; empty where cover was not asked for."""
    blur_px: Mapping[str, float]
    """By image id: blur beyond sharp imagery, working pixels."""
    layer: CoverLayer | None

    @classmethod
    def of(cls, plan: Plan, blurs: Mapping[str, Sequence[NDArray[np.float32]]]) -> "Sight":
        """Return how well images saw, from the blurs of their windows by image id."""
        if plan.config.cover == "ignore":
            return cls({}, {}, None)
        left, blur_px = {}, {}
        for planned in plan.images:
            name = planned.image.image_id
            windows = np.concatenate([np.empty(0, np.float32), *blurs.get(name, ())])
            enlarged = 1 / min(planned.grid.row_step, planned.grid.col_step)
            blur_px[name] = excess_blur(windows, enlarged=enlarged)
            left[name] = visibility(
                plan.card.detectability,
                hides=(0.0, *plan.config.cover_hides),
                blur_px=blur_px[name],
                gsd_m=plan.card.gsd_m,
            )
        return cls(left, blur_px, plan.cover)

    def patch(self, image_id: str, patch: GroundPatch) -> GroundPatch:
        """Return a block's ground with how well it was seen; what its cover hides counts as not searched.

        A disturbance that was seen stays: it was seen. Ground that does not count as searched has no view.
        """
        if patch.view is None or image_id not in self.left:
            return GroundPatch(patch.window, patch.codes)
        cover = patch.view.cover
        if self.layer is not None:
            known = self.layer.codes_of(patch.window)
            cover = np.where((known > 0) & (cover > 0), known, cover)
        looked = (patch.codes != GroundCode.NOT_FLOWN) & (patch.codes != GroundCode.NOT_SEARCHED)
        left = np.where(looked, self.left[image_id][cover], np.uint8(0))
        codes = np.where(
            (patch.codes == GroundCode.SEARCHED) & (left == 0), np.uint8(GroundCode.NOT_SEARCHED), patch.codes
        )
        view = GroundView(np.where(looked, cover, np.uint8(0)), left, left.astype(np.uint16))
        return GroundPatch(patch.window, codes, view)

    def facts(self, image_id: str) -> dict[str, Any]:
        """Return what the summary says of an image."""
        if image_id not in self.left:
            return {"blur_px": None, "visibility": None}
        names = [code.name.lower() for code in CoverCode if code]
        shares = self.left[image_id][1:] / 255
        return {
            "blur_px": round(self.blur_px[image_id], 3),
            "visibility": {name: round(float(share), 4) for name, share in zip(names, shares, strict=True)},
        }


def look_at(
    read: BlockPixels, planned: ImagePlan, codes: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.generic]]]:
    """Return a block's ground codes joined with its cover, and its other columns.

    Args:
        read: Pixels of the block.
        planned: Their image.
        codes: `GroundCode` of the network's cells.

    Returns:
        Codes to be put on the ground and taken apart again by `split`, and the blurs of the block's windows.
    """
    halo = planned.tiles.halo_px
    cover = cover_cells(read.pixels, read.valid, gsd_m=planned.grid.gsd_m, halo_px=halo)
    blurs = window_blurs(read.pixels, read.valid, core=read.block.core, halo_px=halo)
    return joined(codes, cover), {BLUR: blurs}


def joined(codes: NDArray[np.uint8], cover: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return both codes in one byte, 0 where nobody flew, so that they are put on the ground at once."""
    ground = np.where(codes == GroundCode.NOT_SEARCHED, np.uint8(_NOT_SEARCHED), codes)
    return np.where(ground > 0, ground * np.uint8(_STEP) + cover, 0).astype(np.uint8)


def split(both: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return (ground codes, cover codes)."""
    ground, cover = np.divmod(both, np.uint8(_STEP))
    return np.where(ground == _NOT_SEARCHED, np.uint8(GroundCode.NOT_SEARCHED), ground), cover


assert MASK_STRIDE == 8, "cells of cover are the network's cells of disturbance"
