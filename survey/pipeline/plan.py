"""Everything a run needs to know before the first block is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyproj
import rasterio
import torch
from affine import Affine

from survey.config import RunConfig
from survey.cover import CoverLayer, load_cover
from survey.detect import Detector, ModelCard, load_detector
from survey.engine import BlockTask, RunIdentity, block_key, contiguous_runs
from survey.errors import ConfigError, InputError
from survey.ingest import Aoi, expand_inputs, load_aoi, needed_tiles, open_image, output_crs, plan_tiles
from survey.networks import LATTICE_PX, RuntimeKind
from survey.pipeline.prior import RunPrior
from survey.values import HECTARE_EDGE_M, Block, GroundGrid, HectareGrid, Image, TilePlan, WorkingGrid

ALGORITHM = "4"
"""Raise it when the same block shall give another part: it is in every block's key."""
MOST_GROUND_PX = 50_000_000_000
"""Largest ground raster: 50,000 ha of bounding box at 0.1 m; disturbance.tif and its overviews cover all of it."""
LONGEST_PASS = 64
"""Most blocks of one task; shorter passes share work better, longer ones decode fewer rows twice."""


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """One image, and how it will be searched."""

    image: Image
    grid: WorkingGrid
    tiles: TilePlan
    keys: tuple[str, ...]
    """Job-store key of each block of `tiles`."""
    too_coarse: str | None
    """Why the image is not searched although it can be read; None for imagery the model can work with."""

    def area_ha(self, block: Block) -> float:
        """Return the area of a block's tiles in hectares, valid or not."""
        return sum(tile.core.area for tile in block.tiles) * self.grid.gsd_m**2 / HECTARE_EDGE_M**2


@dataclass(frozen=True, slots=True)
class Plan:
    """A run before it starts. Picklable: workers get it whole."""

    config: RunConfig
    images: tuple[ImagePlan, ...]
    ground: GroundGrid
    aoi: Aoi | None
    card: ModelCard
    identity: RunIdentity
    prior: RunPrior
    cover: CoverLayer | None = None
    """Cover as the user knows it; it wins over what the imagery shows."""

    def tasks(self, keep: set[str]) -> list[BlockTask]:
        """Return the tasks that search the blocks whose keys are in `keep`, in reading order."""
        tasks = []
        for index, planned in enumerate(self.images):
            blocks = [n for n, key in enumerate(planned.keys) if key in keep]
            for run in contiguous_runs(blocks, longest=LONGEST_PASS):
                keys = tuple(planned.keys[n] for n in run)
                tasks.append(BlockTask(index, planned.image.image_id, planned.image.path, run, keys))
        return tasks

    @property
    def keys(self) -> list[str]:
        """Keys of all blocks, image by image."""
        return [key for planned in self.images for key in planned.keys]


