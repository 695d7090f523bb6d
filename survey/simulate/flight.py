"""A whole simulated flight: a georeferenced orthomosaic with known truth, written block by block."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import ceil, hypot
from pathlib import Path

import cv2
import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.windows import Window as FileWindow
from shapely import Polygon

from survey.errors import ConfigError
from survey.files import make_folder, replacing
from survey.simulate.disturb import work_in
from survey.simulate.scene import Lay, Scene, plan_scene
from survey.simulate.sprites import Sprite, occlude, paste, render_item
from survey.simulate.terrain import BLOCK, Terrain
from survey.simulate.truth import TrueDisturbances, TrueItems, true_disturbances, write_truth
from survey.values import Window

CRS = "EPSG:32638"
ORIGIN = (696_240.0, 4_418_730.0)
"""North-west corner, somewhere in the plain between the Kura and the Aras."""
_QUALITY = 90
_CACHE_BYTES = 64 * 2**20
"""rasterio takes bytes. GDAL otherwise keeps 5 % of the machine's memory in tiles."""
_GRAIN = 2.2
"""Spread of the camera's noise, in grey levels."""


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedFlight:
    """What was written, and what is true about it."""

    image: Path
    truth: Path
    crs: str
    transform: Affine
    shape: tuple[int, int]
    area_ha: float
    """Of valid pixels."""
    items: TrueItems
    disturbances: TrueDisturbances


@dataclass(frozen=True, slots=True, eq=False)
class _Stage:
    """A scene ready to be drawn, in pixels."""

    scene: Scene
    gsd_m: float
    shape: tuple[int, int]
    terrain: Terrain
    sprites: tuple[tuple[Sprite, float, float], ...]
    """Each with the (row, col) of its middle."""
    noise: tuple[NDArray[np.uint8], NDArray[np.uint8]]

    def near(self, window: Window) -> "_Stage":
        """Return the stage with only what may matter to a window or to plants that reach into it."""
        row, col = window.row + window.height / 2, window.col + window.width / 2

        def close(y: float, x: float, reach_px: float) -> bool:
            # Plants of the eight blocks around may reach in; they stand up to one and a half blocks away.
            return max(abs(y - row), abs(x - col)) < 1.5 * BLOCK + reach_px

        sprites = tuple(s for s in self.sprites if close(s[1], s[2], max(s[0].alpha.shape)))
        disturbances = tuple(
            d
            for d in self.scene.disturbances
            if close(d.y / self.gsd_m, d.x / self.gsd_m, d.disturbance.reach_px(gsd_m=self.gsd_m, sun=self.scene.sun))
        )
        return replace(self, sprites=sprites, scene=replace(self.scene, disturbances=disturbances))

    def bars(self, row: float, col: float, radius: float) -> bool:
        """Return whether a plant there would hide an item or grow in turned soil."""
        for sprite, item_row, item_col in self.sprites:
            if hypot(item_row - row, item_col - col) < radius + 0.6 * sprite.size_m / self.gsd_m:
                return True
        for placed in self.scene.disturbances:
            y, x = row * self.gsd_m - placed.y, col * self.gsd_m - placed.x
            if hypot(y, x) < placed.disturbance.work.reach_m:
                return bool(placed.disturbance.work.shape(np.array([y]), np.array([x])).bare[0, 0] > 0.3)
        return False


def simulate_flight(
    out: Path,
    *,
    seed: int,
    area_ha: float = 4.2,
    gsd_m: float = 0.01,
    lay: Lay | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SimulatedFlight:
    """Write `flight.tif` and `truth.gpkg` into a folder.

    The image is a tiled JPEG GeoTIFF with an internal mask over an irregular flown area. Memory does not
    grow with the area: one block is in work at a time.

    Args:
        out: Folder, made where it is missing.
        seed: The same seed gives the same flight.
        area_ha: Flown area, hectares.
        gsd_m: Edge of a pixel, metres.
        lay: Says what ordnance lies there, instead of some of every kind and a row.
        progress: Called with (rows of blocks done, rows of blocks in all).

    Returns:
        Paths and truth.

    Raises:
        ConfigError: The area is too small for a scene, or the GSD is not positive.
    """
    if gsd_m <= 0:
        msg = f"the GSD is above 0, got gsd_m={gsd_m}; 0.01 is usual"
        raise ConfigError(msg)
    rng = np.random.default_rng((seed, 7))
    scene = plan_scene(area_ha=area_ha, rng=rng, lay=lay)
    stage = _staged(scene, seed=seed, gsd_m=gsd_m, rng=rng)
    transform = Affine(gsd_m, 0, ORIGIN[0], 0, -gsd_m, ORIGIN[1])
    make_folder(out)
    image, truth = out / "flight.tif", out / "truth.gpkg"
    with replacing(image) as temporary:
        valid = _write(temporary, stage, transform=transform, progress=progress)
    items = _true_items(stage, transform)
    disturbances = true_disturbances(scene, origin=ORIGIN)
    write_truth(truth, items=items, disturbances=disturbances, crs=CRS)
    return SimulatedFlight(image, truth, CRS, transform, stage.shape, valid * gsd_m**2 / 1e4, items, disturbances)


def _staged(scene: Scene, *, seed: int, gsd_m: float, rng: np.random.Generator) -> _Stage:
    """Render everything that is drawn once."""
    sprites = []
    for item in scene.items:
        sprite = render_item(item.kind, gsd_m=gsd_m, sun=scene.sun, rng=rng)
        sprite = occlude(sprite, share=item.hidden, gsd_m=gsd_m, rng=rng)
        # The middle as it will lie after the sprite is put on whole pixels: truth is exact.
        row, col = (
            round(at / gsd_m - middle) + middle for at, middle in zip((item.y, item.x), sprite.center, strict=True)
        )
        sprites.append((sprite, row, col))
    _, _, east, south = scene.outline.bounds
    shape = (ceil((south + 0.5) / gsd_m), ceil((east + 0.5) / gsd_m))
    grain = rng.normal(0, _GRAIN, (2 * BLOCK, 2 * BLOCK, 3))
    noise = (np.clip(grain, 0, 30).astype(np.uint8), np.clip(-grain, 0, 30).astype(np.uint8))
    return _Stage(scene, gsd_m, shape, Terrain(seed, gsd_m, scene.sun), tuple(sprites), noise)


def _write(path: Path, stage: _Stage, *, transform: Affine, progress: Callable[[int, int], None] | None) -> int:
    """Write the image and its mask; return the number of valid pixels."""
    height, width = stage.shape
    profile = {
        "driver": "GTiff", "dtype": "uint8", "count": 3, "height": height, "width": width, "crs": CRS,
        "transform": transform, "tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK, "compress": "jpeg",
        "jpeg_quality": _QUALITY, "photometric": "ycbcr", "interleave": "pixel", "bigtiff": "if_safer",
        "num_threads": "all_cpus",
    }  # fmt: skip
    valid = 0
    settings = rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True, GDAL_CACHEMAX=_CACHE_BYTES)
    with settings, rasterio.open(path, "w", **profile) as file:
        rows, done = ceil(height / BLOCK), 0
        for window, pixels in drawn_blocks(stage):
            file.write(np.moveaxis(pixels, 2, 0), window=_in_file(window))
            if progress is not None and window.row // BLOCK > done:
                done = window.row // BLOCK
                progress(done, rows)
        # The mask follows in a pass of its own: switching between image and mask rewrites the file's directory.
        for window in blocks_of(stage.shape):
            mask = valid_mask(stage.scene.outline, window, gsd_m=stage.gsd_m)
            file.write_mask(mask, window=_in_file(window))
            valid += int(np.count_nonzero(mask))
        if progress is not None:
            progress(rows, rows)
    return valid


