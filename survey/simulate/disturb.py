"""Ground disturbance worked into a picture of ground: new relief, new light, turned soil."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, floor
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.simulate.earthworks import Crater, DugPatch, Earthwork, Trench
from survey.simulate.light import cast_shadow, irradiance, sky_view, stored
from survey.simulate.noise import fractal_noise
from survey.simulate.paint import SOILS
from survey.simulate.sun import Sun

_SAMPLERS: Mapping[str, Callable[[np.random.Generator], Earthwork]] = MappingProxyType(
    {"crater": Crater.sample, "trench": Trench.sample, "disturbed_soil": DugPatch.sample}
)
_LARGE_PX = 120
_LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True, slots=True)
class Disturbance:
    """One structure and the soil it brings to light."""

    kind: str
    """Of `survey.values.DISTURBANCES`."""
    work: Earthwork
    soil: tuple[float, float, float]
    """sRGB of the turned soil, 0 to 255."""
    seed: int

    @classmethod
    def sample(
        cls, kind: str, *, rng: np.random.Generator, around: tuple[float, float, float] | None = None
    ) -> "Disturbance":
        """Draw a structure of a kind.

        Args:
            kind: 'crater', 'trench' or 'disturbed_soil'.
            rng: Decides everything.
            around: Mean sRGB of the ground; turned soil is then up to a third darker or lighter than it.

        Raises:
            ValueError: The kind is unknown.
        """
        if kind not in _SAMPLERS:
            msg = f"unknown disturbance '{kind}', expected one of {', '.join(_SAMPLERS)}"
            raise ValueError(msg)
        work = _SAMPLERS[kind](rng)
        soil = np.array(SOILS[int(rng.integers(len(SOILS)))], np.float64) * rng.uniform(0.96, 1.04, 3)
        # Moist soil from below is mostly darker; dry subsoil, sand and chalk are lighter.
        tone = rng.uniform(0.68, 0.9) if rng.uniform() < 0.6 else rng.uniform(1.08, 1.35)
        if around is not None:
            # Some of the ground's hue comes up again: a field's subsoil resembles its topsoil.
            mean = np.array(around) + 1
            soil = 0.7 * soil * (mean @ _LUMA) / (soil @ _LUMA) + 0.3 * mean
        red, green, blue = (np.clip(soil * tone, 8, 245)).tolist()
        return cls(kind, work, (red, min(green, red), blue), int(rng.integers(1 << 31)))

    def reach_px(self, *, gsd_m: float, sun: Sun) -> int:
        """Return the distance from the centre, in pixels, beyond which no pixel changes."""
        return ceil((self.work.reach_m + self.work.shadow_m(sun.slope)) / gsd_m) + 2


def disturb(
    ground: NDArray[np.uint8],
    *,
    kind: str,
    gsd_m: float,
    sun: Sun,
    rng: np.random.Generator,
    where: tuple[float, float],
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Work a random crater, trench or dug patch into a picture of ground.

    Args:
        ground: (h, w, 3) any picture from above; it is left as it is.
        kind: 'crater', 'trench' or 'disturbed_soil'.
        gsd_m: Edge of a pixel, metres.
        sun: The light already in the picture, so that the new relief agrees with it.
        rng: Decides on the structure.
        where: (row, col) of its centre, on pixel edges; may lie outside the picture.

    Returns:
        The new picture, and where the ground is disturbed (h, w). Only the part of the structure inside the
        picture is drawn.

    Raises:
        ValueError: The kind is unknown.
    """
    mean = ground.reshape(-1, 3).mean(axis=0)
    disturbance = Disturbance.sample(kind, rng=rng, around=(float(mean[0]), float(mean[1]), float(mean[2])))
    changed = ground.copy()
    return changed, work_in(changed, disturbance, gsd_m=gsd_m, sun=sun, where=where)


def work_in(
    ground: NDArray[np.uint8], disturbance: Disturbance, *, gsd_m: float, sun: Sun, where: tuple[float, float]
) -> NDArray[np.bool_]:
    """Work a given structure into a picture, in place; windows of one picture fit together.

    Args:
        ground: (h, w, 3).
        disturbance: The structure.
        gsd_m: Edge of a pixel, metres.
        sun: The light.
        where: (row, col) of the structure's centre in the picture; may lie outside.

    Returns:
        (h, w), where the ground is disturbed.
    """
    height, width = ground.shape[:2]
    mask = np.zeros((height, width), np.bool_)
    reach = disturbance.reach_px(gsd_m=gsd_m, sun=sun)
    row0, row1 = max(0, floor(where[0]) - reach), min(height, ceil(where[0]) + reach)
    col0, col1 = max(0, floor(where[1]) - reach), min(width, ceil(where[1]) + reach)
    if row0 >= row1 or col0 >= col1:
        return mask
    inside = (slice(row0, row1), slice(col0, col1))
    # Large structures are smooth: their relief is worked out on cells of two pixels.
    step = 2 if reach > _LARGE_PX and min(row1 - row0, col1 - col0) > 8 else 1
    # Shadows may fall into the picture from relief outside it.
    margin = step * (ceil(disturbance.work.shadow_m(sun.slope) / gsd_m / step) + 4)
    y = (np.arange(row0 - margin, row1 + margin, step) + step / 2 - where[0]) * gsd_m
    x = (np.arange(col0 - margin, col1 + margin, step) + step / 2 - where[1]) * gsd_m
    shaped = disturbance.work.shape(y, x)
    light = stored(_light(shaped.height, disturbance.work, gsd_m=gsd_m * step, sun=sun))
    size = (row1 - row0, col1 - col0)
    light, bare, disturbed = (
        _core(layer, size, margin=margin, step=step) for layer in (light, shaped.bare, shaped.mask.astype(np.float32))
    )
    before = ground[inside].astype(np.float32)
    y, x = (np.arange(row0, row1) + 0.5 - where[0]) * gsd_m, (np.arange(col0, col1) + 0.5 - where[1]) * gsd_m
    grain = fractal_noise(y, x, cell=0.05, octaves=3, seed=disturbance.seed)
    grain = 1 + 0.08 * grain + 0.08 * fractal_noise(y, x, cell=0.7, octaves=3, seed=disturbance.seed + 1)
    # A little of the old surface stays, so that the picture's own grain runs through.
    share = 0.92 * bare
    kept, added = (light * (1 - share))[..., None], (light * share * grain)[..., None]
    after = before * kept + np.array(disturbance.soil, np.float32) * added
    ground[inside] = np.rint(np.clip(after, 0, 255)).astype(np.uint8)
    mask[inside] = disturbed > 0.5
    return mask


def _core(layer: NDArray[np.float32], size: tuple[int, int], *, margin: int, step: int) -> NDArray[np.float32]:
    """Return a layer of cells of `step` pixels at every pixel of the core, without its margin."""
    if step > 1:
        whole = (layer.shape[1] * step, layer.shape[0] * step)
        layer = cv2.resize(layer, whole, interpolation=cv2.INTER_LINEAR)
    return layer[margin : margin + size[0], margin : margin + size[1]]


def _light(height: NDArray[np.float32], work: Earthwork, *, gsd_m: float, sun: Sun) -> NDArray[np.float32]:
    """Return the light on a height field relative to flat ground."""
    hidden = cast_shadow(height, cell_m=gsd_m, sun=sun, reach_m=work.shadow_m(sun.slope) + gsd_m)
    sky = sky_view(height, cell_m=gsd_m, radius_m=max(3 * gsd_m, 0.8 * work.relief_m))
    return irradiance(height, cell_m=gsd_m, sun=sun, hidden=hidden, sky=sky)
