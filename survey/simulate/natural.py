"""Made-up natural things: stones, clods, sticks and plants, rendered as ordnance is: only form tells them apart."""

from collections.abc import Callable

import numpy as np

from survey.simulate import paint
from survey.simulate.items import NO_ORDNANCE, ItemSpec
from survey.simulate.paint import Colour, Paint
from survey.simulate.shapes import OUTSIDE, Field, Relief, Shape

_EXTENT_M = (0.05, 0.75)
_STONES: tuple[Colour, ...] = (
    (128, 124, 118), (160, 152, 140), (96, 92, 88), (188, 182, 172), (140, 118, 96), (110, 84, 66), (66, 64, 62),
)  # fmt: skip
_WOOD: tuple[Colour, ...] = ((120, 100, 80), (150, 138, 122), (84, 66, 52), (176, 164, 146), (62, 52, 44))
_PLANTS: tuple[Colour, ...] = (
    (84, 104, 52), (58, 82, 40), (120, 132, 70), (150, 146, 90), (176, 160, 112), (98, 112, 84), (44, 60, 36),
)  # fmt: skip


def natural_thing(rng: np.random.Generator) -> ItemSpec:
    """Return a made-up natural thing: a stone, a clod, a stick or a plant."""
    kind = int(rng.choice(4, p=(0.35, 0.2, 0.2, 0.25)))
    size = float(np.exp(rng.uniform(*np.log(_EXTENT_M))))
    if kind == 0:
        return _natural(size, *_stone(size, rng), Paint(_STONES, 0.1))
    if kind == 1:
        return _natural(size, *_stone(size, rng, roughness=0.35), Paint(paint.SOILS, 0.0))
    if kind == 2:
        return _natural(size, *_stick(size, rng), Paint(_WOOD, 0.05))
    return _natural(size, *_plant(size, rng), Paint(_PLANTS, 0.1))


def _natural(size: float, shape: Shape, height: float, surface: Paint) -> ItemSpec:
    return ItemSpec(NO_ORDNANCE, "natural thing", size, height, shape, ((surface,),), max_sink=0.5)


def _waves(rng: np.random.Generator, *, strength: float) -> Callable[[Field], Field]:
    """Return a smooth random function of an angle, around 1."""
    orders = np.arange(2, 9)
    size = rng.normal(0, strength, len(orders)) / orders**0.8
    phase = rng.uniform(0, 2 * np.pi, len(orders))

    def value(angle: Field) -> Field:
        total = np.ones_like(angle)
        for order, amount, shift in zip(orders, size, phase, strict=True):
            total += np.float32(amount) * np.sin(np.float32(order) * angle + np.float32(shift))
        return np.clip(total, 0.35, 1.7)

    return value


def _stone(size: float, rng: np.random.Generator, *, roughness: float = 0.15) -> tuple[Shape, float]:
    """A lump of irregular outline with planes and a rough top."""
    outline, squeeze = _waves(rng, strength=0.22), float(np.exp(abs(rng.normal(0, 0.4))))
    height, power = size * float(rng.uniform(0.1, 0.5)), float(rng.uniform(1.2, 4.0))
    planes = [(rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 1.2), rng.uniform(0.6, 1.1)) for _ in range(5)]
    waves = rng.uniform(-1, 1, (6, 3)) * np.array([40, 40, np.pi]) / (size / 0.2)

    def shape(u: Field, v: Field) -> Relief:
        radius = np.hypot(u, v * np.float32(squeeze)) / np.float32(size / 2 / 1.25)
        radius = radius / outline(np.arctan2(v * np.float32(squeeze), u))
        top = np.clip(1 - radius ** np.float32(power), 0, None) ** np.float32(0.5)
        for angle, slope, level in planes:
            along = (u * np.float32(np.cos(angle)) + v * np.float32(np.sin(angle))) / np.float32(size / 2)
            top = np.minimum(top, np.float32(level) - np.float32(slope) * along * np.float32(0.5))
        for a, b, c in waves:
            top = top + np.float32(roughness / 6) * np.sin(np.float32(a) * u + np.float32(b) * v + np.float32(c))
        inside = radius < 1
        return Relief(
            np.where(inside, np.maximum(top, 0.03) * np.float32(height), OUTSIDE).astype(np.float32),
            np.zeros(u.shape, np.uint8),
        )

    return shape, height * 1.2


def _stick(size: float, rng: np.random.Generator) -> tuple[Shape, float]:
    """A bent branch, perhaps with a twig."""
    thick = size * float(rng.uniform(0.012, 0.06))
    bends = rng.normal(0, 0.06, 3) * size
    fork = float(rng.uniform(-0.3, 0.3)) * size if rng.random() < 0.5 else None
    lean = float(rng.uniform(-1.2, 1.2))

    def shape(u: Field, v: Field) -> Relief:
        s = u / np.float32(size / 2)
        middle = sum(np.float32(b) * np.sin(np.float32((k + 1) * np.pi / 2) * (s + 1)) for k, b in enumerate(bends))
        away = np.abs(v - middle)
        half = np.float32(thick) * (1 - 0.5 * np.clip((s + 1) / 2, 0, 1))
        on = (np.abs(s) < 0.97) & (away < half)
        height = np.where(on, np.sqrt(np.maximum(half**2 - away**2, 0)) + half, OUTSIDE)
        if fork is not None:
            along = u - np.float32(fork)
            twig = (along > 0) & (along < 0.3 * size) & (np.abs(v - middle - np.float32(lean) * along) < 0.5 * thick)
            height = np.where(twig, np.maximum(height, thick), height)
        return Relief(height.astype(np.float32), np.zeros(u.shape, np.uint8))

    return shape, 2.2 * thick


def _plant(size: float, rng: np.random.Generator) -> tuple[Shape, float]:
    """A rosette or a tuft: leaves of unlike lengths, widths and bends."""
    count = int(rng.integers(4, 26))
    height = size * float(rng.uniform(0.1, 0.5))
    leaves = [
        (
            rng.uniform(0, 2 * np.pi),
            size / 2 * rng.uniform(0.35, 0.98),
            size * rng.uniform(0.006, 0.08 if count < 12 else 0.03),
            rng.normal(0, 1.2) / size,
            rng.uniform(0.3, 1.0) * height,
        )
        for _ in range(count)
    ]

    def shape(u: Field, v: Field) -> Relief:
        total = np.full(u.shape, OUTSIDE, np.float32)
        for angle, length, half, bend, tall in leaves:
            cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
            along, across = u * cos + v * sin, v * cos - u * sin
            across = across - np.float32(bend) * along**2
            share = along / np.float32(length)
            width = np.float32(half) * np.sqrt(np.clip(4 * share * (1 - share), 0, 1))
            top = np.float32(tall) * (0.3 + np.sin(np.pi * np.clip(share, 0, 1)) * 0.7) + width - np.abs(across)
            total = np.where((width > 0) & (np.abs(across) < width), np.maximum(total, top), total)
        return Relief(total.astype(np.float32), np.zeros(u.shape, np.uint8))

    return shape, height
