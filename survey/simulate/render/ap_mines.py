"""Anti-personnel mines as meshes, from the measures in public data sheets (metres); built standing as they are laid."""

import numpy as np

from survey.simulate.render import materials as m
from survey.simulate.render.draw import Draw
from survey.simulate.render.kind import Build, Kind
from survey.simulate.render.mesh import Solid, joined, ring
from survey.simulate.render.pucks import LYING, dish, puck
from survey.simulate.render.solids import ball, box, extruded, lathe, quads, rod, slab, tube

_AP = "ap_mine"


def _pfm_1(draw: Draw) -> Solid:
    body = draw.pick((m.GREEN_PLASTIC, m.OLIVE_PLASTIC, m.SAND_PLASTIC, m.BROWN_PLASTIC, m.GREEN_PLASTIC))
    length, width = draw.near(0.119), draw.near(0.061)
    u = np.linspace(-1, 1, 41)
    fat = 0.5 * width * np.clip(1 - ((u - 0.5) / 0.5) ** 2, 0, 1) ** 0.5  # the fat lobe, east
    wing = 0.5 * width * np.clip(1 - np.abs((u + 0.42) / 0.58) ** 2.6, 0, 1) ** 0.5
    neck = np.where(np.abs(u) < 0.22, 0.3 * width, 0.0)
    half = np.maximum(np.maximum(fat, wing), neck)
    skew = 0.12 * width * np.sin(np.pi * u)
    x = u * length / 2
    outline = np.concatenate([np.column_stack([x, skew - half]), np.column_stack([x, skew + half])[::-1][1:-1]])
    flat = extruded(outline, 0.004, 0.009, body)
    lobe = ball(1, body).scaled(length * 0.25, width * 0.44, 0.0085).moved(length * 0.25, 0, 0.0095)
    tube_ = rod(0.0085, -0.58 * width, 0.58 * width, body, bevel=0.001).turned("x", 90).moved(-0.01 * length, 0, 0.0105)
    cap = rod(0.0065, 0.5 * width, 0.72 * width, m.ALLOY).turned("x", 90).moved(-0.01 * length, 0, 0.0105)
    return joined(flat, lobe, tube_, cap)


def _pmn(draw: Draw) -> Solid:
    case = draw.pick((m.BAKELITE, m.BAKELITE, m.BROWN_PLASTIC))
    r, h = draw.near(0.056), draw.near(0.053)
    body = lathe([(r * 0.92, 0), (r, 0.006), (r, h * 0.62), (r * 0.96, h * 0.66)], case)
    top = lathe(
        [(r * 0.97, h * 0.6), (r * 0.93, h * 0.78), (r * 0.75, h * 0.94), (r * 0.68, h), (r * 0.3, h)], m.RUBBER
    )
    plug = rod(0.011, 0, 0.022, case, bevel=0.002).turned("y", 90).moved(r * 0.95, 0, h * 0.35)
    other = rod(0.008, 0, 0.014, m.ALLOY).turned("y", -90).moved(-r * 0.95, 0, h * 0.35)
    band = lathe([(r * 1.015, h * 0.56), (r * 1.015, h * 0.64)], m.ALLOY, close=False)
    return joined(body, top, plug, other, band)


def _pmn_2(draw: Draw) -> Solid:
    case = draw.pick((m.OLIVE_PLASTIC, m.BROWN_PLASTIC, m.SAND_PLASTIC, m.GREEN_PLASTIC))
    r, h = draw.near(0.06), draw.near(0.054)
    body = lathe([(r * 0.9, 0), (r, 0.008), (r, h * 0.6), (r * 0.88, h * 0.82), (r * 0.75, h * 0.86)], case)
    arm = box(r * 1.5, r * 0.42, h * 0.24, m.RUBBER, bevel=0.002).moved(0, 0, h * 0.78)
    fuze = box(r * 0.5, r * 0.45, h * 0.45, m.BLACK_PLASTIC, bevel=0.003).moved(r * 1.05, 0, h * 0.1)
    return joined(body, arm, arm.turned("z", 90), fuze)


def _small_puck(diameter: float, height: float) -> Build:
    def build(draw: Draw) -> Solid:
        return puck(
            draw,
            diameter=draw.near(diameter),
            height=draw.near(height),
            body=draw.pick(m.PLASTICS),
            top=draw.pick((None, None, m.RUBBER, m.BLACK_PLASTIC)),
            plate=draw.between(0.35, 0.85),
        )

    return build


