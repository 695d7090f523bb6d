"""Anti-tank mines as meshes, from the measures in public data sheets (metres); built standing as they are laid."""

import numpy as np

from survey.simulate.render import materials as m
from survey.simulate.render.draw import Draw
from survey.simulate.render.kind import Build, Kind
from survey.simulate.render.mesh import Solid, joined, ring
from survey.simulate.render.pucks import LYING, dish, handle, puck
from survey.simulate.render.solids import box, extruded, fins, lathe, rod, slab

_AT = "at_mine"


def _tm_62(draw: Draw) -> Solid:
    skin = draw.pick((m.OLIVE, m.DARK_OLIVE, m.GREEN_PAINT, m.SAND_PAINT, m.BROWN_PLASTIC, m.OLIVE_PLASTIC))
    r, h = draw.near(0.16), draw.near(0.102)
    outline = [
        (r * 0.7, 0),
        (r * 0.93, 0.004),
        (r, h * 0.25),
        (r, h * 0.55),
        (r * 0.95, h * 0.68),
        (r * 0.82, h * 0.78),
        (r * 0.78, h * 0.86),
        (r * 0.5, h * 0.96),
        (r * 0.42, h),
    ]
    well = lathe(
        [(r * 0.42, h * 0.9), (r * 0.42, h * 1.06), (r * 0.36, h * 1.1)], draw.pick((skin, m.BAKELITE, m.STEEL))
    )
    fuze = lathe(
        [(r * 0.33, h), (r * 0.33, h * 1.2), (r * 0.27, h * 1.25)],
        draw.pick((m.BAKELITE, m.OLIVE_PLASTIC, skin, m.STEEL)),
    )
    strap = handle(0.11, 0.03, h * 0.45, m.OLIVE_CLOTH).moved(r * 0.98)
    return joined(lathe(outline, skin), well, *([fuze] if draw.chance(0.75) else []), strap)


def _tm_46(draw: Draw) -> Solid:
    skin, r, h = draw.pick(m.PAINTS), draw.near(0.154), draw.near(0.1)
    steps = [
        (r * 0.92, 0),
        (r, h * 0.06),
        (r, h * 0.5),
        (r * 0.96, h * 0.56),
        (r * 0.86, h * 0.6),
        (r * 0.84, h * 0.72),
        (r * 0.72, h * 0.76),
        (r * 0.7, h * 0.86),
        (r * 0.56, h * 0.9),
        (r * 0.54, h * 0.96),
        (r * 0.2, h),
    ]
    plug = rod(r * 0.14, h * 0.95, h * 1.08, draw.pick((m.STEEL, m.BAKELITE, skin)), bevel=0.002)
    return joined(lathe(steps, skin), plug, handle(0.11, 0.035, h * 0.35, m.STEEL).moved(r * 0.98))


def _big_puck(diameter: float, height: float) -> Build:
    def build(draw: Draw) -> Solid:
        skin = draw.pick((*m.PLASTICS, *m.PAINTS, m.BAKELITE))
        return puck(
            draw,
            diameter=draw.near(diameter),
            height=draw.near(height),
            body=skin,
            top=draw.pick((None, None, None, m.RUBBER, m.BLACK_PLASTIC)),
            plate=draw.between(0.4, 0.9),
        )

    return build


def _square(draw: Draw) -> Solid:
    skin = draw.pick(m.PLASTICS)
    a, h = draw.near(0.3), draw.near(0.094)
    base = slab(a, a * draw.between(0.92, 1.0), h * 0.75, skin, corner=a * 0.09, bevel=0.006)
    plate = lathe([(a * 0.42, h * 0.7), (a * 0.42, h * 0.92), (a * 0.38, h)], skin)
    count = draw.pick((0, 8, 12))
    ribs = (
        [ring(box(a * 0.25, 0.008, 0.006, skin).moved(a * 0.22, 0, h), np.arange(count) * 360 / count)] if count else []
    )
    return joined(base, plate, rod(a * 0.1, h * 0.95, h * 1.06, m.BLACK_PLASTIC), *ribs)


