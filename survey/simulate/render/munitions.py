"""Submunitions, projectiles and other ordnance as meshes, from public data sheets (metres); nose up along z."""

from collections.abc import Sequence

import numpy as np

from survey.simulate.render import materials as m
from survey.simulate.render.draw import Draw
from survey.simulate.render.kind import Build, Kind
from survey.simulate.render.mesh import Solid, joined, ring
from survey.simulate.render.solids import ball, box, fins, lathe, ribbon, rod, tube

Profile = Sequence[tuple[float, float]]


def _scaled(profile: Profile, radius: float, length: float) -> list[tuple[float, float]]:
    return [(r * radius, z * length) for r, z in profile]


def _bomblet(draw: Draw) -> Solid:
    """A 9N210 or 9N235: a cylinder whose fins have folded out at the tail."""
    r, h = draw.near(0.0325), draw.near(0.24)
    skin = draw.pick((m.STEEL, m.ALLOY, m.GREY_PAINT, m.RUST, m.WHITE_PAINT, m.OLIVE))
    body = lathe(_scaled([(0.9, 0.28), (1, 0.3), (1, 0.86), (0.9, 0.9), (0.55, 0.92), (0.5, 1)], r, h), skin)
    tail = rod(r * 0.55, 0, h * 0.3, draw.pick((m.ALLOY, m.STEEL, m.BLACK_PLASTIC)))
    span = r * draw.between(1.5, 2.4)
    blade = [(r * 0.5, 0), (span, -h * draw.between(0, 0.1)), (span, h * 0.12), (r * 0.5, h * 0.28)]
    return joined(body, tail, fins(blade, draw.pick((4, 6, 6)), 0.0015, draw.pick((m.ALLOY, m.STEEL, skin))))


def _shoab(draw: Draw) -> Solid:
    r, skin = draw.near(0.031), draw.pick((m.ALLOY, m.STEEL, m.RUST, m.GREY_PAINT, m.YELLOW_PAINT))
    band = lathe([(r * 1.04, -0.003), (r * 1.04, 0.003)], draw.pick((m.STEEL, skin)), close=False)
    vanes = ring(box(r * 0.5, 0.002, 0.006, skin).moved(r * 0.8, 0, r * 0.45), np.arange(6) * 60)
    return joined(ball(r, skin), band, vanes)


def _ao_2_5(draw: Draw) -> Solid:
    r, h = draw.near(0.045), draw.near(0.15)
    skin = draw.pick((m.STEEL, m.GREY_PAINT, m.RUST, m.OLIVE))
    body = lathe(_scaled([(0.5, 0.2), (0.95, 0.3), (1, 0.5), (0.8, 0.85), (0.4, 1)], r, h), skin)
    ring_ = lathe([(r * 0.9, 0), (r * 0.9, h * 0.22)], skin, close=False)
    return joined(body, ring_, fins([(0.004, 0), (r * 0.9, 0), (r * 0.9, h * 0.22), (0.004, h * 0.3)], 4, 0.0015, skin))


def _dpicm(draw: Draw) -> Solid:
    """An M42 or KB-1 type: a cup with a ribbon at its back."""
    r, h = draw.near(0.02), draw.near(0.062)
    skin = draw.pick((m.OLIVE, m.RUST, m.STEEL, m.GREY_PAINT, m.BRASS))
    body = lathe(_scaled([(1, 0), (1, 0.7), (0.7, 0.78), (0.5, 0.9), (0.4, 1)], r, h), skin)
    t = np.linspace(0, 1, 12)[:, None]
    reach, wave = draw.between(0.05, 0.13), draw.between(0.01, 0.035)
    line = np.hstack([wave * np.sin(5 * t + 1), reach * t * 0.8, h + reach * t * 0.55])
    cloth = draw.pick((m.CLOTH, m.WHITE_PLASTIC, m.RED_PAINT, m.OLIVE_CLOTH))
    half = np.array([0.007, 0, 0])
    return joined(body, ribbon(line + half, line - half, cloth))


def _blu_97(draw: Draw) -> Solid:
    r, h = draw.near(0.032), draw.near(0.168)
    skin = draw.pick((m.YELLOW_PAINT, m.YELLOW_PAINT, m.OLIVE, m.RUST))
    body = lathe(_scaled([(1, 0), (1, 0.8), (0.85, 0.85)], r, h), skin)
    vent = lathe([(r * 0.8, h * 0.85), (r * 0.8, h), (r * 1.25, h * 1.12)], draw.pick((m.CLOTH, m.ALLOY)), close=False)
    probe = rod(0.006, -h * 0.22, 0, m.STEEL)
    return joined(
        body,
        vent,
        probe,
        *(
            [
                ring(
                    tube(np.array([[r, 0, h * 0.9], [r * 2.2, 0, h * 1.25]]), 0.001, m.STEEL, sides=5),
                    np.arange(4) * 90,
                )
            ]
            if draw.chance(0.5)
            else []
        ),
    )