def plan_run(
    patterns: Sequence[str | Path], *, config: RunConfig, aoi: Path | None, cover: Path | None = None
) -> tuple[Plan, Detector]:
    """Open the inputs and plan the run; reads headers, overviews and hashes, no full-size pixels.

    Args:
        patterns: Files, folders or globs.
        config: Settings.
        aoi: File with polygons; None searches all that was flown.
        cover: File with classes of cover; None leaves cover to the imagery.

    Returns:
        The plan, and the detector it was made with (workers load their own).

    Raises:
        InputError: An input cannot be used, the evidence does not cover the run's cells, or nothing of the imagery lies
            in the AOI.
        ModelError: The model cannot be used.
    """
    detector = detector_for(config)
    # Workers elsewhere must not choose anew what `auto` is: it decides bytes, and it is in every key.
    config = config.model_copy(update=_resolved_settings(detector))
    bands = None if config.bands == "auto" else config.bands
    nodata = None if config.nodata == "auto" else config.nodata
    images = [open_image(path, bands=bands, nodata=nodata) for path in expand_inputs(patterns)]
    images = list({image.sha256: image for image in reversed(images)}.values())[::-1]
    area = load_aoi(aoi) if aoi is not None else None
    crs = output_crs(images, aoi=area) if config.output_crs == "auto" else _checked_crs(config.output_crs)
    ground = GroundGrid(_hectares(images, area, crs), round(HECTARE_EDGE_M / config.ground_gsd_m))
    _refuse_scattered(images, ground)
    layer = _cover_layer(cover, config, ground)
    prior = RunPrior.of(config, ground.hectares)
    identity = RunIdentity(
        config={
            **config.deciding(),
            "cover_layer": layer.sha256 if layer is not None else None,
            "output_crs": crs,
            "model": detector.card.id,
            "runtime": detector.runtime.name,
            **prior.deciding(),
        },
        model=f"{detector.card.id}@{detector.sha256}",
        inputs=tuple((image.path.name, image.sha256) for image in images),
        aoi=area.sha256 if area is not None else None,
        versions=_versions(detector),
    )
    planned = tuple(_plan_image(image, detector, config=config, area=area, ground=ground) for image in images)
    if not any(p.tiles.blocks for p in planned):
        where = f"{aoi}: no imagery lies inside it" if aoi is not None else "the images hold no valid pixel"
        msg = f"{where}; check the AOI, the nodata value and the images' CRS"
        raise InputError(msg)
    return Plan(config, planned, ground, area, detector.card, identity, prior, layer), detector


def _cover_layer(path: Path | None, config: RunConfig, ground: GroundGrid) -> CoverLayer | None:
    if path is None:
        return None
    if config.cover == "ignore":
        msg = f"cover: ignore leaves no use for the layer {path}; set cover to imagery, or give no layer"
        raise ConfigError(msg)
    return load_cover(
        path,
        ground=ground,
        classes=dict(item.rsplit("=", 1) for item in config.cover_classes),
        column=config.cover_column,
    )


def detector_for(config: RunConfig) -> Detector:
    """Load the detector that a configuration names."""
    detector = load_detector(
        config.model,
        runtime=config.runtime,
        precision=config.precision,
        threads=config.threads,
        core_px=config.core_px,
    )
    if config.candidate_threshold is not None:
        detector = detector.with_threshold(config.candidate_threshold)
    return detector


def _resolved_settings(detector: Detector) -> dict[str, object]:
    """Return what `auto` became here. The number of threads changes the last digits of sums, so it counts."""
    kind, _, precision = detector.runtime.name.split("-")
    return {"runtime": kind, "precision": precision, "threads": torch.get_num_threads()}


def _versions(detector: Detector) -> dict[str, str]:
    """Return the versions of all that shows in the products' bytes."""
    names = ["survey", "torch", "numpy", "scipy", "rasterio", "pyogrio", "pyproj", "shapely", "opencv-python-headless"]
    if detector.runtime.name.startswith(RuntimeKind.OPENVINO):
        names.append("openvino")
    own = {"algorithm": ALGORITHM, "gdal": rasterio.__gdal_version__, "proj": pyproj.proj_version_str}
    return own | {name: version(name) for name in names}


def _checked_crs(name: str) -> str:
    """Return the name of a CRS in which a hectare is 100 m by 100 m."""
    try:
        crs = pyproj.CRS.from_user_input(name)
    except pyproj.exceptions.CRSError as error:
        msg = f"output_crs: {name} is not a known CRS; set auto, or a code such as EPSG:32638"
        raise ConfigError(msg) from error
    if not crs.is_projected or any(axis.unit_name != "metre" for axis in crs.axis_info):
        msg = (
            f"output_crs: {name} ({crs.name}) is not projected in metres, so it has no hectares; set auto or a UTM zone"
        )
        raise ConfigError(msg)
    return name


