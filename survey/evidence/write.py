"""Write the prior as GeoTIFFs, window by window: memory does not grow with the country."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window

from survey.evidence.evaluate import WINDOW, Evaluation
from survey.evidence.groups import GROUP_WORDS, GROUPS
from survey.export.cog import copy_to_cog
from survey.files import replacing, temporary_beside

PRIOR, CONTRIBUTIONS, CLASSES = "prior.tif", "contributions.tif", "evidence_class.tif"
BACKGROUND = "background"
_NODATA = -9999.0
_BLOCK = 128
_CACHE_MB = 128
"""GDAL would take 5 % of the machine's memory."""


@dataclass(frozen=True, slots=True)
class Band:
    """Name, unit and meaning of a band."""

    name: str
    unit: str
    meaning: str


def prior_bands() -> tuple[Band, ...]:
    """Return the bands of prior.tif."""
    rates = [Band(f"rate_{g}", "per hectare", f"expected {GROUP_WORDS[g]} before any search") for g in GROUPS]
    shapes = [
        Band(f"shape_{g}", "1", f"shape of the Gamma distribution of {GROUP_WORDS[g]}; small: few cells hold most")
        for g in GROUPS
    ]
    return (*rates, *shapes)


def contribution_bands(names: Sequence[str]) -> tuple[Band, ...]:
    """Return the bands of contributions.tif: the background, then the layers in order of date."""
    change = "change of the expected {} by this layer, in order of date"
    first = [Band(f"{BACKGROUND}:{g}", "per hectare", f"expected {GROUP_WORDS[g]} without any layer") for g in GROUPS]
    rest = [Band(f"{name}:{g}", "per hectare", change.format(GROUP_WORDS[g])) for name in names for g in GROUPS]
    return (*first, *rest)


@dataclass(slots=True)
class _Tally:
    """Statistics of a band that is written piece by piece."""

    low: float = np.inf
    high: float = -np.inf
    total: float = 0.0
    squares: float = 0.0
    count: int = 0

    def add(self, values: NDArray[np.float32]) -> None:
        exact = values.astype(np.float64)
        self.low, self.high = min(self.low, float(exact.min())), max(self.high, float(exact.max()))
        self.total += float(exact.sum())
        self.squares += float((exact**2).sum())
        self.count += exact.size

    def tags(self) -> dict[str, str]:
        mean = self.total / self.count
        deviation = max(self.squares / self.count - mean**2, 0.0) ** 0.5
        names = ("MINIMUM", "MAXIMUM", "MEAN", "STDDEV", "VALID_PERCENT")
        values = (self.low, self.high, mean, deviation, 100)
        return {f"STATISTICS_{name}": repr(float(value)) for name, value in zip(names, values, strict=True)}


@dataclass(slots=True)
class Totals:
    """Sums over the grid."""

    expected: dict[str, float] = field(default_factory=lambda: dict.fromkeys(GROUPS, 0.0))
    """Items by group."""
    change: dict[str, dict[str, float]] = field(default_factory=dict)
    """Items by layer and group."""
    cells_by_class: list[int] = field(default_factory=lambda: [0, 0, 0])


def write_prior(folder: Path, evaluation: Evaluation, *, tags: Mapping[str, str]) -> Totals:
    """Evaluate every window and write prior.tif, contributions.tif and evidence_class.tif; return the sums.

    Args:
        folder: Existing folder.
        evaluation: Layers on their grid.
        tags: Provenance.
    """
    names = [layer.entry.name for layer in evaluation.layers]
    totals = Totals(change={name: dict.fromkeys(GROUPS, 0.0) for name in names})
    background = evaluation.config.background
    one = (Band("evidence_class", "class", "evidence of a hazard: 0 none, 1 indirect, 2 direct"),)
    with (
        rasterio.Env(GDAL_CACHEMAX=_CACHE_MB),
        _raster(folder / PRIOR, evaluation, prior_bands(), tags) as prior,
        _raster(folder / CONTRIBUTIONS, evaluation, contribution_bands(names), tags) as contributions,
        _raster(folder / CLASSES, evaluation, one, tags, dtype="uint8") as classes,
    ):
        for part in evaluation.windows(WINDOW):
            window = Window(part.window.col, part.window.row, part.window.cols, part.window.rows)
            prior.write(window, [*(part.rate[g] for g in GROUPS), *(part.shape[g] for g in GROUPS)])
            plain = [np.full(part.rate[g].shape, background[g].items_per_ha) for g in GROUPS]
            contributions.write(window, [*plain, *(part.contributions[n][g] for n in names for g in GROUPS)])
            classes.write(window, [part.evidence_class])
            for group in GROUPS:
                totals.expected[group] += float(part.rate[group].sum())
                for name in names:
                    totals.change[name][group] += float(part.contributions[name][group].sum())
            for value in range(3):
                totals.cells_by_class[value] += int((part.evidence_class == value).sum())
    return totals


@dataclass(frozen=True, slots=True, eq=False)
class _Writer:
    dataset: Any
    tallies: tuple[_Tally, ...]

    def write(self, window: Window, bands: Sequence[NDArray[Any]]) -> None:
        for number, (values, tally) in enumerate(zip(bands, self.tallies, strict=True), start=1):
            stored = values.astype(self.dataset.dtypes[0])
            self.dataset.write(stored, number, window=window)
            tally.add(stored)


@contextmanager
def _raster(
    path: Path, evaluation: Evaluation, bands: Sequence[Band], tags: Mapping[str, str], dtype: str = "float32"
) -> Iterator[_Writer]:
    """Yield a raster to be written by windows, which becomes a COG when all is well."""
    grid = evaluation.grid
    quantity = dtype == "float32"
    profile = {
        "driver": "GTiff",
        "count": len(bands),
        "height": grid.rows,
        "width": grid.cols,
        "dtype": dtype,
        "crs": grid.crs,
        "transform": grid.transform,
        "nodata": _NODATA if quantity else 255,
        "tiled": True,
        "blockxsize": min(WINDOW, -(-grid.cols // 16) * 16),
        "blockysize": min(WINDOW, -(-grid.rows // 16) * 16),
        "interleave": "band",
        "compress": "deflate",
        "zlevel": 1,
        "bigtiff": "if_safer",
    }
    temporary = temporary_beside(path, purpose="-windows")
    try:
        with rasterio.open(temporary, "w", **profile) as dataset:
            writer = _Writer(dataset, tuple(_Tally() for _ in bands))
            yield writer
            dataset.descriptions = tuple(band.name for band in bands)
            dataset.units = tuple(band.unit for band in bands)
            dataset.update_tags(AREA_OR_POINT="Area", **dict(sorted(tags.items())))
            for number, (band, tally) in enumerate(zip(bands, writer.tallies, strict=True), start=1):
                dataset.update_tags(number, MEANING=band.meaning, **tally.tags())
        with rasterio.open(temporary) as dataset, replacing(path) as whole:
            copy_to_cog(dataset, whole, block=_BLOCK, resampling="AVERAGE" if quantity else "MODE")
    finally:
        temporary.unlink(missing_ok=True)
