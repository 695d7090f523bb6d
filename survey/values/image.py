"""One georeferenced source of pixels, and the grid at the model's ground scale laid over it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from affine import Affine


class Validity(StrEnum):
    """How a file tells which of its pixels were imaged."""

    ALL = "all"
    """Nothing is marked: every pixel counts as imaged."""
    NODATA = "nodata"
    """Pixels whose bands all equal a nodata value were not imaged."""
    ALPHA = "alpha"
    """An alpha band; 0 is not imaged."""
    MASK = "mask"
    """A mask band inside the file or a `.msk` sidecar."""


@dataclass(frozen=True, slots=True)
class BandRoles:
    """1-based band numbers; `alpha` is None where there is none."""

    red: int
    green: int
    blue: int
    alpha: int | None = None

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The three band numbers in the order the network takes them."""
        return (self.red, self.green, self.blue)


@dataclass(frozen=True, slots=True)
class Image:
    """One georeferenced orthomosaic as it lies on disk.

    Pixel coordinates are (row, col) on pixel edges: the centre of the first pixel is (0.5, 0.5).
    `transform` maps (col, row) to map coordinates of `crs_wkt` and may be rotated.
    """

    path: Path
    image_id: str
    """First 16 hex digits of `sha256`."""
    sha256: str
    """Of the file and of everything it refers to (VRT sources, `.msk`, `.aux.xml`)."""
    height: int
    width: int
    crs_wkt: str
    transform: Affine
    gsd_row_m: float
    """Ground distance of one pixel step down the rows, in metres, at the image's centre."""
    gsd_col_m: float
    """Ground distance of one pixel step along the columns, in metres, at the image's centre."""
    dtype: str
    bands: BandRoles
    band_count: int
    validity: Validity
    nodata: float | None
    value_range: tuple[float, float]
    """Source values that become 0 and 255: (0, 255) for 8-bit, fixed once per file otherwise."""
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.height <= 0 or self.width <= 0:
            msg = f"{self.path}: an image needs pixels, got {self.height} x {self.width}"
            raise ValueError(msg)
        if not (self.gsd_row_m > 0 and self.gsd_col_m > 0):
            msg = f"{self.path}: a GSD is positive, got {self.gsd_row_m} x {self.gsd_col_m} m"
            raise ValueError(msg)

    @property
    def gsd_m(self) -> float:
        """The coarser of the two ground distances in metres."""
        return max(self.gsd_row_m, self.gsd_col_m)


SAME_SCALE = 0.02
"""Imagery this close to the model's GSD is not resampled: UTM's own scale is off by 0.0004, a flight by more,
and resampling would only blur."""


@dataclass(frozen=True, slots=True)
class WorkingGrid:
    """An image's own pixel axes resampled to the model's GSD: what the network sees.

    The whole image is covered by a whole number of working pixels, so the working GSD differs
    from the nominal one by at most half a working pixel over the image's edge length. An axis
    within `SAME_SCALE` of the nominal GSD is taken as it is.
    """

    height: int
    width: int
    row_step: float
    """Source pixels per working pixel down the rows."""
    col_step: float
    """Source pixels per working pixel along the columns."""
    transform: Affine
    """Maps working (col, row) on pixel edges to the image's CRS."""
    gsd_m: float
    """Nominal ground distance of a working pixel in metres."""

    @classmethod
    def over(cls, image: Image, *, gsd_m: float) -> "WorkingGrid":
        """Lay a grid of `gsd_m` metres over the image, edges on the image's edges."""
        height = working_extent(image.height, image.gsd_row_m / gsd_m)
        width = working_extent(image.width, image.gsd_col_m / gsd_m)
        row_step, col_step = image.height / height, image.width / width
        transform = image.transform * Affine.scale(col_step, row_step)
        return cls(height, width, row_step, col_step, transform, gsd_m)


def working_extent(pixels: int, factor: float) -> int:
    """Return how many working pixels lie along an edge of source pixels."""
    return pixels if abs(factor - 1) < SAME_SCALE else max(1, round(pixels * factor))
