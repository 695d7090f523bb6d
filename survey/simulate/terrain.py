"""Endless dry-steppe ground, any window of it on demand: soil, grass, stones, shrubs, tyre tracks, relief."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from operator import itemgetter
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.simulate import stamps
from survey.simulate.light import stored
from survey.simulate.noise import fractal_noise
from survey.simulate.stamps import Stamp
from survey.simulate.sun import Sun
from survey.simulate.textures import Wrapped, grass_cover, soil_grain

Field = NDArray[np.float32]
_Place = tuple[int, int, int, int]
"""Layer, number of the stamp, row and col in a block."""

BLOCK = 512
"""Ground is made in blocks of this many pixels on a fixed lattice, so that every window sees the same ground."""
_STEP = 16
"""Pixels between the samples of slowly varying fields."""
_PAD = 2
_GROUP = 4
_SOIL = np.array(((156, 136, 110), (178, 160, 132), (134, 114, 92), (166, 142, 112)), np.float32)
_GRASS = np.array(((114, 114, 76), (154, 142, 106), (98, 104, 66)), np.float32)
_STANDING = (("stone", stamps.stone, 40), ("tuft", stamps.tuft, 24), ("shrub", stamps.shrub, 12))
"""What stands on the ground, lowest first, and how many variants of it are drawn."""


class _Coarse(NamedTuple):
    """Slowly varying fields over one block, sampled every `_STEP` pixels."""

    soil: Field
    """(3, n, n) colour with the light on the large relief."""
    grass: Field
    cover: Field
    """(n, n) tendency to be grown over: 0 is bare, 1 is full cover."""
    rough: Field


@dataclass(frozen=True, slots=True)
class _Track:
    """A pair of ruts along a gently winding line."""

    heading: float
    offset_m: float
    sway_m: float
    wave_m: float
    phase: float

    def across(self, y: Field, x: Field) -> tuple[Field, Field]:
        """Return metres across and along the track."""
        along = y * np.sin(self.heading) + x * np.cos(self.heading)
        across = y * np.cos(self.heading) - x * np.sin(self.heading) - self.offset_m
        return across + self.sway_m * np.sin(along / self.wave_m + self.phase), along


@dataclass(frozen=True, slots=True, eq=False)
class Terrain:
    """Ground under one sun; the same seed gives the same ground, pixel for pixel, in every window."""

    seed: int
    gsd_m: float
    sun: Sun
    _grain: tuple[Wrapped, Wrapped] = field(init=False, repr=False)
    _blades: tuple[Wrapped, Wrapped] = field(init=False, repr=False)
    _stamps: tuple[tuple[Stamp, ...], ...] = field(init=False, repr=False)
    _tracks: tuple[_Track, ...] = field(init=False, repr=False)
    _coarse_group: Callable[[int, int], _Coarse] = field(init=False, repr=False)
    _standing: Callable[[int, int], tuple[_Place, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.gsd_m <= 0:
            msg = f"the GSD is above 0, got {self.gsd_m} m"
            raise ValueError(msg)
        rng = np.random.default_rng((self.seed, 1))
        # Two periods without a common factor: their sum repeats only after kilometres.
        wrapped = [soil_grain(n, gsd_m=self.gsd_m, sun=self.sun, rng=rng) for n in (1536, 1250)]
        blades = [grass_cover(n, gsd_m=self.gsd_m, rng=rng) for n in (1250, 972)]
        drawn = tuple(
            tuple(draw(gsd_m=self.gsd_m, sun=self.sun, rng=rng) for _ in range(n)) for _, draw, n in _STANDING
        )
        tracks = tuple(
            _Track(
                float(rng.uniform(0, np.pi)), float(rng.uniform(-60, 60)), float(rng.uniform(1, 5)),
                float(rng.uniform(12, 30)), float(rng.uniform(0, 6)),
            )
            for _ in range(3)
        )  # fmt: skip
        set_once = object.__setattr__
        set_once(self, "_grain", tuple(Wrapped.of(w, margin=BLOCK) for w in wrapped))
        set_once(self, "_blades", tuple(Wrapped.of(b, margin=BLOCK) for b in blades))
        set_once(self, "_stamps", drawn)
        set_once(self, "_tracks", tracks)
        # Caches of their own, a few rows of blocks long, that go when the terrain goes.
        set_once(self, "_coarse_group", lru_cache(maxsize=32)(partial(_coarse_group, self)))
        set_once(self, "_standing", lru_cache(maxsize=256)(partial(_standing, self)))

    def window(self, row: int, col: int, height: int, width: int) -> NDArray[np.uint8]:
        """Return the ground of a window (height, width, 3); rows and columns may be negative."""
        out = np.empty((height, width, 3), np.uint8)
        for block_row in range(row // BLOCK, (row + height - 1) // BLOCK + 1):
            for block_col in range(col // BLOCK, (col + width - 1) // BLOCK + 1):
                top, left = block_row * BLOCK, block_col * BLOCK
                row0, row1 = max(row, top), min(row + height, top + BLOCK)
                col0, col1 = max(col, left), min(col + width, left + BLOCK)
                block = self.block(block_row, block_col)
                out[row0 - row : row1 - row, col0 - col : col1 - col] = block[
                    row0 - top : row1 - top, col0 - left : col1 - left
                ]
        return out

    def block(self, row: int, col: int) -> NDArray[np.uint8]:
        """Return block (row, col) of the lattice, (BLOCK, BLOCK, 3)."""
        ground = self.surface(row, col)
        self.plant(ground, row, col)
        return ground

    def surface(self, row: int, col: int) -> NDArray[np.uint8]:
        """Return a block without the stones and plants that stand on it."""
        coarse = _coarse(self, row, col)
        top, left = row * BLOCK, col * BLOCK
        grain = self._grain[0].window(top, left, BLOCK) + self._grain[1].window(top + 311, left + 77, BLOCK)
        blades = self._blades[0].window(top, left, BLOCK) + self._blades[1].window(top + 501, left + 190, BLOCK)
        cover = _upsampled(coarse.cover)
        cover += 0.09 * blades
        cover -= 0.06 * grain
        rut = self._ruts(top, left)
        if rut is not None:
            cover -= 0.8 * np.abs(rut)
        # A steep ramp: at 1 cm a place is blade or soil, seldom both.
        cover = np.clip(cover * 3 - 1, 0, 0.9, out=cover)
        grain *= _upsampled(coarse.rough)
        grain += 1
        if rut is not None:
            grain += 0.16 * rut
        blades *= np.float32(0.08)
        blades += 1
        planes = []
        for soil, grass in zip(coarse.soil, coarse.grass, strict=True):
            plane, green = _upsampled(soil), _upsampled(grass)
            plane *= grain
            green *= blades
            green -= plane
            green *= cover
            plane += green
            planes.append(cv2.convertScaleAbs(plane))
        ground: NDArray[np.uint8] = cv2.merge(planes)
        return ground

    def _ruts(self, top: int, left: int) -> Field | None:
        """Return wheel tracks through a block: below 0 pressed and dark, above 0 thrown up; None without any."""
        at = (np.arange(-_PAD, BLOCK // _STEP + _PAD) + 0.5).astype(np.float32) * np.float32(_STEP * self.gsd_m)
        y, x = (at + np.float32(top * self.gsd_m))[:, None], (at + np.float32(left * self.gsd_m))[None, :]
        total: Field | None = None
        for track in self._tracks:
            across, along = track.across(y, x)
            if np.abs(across).min() > 1.4:
                continue
            from_rut = np.abs(np.abs(_upsampled(across.astype(np.float32))) - np.float32(0.8))
            tread = np.sin(_upsampled(along.astype(np.float32)) * np.float32(2 * np.pi / 0.11) + 25 * from_rut)
            rut = np.exp(-((from_rut / 0.13) ** 4)) * (-0.75 + 0.3 * tread) + 0.5 * np.exp(
                -(((from_rut - 0.19) / 0.05) ** 2)
            )
            total = rut if total is None else total + rut
        return total

    def plant(
        self,
        ground: NDArray[np.uint8],
        row: int,
        col: int,
        *,
        bars: Callable[[float, float, float], bool] | None = None,
    ) -> None:
        """Press what stands on a block, or reaches into it from its neighbours, in place.

        Args:
            ground: The block's pixels.
            row: Of the block.
            col: Of the block.
            bars: Tells of (row, col, radius) in pixels of the plane whether nothing may stand there.
        """
        reaching: list[tuple[int, Stamp, int, int]] = []
        for near_row in range(row - 1, row + 2):
            for near_col in range(col - 1, col + 2):
                shift_row, shift_col = (near_row - row) * BLOCK, (near_col - col) * BLOCK
                for layer, number, local_row, local_col in self._standing(near_row, near_col):
                    stamp = self._stamps[layer][number]
                    y, x, half = local_row + shift_row, local_col + shift_col, stamp.keep.shape[0] // 2
                    if not (-half < y < BLOCK + half and -half < x < BLOCK + half):
                        continue
                    if bars is None or not bars(y + row * BLOCK, x + col * BLOCK, stamp.radius_px):
                        reaching.append((layer, stamp, y, x))
        reaching.sort(key=itemgetter(0))
        for _, stamp, y, x in reaching:
            stamp.press(ground, y, x)


def _coarse(terrain: Terrain, row: int, col: int) -> _Coarse:
    """Return the slowly varying fields of a block, with `_PAD` samples around it."""
    group = terrain._coarse_group(row // _GROUP, col // _GROUP)  # noqa: SLF001
    samples = BLOCK // _STEP
    top, left = row % _GROUP * samples, col % _GROUP * samples
    part = (..., slice(top, top + samples + 2 * _PAD), slice(left, left + samples + 2 * _PAD))
    return _Coarse(*(values[part] for values in group))


def _coarse_group(terrain: Terrain, row: int, col: int) -> _Coarse:
    """Return the fields of `_GROUP` x `_GROUP` blocks: noise is cheap by the sample, dear by the call."""
    gsd, sun = terrain.gsd_m, terrain.sun
    at = (np.arange(-_PAD, _GROUP * BLOCK // _STEP + _PAD) + 0.5) * _STEP * gsd
    y, x = at + row * _GROUP * BLOCK * gsd, at + col * _GROUP * BLOCK * gsd

    def noise(cell: float, octaves: int, layer: int) -> Field:
        return fractal_noise(y, x, cell=cell, octaves=octaves, seed=terrain.seed * 64 + layer)

    step_row, step_col = sun.toward
    y_sun, x_sun = y + 0.12 * step_row, x + 0.12 * step_col
    hills = noise(14, 4, 1)
    rise = fractal_noise(y_sun, x_sun, cell=14, octaves=4, seed=terrain.seed * 64 + 1) - hills
    slope = 0.55 * rise / 0.12
    flat = (1 - sun.height**2) ** 0.5
    light = stored(np.clip(1 - 0.76 * slope * flat / sun.height, 0.35, 1.7).astype(np.float32))
    tone, hue, moist = noise(35, 5, 2), noise(22, 4, 3), noise(17, 5, 4)
    soil = _mixed(_SOIL, hue) * (1 + 0.1 * tone) * light
    grass = _mixed(_GRASS, moist + 0.5 * tone) * (1 + 0.07 * hue) * (0.35 + 0.65 * light)
    cover = np.clip(0.38 + 0.3 * moist + 0.16 * noise(2.3, 4, 5) - 0.1 * hills, -0.2, 1.1).astype(np.float32)
    rough = np.clip(0.055 + 0.02 * noise(6, 3, 6), 0.02, 0.1).astype(np.float32)
    return _Coarse(soil.astype(np.float32), grass.astype(np.float32), cover, rough)


def _standing(terrain: Terrain, row: int, col: int) -> tuple[_Place, ...]:
    """Return (layer, number of the stamp, row, col) of what stands on a block, in pixels of the block."""
    rng = np.random.default_rng((terrain.seed, 2, row & 0xFFFFFFFF, col & 0xFFFFFFFF))
    cover = _coarse(terrain, row, col).cover
    area = (BLOCK * terrain.gsd_m) ** 2
    stony = float(np.clip(rng.lognormal(-0.6, 0.7), 0.05, 1.6))
    found: list[_Place] = []
    for layer, (density, (_, _, variants)) in enumerate(zip((stony, 0.55, 0.025), _STANDING, strict=True)):
        count = int(rng.poisson(density * area))
        y, x = rng.integers(0, BLOCK, (2, count))
        wanted = cover[y // _STEP + _PAD, x // _STEP + _PAD]
        chance = 1 - 0.7 * wanted if layer == 0 else 1.3 * wanted
        stays = rng.uniform(size=count) < chance
        number = rng.integers(0, variants, count)
        found += [(layer, *at) for at in zip(number[stays].tolist(), y[stays].tolist(), x[stays].tolist(), strict=True)]
    return tuple(found)


def _mixed(palette: Field, at: Field) -> Field:
    """Return (3, n, n): a walk through the palette's colours for `at` from about -1 to 1."""
    place = np.clip((at + 1) / 2, 0, 1) * (len(palette) - 1)
    return np.stack([np.interp(place, np.arange(len(palette)), palette[:, c]) for c in range(3)]).astype(np.float32)


def _upsampled(coarse: Field) -> Field:
    """Return a padded coarse field at every pixel of its block."""
    size = coarse.shape[0] * _STEP
    fine = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(fine[_PAD * _STEP : -_PAD * _STEP, _PAD * _STEP : -_PAD * _STEP])