def blocks_of(shape: tuple[int, int]) -> Iterator[Window]:
    """Yield the file's blocks row by row, cut at the image's edges."""
    height, width = shape
    for row in range(0, height, BLOCK):
        for col in range(0, width, BLOCK):
            yield Window(row, col, min(BLOCK, height - row), min(BLOCK, width - col))


def drawn_blocks(stage: _Stage) -> Iterator[tuple[Window, NDArray[np.uint8]]]:
    """Yield each block that was flown with its pixels (h, w, 3), black outside the outline; draws one at a time."""
    for window in blocks_of(stage.shape):
        mask = valid_mask(stage.scene.outline, window, gsd_m=stage.gsd_m)
        if not mask.any():
            continue
        block = (window.row // BLOCK, window.col // BLOCK)
        pixels = stage.terrain.surface(*block)
        near = stage.near(window)
        for placed in near.scene.disturbances:
            where = (placed.y / stage.gsd_m - window.row, placed.x / stage.gsd_m - window.col)
            work_in(pixels, placed.disturbance, gsd_m=stage.gsd_m, sun=stage.scene.sun, where=where)
        for sprite, row, col in near.sprites:
            paste(pixels, sprite, row=row - window.row, col=col - window.col)
        # Last, so that their shadows fall on the items; `bars` keeps them from covering an item unseen by the truth.
        stage.terrain.plant(pixels, *block, bars=near.bars)
        _expose(pixels, window, stage.noise)
        pixels = pixels[: window.height, : window.width]
        pixels[mask == 0] = 0
        yield window, pixels


def valid_mask(outline: Polygon, window: Window, *, gsd_m: float) -> NDArray[np.uint8]:
    """Return 255 where a pixel of the window lies inside the outline, else 0."""
    mask = np.zeros((window.height, window.width), np.uint8)
    # fillPoly counts from pixel centres, in 256ths.
    ring = np.array(outline.exterior.coords) / gsd_m - (window.col, window.row) - 0.5
    cv2.fillPoly(mask, [np.rint(ring * 256).astype(np.int32)], 255, shift=8)
    return mask


def _expose(pixels: NDArray[np.uint8], window: Window, noise: tuple[NDArray[np.uint8], NDArray[np.uint8]]) -> None:
    """Add the camera's noise, in place, at a place of its own for each block."""
    start = (window.row * 31 + window.col * 17) // BLOCK * 89 % BLOCK
    size = pixels.shape[0]
    part = (slice(start, start + size), slice(size - start, 2 * size - start))
    cv2.add(pixels, noise[0][part], dst=pixels)
    cv2.subtract(pixels, noise[1][part], dst=pixels)


def _in_file(window: Window) -> FileWindow:
    """Return the window as rasterio takes it."""
    return FileWindow(window.col, window.row, window.width, window.height)


def _true_items(stage: _Stage, transform: Affine) -> TrueItems:
    """Return where the sprites lie on the map."""
    row = np.array([at for _, at, _ in stage.sprites], np.float64)
    col = np.array([at for _, _, at in stage.sprites], np.float64)
    return TrueItems(
        kinds=tuple(sprite.kind for sprite, _, _ in stage.sprites),
        class_names=tuple(sprite.class_name for sprite, _, _ in stage.sprites),
        x=transform.c + transform.a * col,
        y=transform.f + transform.e * row,
        size_m=np.array([sprite.size_m for sprite, _, _ in stage.sprites], np.float32),
        visible=np.array([sprite.visible for sprite, _, _ in stage.sprites], np.float32),
    )