def _mortar(calibre: float, length: float) -> Build:
    def build(draw: Draw) -> Solid:
        r, h = draw.near(calibre, 0.02) / 2, draw.near(length)
        skin = draw.pick(m.SHELLS)
        outline = [(0.36, 0.3), (0.45, 0.34), (0.8, 0.46), (1, 0.58), (1, 0.68), (0.86, 0.82), (0.55, 0.89)]
        body = lathe(_scaled(outline, r, h), skin)
        gas = [lathe([(r * 1.01, h * z), (r * 1.01, h * (z + 0.006))], m.STEEL, close=False) for z in (0.6, 0.63, 0.66)]
        fuze = lathe(
            _scaled([(0.5, 0.88), (0.45, 0.93), (0.3, 0.97), (0.12, 1)], r, h),
            draw.pick((m.ALLOY, m.BRASS, m.BLACK_PLASTIC, skin, m.STEEL)),
        )
        boom = rod(r * 0.33, 0, h * 0.32, draw.pick((m.STEEL, skin, m.ALLOY)))
        blade = [(r * 0.3, 0), (r * 0.96, 0), (r * 0.96, h * 0.1), (r * 0.3, h * 0.17)]
        tail = fins(blade, draw.pick((8, 10, 12)), 0.0022, draw.pick((m.STEEL, skin, m.ALLOY)))
        return joined(body, *gas, *([fuze] if draw.chance(0.85) else []), boom, tail)

    return build


def _shell(calibre: float, length: float) -> Build:
    def build(draw: Draw) -> Solid:
        r, h = draw.near(calibre, 0.01) / 2, draw.near(length)
        skin = draw.pick(m.SHELLS)
        waist, nose = draw.between(0.4, 0.55), draw.between(0.9, 0.96)
        ogive = [(np.sqrt(max(0.0, 1 - ((z - waist) / (1.12 - waist)) ** 2)), z) for z in np.linspace(waist, nose, 8)]
        body = lathe(_scaled([(0.84, 0), (0.98, 0.08), (1, 0.1), (1, waist), *ogive], r, h), skin)
        bands = [
            lathe([(r * 1.03, h * z), (r * 1.03, h * (z + 0.03))], draw.pick((m.COPPER, m.COPPER, m.RUST)), close=False)
            for z in draw.pick(((0.12,), (0.12, 0.17)))
        ]
        tip = ogive[-1][0] * r
        fuze = lathe(
            [(tip * 0.98, h * nose), (tip * 0.7, h * (nose + 0.03)), (tip * 0.3, h)],
            draw.pick((m.STEEL, m.BRASS, m.ALLOY, m.BLACK_PLASTIC)),
        )
        return joined(body, *bands, *([fuze] if draw.chance(0.75) else []))

    return build


def _case(draw: Draw) -> Solid:
    """A cartridge with its projectile, or a lone case of artillery or tank ammunition."""
    r, h = draw.between(0.015, 0.065), 0.0
    h = r * draw.between(7, 12)
    metal = draw.pick((m.BRASS, m.BRASS, m.STEEL, m.RUST, m.OLIVE))
    case = lathe(_scaled([(1.1, 0), (1.1, 0.02), (1, 0.03), (0.93, 0.62), (0.78, 0.7), (0.78, 0.78)], r, h), metal)
    if draw.chance(0.4):
        return case
    head = lathe(_scaled([(0.78, 0.76), (0.75, 0.9), (0.4, 1.08), (0.1, 1.14)], r, h), draw.pick(m.SHELLS))
    return joined(case, head)


