"""What a window of imagery is like: pooled features of the network, and the colours of the ground."""

from collections.abc import Mapping

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from survey.networks import FILL, one_thread
from survey.networks.backbone import EfficientNetLite, InvertedResidual
from survey.novelty.hues import CELL_PX, cells_of, hues_of
from survey.novelty.vision import VISION, vision_of

WINDOW_PX = 256
"""Edge of a window in working pixels; windows lie on multiples of it, whatever the tiles of a search."""
LEAST_VALID = 0.25
"""A window of which a smaller share was imaged tells too little."""
PARTS = ("network", "colour")
"""Features pooled at strides 4 and 8; and colours, which the first leaves undecided: a channel's mean is blind to how
colours vary together."""
HUES = "hues"
"""What false colour is told by, in a signature beside the `PARTS`."""
STRIDES = (4, 8)
_DARK = 8.0
"""Added to brightness before colours are divided by it: in the dark, noise has any hue."""

Signature = Mapping[str, NDArray[np.float64]]


class Signer:
    """Describes windows by the backbone of a network; float32 on the CPU, whatever the search runs on."""

    def __init__(self, backbone: EfficientNetLite, *, gsd_m: float) -> None:
        """Take over a copy of a backbone; what it computes beyond `STRIDES` is cut off. `gsd_m` is the model's."""
        stride = 2  # of the stem
        for n, block in enumerate(backbone.blocks):
            assert isinstance(block, InvertedResidual)
            convolution = block.depthwise[0]
            assert isinstance(convolution, nn.Conv2d)
            stride *= convolution.stride[0]
            if stride > STRIDES[-1]:
                backbone.blocks[n] = nn.Identity()
        self._backbone = backbone.float().cpu().eval()
        self._gsd_m = gsd_m

    @one_thread()
    @torch.inference_mode()
    def __call__(self, pixels: NDArray[np.uint8], valid: NDArray[np.bool_]) -> Signature | None:
        """Return the vectors of `PARTS`, `VISION` and `HUES`; None where too little of the window was imaged.

        Args:
            pixels: uint8 (h, w, 3) RGB at the model's GSD, h and w at most `WINDOW_PX`.
            valid: bool (h, w).
        """
        if np.count_nonzero(valid) < LEAST_VALID * WINDOW_PX**2:
            return None
        whole, imaged = np.full((WINDOW_PX, WINDOW_PX, 3), FILL, np.uint8), np.zeros((WINDOW_PX, WINDOW_PX), bool)
        whole[: pixels.shape[0], : pixels.shape[1]] = np.where(valid[..., None], pixels, FILL)
        imaged[: valid.shape[0], : valid.shape[1]] = valid
        levels = self._backbone((torch.from_numpy(whole).permute(2, 0, 1)[None].float() - FILL) / 128)
        pooled = [_pooled(level[0], _cells(imaged, stride)) for level, stride in zip(levels, STRIDES, strict=False)]
        if any(part is None for part in pooled):
            return None
        return {
            "network": np.concatenate([part for part in pooled if part is not None]),
            "colour": _colour(whole, imaged),
            VISION: vision_of(whole, imaged, gsd_m=self._gsd_m),
            HUES: hues_of(cells_of(whole)[_cells(imaged, CELL_PX)]),
        }


def _cells(imaged: NDArray[np.bool_], stride: int) -> NDArray[np.bool_]:
    """Return the cells of a level that were imaged whole."""
    count = WINDOW_PX // stride
    return np.asarray(imaged.reshape(count, stride, count, stride).all(axis=(1, 3)))


def _pooled(level: Tensor, cells: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """Return mean and ln(spread) of each channel over the cells; None without two cells."""
    if np.count_nonzero(cells) < 2:
        return None
    values = level[:, torch.from_numpy(cells)].double()
    return torch.cat([values.mean(dim=1), (values.std(dim=1) + 1e-3).log()]).numpy()


def _colour(pixels: NDArray[np.uint8], imaged: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return mean and ln(spread) of red and blue against green, as shares of brightness, and how they go together."""
    values = pixels[imaged].astype(np.float64)
    brightness = values.mean(axis=1) + _DARK
    red, blue = (values[:, 0] - values[:, 1]) / brightness, (values[:, 2] - values[:, 1]) / brightness
    spread = red.std(), blue.std()
    together = float(np.mean((red - red.mean()) * (blue - blue.mean()))) / max(spread[0] * spread[1], 1e-6)
    return np.array([red.mean(), blue.mean(), *np.log(np.array(spread) + 3e-3), np.arctanh(0.98 * together)])


def at_scale(picture: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) resized to `shape` (height, width), by area where it shrinks."""
    if picture.shape[:2] == shape:
        return picture
    method = cv2.INTER_AREA if shape[0] < picture.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, shape[::-1], interpolation=method), np.uint8)