def _wooden_box(draw: Draw) -> Solid:
    wood = draw.pick((m.WOOD, m.OLD_WOOD))
    a, b, h = draw.near(0.19), draw.near(0.09), draw.near(0.065)
    body = box(a, b, h * 0.75, wood)
    lid = box(a * 1.04, b * 1.1, h * 0.28, wood).turned("y", -4).moved(0, 0, h * 0.75)
    slot = box(0.02, b * 0.3, h * 0.1, m.STEEL).moved(a / 2, 0, h * 0.5)
    return joined(body, lid, slot)


def _plastic_box(draw: Draw) -> Solid:
    skin = draw.pick(m.PLASTICS)
    a, b, h = draw.near(0.14), draw.near(0.068), draw.near(0.032)
    base = slab(a, b, h * 0.6, skin, corner=0.008, bevel=0.002)
    lid = slab(a * 0.97, b * 0.94, h * 0.5, skin, corner=0.008, bevel=0.003).turned("y", -3).moved(0, 0, h * 0.55)
    ribs = [box(0.004, b * 0.8, 0.004, skin).moved(x * a, 0, h) for x in np.linspace(-0.35, 0.35, 6)]
    return joined(base, lid, *ribs)


def _pma_2(draw: Draw) -> Solid:
    skin, r, h = draw.pick(m.PLASTICS), draw.near(0.034), draw.near(0.061)
    body = lathe([(r, 0), (r, h * 0.5), (r * 0.9, h * 0.56)], skin)
    star = ring(box(r * 0.55, r * 0.25, h * 0.07, m.BLACK_PLASTIC).moved(r * 0.3, 0, h * 0.9), np.arange(6) * 60)
    return joined(body, rod(r * 0.25, h * 0.5, h * 0.92, m.BLACK_PLASTIC), star)


def _mon_50(draw: Draw) -> Solid:
    skin = draw.pick((m.OLIVE_PLASTIC, m.DARK_GREEN_PLASTIC, m.SAND_PLASTIC))
    length, height, thick = draw.near(0.226), draw.near(0.11), draw.near(0.05)
    angle = np.linspace(-0.5, 0.5, 15)
    radius = length / 2 / np.sin(0.5)
    outer = np.column_stack([radius * np.sin(angle), radius * (np.cos(angle) - np.cos(0.5))])
    inner = np.column_stack([outer[:, 0] * 0.98, outer[:, 1] - thick])
    body = extruded(np.concatenate([inner, outer[::-1]]), 0, height, skin)
    wells = [rod(0.008, height, height + 0.022, m.BLACK_PLASTIC).moved(x * length, 0.0) for x in (-0.25, 0.25)]
    sight = box(0.05, 0.012, 0.016, skin).moved(0, 0, height)
    legs = [
        tube(np.array([[x * length, 0, 0], [x * length * 1.15, s * 0.03, -0.09]]), 0.003, m.STEEL, sides=6)
        for x in (-0.35, 0.35)
        for s in (-1, 1)
    ]
    whole = joined(body, *wells, sight)
    return joined(whole, *legs) if draw.chance(0.6) else whole


def _star_mine(draw: Draw) -> Solid:
    """A POM type: a slim body held upright by spring petals that lie on the ground around it."""
    skin = draw.pick((m.OLIVE, m.STEEL, m.GREEN_PAINT, m.GREY_PAINT, m.OLIVE_PLASTIC, m.ALLOY, m.GREEN_PLASTIC))
    leg_skin = draw.pick((skin, skin, m.STEEL, m.ALLOY))
    r, h, scale = draw.near(0.032), draw.near(0.18), draw.pick((1.0, 1.0, 1.0, 1.6, 2.6))
    body = lathe([(r, 0), (r, h * 0.8), (r * 0.85, h * 0.86), (r * 0.5, h * 0.9), (r * 0.45, h)], skin)
    count, reach, wide = draw.pick((4, 5, 6, 6)), draw.between(0.075, 0.15), draw.between(0.018, 0.034)
    petals = []
    for k in range(count):
        if count > 4 and draw.chance(0.06):
            continue
        along = np.linspace(0, 1, 7)[:, None]
        z = 0.035 * (1 - along) ** 1.5 + 0.002 + 0.008 * draw.rng.random() * along
        x = r * 0.8 + reach * along
        taper = wide / 2 * (1 - 0.35 * along)
        left, right = np.hstack([x, taper, z]), np.hstack([x, -taper, z])
        sheet = quads(np.stack([right, left], 1))
        both = np.concatenate([sheet, sheet[:, ::-1] - np.array([0, 0, 0.0012])])
        petals.append(Solid.of(both, leg_skin).turned("z", k * 360 / count + draw.between(-6, 6)))
    cap = rod(r * 0.6, h * 0.9, h * 1.05, draw.pick((m.ALLOY, m.BRASS, m.BLACK_PLASTIC)))
    return joined(body, cap, *petals).scaled(scale)