def _f_1(draw: Draw) -> Solid:
    r, h = draw.near(0.0275), draw.near(0.085)
    skin = draw.pick((m.OLIVE, m.DARK_OLIVE, m.RUST, m.GREEN_PAINT))
    rows = []
    for k in range(8):
        z = (k + 0.5) / 8
        wide = np.sqrt(1 - (2 * z - 1) ** 2) ** 0.7
        rows += [(r * wide, h * (z - 0.04)), (r * wide, h * (z + 0.03)), (r * wide * 0.9, h * (z + 0.05))]
    fuze = rod(0.0075, h * 0.95, h * 1.35, draw.pick((m.STEEL, m.ALLOY, m.BRASS)))
    lever = box(0.012, 0.003, 0.08, m.STEEL).turned("x", 12).moved(0, r * 0.6, h * 0.45)
    pull = (
        tube(
            0.012 * np.column_stack([np.cos(t := np.linspace(0, 2 * np.pi, 13)), np.sin(t), 0 * t]),
            0.001,
            m.STEEL,
            sides=5,
        )
        .turned("x", 90)
        .moved(0.02, 0, h * 1.2)
    )
    parts = [lathe(rows, skin), fuze]
    return joined(*parts, *([lever, pull] if draw.chance(0.6) else []))


def _rgd_5(draw: Draw) -> Solid:
    r, h = draw.near(0.0285), draw.near(0.076)
    skin = draw.pick((m.OLIVE, m.GREEN_PAINT, m.DARK_OLIVE, m.RUST))
    outline = [(0.6, 0), (0.92, 0.15), (1, 0.4), (1.04, 0.48), (1.04, 0.52), (1, 0.6), (0.8, 0.88), (0.4, 1)]
    fuze = rod(0.008, h * 0.95, h * 1.5, draw.pick((m.STEEL, m.ALLOY)))
    lever = box(0.012, 0.003, 0.075, m.STEEL).turned("x", 14).moved(0, r * 0.7, h * 0.55)
    return joined(lathe(_scaled(outline, r, h), skin), fuze, *([lever] if draw.chance(0.6) else []))


def _vog(draw: Draw) -> Solid:
    r, h = draw.near(0.02), draw.near(0.105)
    skin = draw.pick((m.ALLOY, m.STEEL, m.OLIVE, m.BRASS))
    nose = draw.pick((m.ALLOY, m.BLACK_PLASTIC, m.OLIVE, m.BRASS))
    body = lathe(_scaled([(0.9, 0), (1, 0.05), (1, 0.6)], r, h), skin)
    return joined(body, lathe(_scaled([(0.98, 0.6), (0.9, 0.75), (0.6, 0.93), (0.2, 1)], r, h), nose))


def _rpg(draw: Draw) -> Solid:
    """A PG-7 or OG-7: a warhead on a long thin motor."""
    slim = draw.chance(0.35)
    r, h = draw.near(0.02 if slim else 0.043), draw.near(0.6)
    skin = draw.pick((m.OLIVE, m.OLIVE, m.DARK_OLIVE, m.RUST, m.GREEN_PAINT))
    motor = rod(0.02, 0, h * 0.52, draw.pick((skin, m.STEEL, m.ALLOY)))
    body = lathe(_scaled([(0.02 / r, 0.5), (0.7, 0.54), (1, 0.6), (1, 0.68), (0.6, 0.85), (0.35, 0.92)], r, h), skin)
    fuze = rod(max(0.006, r * 0.25), h * 0.9, h, draw.pick((m.ALLOY, m.STEEL, m.BRASS)))
    blade = [(0.018, 0), (0.07, 0.01), (0.07, 0.04), (0.018, 0.1)]
    return joined(motor, body, fuze, *([fins(blade, 4, 0.0015, m.STEEL)] if draw.chance(0.5) else []))


def _rkg(draw: Draw) -> Solid:
    r, skin = draw.near(0.038), draw.pick((m.OLIVE, m.GREEN_PAINT, m.RUST))
    head = lathe([(r * 0.8, 0.19), (r, 0.2), (r, 0.33), (r * 0.85, 0.345)], skin)
    return joined(head, rod(0.017, 0, 0.2, draw.pick((m.WOOD, skin, m.STEEL))))


def _rocket_tail(calibre: float, length: float) -> Build:
    """The motor of a spent or broken rocket, with its fins folded out."""

    def build(draw: Draw) -> Solid:
        r, h = draw.near(calibre, 0.02) / 2, draw.between(0.35, 1.0) * length
        skin = draw.pick((m.OLIVE, m.GREY_PAINT, m.RUST, m.DARK_RUST, m.STEEL))
        tube_ = lathe([(r * 0.9, 0), (r, 0.01), (r, h)], skin, close=draw.chance(0.5))
        nozzle = rod(r * 0.85, -0.01, 0.02, m.DARK_RUST)
        blade = [(r, 0.01), (r + calibre * draw.between(0.4, 0.9), -0.03), (r + calibre * 0.7, 0.1), (r, 0.2)]
        return joined(tube_, nozzle, fins(blade, 4, 0.003, skin))

    return build


