"""What grew or weathered where it lies, as meshes: stones, clods, sticks, leaves and plants."""

import numpy as np

from survey.simulate.render import materials as m
from survey.simulate.render.colours import LEAVES, SOILS, STONES, matt, printed
from survey.simulate.render.draw import Draw
from survey.simulate.render.mesh import Points, Solid, joined, refined
from survey.simulate.render.solids import ball, lathe, ribbon, rod, tube
from survey.simulate.render.weather import Noise


def _lumpy(draw: Draw, material: m.Material, *, rough: float, flat: float) -> Solid:
    """A ball pushed in and out by noise; `flat` is its height over its width."""
    size = draw.between(0.02, 0.13) * draw.pick((1, 1, 1, 1.8))
    base = ball(1, material, rows=26, segments=36)
    corners = base.triangles.reshape(-1, 3)
    noise = Noise(draw.rng)
    corners = corners * (1 + rough * noise(corners, cell=0.9, octaves=4))[:, None]
    if draw.chance(0.5):  # broken faces
        for _ in range(draw.count(2, 6)):
            way = draw.rng.standard_normal(3)
            way /= np.linalg.norm(way)
            over = np.maximum(corners @ way - draw.between(0.5, 0.85), 0)
            corners = corners - over[:, None] * way
    return base.with_corners(corners).scaled(size, size * draw.between(0.55, 1), size * flat)


def stone(draw: Draw) -> Solid:
    """Return a stone, rounded or broken."""
    return _lumpy(draw, matt(draw.pick(STONES)), rough=draw.between(0.03, 0.16), flat=draw.between(0.35, 0.9))


def clod(draw: Draw) -> Solid:
    """Return a clod of soil."""
    return _lumpy(draw, matt(draw.pick(SOILS)), rough=draw.between(0.12, 0.3), flat=draw.between(0.4, 0.8))


def _path(draw: Draw, length: float, wander: float) -> Points:
    t = np.linspace(0, 1, 14)
    bend = np.cumsum(draw.rng.normal(0, wander, (2, 14)), axis=1)
    return np.column_stack([length * t, length * 0.1 * bend[0], length * 0.04 * bend[1]])


def stick(draw: Draw) -> Solid:
    """Return a stick, bent and perhaps forked."""
    length, bark = draw.between(0.08, 0.7), matt(draw.pick(((112, 92, 72), (84, 70, 58), (150, 138, 120))))
    radius = np.linspace(1, 0.4, 14) * length * draw.between(0.01, 0.04)
    main = tube(_path(draw, length, 0.35), radius, bark, sides=7)
    twigs = [
        tube(_path(draw, length * 0.35, 0.4), radius * 0.4, bark, sides=5)
        .turned("z", draw.between(-60, 60))
        .moved(length * draw.between(0.2, 0.8))
        for _ in range(draw.count(0, 3))
    ]
    return joined(main, *twigs)


def leaf(draw: Draw) -> Solid:
    """Return a fallen leaf, curled."""
    length, skin = draw.between(0.03, 0.16), matt(draw.pick(LEAVES), rough=0.6)
    t = np.linspace(0, 1, 12)
    half = length * draw.between(0.15, 0.45) * np.sin(np.pi * t ** draw.between(0.6, 1.3)) * (1 + 0.12 * np.sin(40 * t))
    curl = length * draw.between(0.05, 0.3) * (np.sin(np.pi * t + draw.between(0, 3)))
    middle = np.column_stack([length * t, 0 * t, curl])
    side = np.column_stack([0 * t, half + 1e-4, 0.35 * half])
    return ribbon(middle + side, middle - side * np.array([1, 1, -1]), skin)


def plant(draw: Draw) -> Solid:
    """Return a seedling, rosette or flower: leaves around a middle."""
    count = draw.count(4, 14)
    leaves = [
        leaf(draw).turned("y", -draw.between(5, 55)).turned("z", 360 * k / count + draw.between(-20, 20))
        for k in range(count)
    ]
    head = ball(draw.between(0.006, 0.02), printed(draw), rows=8, segments=12).moved(0, 0, draw.between(0.02, 0.06))
    return joined(*leaves, *([head] if draw.chance(0.3) else []))


def grass(draw: Draw) -> Solid:
    """Return a tuft of grass."""
    skin, blades = matt(draw.pick(LEAVES), rough=0.7), []
    for _ in range(draw.count(20, 60)):
        length, wide = draw.between(0.06, 0.3), draw.between(0.0015, 0.005)
        t = np.linspace(0, 1, 6)
        middle = np.column_stack([length * 0.7 * t**1.6, 0 * t, length * np.sin(1.6 * t) * 0.55])
        side = np.column_stack([0 * t, wide * (1.05 - t), 0 * t])
        blades.append(
            ribbon(middle + side, middle - side, skin)
            .turned("z", draw.between(0, 360))
            .moved(draw.between(-0.03, 0.03), draw.between(-0.03, 0.03))
        )
    return joined(*blades)


def mushroom(draw: Draw) -> Solid:
    """Return a mushroom."""
    r, skin = (
        draw.between(0.015, 0.07),
        matt(draw.pick(((200, 184, 150), (150, 104, 70), (180, 60, 44), (224, 216, 200)))),
    )
    cap = ball(1, skin, rows=12, segments=24).scaled(r, r, r * draw.between(0.3, 0.7)).moved(0, 0, r * 1.2)
    return joined(cap, rod(r * 0.25, 0, r * 1.2, matt((214, 206, 188))))


def dung(draw: Draw) -> Solid:
    """Return a pat, or droppings."""
    skin = matt(draw.pick(((74, 58, 42), (98, 80, 54), (120, 104, 76), (60, 50, 40))))
    if draw.chance(0.5):  # a pat: rings of a flat heap
        r = draw.between(0.06, 0.17)
        rows = [
            (r, 0),
            (r * 0.95, 0.012),
            (r * 0.8, 0.016),
            (r * 0.7, 0.026),
            (r * 0.5, 0.028),
            (r * 0.35, 0.036),
            (0, 0.036),
        ]
        pat = refined(lathe(rows, skin), edge_m=0.02)
        corners = pat.triangles.reshape(-1, 3)
        grown = corners * (1 + 0.1 * Noise(draw.rng)(corners, cell=0.1))[:, None]
        return pat.with_corners(grown)
    balls = [
        ball(draw.between(0.008, 0.025), skin, rows=8, segments=12).moved(
            float(draw.rng.normal(0, 0.03)), float(draw.rng.normal(0, 0.03)), 0.01
        )
        for _ in range(draw.count(3, 9))
    ]
    return joined(*balls)