def _ozm(draw: Draw) -> Solid:
    r, h, skin = draw.near(0.054), draw.near(0.172), draw.pick(m.PAINTS)
    body = lathe([(r * 0.97, 0), (r, 0.004), (r, h - 0.004), (r * 0.97, h)], skin)
    post = rod(0.011, h, h * 1.28, m.STEEL).moved(r * 0.45)
    plug = rod(0.016, h, h * 1.06, m.ALLOY, bevel=0.002).moved(-r * 0.4)
    return joined(body, post, plug)


def _stake_mine(draw: Draw) -> Solid:
    skin, r, h = draw.pick((m.OLIVE, m.RUST, m.DARK_RUST, m.GREY_PAINT)), draw.near(0.03), draw.near(0.107)
    grooves = []
    for k in range(7):
        z = h * k / 7
        grooves += [(r, z), (r, z + h * 0.1), (r * 0.88, z + h * 0.115), (r * 0.88, z + h * 0.135)]
    ribs = ring(box(r * 0.08, r * 0.1, h * 0.95, skin).moved(r * 0.97), np.arange(8) * 45)
    stake_length = draw.between(0.1, 0.35)
    wood = box(0.03, 0.028, stake_length, draw.pick((m.WOOD, m.OLD_WOOD))).moved(0, 0, -stake_length)
    fuze = rod(0.009, h, h + 0.09, m.STEEL)
    return joined(lathe(grooves, skin), ribs, wood, fuze)


AP_MINES = {
    "pfm_1": Kind(_AP, "PFM-1", _pfm_1, ("up", "up", "down", "rest"), 0.3),
    "pmn": Kind(_AP, "PMN", _pmn, LYING),
    "pmn_2": Kind(_AP, "PMN-2", _pmn_2, LYING),
    "pmn_4": Kind(_AP, "PMN-4", _small_puck(0.095, 0.046), LYING),
    "pma_1": Kind(_AP, "PMA-1", _plastic_box, LYING),
    "pma_2": Kind(_AP, "PMA-2", _pma_2, ("up", "up", "side", "rest")),
    "pma_3": Kind(_AP, "PMA-3", _small_puck(0.104, 0.036), LYING),
    "pmd_6": Kind(_AP, "PMD-6", _wooden_box, LYING),
    "mon_50": Kind(_AP, "MON-50", _mon_50, ("up", "up", "rest"), 0.2),
    "mon_100": Kind(_AP, "MON-100", dish(0.236, 0.083), ("up", "down", "side", "lean"), 0.4),
    "mon_200": Kind(_AP, "MON-200", dish(0.434, 0.13), ("up", "down", "side", "lean"), 0.4),
    "pom": Kind(_AP, "POM-2 or POM-3 type", _star_mine, ("up", "up", "up", "up", "rest"), 0.12),
    "ozm_72": Kind(_AP, "OZM-72", _ozm, ("up", "up", "side")),
    "pomz_2": Kind(_AP, "POMZ-2", _stake_mine, ("up", "side", "side", "lean"), 0.4),
    "vs_50": Kind(_AP, "VS-50 or TS-50 type", _small_puck(0.09, 0.045), LYING),
    "type_72": Kind(_AP, "Type 72 type", _small_puck(0.078, 0.038), LYING),
    "m14": Kind(_AP, "M14 type", _small_puck(0.056, 0.04), LYING),
}
"""Kind to how it is made."""
