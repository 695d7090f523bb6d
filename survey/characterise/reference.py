"""Fit what known ground is like, on windows of pictures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from survey.characterise.altered import mild_camera
from survey.characterise.config import CharacteriseConfig
from survey.characterise.hues import HueWindow, Tinted, fit_hues, tint
from survey.covariance import shrunk_covariance
from survey.datasets.sources import Picture
from survey.errors import ConfigError
from survey.networks import FILL
from survey.novelty import WINDOW_PX, Reference, Signature
from survey.novelty.meter import Gaussian
from survey.novelty.signature import HUES, LEAST_VALID, PARTS, Signer, at_scale
from survey.values import working_extent

FOLDS = 3
"""Of one site alone each third of the pictures is left out once, to see how far pictures lie that a fit did not see."""
DRAWN = 200
"""Windows of a site in a fit, some more than once: every site weighs the same."""
MOST_FILL = 0.02
"""Windows at an orthomosaic's edge, with a larger share of fill, are left out."""


class Origin(StrEnum):
    """What a site's pictures are."""

    PHOTOGRAPHS = "photographs"
    """Of ground at a known scale: thresholds are taken from these."""
    SCALELESS = "scaleless"
    """Photographs without a scale of their own."""
    SIMULATED = "simulated"


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One window of a picture."""

    site: str
    picture: int
    """Number of the picture within its site."""
    origin: Origin
    varied: bool
    """Seen through another camera."""
    signature: Signature
    tinted: Tinted | None = None
    """What the window would be in false colours, where it is seen through another camera."""

    @property
    def real(self) -> bool:
        """Whether it is a photograph."""
        return self.origin is not Origin.SIMULATED


def by_site(pictures: Sequence[Picture]) -> dict[str, list[Picture]]:
    """Return the pictures of each site, in their order."""
    sites: dict[str, list[Picture]] = {}
    for picture in pictures:
        sites.setdefault(picture.site, []).append(picture)
    return sites


def cut(picture: Picture, *, gsd_m: float, most: int) -> list[NDArray[np.uint8]]:
    """Return up to `most` windows of a picture at the model's GSD, spread over it; small rests are left out."""
    height, width = (working_extent(extent, picture.gsd_m / gsd_m) for extent in picture.rgb.shape[:2])
    parts = windows_of(at_scale(picture.rgb, (height, width)), most=most)
    return [part for part in parts if float(np.mean((part == FILL).all(axis=2))) < MOST_FILL]


def windows_of(rgb: NDArray[np.uint8], *, most: int) -> list[NDArray[np.uint8]]:
    """Return up to `most` windows of a picture that is at the model's GSD already."""
    parts = [
        rgb[row : row + WINDOW_PX, col : col + WINDOW_PX]
        for row in range(0, rgb.shape[0], WINDOW_PX)
        for col in range(0, rgb.shape[1], WINDOW_PX)
    ]
    parts = [part for part in parts if part.shape[0] * part.shape[1] >= LEAST_VALID * WINDOW_PX**2]
    if not parts:
        return []
    return [parts[n] for n in np.unique(np.linspace(0, len(parts) - 1, most).round().astype(int))]


def sign_sites(
    sites: Mapping[str, Sequence[Picture]],
    sign: Signer,
    *,
    origins: Mapping[str, Origin],
    gsd_m: float,
    max_gsd_m: float,
    config: CharacteriseConfig,
) -> list[Window]:
    """Return windows of every site, each as it is and once through a mild camera.

    Args:
        sites: Pictures of each site.
        sign: Describes windows.
        origins: What the pictures of a site are; `PHOTOGRAPHS`, where it is not named.
        gsd_m: The model's.
        max_gsd_m: Of imagery that it searches.
        config: How many windows of a site, spread over its pictures, at least one of each; what decides the cameras.
    """
    found = []
    coarsest = max_gsd_m / gsd_m
    for number, (site, pictures) in enumerate(sorted(sites.items())):
        most, origin = max(1, round(config.windows_per_site / len(pictures))), origins.get(site, Origin.PHOTOGRAPHS)
        for n, picture in enumerate(pictures):
            rng, tints = (np.random.default_rng([config.seed, number, n, *more]) for more in ((), (1,)))
            for window in cut(picture, gsd_m=gsd_m, most=most):
                for varied, view in ((False, window), (True, mild_camera(window, rng, coarsest=coarsest))):
                    signature = sign(view, np.ones(view.shape[:2], bool))
                    if signature is not None:
                        tinted = tint(view, tints, gsd_m=gsd_m) if varied else None
                        found.append(Window(site, n, origin, varied, signature, tinted))
    return found


