"""Made-up things: manufactured bodies that no list of ordnance has, and natural ones that are none.

A detector that sees a few dozen kinds of ordnance learns them by heart and takes nothing else for ordnance. These have
no end: each is put together anew, with the parts that ordnance is made of, in any proportion and paint. Stones, clods,
sticks and plants go through the same rendering, so that nothing but their form tells the two apart.
"""

from collections.abc import Callable

import numpy as np

from survey.simulate import paint
from survey.simulate.items import ItemSpec
from survey.simulate.paint import Colour, Paint
from survey.simulate.shapes import (
    OUTSIDE,
    Field,
    Relief,
    Shape,
    box,
    butterfly,
    cross,
    fins,
    joined,
    lying,
    moved,
    star,
    turned,
)

ITEM, THING = "invented_item", "invented_thing"
"""Kind of a sprite of a made-up item, and of one of a natural thing."""
_EXTENT_M = (0.05, 0.75)
_COMMON = (
    paint.OLIVE_STEEL, paint.OLIVE_PLASTIC, paint.SAND_PLASTIC, paint.WING_PLASTIC, paint.BAKELITE, paint.RUBBER,
    paint.GREY_STEEL, paint.RUSTY_STEEL, paint.BARE_STEEL, paint.ALLOY, paint.BRASS, paint.COPPER,
)  # fmt: skip
_MOST_PARTS = 6
_STONES: tuple[Colour, ...] = (
    (128, 124, 118), (160, 152, 140), (96, 92, 88), (188, 182, 172), (140, 118, 96), (110, 84, 66), (66, 64, 62),
)  # fmt: skip
_WOOD: tuple[Colour, ...] = ((120, 100, 80), (150, 138, 122), (84, 66, 52), (176, 164, 146), (62, 52, 44))
_PLANTS: tuple[Colour, ...] = (
    (84, 104, 52), (58, 82, 40), (120, 132, 70), (150, 146, 90), (176, 160, 112), (98, 112, 84), (44, 60, 36),
)  # fmt: skip


def invented_item(rng: np.random.Generator) -> ItemSpec:
    """Return a made-up piece of ordnance: what can be told of it is that it was manufactured."""
    size = float(np.exp(rng.uniform(*np.log(_EXTENT_M))))
    families: tuple[Callable[[float, np.random.Generator], tuple[Shape, float]], ...] = (
        _disc, _cylinder, _block, _petals, _ball, _wings,
    )  # fmt: skip
    family = families[int(rng.choice(len(families), p=(0.27, 0.33, 0.14, 0.11, 0.1, 0.05)))]
    shape, height = family(size, rng)
    paints = tuple(_paint(rng) for _ in range(_MOST_PARTS))
    if rng.random() < 0.5:  # most things have one paint and a part or two of another
        paints = tuple(paints[0] if rng.random() < 0.6 else p for p in paints)
    return ItemSpec("anomaly", "made-up item", size, height, shape, (paints,), max_sink=float(rng.uniform(0.05, 0.6)))


def invented_thing(rng: np.random.Generator) -> ItemSpec:
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
    return ItemSpec("anomaly", "natural thing", size, height, shape, ((surface,),), max_sink=0.5)


def _paint(rng: np.random.Generator) -> Paint:
    """Return a paint seen on ordnance, or any colour at all: replicas, markings and other armies' have those."""
    if rng.random() < 0.6:
        return _COMMON[int(rng.integers(len(_COMMON)))]
    tone = rng.uniform(30, 215)
    hue = rng.dirichlet((1.0, 1.0, 1.0)) * 3
    colour = np.clip(tone * (1 + rng.beta(1.2, 2.0) * (hue - 1)), 8, 245)
    red, green, blue = (round(v) for v in colour.tolist())
    return Paint(((red, green, blue),), float(rng.uniform(0, 0.9)), float(rng.uniform(0, 0.6)))


