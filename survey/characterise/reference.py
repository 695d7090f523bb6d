"""Fit what known ground is like, and measure on pictures left out and on altered ones whether that tells them apart."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.characterise.altered import ALTERED, INDOOR, indoor, mild_camera
from survey.characterise.config import CharacteriseConfig
from survey.detect.covariance import shrunk_covariance
from survey.detect.network import FILL
from survey.detect.novelty import Gaussian, Reference, Verdict
from survey.detect.signature import LEAST_VALID, PARTS, WINDOW_PX, Signature, Signer, at_scale
from survey.errors import ConfigError
from survey.train.sources import Picture
from survey.values import working_extent

FOLDS = 3
"""Each third of a site's pictures is left out once, to see how far pictures lie that the fit did not see."""
DRAWN = 200
"""Windows of a site in a fit, some more than once: every site weighs the same."""
MOST_ALTERED = 6
"""Pictures of a site that are altered."""
WINDOWS_ALTERED = 6
"""Windows of each of them."""
MOST_FILL = 0.02
"""Windows at an orthomosaic's edge, with a larger share of fill, are left out."""

Rates = dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One window of a picture."""

    site: str
    picture: int
    """Number of the picture within its site."""
    real: bool
    """A photograph, not a simulated ground: thresholds are taken from photographs."""
    varied: bool
    """Seen through another camera."""
    signature: Signature


@dataclass(frozen=True, slots=True)
class NoveltyRates:
    """Shares of pictures that are flagged."""

    as_is: Rates
    """By site, by the reference that has them all."""
    left_out: Rates
    """By site, by a reference that has no picture of the site."""
    altered: dict[str, Rates]
    """By kind and site."""
    pictures: dict[str, int]
    """Pictures of each site."""

    def pooled(self) -> Rates:
        """Return the altered pictures' shares by kind, every site weighing the same."""
        return {kind: float(np.mean(list(rates.values()))) for kind, rates in self.altered.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """What altered pictures are asked with."""

    sign: Signer
    reference: Reference
    gsd_m: float
    """The model's."""
    seed: int

    def flags(self, views: Sequence[NDArray[np.uint8]]) -> bool:
        """Tell whether a picture that shows these views, at the model's GSD, is flagged."""
        windows = [window for view in views for window in windows_of(view, most=WINDOWS_ALTERED)]
        signatures = [self.sign(window, np.ones(window.shape[:2], bool)) for window in windows]
        return Verdict.of(self.reference.scores([s for s in signatures if s is not None])).flagged


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
    simulated: frozenset[str],
    gsd_m: float,
    max_gsd_m: float,
    config: CharacteriseConfig,
) -> list[Window]:
    """Return windows of every site, each as it is and once through a mild camera.

    Args:
        sites: Pictures of each site.
        sign: Describes windows.
        simulated: Sites that are no photographs.
        gsd_m: The model's.
        max_gsd_m: Of imagery that it searches.
        config: How many windows of a site, spread over its pictures, at least one of each; what decides the cameras.
    """
    found = []
    coarsest = max_gsd_m / gsd_m
    for number, (site, pictures) in enumerate(sorted(sites.items())):
        most = max(1, round(config.windows_per_site / len(pictures)))
        for n, picture in enumerate(pictures):
            rng = np.random.default_rng([config.seed, number, n])
            for window in cut(picture, gsd_m=gsd_m, most=most):
                for varied, view in ((False, window), (True, mild_camera(window, rng, coarsest=coarsest))):
                    signature = sign(view, np.ones(view.shape[:2], bool))
                    if signature is not None:
                        found.append(Window(site, n, site not in simulated, varied, signature))
    return found


def fit_reference(windows: Sequence[Window], *, quantile: float) -> Reference:
    """Fit a Gaussian for each part, and thresholds from pictures that a fit did not see.

    Raises:
        ConfigError: There is no photograph among the windows.
    """
    if not any(window.real for window in windows):
        msg = "the data list has no photograph of ground; give it ground, frames or orthomosaics"
        raise ConfigError(msg)
    far: dict[str, list[NDArray[np.float64]]] = {part: [] for part in PARTS}
    for fold in range(FOLDS):
        seen = [w for w in windows if w.picture % FOLDS != fold]
        asked = [w for w in windows if w.picture % FOLDS == fold and w.real]
        if not seen or not asked:
            continue
        for part in PARTS:
            gaussian = _fit(seen, part)
            for site in sorted({w.site for w in asked}):
                distances = gaussian.distance(_matrix([w for w in asked if w.site == site], part))
                far[part].append(np.quantile(distances, np.linspace(0, 1, 101)))
    if not all(far.values()):
        msg = "the data list has one picture of ground: thresholds need others to be left out"
        raise ConfigError(msg)
    thresholds = {part: round(float(np.quantile(np.concatenate(far[part]), quantile)), 4) for part in PARTS}
    parts = {part: _fit(windows, part) for part in PARTS}
    return Reference(parts, thresholds, quantile, len(windows), tuple(sorted({w.site for w in windows})))


def measure_rates(
    sites: Mapping[str, Sequence[Picture]],
    windows: Sequence[Window],
    probe: Probe,
) -> NoveltyRates:
    """Return how many pictures are flagged: as they are, with their site left out, and altered."""
    reference = probe.reference
    real = sorted({w.site for w in windows if w.real})
    left_out: Rates = {}
    for site in real:
        others = [w for w in windows if w.site != site]
        if any(w.real for w in others):
            without = fit_reference(others, quantile=reference.quantile)
            left_out[site] = _flagged([w for w in windows if w.site == site], without)
    as_is = {site: _flagged([w for w in windows if w.site == site], reference) for site in sorted(sites)}
    altered = {kind: dict(_altered(kind, {site: sites[site] for site in real}, probe)) for kind in ALTERED}
    rng = np.random.default_rng([probe.seed, len(ALTERED)])
    rooms = [probe.flags([indoor(rng)]) for _ in range(MOST_ALTERED)]
    altered[INDOOR] = {"made up": float(np.mean(rooms))}
    return NoveltyRates(as_is, left_out, altered, {site: len(pictures) for site, pictures in sites.items()})


def _altered(kind: str, sites: Mapping[str, Sequence[Picture]], probe: Probe) -> Iterator[tuple[str, float]]:
    """Yield each site and the share of its altered pictures that is flagged."""
    for number, (site, pictures) in enumerate(sites.items()):
        flagged = []
        for n in np.unique(np.linspace(0, len(pictures) - 1, MOST_ALTERED).round().astype(int)):
            rng = np.random.default_rng([probe.seed, number, int(n), list(ALTERED).index(kind)])
            windows = cut(pictures[n], gsd_m=probe.gsd_m, most=WINDOWS_ALTERED)
            views = [ALTERED[kind](window, rng, probe.gsd_m) for window in windows]
            flagged.append(probe.flags(views))
        yield site, float(np.mean(flagged))


def _flagged(windows: Sequence[Window], reference: Reference) -> float:
    """Return the share of pictures, as they are, that is flagged."""
    plain = [w for w in windows if not w.varied]
    pictures = sorted({w.picture for w in plain})
    verdicts = [Verdict.of(reference.scores([w.signature for w in plain if w.picture == n])) for n in pictures]
    return float(np.mean([verdict.flagged for verdict in verdicts])) if verdicts else 0.0


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
