"""Stones, grass tufts and shrubs, drawn once under the scene's sun and then stamped wherever they stand."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.simulate.light import AMBIENT, cast_shadow, irradiance, sky_view, stored
from survey.simulate.noise import fractal_noise
from survey.simulate.sun import Sun

Field = NDArray[np.float32]
FINE = 2
"""Fine cells along a pixel's edge while a stamp is drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Stamp:
    """Something small on the ground: ground * keep + add. Its shadow is in `keep`."""

    keep: Field
    """(h, w, 1), 0 to 1."""
    add: Field
    """(h, w, 3), 0 to 255."""
    radius_px: float
    """Of the thing itself, without its shadow."""

    def press(self, ground: NDArray[np.uint8], row: int, col: int) -> None:
        """Lay the stamp with its middle at (row, col), in place; what leaves the ground is cut off."""
        height, width = self.keep.shape[:2]
        top, left = row - height // 2, col - width // 2
        row0, col0 = max(0, top), max(0, left)
        row1, col1 = min(ground.shape[0], top + height), min(ground.shape[1], left + width)
        if row0 >= row1 or col0 >= col1:
            return
        part = (slice(row0 - top, row1 - top), slice(col0 - left, col1 - left))
        target = ground[row0:row1, col0:col1]
        target[...] = target * self.keep[part] + self.add[part]


def stone(*, gsd_m: float, sun: Sun, rng: np.random.Generator) -> Stamp:
    """Draw a half-sunk stone, 3 to 30 cm, mostly small."""
    size = float(np.exp(rng.uniform(np.log(0.03), np.log(0.3)) * 0.7 + np.log(0.06) * 0.3))
    y, x, cell = _canvas(size * 1.7, gsd_m=gsd_m)
    turn = rng.uniform(0, np.pi)
    u, v = x * np.cos(turn) + y * np.sin(turn), (y * np.cos(turn) - x * np.sin(turn)) * rng.uniform(1, 1.7)
    bumps = fractal_noise(y[:, 0], x[0], cell=size * 0.5, octaves=4, seed=int(rng.integers(1 << 31)))
    body = 1 - (2 * np.hypot(u, v) / size) ** 2 + 0.3 * bumps
    height = np.where(body > 0, 0.35 * size * np.clip(body, 0, 1) ** 0.6, 0).astype(np.float32)
    base = np.array(((150, 140, 126), (122, 116, 108), (172, 162, 146))[int(rng.integers(3))]) * rng.uniform(0.8, 1.15)
    colour = (base * (1 + 0.1 * bumps[..., None])).astype(np.float32)
    return _lit(height, colour, cell=cell, sun=sun)


def tuft(*, gsd_m: float, sun: Sun, rng: np.random.Generator) -> Stamp:
    """Draw a tuft of grass, green to straw, 15 to 60 cm wide."""
    size = float(rng.uniform(0.15, 0.6))
    y, x, cell = _canvas(size * 1.5, gsd_m=gsd_m)
    height = np.zeros((y.shape[0], x.shape[1]), np.float32)
    tone = np.zeros_like(height)
    middle, blades = height.shape[0] / 2, int(60 + 700 * size)
    for _ in range(blades):
        angle, reach = rng.uniform(0, 2 * np.pi), size / 2 * rng.beta(2, 1.5) / cell
        start = rng.normal(0, 0.09 * size / cell, 2) + middle
        bend = angle + rng.normal(0, 0.5)
        tip = start + reach * np.array([np.cos(bend), np.sin(bend)])
        ends = (tuple(np.rint(start).astype(int).tolist()), tuple(np.rint(tip).astype(int).tolist()))
        cv2.line(height, *ends, float(rng.uniform(0.15, 0.5) * size), 1 + int(rng.uniform() < 0.4))
        cv2.line(tone, *ends, float(rng.uniform(0.7, 1.3)), 2)
    # Blades bend outwards and thin out: a dome, not a fence.
    height *= np.clip(1 - 0.9 * (2 * np.hypot(y, x) / size) ** 2, 0.06, 1)
    green, straw = np.array((128, 136, 80)), np.array((206, 186, 134))
    base = green + (straw - green) * rng.beta(1.3, 1.0)
    colour = (base * np.maximum(tone, 0.8)[..., None]).astype(np.float32)
    return _lit(height, colour, cell=cell, sun=sun)


def shrub(*, gsd_m: float, sun: Sun, rng: np.random.Generator) -> Stamp:
    """Draw a low shrub, 0.5 to 1.8 m wide."""
    size = float(rng.uniform(0.5, 1.8))
    y, x, cell = _canvas(size * 2.4, gsd_m=gsd_m)
    seed = int(rng.integers(1 << 30))
    clumps = fractal_noise(y[:, 0], x[0], cell=0.35 * size, octaves=3, seed=seed)
    leaves = fractal_noise(y[:, 0], x[0], cell=0.07, octaves=3, seed=seed + 1)
    dome = 1 - (2 * np.hypot(y, x) / size) ** 2 + 0.55 * clumps + 0.2 * leaves
    height = np.where(dome > 0, 0.5 * size * np.clip(dome, 0, 1.4) ** 0.7 * (1 + 0.1 * leaves), 0).astype(np.float32)
    base = np.array(((98, 106, 64), (120, 120, 78), (136, 126, 92), (86, 98, 62))[int(rng.integers(4))])
    colour = (base * rng.uniform(0.85, 1.2) * (1 + 0.2 * leaves[..., None])).astype(np.float32)
    return _lit(np.maximum(height, 0), colour, cell=cell, sun=sun)


def _canvas(extent_m: float, *, gsd_m: float) -> tuple[Field, Field, float]:
    """Return y (n, 1) and x (1, n) in metres around the middle, and the cell's edge."""
    half = max(2, round(extent_m / gsd_m / 2) + 1)
    cell = gsd_m / FINE
    at = ((np.arange(2 * half * FINE) + 0.5 - half * FINE) * cell).astype(np.float32)
    return at[:, None], at[None, :], cell


def _lit(height: Field, colour: Field, *, cell: float, sun: Sun) -> Stamp:
    """Light a height field, let it cast its shadow, and average it to pixels."""
    room = min(int(float(height.max()) / sun.slope / cell) // FINE + 1, 200) * FINE
    height = np.pad(height, room)
    colour = np.pad(colour, ((room, room), (room, room), (0, 0)), mode="edge")
    on = (height > 0).astype(np.float32)
    hidden = cast_shadow(height, cell_m=cell, sun=sun, reach_m=room * cell)
    sky = sky_view(height, cell_m=cell, radius_m=max(3 * cell, 0.4 * float(height.max())))
    smooth = cv2.GaussianBlur(height, (0, 0), 1.0)
    light = irradiance(smooth, cell_m=cell, sun=sun, hidden=hidden, sky=sky)
    seen = np.clip(colour * stored(light)[..., None], 0, 255) * on[..., None]
    # Plants let some sun through, and stones are rounded below: no shadow is quite black.
    shade = stored(1 - np.float32(0.9 * (1 - AMBIENT)) * hidden) * stored(sky)
    size = (height.shape[1] // FINE, height.shape[0] // FINE)
    keep = cv2.resize((shade * (1 - on)).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    add = cv2.resize(seen.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    body = cv2.resize(on, size, interpolation=cv2.INTER_AREA) > 0.2
    rows, cols = np.nonzero(body)
    radius = np.hypot(rows - size[1] / 2, cols - size[0] / 2).max(initial=0.0)
    return Stamp(keep[..., None], add, float(radius))
