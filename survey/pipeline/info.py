"""What imagery is, and what a run over it would do: `survey info`."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyproj
import rasterio
from rasterio.enums import Resampling

from survey.config import RunConfig, load_config
from survey.detect import Detector
from survey.ingest import valid_pixels
from survey.ingest.gdal import gdal_env
from survey.networks import FILL
from survey.novelty import NoveltyMeter, Verdict
from survey.pipeline.novelty import measure
from survey.pipeline.plan import ImagePlan, Plan, plan_run
from survey.progress import hectares
from survey.values import HECTARE_EDGE_M, Validity

PREVIEW_PX = 2048
"""Longest edge of the decimated mask that the flown area is counted on."""
_VALIDITY = {
    Validity.ALL: "nothing marks it: every pixel counts as imaged",
    Validity.NODATA: "nodata value",
    Validity.ALPHA: "alpha band",
    Validity.MASK: "mask band or .msk sidecar",
}


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """One image in a few facts."""

    path: Path
    crs: str
    gsd_m: tuple[float, float]
    """Down the rows, along the columns."""
    size: tuple[int, int]
    """Rows, columns."""
    flown_ha: float
    """Counted on a decimated mask: good to about a per cent."""
    bands: str
    validity: str
    warnings: tuple[str, ...]
    tiles: int
    blocks: int
    novelty: str
    """Whether the model knows imagery like this."""
    seconds: float
    """Estimate for the network on this machine; decoding runs beside it. 0 for imagery that is too coarse."""

    def __str__(self) -> str:
        lines = [
            f"{self.path}",
            f"  CRS      {self.crs}",
            f"  GSD      {self.gsd_m[0] * 100:.2f} x {self.gsd_m[1] * 100:.2f} cm (rows x columns, on the ground)",
            f"  size     {self.size[0]} x {self.size[1]} px, about {hectares(self.flown_ha)} imaged",
            f"  bands    {self.bands}",
            f"  validity {self.validity}",
            f"  novelty  {self.novelty}",
            f"  a run    {self.blocks} blocks, {self.tiles} tiles, about {_duration(self.seconds)} on this machine",
        ]
        return "\n".join(lines + [f"  warning  {warning}" for warning in self.warnings])


def describe(
    patterns: Sequence[str | Path], *, config: RunConfig | None = None, aoi: str | Path | None = None
) -> list[ImageInfo]:
    """Describe images and estimate a run over them, by timing the network on one tile.

    Args:
        patterns: Files, folders or globs.
        config: Settings of the run; the defaults if None.
        aoi: Vector file with polygons: tiles, blocks and time are those of the imagery inside.

    Raises:
        SurveyError: As `plan_run`.
    """
    config = config if config is not None else load_config(RunConfig)
    plan, detector = plan_run(patterns, config=config, aoi=Path(aoi) if aoi is not None else None)
    pace = _seconds_per_tile(detector)
    return [_describe(planned, plan, pace, detector.novelty) for planned in plan.images]


def _describe(planned: ImagePlan, plan: Plan, pace: float, meter: NoveltyMeter | None) -> ImageInfo:
    image = planned.image
    factor = max(1.0, max(image.height, image.width) / PREVIEW_PX)
    shape = (max(1, round(image.height / factor)), max(1, round(image.width / factor)))
    with gdal_env(), rasterio.open(image.path) as dataset:
        valid = valid_pixels(dataset, image, window=None, shape=shape, resampling=Resampling.nearest)
    area_ha = image.height * image.gsd_row_m * image.width * image.gsd_col_m / HECTARE_EDGE_M**2
    coarse = (planned.too_coarse,) if planned.too_coarse is not None else ()
    whole = plan.config.core_px**2
    return ImageInfo(
        path=image.path,
        crs=pyproj.CRS.from_wkt(image.crs_wkt).name,
        gsd_m=(image.gsd_row_m, image.gsd_col_m),
        size=(image.height, image.width),
        flown_ha=area_ha * float(np.mean(valid)),
        bands=f"{image.band_count} x {image.dtype}; red, green, blue = {', '.join(map(str, image.bands.rgb))}"
        + (f"; alpha = {image.bands.alpha}" if image.bands.alpha else ""),
        validity=_VALIDITY[image.validity] + (f" {image.nodata:g}" if image.nodata is not None else ""),
        warnings=(*image.warnings, *coarse),
        tiles=planned.tiles.tile_count,
        blocks=len(planned.tiles.blocks),
        novelty=_novelty(planned, plan, meter),
        seconds=0.0 if coarse else pace * sum(t.core.area for b in planned.tiles.blocks for t in b.tiles) / whole,
    )


def _novelty(planned: ImagePlan, plan: Plan, meter: NoveltyMeter | None) -> str:
    if meter is None or planned.too_coarse is not None:
        return "not measured: " + ("the model has no reference" if meter is None else "the imagery is too coarse")
    scores, damage = measure(planned, meter, aoi=plan.aoi, threads=plan.config.decode_threads)
    return f"{Verdict.of(scores)}" + (f"; a window cannot be read: {damage}" if damage is not None else "")


def _seconds_per_tile(detector: Detector) -> float:
    """Time the network on one whole tile, after a first call that compiles it."""
    edge = detector.core_px + 2 * detector.card.halo_px
    tile = np.full((edge, edge, 3), FILL, np.uint8)
    detector.runtime(tile)
    began = time.perf_counter()
    detector.runtime(tile)
    return time.perf_counter() - began


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
