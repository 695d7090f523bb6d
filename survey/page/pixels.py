"""Pixels as browsers show them: means that keep to imaged pixels, JPEG where all are, PNG where some are not."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

JPEG_QUALITY = 90
_PNG_EFFORT = 1
"""zlib level: 6 halves nothing that matters on a loopback and takes four times as long."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture."""

    content: bytes
    media_type: str


def _blank() -> Picture:
    _, buffer = cv2.imencode(".png", np.zeros((1, 1, 4), np.uint8))
    return Picture(buffer.tobytes(), "image/png")


BLANK: Final = _blank()
"""One transparent pixel: nothing was imaged here."""


def encode(rgb: NDArray[np.uint8], valid: NDArray[np.bool_]) -> Picture:
    """Encode (3, rows, cols) as JPEG if all pixels are valid, else as PNG in which the others are transparent.

    JPEG mixes neighbouring pixels, so that what was not imaged would colour what was.
    """
    if not valid.any():
        return BLANK
    bgr = np.ascontiguousarray(np.moveaxis(rgb[::-1], 0, -1))
    if valid.all():
        _, buffer = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        return Picture(buffer.tobytes(), "image/jpeg")
    alpha = np.where(valid, np.uint8(255), np.uint8(0))
    bgra = np.dstack([np.where(valid[..., None], bgr, np.uint8(0)), alpha])
    _, buffer = cv2.imencode(".png", bgra, [cv2.IMWRITE_PNG_COMPRESSION, _PNG_EFFORT])
    return Picture(buffer.tobytes(), "image/png")


def coarsen(
    rgb: NDArray[np.uint8], valid: NDArray[np.bool_], *, factor: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return means of squares of `factor` pixels, over imaged pixels alone; at the far edges squares may be cut.

    Args:
        rgb: (3, rows, cols).
        valid: (rows, cols).
        factor: Pixels along a square's edge.

    Returns:
        (3, rows / factor, cols / factor) rounded up, and which squares hold any imaged pixel.
    """
    if factor == 1:
        return rgb, valid
    rows, cols = valid.shape
    height, width = -(-rows // factor), -(-cols // factor)
    weight = np.zeros((height * factor, width * factor), np.float32)
    weight[:rows, :cols] = valid
    values = np.zeros((*weight.shape, 3), np.float32)
    values[:rows, :cols] = np.moveaxis(rgb, 0, -1)
    values *= weight[..., None]
    # With a whole factor INTER_AREA is the plain mean of each square.
    share = cv2.resize(weight, (width, height), interpolation=cv2.INTER_AREA)
    mean = cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA)
    mean = np.divide(mean, share[..., None], out=np.zeros_like(mean), where=share[..., None] > 0)
    return np.moveaxis(np.rint(mean).astype(np.uint8), -1, 0), np.asarray(share > 0, bool)


def padded(
    rgb: NDArray[np.uint8], valid: NDArray[np.bool_], *, shape: tuple[int, int], at: tuple[int, int] = (0, 0)
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Lay pixels into a larger picture at (row, col); what is around them was not imaged."""
    if valid.shape == shape:
        return rgb, valid
    rows, cols = slice(at[0], at[0] + valid.shape[0]), slice(at[1], at[1] + valid.shape[1])
    out, seen = np.zeros((3, *shape), np.uint8), np.zeros(shape, bool)
    out[:, rows, cols], seen[rows, cols] = rgb, valid
    return out, seen