def _disc(size: float, rng: np.random.Generator) -> tuple[Shape, float]:
    """An upright body of revolution: steps, ribs, domes; perhaps a cross, knobs, a handle, a cap."""
    radius, height = size / 2, size * float(rng.uniform(0.12, 0.6))
    edges = np.sort(rng.uniform(0.1, 1.0, int(rng.integers(1, 6))))
    level, profile = height, [(0.0, height)]
    for edge in (*edges.tolist(), 1.0):
        drop = float(rng.choice((0.0, rng.uniform(-0.06, 0.16)))) * height
        after = float(np.clip(level - drop, 0.3 * height, height))
        profile += [(edge * radius, level), (min(edge + 0.015, 1.0) * radius, after)]
        level = after
    if rng.random() < 0.3:  # a dome
        profile = [(r, h * (1 - 0.7 * (r / radius) ** 2) ** 0.5) for r, h in profile]
    profile.sort()
    parts = sorted(rng.uniform(0.1, 0.95, int(rng.integers(0, 3))) * radius)
    members: list[tuple[Shape, int]] = [(turned(profile, parts=parts), 0)]
    top = height * float(rng.uniform(0.9, 1.12))
    if rng.random() < 0.2:
        members.append((cross(0.5 * radius, radius * float(rng.uniform(0.5, 0.95)), top), 3))
    if rng.random() < 0.15:
        inner, outer = rng.uniform(0.15, 0.3) * radius, rng.uniform(0.4, 0.9) * radius
        members.append((star(int(rng.integers(4, 9)), inner, outer, height=top, edge=0.9 * top), 3))
    if rng.random() < 0.4:
        knob = turned([(0.0, top * 1.1), (radius * float(rng.uniform(0.08, 0.3)), top)])
        members.append((moved(knob, rng.uniform(-0.4, 0.4) * radius, 0.0), 4))
    for _ in range(int(rng.integers(0, 3))):
        width = float(rng.uniform(0.08, 0.4)) * radius
        reach = float(rng.uniform(0.75, 1.0)) * radius
        members.append((box((reach, 1.1 * radius, -width / 2, width / 2), height * float(rng.uniform(0.3, 0.9))), 5))
    return joined(*members), height


def _cylinder(size: float, rng: np.random.Generator) -> tuple[Shape, float]:
    """A lying body of revolution: tail, body, nose of any form; fins, bands, a tube."""
    radius = size / float(np.exp(rng.uniform(np.log(1.3), np.log(9)))) / 2
    nose, tail = float(rng.uniform(0.0, 0.5)), float(rng.uniform(0.0, 0.4))
    blunt, boat = float(rng.choice((0.1, rng.uniform(0.1, 1.0)))), float(rng.uniform(0.3, 1.0))
    power = float(rng.uniform(0.6, 2.4))
    along = np.linspace(-0.5, 0.5, 41)
    outline = np.ones_like(along)
    if nose > 0.02:
        share = np.clip((along - (0.5 - nose)) / nose, 0, 1)
        outline *= 1 - (1 - blunt) * share**power
    if tail > 0.02:
        share = np.clip(((-0.5 + tail) - along) / tail, 0, 1)
        outline *= 1 - (1 - boat) * share ** float(rng.choice((0.1, 1.0, 2.0)))
    for _ in range(int(rng.integers(0, 4))):  # bands and grooves
        at, wide = rng.uniform(-0.45, 0.45), rng.uniform(0.01, 0.06)
        outline[np.abs(along - at) < wide] *= rng.uniform(0.88, 1.1)
    profile = list(zip((along * size).tolist(), (outline * radius).tolist(), strict=True))
    parts = sorted((rng.uniform(-0.45, 0.45, int(rng.integers(0, 4))) * size).tolist())
    members: list[tuple[Shape, int]] = [(lying(profile, parts=parts), 0)]
    if rng.random() < 0.4:
        start = -0.5 * size * float(rng.uniform(0.9, 1.05))
        span = radius * float(rng.uniform(0.9, 1.9))
        count = int(rng.integers(3, 11))
        end = start + size * float(rng.uniform(0.08, 0.35))
        members.append((fins(start, end, span=span, axis=radius, count=count), 4))
    if rng.random() < 0.15:
        thin = radius * float(rng.uniform(0.15, 0.5))
        members.append((lying([(-0.7 * size, thin), (0.0, thin)]), 5))
    return joined(*members), 2.1 * radius


