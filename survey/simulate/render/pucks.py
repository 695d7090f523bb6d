"""What many mines are, built standing: cylinders with a pressure plate, dishes on arms; and their carrying handles."""

import numpy as np

from survey.simulate.render import materials as m
from survey.simulate.render.draw import Draw
from survey.simulate.render.kind import Build
from survey.simulate.render.mesh import Solid, joined, ring
from survey.simulate.render.solids import box, lathe, rod, tube

LYING = ("up", "up", "up", "up", "down", "lean")
"""How what was laid lies, mostly as it was laid."""


def handle(length: float, out: float, z: float, material: m.Material) -> Solid:
    """Return a carrying handle of bent wire that lies at y = 0 from x = 0 outwards."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, 9)
    path = np.column_stack([out * np.cos(angle), length / 2 * np.sin(angle), np.full(9, z)])
    return tube(path, 0.0035, material, sides=6)


def puck(
    draw: Draw,
    *,
    diameter: float,
    height: float,
    body: m.Material,
    top: m.Material | None = None,
    plate: float = 0.6,
) -> Solid:
    """Return a cylindrical mine with a pressure plate: the family that most buried mines belong to.

    Args:
        draw: Decides ribs, steps, plugs and a handle.
        diameter: Of the body.
        height: Of everything.
        body: Material of the body.
        top: Of the plate; the body's if None.
        plate: Diameter of the plate as a share of the body's.
    """
    r, top = diameter / 2, top or body
    p, low = r * plate, height * draw.between(0.55, 0.85)
    bevel = r * draw.between(0.03, 0.15)
    outline: list[tuple[float, float]] = [(r - bevel, 0), (r, bevel)]
    if draw.chance(0.4):
        outline += [(r, low * 0.42), (r * 0.95, low * 0.46), (r * 0.95, low * 0.52), (r, low * 0.56)]
    outline += [(r, low - bevel), (r - bevel, low), (p * 1.08, low)]
    parts = [lathe(outline, body), lathe([(p, low - 0.002), (p, height - 0.1 * p), (p * 0.9, height)], top)]
    if draw.chance(0.5):
        count = draw.pick((4, 6, 8, 12, 16))
        rib = box(p * 0.75, p * 0.09, height * 0.06, top).moved(p * 0.5, 0, height - 0.01 * height)
        parts.append(ring(rib, np.arange(count) * 360 / count))
    if draw.chance(0.35):
        count = draw.pick((18, 24, 30))
        rib = box(r * 0.05, r * 0.07, low * 0.8, body).moved(r, 0, low * 0.1)
        parts.append(ring(rib, np.arange(count) * 360 / count))
    if draw.chance(0.6):
        parts.append(
            rod(
                p * draw.between(0.15, 0.4),
                height - 0.002,
                height * draw.between(1.02, 1.12),
                draw.pick((m.ALLOY, m.BLACK_PLASTIC, top, m.RED_PAINT)),
                bevel=0.0,
            )
        )
    if draw.chance(0.4):
        parts.append(
            rod(r * 0.13, 0, r * 0.35, draw.pick((body, m.ALLOY, m.BLACK_PLASTIC)))
            .turned("y", 90)
            .moved(r * 0.95, 0, low * 0.5)
        )
    if diameter > 0.2 and draw.chance(0.6):
        parts.append(handle(diameter * 0.4, diameter * 0.09, low * 0.5, m.STEEL).moved(r))
    return joined(*parts)


def dish(diameter: float, depth: float) -> Build:
    """Return how a directed charge is built: a dish on two arms, of about these measures (metres)."""

    def build(draw: Draw) -> Solid:
        r, h, skin = draw.near(diameter) / 2, draw.near(depth), draw.pick(m.PAINTS)
        body = lathe(
            [(r * 0.45, 0), (r * 0.9, h * 0.35), (r, h * 0.5), (r, h), (r * 0.95, h * 0.97), (r * 0.2, h * 0.75)], skin
        )
        arm = box(r * 0.14, r * 0.05, h * 1.5, m.STEEL).moved(r * 1.02, 0, -h * 0.2)
        plug = rod(r * 0.12, -h * 0.25, h * 0.1, m.ALLOY)
        return joined(body, arm, arm.turned("z", 180), plug, handle(r * 0.5, r * 0.2, h * 0.6, m.STEEL).moved(0, r))

    return build
