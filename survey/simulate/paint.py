"""Colours and surfaces of ordnance as found: paint, plastic, rubber, steel; worn, rusted and dusty."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.simulate.noise import fractal_noise

Field = NDArray[np.float32]
Colour = tuple[int, int, int]

RUST: tuple[Colour, ...] = ((96, 66, 48), (112, 78, 56), (80, 58, 46))
SOILS: tuple[Colour, ...] = ((150, 128, 100), (172, 150, 118), (128, 106, 84), (186, 166, 136), (112, 92, 74))


@dataclass(frozen=True, slots=True)
class Paint:
    """How one part of an item may look."""

    colours: tuple[Colour, ...]
    """sRGB as a camera stores it on flat ground in full light; one is drawn per sprite."""
    gloss: float
    """Strength of the glint, 0 (rubber) to 1 (bare metal)."""
    rust: float = 0.0
    """Largest share of the surface that may have rusted."""


OLIVE = ((88, 90, 62), (76, 80, 56), (102, 100, 72), (66, 69, 51), (92, 87, 60))
GREY = ((128, 128, 122), (106, 108, 106), (146, 144, 136))

OLIVE_STEEL = Paint(OLIVE, 0.25, 0.55)
OLIVE_PLASTIC = Paint((*OLIVE, (106, 110, 80), (84, 92, 66)), 0.3)
SAND_PLASTIC = Paint(((178, 154, 110), (192, 170, 130), (160, 138, 98)), 0.3)
WING_PLASTIC = Paint((*OLIVE, (96, 108, 74), (150, 130, 92), (170, 150, 112), (86, 74, 52)), 0.35)
BAKELITE = Paint(((94, 58, 38), (114, 70, 44), (74, 48, 34), (104, 76, 50)), 0.4)
RUBBER = Paint(((46, 44, 43), (58, 55, 52), (38, 38, 40)), 0.12)
GREY_STEEL = Paint((*GREY, (92, 96, 92)), 0.4, 0.6)
RUSTY_STEEL = Paint((*RUST, *OLIVE, (120, 112, 102), (96, 84, 72)), 0.2, 1.0)
BARE_STEEL = Paint(((142, 138, 130), (122, 118, 112), (108, 100, 92)), 0.7, 0.7)
ALLOY = Paint(((170, 170, 166), (150, 150, 148), (186, 184, 178)), 0.9)
BRASS = Paint(((164, 134, 78), (144, 112, 68), (120, 98, 66)), 0.7)
COPPER = Paint(((156, 96, 62), (128, 84, 60), (104, 96, 70)), 0.5)
CLOTH = Paint(((196, 190, 174), (172, 162, 138), (150, 146, 120), (210, 206, 196)), 0.0)


def painted(
    parts: NDArray[np.uint8], paints: tuple[Paint, ...], *, cell_m: float, rng: np.random.Generator
) -> tuple[Field, Field]:
    """Return colour (h, w, 3), 0 to 255, and gloss (h, w), 0 to 1, of a surface with its wear.

    Args:
        parts: (h, w) number of the paint at each place.
        paints: The item's paints.
        cell_m: Edge of a cell, metres.
        rng: Decides on colours, rust, scratches and dust.
    """
    height, width = parts.shape
    rows, cols = np.arange(height) * cell_m, np.arange(width) * cell_m
    seeds = rng.integers(1 << 31, size=3)
    table = np.array([_shade(p.colours, rng) for p in paints], np.float32)
    colour = table[parts]
    gloss = np.array([p.gloss for p in paints], np.float32)[parts]
    mottle = fractal_noise(rows, cols, cell=0.03, octaves=3, seed=int(seeds[0]))
    colour *= (1 + np.float32(rng.uniform(0.03, 0.09)) * mottle)[..., None]

    worn = float(rng.beta(1.1, 1.8))
    share = np.array([p.rust * worn for p in paints], np.float32)[parts]
    if share.max() > 0.05:
        field = fractal_noise(rows, cols, cell=0.05, octaves=4, seed=int(seeds[1]))
        # Value noise spreads over about ±0.9, so this threshold rusts close to `share` of the surface.
        rusted = np.clip((field + 1.7 * share - 0.95) * 4, 0, 1)
        _blend(
            colour, np.array(_shade(RUST, rng), np.float32) * (1 + 0.15 * mottle)[..., None], rusted.astype(np.float32)
        )
        gloss *= 1 - 0.9 * rusted
    _scratch(colour, rng)
    dust = np.clip(fractal_noise(rows, cols, cell=0.06, octaves=4, seed=int(seeds[2])) * 0.8 - 0.55, 0, 1)
    dust = np.clip(dust * rng.uniform(0, 2.5) + rng.beta(1.2, 4.5) * 0.75, 0, 0.92).astype(np.float32)
    _blend(colour, np.array(_shade(SOILS, rng), np.float32), dust)
    return colour, gloss * (1 - dust)


def _shade(colours: tuple[Colour, ...], rng: np.random.Generator) -> Field:
    """Draw one of the colours, a little lighter or darker and a little off its hue."""
    base = np.array(colours[int(rng.integers(len(colours)))], np.float32)
    return (base * np.float32(rng.uniform(0.82, 1.2)) * rng.uniform(0.96, 1.04, 3)).astype(np.float32)


def _blend(colour: Field, other: NDArray[np.floating[Any]], weight: Field) -> None:
    """Move `colour` towards `other` by `weight` (h, w), in place."""
    colour += (other - colour) * weight[..., None].astype(np.float32)


def _scratch(colour: Field, rng: np.random.Generator) -> None:
    """Draw a few straight bright or dark scratches, in place."""
    height, width = colour.shape[:2]
    marks = np.zeros((height, width), np.uint8)
    for _ in range(int(rng.integers(0, 7))):
        row, col = rng.uniform(0, height), rng.uniform(0, width)
        angle, length = rng.uniform(0, np.pi), rng.uniform(0.03, 0.18) * max(height, width)
        end = (round(col + length * np.cos(angle)), round(row + length * np.sin(angle)))
        cv2.line(marks, (round(col), round(row)), end, int(rng.integers(60, 200)), 1, cv2.LINE_AA)
    factor = 1 + np.float32(rng.uniform(-0.35, 0.5)) * (marks.astype(np.float32) / 255)
    colour *= factor[..., None]