def _block(size: float, rng: np.random.Generator) -> tuple[Shape, float]:
    """A box, bowed or bevelled, with a lid, feet or knobs."""
    aspect, height = float(rng.uniform(0.25, 1.0)), size * float(rng.uniform(0.08, 0.5))
    long, wide = 0.5 * size / (1 + aspect**2) ** 0.5, 0.5 * size * aspect / (1 + aspect**2) ** 0.5
    bow, bevel = float(rng.choice((0.0, rng.uniform(0.0, 0.6)))) * wide, float(rng.uniform(0.0, 0.35)) * wide

    def body(u: Field, v: Field) -> Relief:
        w = v - np.float32(bow) * (1 - (u / np.float32(long)) ** 2)
        inside = np.minimum(long - np.abs(u), wide - np.abs(w))
        top = np.float32(height) * np.clip(0.6 + 0.4 * inside / max(bevel, 1e-4), 0, 1)
        return Relief(np.where(inside > 0, top, OUTSIDE).astype(np.float32), np.zeros(u.shape, np.uint8))

    members: list[tuple[Shape, int]] = [(body, 0)]
    for part in range(int(rng.integers(0, 4))):
        u, v = rng.uniform(-0.8, 0.8) * long, rng.uniform(-0.8, 0.8) * wide
        half = (rng.uniform(0.05, 0.4) * long, rng.uniform(0.05, 0.5) * wide)
        members.append(
            (box((u - half[0], u + half[0], v - half[1], v + half[1]), height * rng.uniform(0.95, 1.3)), part + 1)
        )
    return joined(*members), height * 1.2


def _petals(size: float, rng: np.random.Generator) -> tuple[Shape, float]:
    """Legs or petals around an upright body."""
    radius, inner = size / 2, size * float(rng.uniform(0.06, 0.2))
    height = size * float(rng.uniform(0.15, 0.9))
    legs = star(int(rng.integers(3, 9)), inner, radius, height=0.3 * height, edge=float(rng.uniform(0.01, 0.1)) * size)
    stem = turned([(0.0, height), (0.6 * inner, height), (inner, 0.85 * height)], parts=(0.5 * inner,))
    return joined((legs, 0), (stem, 1)), height


def _ball(size: float, rng: np.random.Generator) -> tuple[Shape, float]:
    """A ball or an egg, with a seam and a fuze."""
    radius = size / 2 * float(rng.uniform(0.55, 1.0))
    along = np.linspace(-1, 1, 25)
    ribs = 1 + rng.choice((0.0, 0.06)) * np.sign(np.sin(along * rng.uniform(6, 20)))
    outline = (np.sqrt(1 - along**2) * radius * ribs).tolist()
    members: list[tuple[Shape, int]] = [(lying(list(zip((along * size / 2).tolist(), outline, strict=True))), 0)]
    if rng.random() < 0.6:
        thin = radius * float(rng.uniform(0.15, 0.5))
        members.append((lying([(0.4 * size, thin), (size * float(rng.uniform(0.5, 0.6)), thin)]), 1))
    if rng.random() < 0.4:
        members.append((box((-0.2 * size, 0.5 * size, 0.7 * radius, 0.95 * radius), 1.1 * radius), 2))
    if rng.random() < 0.4:
        seam = size * 0.03
        members.append(
            (lying([(-seam, 0.0), (-0.9 * seam, 1.04 * radius), (0.9 * seam, 1.04 * radius), (seam, 0.0)]), 3)
        )
    return joined(*members), 2.1 * radius


def _wings(size: float, rng: np.random.Generator) -> tuple[Shape, float]:
    """A wing mine of any proportion."""
    return butterfly(size, size * float(rng.uniform(0.35, 0.7))), 0.022


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
