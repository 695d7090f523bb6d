"""How blurred imagery is, from its own edges."""

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.values import Window

WINDOW_PX, LATTICE_PX = 128, 512
"""One window of this size at each point of a lattice over the image: a sixteenth of its pixels."""
REBLUR_PX = 1.5
"""Standard deviation of the blur that an edge is compared after."""
_EDGES = 98.0
"""Percentile of the gradient from which a pixel counts as an edge, and the least gradient (grey levels a pixel), which
keeps noise out; `_LEAST` edge pixels are needed."""
_GRADIENT, _LEAST = 3.0, 64
QUARTILE = 25
"""Percentile of the windows that stands for an image: soft ground has soft edges, none sharper than the camera's."""
SHARP_PX, CORRECTION = 1.1, 1.28
"""What the estimate says of imagery as sharp as its pixels allow, for pixels and optics blur too, and a model's recall
was measured through that; and a factor, for texture is taken for narrower edges. Both fitted to blurs of 0 to 4 px laid
over two pictures of lawn and wood; of 2 px laid over dunes, dry grass and eucalypts it then says 2.0 to 2.4."""
MOST_PX = 10.0


def window_blurs(
    pixels: NDArray[np.uint8], valid: NDArray[np.bool_], *, core: Window, halo_px: int
) -> NDArray[np.float32]:
    """Return the blur of each window whose first pixel lies in a core; those not wholly imaged are left out.

    Windows lie on a lattice of the image, so their answers together do not depend on the tiling.

    Args:
        pixels: uint8 (core height + 2 halo, core width + 2 halo, 3) RGB.
        valid: bool, the same height and width.
        core: Place of the core in the image, working pixels.
        halo_px: At least `WINDOW_PX`.

    Returns:
        (N,) standard deviations in pixels; NaN for windows without edges.
    """
    found = []
    for row in range(-(-core.row // LATTICE_PX) * LATTICE_PX, core.row_end, LATTICE_PX):
        for col in range(-(-core.col // LATTICE_PX) * LATTICE_PX, core.col_end, LATTICE_PX):
            top, left = row - core.row + halo_px, col - core.col + halo_px
            place = (slice(top, top + WINDOW_PX), slice(left, left + WINDOW_PX))
            if valid[place].shape == (WINDOW_PX, WINDOW_PX) and valid[place].all():
                found.append(blur_of(pixels[place]))
    return np.array(found, np.float32)


def blur_of(pixels: NDArray[np.uint8]) -> float:
    """Return the standard deviation of a picture's blur in pixels; NaN where it has too few edges to tell.

    A step edge blurred by s has a gradient of 1 / s; blurred again by t, of 1 / sqrt(s^2 + t^2). The ratio of both
    gives s (Zhuo and Sim 2011, Pattern Recognition 44:1852); here of the gradients' energies over all edges at once.

    Args:
        pixels: uint8 (H, W, 3) RGB.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    sharp, soft = (_energy(g) for g in (grey, cv2.GaussianBlur(grey, (0, 0), REBLUR_PX)))
    edge = soft >= max(_GRADIENT**2, float(np.percentile(soft, _EDGES)))
    if np.count_nonzero(edge) < _LEAST:
        return float("nan")
    ratio = float(sharp[edge].sum(dtype=np.float64) / soft[edge].sum(dtype=np.float64))
    return min(MOST_PX, REBLUR_PX / float(np.sqrt(max(ratio - 1, 1e-6))))


def excess_blur(blurs: NDArray[np.float32], *, enlarged: float) -> float:
    """Return an image's blur beyond that of sharp imagery, in working pixels.

    Args:
        blurs: (N,) of its windows.
        enlarged: Working pixels for one of its own; what enlarging blurs is known without looking.
    """
    softness = 0.42 * np.sqrt(max(0.0, enlarged**2 - 1))
    known = blurs[np.isfinite(blurs)]
    if not known.size:
        return float(softness)
    measured = CORRECTION * np.sqrt(max(0.0, float(np.percentile(known, QUARTILE)) ** 2 - SHARP_PX**2))
    return float(max(softness, measured))


def _energy(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the squared gradient, grey levels a pixel."""
    along = cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    return np.asarray(along * along + down * down, np.float32)