def fit_reference(windows: Sequence[Window], *, quantile: float) -> Reference:
    """Fit a Gaussian for each part, with thresholds (`thresholds_of`), and what tells false colour.

    Raises:
        ConfigError: There is no photograph among the windows, or but one.
    """
    thresholds = thresholds_of(windows, quantile=quantile)
    parts = {part: _fit(windows, part) for part in PARTS}
    sites = tuple(sorted({w.site for w in windows}))
    return Reference(parts, thresholds, quantile, len(windows), sites, fit_hues(hue_windows(windows)))


def thresholds_of(windows: Sequence[Window], *, quantile: float) -> dict[str, float]:
    """Return the distance of each part up to which a window is like known ground.

    It holds the share `quantile` of the windows of every site, told by a fit to the others: new ground is unlike the
    known grounds too, and that alone is no reason not to search it.

    Raises:
        ConfigError: There is no photograph among the windows, or but one.
    """
    if not any(window.real for window in windows):
        msg = "the data list has no photograph of ground; give it ground, frames or orthomosaics"
        raise ConfigError(msg)
    far: dict[str, list[float]] = {part: [] for part in PARTS}
    for seen, asked in _left_out(windows):
        for part in PARTS:
            distances = _fit(seen, part).distance(_matrix(asked, part))
            far[part].append(float(np.quantile(distances, quantile)))
    if not all(far.values()):
        msg = "the data list has one picture of ground: thresholds need others to be left out"
        raise ConfigError(msg)
    return {part: round(max(distances), 4) for part, distances in far.items()}


def _left_out(windows: Sequence[Window]) -> Iterator[tuple[list[Window], list[Window]]]:
    """Yield the windows that a fit sees, and those of a site left out; of one site alone, of a part of its pictures."""
    asked = [w for w in windows if w.origin is Origin.PHOTOGRAPHS] or [w for w in windows if w.real]
    sites = sorted({w.site for w in asked})
    if len(sites) > 1:
        for site in sites:
            yield [w for w in windows if w.site != site], [w for w in asked if w.site == site]
        return
    for fold in range(FOLDS):
        left = [w for w in asked if w.picture % FOLDS == fold]
        seen = [w for w in windows if w.site not in sites or w.picture % FOLDS != fold]
        if seen and left:
            yield seen, left


def hue_windows(windows: Sequence[Window]) -> list[HueWindow]:
    """Return what false colour is fitted on."""
    return [HueWindow(w.site, w.picture, w.real, w.signature[HUES], w.tinted) for w in windows]


def _matrix(windows: Sequence[Window], part: str) -> NDArray[np.float64]:
    return np.stack([w.signature[part] for w in windows])


def _fit(windows: Sequence[Window], part: str) -> Gaussian:
    """Fit a Gaussian to as many windows of every site."""
    drawn = []
    for site in sorted({w.site for w in windows}):
        values = _matrix([w for w in windows if w.site == site], part)
        drawn.append(values[np.linspace(0, len(values) - 1, DRAWN).round().astype(int)])
    return shrunk_gaussian(np.concatenate(drawn))


def shrunk_gaussian(values: NDArray[np.float64]) -> Gaussian:
    """Return the Gaussian of (N, D) values, its correlations shrunk towards none (Ledoit and Wolf 2004)."""
    mean, scale = values.mean(axis=0), values.std(axis=0) + 1e-6
    covariance = shrunk_covariance((values - mean) / scale)
    return Gaussian(mean, np.linalg.inv(np.linalg.cholesky(covariance)) / scale)