def _aerial_bomb(draw: Draw) -> Solid:
    r, h = draw.between(0.09, 0.137), 0.0
    h = r * draw.between(6.4, 7.4)
    skin = draw.pick((m.GREY_PAINT, m.OLIVE, m.RUST, m.DARK_RUST))
    body = lathe(
        _scaled([(0.3, 0.06), (0.75, 0.25), (1, 0.42), (1, 0.72), (0.8, 0.88), (0.4, 0.98), (0.2, 1)], r, h), skin
    )
    box_ = lathe([(r * 0.95, 0), (r * 0.95, h * 0.2)], skin, close=False)
    lugs = box(0.04, 0.02, 0.05, m.STEEL).moved(r, 0, h * 0.55)
    return joined(
        body, box_, fins([(r * 0.2, 0), (r * 0.95, 0), (r * 0.95, h * 0.2), (r * 0.5, h * 0.3)], 4, 0.003, skin), lugs
    )


def _fuze(draw: Draw) -> Solid:
    r, h = draw.between(0.02, 0.03), draw.between(0.07, 0.13)
    metal = draw.pick((m.BRASS, m.ALLOY, m.STEEL, m.RUST))
    steps = [(0.6, 0), (0.6, 0.3), (1, 0.32), (1, 0.5), (0.8, 0.6), (0.5, 0.85), (0.25, 1)]
    return lathe(_scaled(steps, r, h), metal)


_SUB, _PRO, _UXO = "submunition", "projectile", "other_uxo"
_FELL = ("side", "side", "side", "stuck")
MUNITIONS = {
    "9n210": Kind(_SUB, "9N210 or 9N235", _bomblet, _FELL, 0.5),
    "shoab": Kind(_SUB, "ShOAB-0.5", _shoab, ("rest",), 0.5),
    "ao_2_5": Kind(_SUB, "AO-2.5RT", _ao_2_5, ("side", "stuck", "rest"), 0.5),
    "dpicm": Kind(_SUB, "M42, M46 or KB-1", _dpicm, ("side", "side", "up"), 0.3),
    "blu_97": Kind(_SUB, "BLU-97 type", _blu_97, ("side", "side", "stuck"), 0.4),
    "mortar_60": Kind(_PRO, "60 mm mortar bomb", _mortar(0.06, 0.27), _FELL),
    "mortar_82": Kind(_PRO, "82 mm mortar bomb", _mortar(0.082, 0.33), _FELL),
    "mortar_120": Kind(_PRO, "120 mm mortar bomb", _mortar(0.12, 0.66), _FELL),
    "shell_76": Kind(_PRO, "76 mm projectile", _shell(0.076, 0.3), ("side",)),
    "shell_100": Kind(_PRO, "100 or 115 mm projectile", _shell(0.105, 0.42), ("side",)),
    "shell_122": Kind(_PRO, "122 mm projectile", _shell(0.122, 0.56), ("side",)),
    "shell_152": Kind(_PRO, "152 mm projectile", _shell(0.152, 0.7), ("side",)),
    "shell_30": Kind(_PRO, "23 to 57 mm projectile", _shell(0.04, 0.17), ("side",)),
    "cartridge": Kind(_PRO, "cartridge", _case, ("side",)),
    "f_1": Kind(_UXO, "F-1", _f_1, ("side", "rest"), 0.4),
    "rgd_5": Kind(_UXO, "RGD-5", _rgd_5, ("side", "rest"), 0.4),
    "rkg_3": Kind(_UXO, "RKG-3", _rkg, ("side",), 0.4),
    "vog": Kind(_UXO, "VOG-17 or VOG-25", _vog, ("side", "rest"), 0.4),
    "rpg": Kind(_UXO, "PG-7 or OG-7", _rpg, ("side", "side", "stuck"), 0.4),
    "rocket_122": Kind(_UXO, "122 mm rocket motor", _rocket_tail(0.122, 0.9), ("side", "stuck"), 0.5),
    "rocket_220": Kind(_UXO, "220 mm rocket motor", _rocket_tail(0.22, 1.1), ("side", "stuck"), 0.5),
    "rocket_80": Kind(_UXO, "57 or 80 mm rocket", _rocket_tail(0.08, 0.8), ("side", "stuck"), 0.5),
    "aerial_bomb": Kind(_UXO, "small aerial bomb", _aerial_bomb, ("side", "stuck"), 0.6),
    "fuze": Kind(_UXO, "fuze", _fuze, ("side", "rest"), 0.4),
}
"""Kind to how it is made."""
