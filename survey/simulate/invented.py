"""Made-up ordnance: manufactured bodies that no list of ordnance has.

A detector that sees a few dozen kinds of ordnance learns them by heart and takes nothing else for ordnance. These have
no end: each is put together anew, with the parts that ordnance is made of, in any proportion and paint.
"""

from collections.abc import Callable

import numpy as np

from survey.simulate import paint
from survey.simulate.items import ItemSpec
from survey.simulate.paint import Paint
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

_EXTENT_M = (0.05, 0.75)
_COMMON = (
    paint.OLIVE_STEEL, paint.OLIVE_PLASTIC, paint.SAND_PLASTIC, paint.WING_PLASTIC, paint.BAKELITE, paint.RUBBER,
    paint.GREY_STEEL, paint.RUSTY_STEEL, paint.BARE_STEEL, paint.ALLOY, paint.BRASS, paint.COPPER,
)  # fmt: skip
_MOST_PARTS = 6


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
