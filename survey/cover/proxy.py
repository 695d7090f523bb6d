"""Cover told from the colours and the relief of light in RGB imagery; a proxy, not a measurement of plants.

Cells of 8 working pixels carry mean colours; all rules look at whole numbers summed over squares of cells around, so
a cell's cover is the same in every tiling as long as the halo holds the squares.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.values import CoverCode

CELL_PX = 8
EXCESS_GREEN = 0.06
"""Chromatic excess green (2g - r - b) / (r + g + b) above which a cell is green (Woebbecke et al. 1995, Trans. ASAE
38:259). On the grounds that the rules were made on, asphalt and dry steppe with dead grass end at 0.0, lawn and crowns
begin at 0.09 (5 % to 95 % of cells)."""
CANOPY_RELIEF = 0.13
"""Mean step of brightness between neighbouring cells, as a share of brightness, within half a metre. Lawn ends at
0.125, crowns of broad-leaved wood begin at 0.132 (95 % and 5 % of cells). A single edge counts little in a mean of
steps, and much in a variance."""
WATER_RELIEF = 0.012
"""Asphalt in the sun begins at 0.010. Water has to be blue or dark besides."""
WATER_BLUE = 0.03
"""(b - r) / (r + g + b) of calm water under the sky; asphalt has 0.016 at most."""
WATER_DARK = 80
TOO_DARK = 40
"""Brightness (0..255) at which 2 % of full light is left: nothing small stands out of noise and compression there."""
SHADOW_DARK, SHADOW_SHARE = 64, 0.4
"""Up to this brightness, ground is in deep shadow if it has less than this share of the brightest place near it."""
BLACK = 8
"""Darker than water ever is: unmarked borders of a mosaic."""
_GREEN_FROM = 24
"""Darker cells have no colour worth the name."""
_PATCH_M, _CROWN_M, _CONTEXT_M = 0.16, 0.5, 1.3
"""Half sides of the squares for low plants, for crowns and water, and for the light around a shadow."""
_DARK_CELLS = 1

Cells = NDArray[np.uint8]
Sums = NDArray[np.int32]


def cover_cells(pixels: NDArray[np.uint8], valid: NDArray[np.bool_], *, gsd_m: float, halo_px: int) -> Cells:
    """Return the `CoverCode` of each cell of a core.

    Args:
        pixels: uint8 (core height + 2 halo, core width + 2 halo, 3) RGB; the core starts on a multiple of `CELL_PX`.
        valid: bool, the same height and width.
        gsd_m: Edge of a pixel in metres.
        halo_px: A multiple of `CELL_PX`.

    Returns:
        (ceil(core height / 8), ceil(core width / 8)); UNKNOWN where less than half of a cell was imaged.
    """
    halo = halo_px // CELL_PX
    rgb, seen = _means(pixels, valid)
    codes = _classified(rgb, seen, [_radius(metres, gsd_m, halo) for metres in (_PATCH_M, _CROWN_M, _CONTEXT_M)])
    core = [-(-(extent - 2 * halo_px) // CELL_PX) for extent in valid.shape]
    return np.ascontiguousarray(codes[halo : halo + core[0], halo : halo + core[1]])


def _radius(metres: float, gsd_m: float, halo: int) -> int:
    """Return a half side in cells, so that two squares one on the other stay inside the halo's whole cells."""
    return max(1, min(round(metres / (CELL_PX * gsd_m)), halo - 4))