def _block(draw: Draw) -> Solid:
    skin = draw.pick(m.PLASTICS)
    a, b, h = draw.near(0.31), draw.near(0.27), draw.near(0.1)
    body = slab(a, b, h * 0.9, skin, corner=0.02, bevel=0.005)
    ribs = [
        box(a * 0.9, 0.012, 0.008, skin).moved(0, y * b, h * 0.9) for y in np.linspace(-0.35, 0.35, draw.count(0, 5))
    ]
    return joined(
        body,
        rod(0.035, h * 0.85, h * 1.06, m.BLACK_PLASTIC, bevel=0.003),
        *ribs,
        handle(0.1, 0.03, h * 0.5, m.STEEL).moved(a / 2),
    )


def _lobed(draw: Draw) -> Solid:
    """A PTM-1 type: a long plastic bag-like body, as scattered from the air."""
    skin = draw.pick((m.OLIVE_PLASTIC, m.GREEN_PLASTIC, m.BROWN_PLASTIC, m.SAND_PLASTIC))
    length, wide, h = draw.near(0.337), draw.near(0.068), draw.near(0.066)
    angle = np.linspace(0, np.pi, 15)
    outline = np.column_stack([wide / 2 * np.cos(angle), h * np.sin(angle)])
    body = extruded(outline, -length / 2, length / 2, skin).turned("x", 90).turned("z", 90)
    end = box(0.03, wide * 1.05, h * 1.05, m.BLACK_PLASTIC, bevel=0.004).moved(length / 2)
    return joined(body, end, fins([(0, 0), (0.02, 0), (0.02, 0.02), (0, 0.02)], 2, 0.003, skin))


def _long_box(draw: Draw) -> Solid:
    """A PTM-3 type: a long square box of pressed steel with a fuze at one end, as scattered from the air."""
    skin = draw.pick((*m.PAINTS, m.OLIVE_PLASTIC))
    length, wide = draw.near(0.33), draw.near(0.084)
    body = slab(length, wide, wide, skin, corner=wide * 0.12, bevel=0.004)
    grooves = [slab(0.012, wide * 1.03, wide * 1.02, skin, corner=wide * 0.1).moved(x * length) for x in (-0.3, 0, 0.3)]
    well = rod(wide * 0.3, 0, 0.018, draw.pick((m.ALLOY, m.BLACK_PLASTIC, skin))).turned("y", 90)
    return joined(body, *grooves, well.moved(length * 0.495, 0, wide / 2))


AT_MINES = {
    "tm_46": Kind(_AT, "TM-46", _tm_46, LYING),
    "tm_57": Kind(_AT, "TM-57", _big_puck(0.316, 0.102), LYING),
    "tm_62": Kind(_AT, "TM-62 family", _tm_62, LYING),
    "tm_72": Kind(_AT, "TM-72 or TM-89 type", _big_puck(0.25, 0.126), LYING),
    "tm_83": Kind(_AT, "TM-83", dish(0.25, 0.13), ("up", "down", "side", "lean"), 0.4),
    "tma_3": Kind(_AT, "TMA-3 type", _big_puck(0.265, 0.08), LYING),
    "tma_4": Kind(_AT, "TMA-4 type", _big_puck(0.284, 0.06), LYING),
    "tma_5": Kind(_AT, "TMA-5", _block, LYING),
    "tmrp_6": Kind(_AT, "TMRP-6 type", _big_puck(0.29, 0.13), LYING),
    "vs_2_2": Kind(_AT, "VS-2.2 type", _big_puck(0.24, 0.117), LYING),
    "m19": Kind(_AT, "M19 type", _square, LYING),
    "m15": Kind(_AT, "M15 type", _big_puck(0.33, 0.14), LYING),
    "ptm_1": Kind(_AT, "PTM-1 type", _lobed, ("up", "rest", "side"), 0.4),
    "ptm_3": Kind(_AT, "PTM-3 type", _long_box, ("up", "rest", "side"), 0.4),
}
"""Kind to how it is made."""