def _refuse_scattered(images: Sequence[Image], ground: GroundGrid) -> None:
    """Stop before the work if the rasters over everything from the first to the last image would be absurd."""
    if ground.height * ground.width <= MOST_GROUND_PX:
        return
    boxes = {image.path.name: _bounds(image, ground.hectares.crs) for image in images}
    centres = {name: ((west + east) / 2, (south + north) / 2) for name, (west, south, east, north) in boxes.items()}
    middle = np.median(np.array(list(centres.values())), axis=0)
    far = max(centres, key=lambda name: float(np.hypot(*(np.array(centres[name]) - middle))))
    span = f"{ground.hectares.cols / 10:.0f} x {ground.hectares.rows / 10:.0f} km"
    msg = (
        f"the imagery spans {span}, farthest off is {far}; check its CRS, run distant places apart, "
        "or set a larger ground_gsd_m"
    )
    raise InputError(msg)


def _plan_image(
    image: Image, detector: Detector, *, config: RunConfig, area: Aoi | None, ground: GroundGrid
) -> ImagePlan:
    card = detector.card
    coarse = image.gsd_m > card.max_gsd_m
    grid = WorkingGrid.over(image, gsd_m=image.gsd_m if coarse else card.gsd_m)
    # A picture smaller than a tile is not padded to a whole one.
    longest = -(-max(grid.height, grid.width) // LATTICE_PX) * LATTICE_PX
    core_px = min(config.core_px, longest)
    tiles = plan_tiles(
        grid,
        core_px=core_px,
        halo_px=card.halo_px,
        stride_px=LATTICE_PX,
        needed=needed_tiles(image, grid, aoi=area, core_px=core_px),
    )
    reason = (
        f"{image.path.name}: its GSD of {image.gsd_m * 100:.1f} cm is coarser than the "
        f"{card.max_gsd_m * 100:.1f} cm that model {card.id} can work with"
    )
    parameters = {
        "bands": image.bands.rgb,
        "nodata": repr(image.nodata),
        "value_range": image.value_range,
        "aoi": area.sha256 if area is not None else None,
        "runtime": detector.runtime.name,
        "threads": config.threads,
        "threshold": card.thresholds.score,
        "cover": config.cover,
        "ground": [ground.hectares.crs, ground.hectares.x_min, ground.hectares.y_max, *ground.hectares.shape],
        "per_edge": ground.per_edge,
    }
    keys = tuple(
        block_key(
            image_sha256=image.sha256,
            window=block.core,
            plan={"core": core_px, "halo": card.halo_px, "gsd": grid.gsd_m, "tiles": [t.index for t in block.tiles]},
            model_sha256=detector.sha256,
            parameters=parameters,
            algorithm=ALGORITHM,
        )
        for block in tiles.blocks
    )
    return ImagePlan(image, grid, tiles, keys, reason if coarse else None)


def _hectares(images: Sequence[Image], area: Aoi | None, crs: str) -> HectareGrid:
    """Return the hectare cells over all that was flown, cut to the AOI's bounds."""
    boxes = np.array([_bounds(image, crs) for image in images])
    west, south = boxes[:, :2].min(axis=0)
    east, north = boxes[:, 2:].max(axis=0)
    if area is not None:
        inner = area.bounds(crs)
        west, south, east, north = max(west, inner[0]), max(south, inner[1]), min(east, inner[2]), min(north, inner[3])
        if west >= east or south >= north:
            msg = f"{area.path}: the AOI and the imagery do not meet; check the AOI's CRS"
            raise InputError(msg)
    return HectareGrid.covering(crs=crs, bounds=(west, south, east, north))


def _bounds(image: Image, crs: str) -> tuple[float, float, float, float]:
    """Return an image's bounds in another CRS, its edges densified."""
    steps = np.linspace(0, 1, 33)
    ring = np.concatenate([[(t, 0), (1, t), (1 - t, 1), (0, 1 - t)] for t in steps])
    transform: Affine = image.transform
    x, y = transform * (ring[:, 0] * image.width, ring[:, 1] * image.height)
    x, y = pyproj.Transformer.from_crs(image.crs_wkt, crs, always_xy=True).transform(x, y, errcheck=True)
    return float(np.min(x)), float(np.min(y)), float(np.max(x)), float(np.max(y))