def _means(pixels: NDArray[np.uint8], valid: NDArray[np.bool_]) -> tuple[Cells, Cells]:
    """Return mean colours (h, w, 3) of the imaged pixels of whole cells, and 1 where half a cell was imaged."""
    height, width = (extent // CELL_PX * CELL_PX for extent in valid.shape)
    shape = (width // CELL_PX, height // CELL_PX)
    pixels, valid = pixels[:height, :width], valid[:height, :width]
    if valid.all():
        return _u8(cv2.resize(pixels, shape, interpolation=cv2.INTER_AREA)), np.ones(shape[::-1], np.uint8)
    mask = valid.astype(np.uint8) * np.uint8(255)
    share = _u8(cv2.resize(mask, shape, interpolation=cv2.INTER_AREA))
    kept = cv2.resize(cv2.bitwise_and(pixels, pixels, mask=mask), shape, interpolation=cv2.INTER_AREA)
    seen = share >= 128
    whole = np.where(seen, share, np.uint8(255)).astype(np.float32)[..., None]
    means = np.minimum(np.rint(kept * (255 / whole)), 255).astype(np.uint8)
    means[~seen] = 0
    return means, seen.astype(np.uint8)


def _classified(rgb: Cells, seen: Cells, radii: list[int]) -> Cells:
    """Return the cover of every cell; right where the squares around it lie inside."""
    patch, crown, context = radii
    light = _u8(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)) * seen
    red, green, blue = (rgb[..., band].astype(np.int32) for band in range(3))
    coloured = ((light > _GREEN_FROM) & (seen > 0)).astype(np.uint8)
    plants = coloured * (2 * green - red - blue > EXCESS_GREEN * (red + green + blue))

    count, brightness = _around(seen, crown), _around(light, crown)
    relief = _steps(light, seen, crown) / (brightness + 8 * count + 1)
    low = 2 * _around(plants, patch) >= np.maximum(_around(coloured, patch), 1)
    grown = 2 * _around(plants, crown) >= np.maximum(_around(coloured, crown), 1)
    shadow = _in_shadow(light, seen, context)
    sky = _around(rgb[..., 2], crown) - _around(rgb[..., 0], crown)
    colours = _around(rgb[..., 0], crown) + _around(rgb[..., 1], crown) + _around(rgb[..., 2], crown)
    watery = (sky > WATER_BLUE * colours) | (brightness < WATER_DARK * count)
    smooth = (relief < WATER_RELIEF) & (brightness > BLACK * count) & (2 * count > (2 * crown + 1) ** 2)

    codes = np.full(seen.shape, CoverCode.OPEN, np.uint8)
    codes[low] = CoverCode.LOW_VEGETATION
    codes[shadow] = CoverCode.DEEP_SHADOW
    codes[grown & (relief > CANOPY_RELIEF)] = CoverCode.CANOPY
    codes[smooth & watery] = CoverCode.WATER
    codes[seen == 0] = CoverCode.UNKNOWN
    return codes


def _in_shadow(light: Cells, seen: Cells, context: int) -> NDArray[np.bool_]:
    """Tell where it is too dark, or dark beside something bright."""
    count, total = _around(seen, _DARK_CELLS), _around(light, _DARK_CELLS)
    mean = (total // np.maximum(count, 1)).astype(np.uint8)
    brightest = cv2.dilate(mean, np.ones((2 * context + 1, 2 * context + 1), np.uint8), borderValue=(0.0,))
    dark = total <= TOO_DARK * count
    beside = (total <= SHADOW_DARK * count) & (mean <= SHADOW_SHARE * brightest)
    return np.asarray(dark | beside)


def _steps(light: Cells, seen: Cells, radius: int) -> NDArray[np.float64]:
    """Return the sum over a square of half the steps of brightness to the next cell on the right and below."""
    along, down = np.zeros_like(light), np.zeros_like(light)
    along[:, :-1] = cv2.absdiff(light[:, 1:], light[:, :-1]) * (seen[:, 1:] & seen[:, :-1])
    down[:-1] = cv2.absdiff(light[1:], light[:-1]) * (seen[1:] & seen[:-1])
    return np.asarray((_around(along, radius) + _around(down, radius)) / 2)


def _around(values: Cells, radius: int) -> Sums:
    """Return the sum over the square of `radius` cells around each cell; nothing lies outside the array."""
    edge = 2 * radius + 1
    total = cv2.boxFilter(values, cv2.CV_32S, (edge, edge), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(total, np.int32)


def _u8(values: Any) -> Cells:
    return np.asarray(values, np.uint8)
