"""Things that lie about and are not ordnance: stones, plants and rubbish, the more like ordnance the better."""

import numpy as np

from survey.simulate.render import materials as m
from survey.simulate.render import nature
from survey.simulate.render.colours import matt, printed
from survey.simulate.render.draw import Draw
from survey.simulate.render.kind import CLUTTER, Build, Kind
from survey.simulate.render.mesh import Points, Solid, joined, refined, ring, rotation
from survey.simulate.render.solids import ball, box, extruded, lathe, quads, rod, slab, tube
from survey.simulate.render.weather import Noise


def _brick(draw: Draw) -> Solid:
    skin = matt(draw.pick(((150, 76, 54), (176, 110, 84), (150, 148, 142), (120, 62, 48))))
    return box(draw.between(0.09, 0.26), draw.near(0.12), draw.near(0.065), skin, bevel=0.004)


def _can(draw: Draw) -> Solid:
    r, h, skin = 0.033, draw.between(0.09, 0.17), draw.pick((printed(draw), m.ALLOY, m.RUST))
    body = lathe([(r * 0.8, 0), (r, 0.008), (r, h - 0.01), (r * 0.84, h), (r * 0.8, h - 0.004)], skin)
    lid = lathe([(r * 0.8, h - 0.003), (r * 0.8, h - 0.002)], m.ALLOY)
    whole = joined(body, lid)
    if draw.chance(0.5):  # crushed
        fine = refined(whole, edge_m=0.012)
        corners = fine.triangles.reshape(-1, 3)
        dent = 0.012 * Noise(draw.rng)(corners, cell=0.06)
        squeezed = corners * np.array([1, draw.between(0.3, 0.8), 1]) + dent[:, None] * np.array([0.5, 1, 0.3])
        return fine.with_corners(squeezed)
    return whole


def _bottle(draw: Draw) -> Solid:
    r, h = draw.between(0.03, 0.05), draw.between(0.2, 0.32)
    skin = m.Material(
        draw.pick(((60, 90, 60), (110, 76, 40), (170, 190, 200), (200, 205, 205))), rough=0.15, mottle=0.05
    )
    outline = [(r * 0.9, 0), (r, 0.01), (r, h * 0.6), (r * 0.8, h * 0.72), (r * 0.32, h * 0.86), (r * 0.3, h)]
    label = lathe([(r * 1.01, h * 0.2), (r * 1.01, h * 0.5)], printed(draw), close=False)
    cap = rod(r * 0.36, h * 0.96, h * 1.03, printed(draw))
    return joined(lathe(outline, skin), *([label] if draw.chance(0.6) else []), *([cap] if draw.chance(0.6) else []))


def _lid(draw: Draw) -> Solid:
    r, h, skin = draw.between(0.015, 0.09), draw.between(0.006, 0.02), draw.pick((printed(draw), m.ALLOY, m.RUST))
    return lathe([(r, 0), (r, h * 0.9), (r * 0.94, h), (r * 0.85, h), (r * 0.8, h * 0.85)], skin)


def _tin(draw: Draw) -> Solid:
    r = draw.between(0.035, 0.08)
    h, skin = r * draw.between(0.5, 2.2), draw.pick((m.ALLOY, m.RUST, m.DARK_RUST, printed(draw)))
    rims = [
        lathe([(r * 1.03, z), (r * 1.03, z + 0.004)], skin, close=False) for z in (0.0, h * 0.33, h * 0.66, h - 0.004)
    ]
    open_lid = rod(r * 0.95, 0, 0.001, m.ALLOY).turned("y", draw.between(60, 120)).moved(r, 0, h)
    return joined(lathe([(r, 0), (r, h)], skin), *rims, *([open_lid] if draw.chance(0.3) else []))


def _tub(draw: Draw) -> Solid:
    r, skin = draw.between(0.03, 0.16), printed(draw)
    h = r * draw.between(0.5, 2.2)
    outline = [
        (r * 0.75, 0),
        (r, h),
        (r * 1.05, h),
        (r * 1.05, h * 0.96),
        (r * 0.97, h * 0.96),
        (r * 0.72, 0.006),
        (0, 0.006),
    ]
    return lathe(outline, skin, close=False)


def _canister(draw: Draw) -> Solid:
    a, skin = draw.between(0.1, 0.3), printed(draw)
    body = slab(a, a * draw.between(0.4, 0.9), a * draw.between(0.8, 1.4), skin, corner=a * 0.12, bevel=a * 0.04)
    return joined(body, rod(a * 0.1, body.high[2], body.high[2] + a * 0.1, printed(draw)).moved(a * 0.3))


def _sheet(draw: Draw) -> Solid:
    """Paper, foil, a bag or a rag: a crumpled sheet."""
    side, skin = draw.between(0.06, 0.35), draw.pick((printed(draw), m.WHITE_PLASTIC, m.CLOTH, m.ALLOY, m.OLIVE_CLOTH))
    n = 20
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, n), np.linspace(-0.5, 0.5, n) * draw.between(0.4, 1))
    points = np.stack([x, y, np.zeros_like(x)], -1).reshape(-1, 3)
    noise = Noise(draw.rng)
    ragged = points * (1 - 0.2 * np.abs(noise(points, cell=0.5, first=2)))[:, None]
    ragged[:, 2] = draw.between(0.02, 0.14) * noise(points, cell=0.35, octaves=4)
    return _both_sides((ragged * side).reshape(n, n, 3), skin)


def _both_sides(grid: Points, material: m.Material) -> Solid:
    sheet = quads(grid)
    return Solid.of(np.concatenate([sheet, sheet[:, ::-1] - np.array([0, 0, 0.0008])]), material)


def _plank(draw: Draw) -> Solid:
    return box(
        draw.between(0.12, 0.8), draw.between(0.03, 0.14), draw.between(0.01, 0.04), draw.pick((m.WOOD, m.OLD_WOOD))
    )


def _pipe(draw: Draw) -> Solid:
    r, length = draw.between(0.008, 0.06), draw.between(0.1, 0.9)
    skin = draw.pick((m.RUST, m.DARK_RUST, m.GREY_PLASTIC, m.BLACK_PLASTIC, printed(draw), m.STEEL))
    return lathe([(r, 0), (r, length), (r * 0.82, length), (r * 0.82, length * 0.98)], skin, segments=20)


def _hose(draw: Draw) -> Solid:
    r, turns = draw.between(0.05, 0.3), draw.between(0.4, 2.2)
    t = np.linspace(0, 2 * np.pi * turns, 60)
    path = np.column_stack([r * np.cos(t), r * np.sin(t) * draw.between(0.6, 1), 0.004 * t])
    return tube(path, draw.between(0.003, 0.015), draw.pick((m.BLACK_PLASTIC, printed(draw), m.RUST)), sides=7)


def _tyre(draw: Draw) -> Solid:
    major, minor = draw.between(0.1, 0.3), draw.between(0.03, 0.09)
    t = np.linspace(0, 2 * np.pi * draw.pick((1.0, 0.4, 0.25)), 50)
    return tube(np.column_stack([major * np.cos(t), major * np.sin(t), 0 * t]), minor, m.RUBBER, sides=14)


def _shoe(draw: Draw) -> Solid:
    length, skin = draw.between(0.2, 0.3), draw.pick((m.RUBBER, printed(draw), m.BROWN_PLASTIC))
    t = np.linspace(0, 2 * np.pi, 30)[:-1]
    outline = np.column_stack([length / 2 * np.cos(t), length * (0.17 + 0.03 * np.cos(t)) * np.sin(t)])
    upper = lathe([(1, 0), (0.95, 0.5), (0.6, 1), (0.5, 0.6)], skin).scaled(length * 0.3, length * 0.15, length * 0.28)
    return joined(extruded(outline, 0, 0.025, m.RUBBER), upper.moved(-length * 0.15, 0, 0.02))


def _disc(draw: Draw) -> Solid:
    """A plate, hub cap or cover: a dish of rings."""
    r, skin = draw.between(0.05, 0.2), draw.pick((printed(draw), m.ALLOY, m.RUST, m.GREY_PLASTIC, m.WHITE_PLASTIC))
    h = r * draw.between(0.05, 0.25)
    rings = sorted(draw.rng.uniform(0.15, 0.9, draw.count(1, 4)))[::-1]
    outline = [(r, 0.0), (r, h * 0.4)]
    for k, share in enumerate(rings):
        outline += [(r * (share + 0.03), h * (0.5 + 0.5 * (k % 2))), (r * share, h * (1 - 0.4 * (k % 2)))]
    return lathe([*outline, (0.0, h * 0.7)], skin)


def _round(draw: Draw) -> Solid:
    return ball(draw.between(0.02, 0.12), draw.pick((printed(draw), m.RUBBER, matt((190, 120, 60)))))


def _bolt(draw: Draw) -> Solid:
    r = draw.between(0.006, 0.02)
    head = lathe([(r * 1.8, 0), (r * 1.8, r * 1.2)], m.RUST, segments=6)
    return joined(head, rod(r, r, r * draw.between(4, 12), m.RUST))


def _tool(draw: Draw) -> Solid:
    shaft = rod(
        draw.between(0.008, 0.018), 0, draw.between(0.15, 0.7), draw.pick((m.WOOD, m.OLD_WOOD, m.RUST, m.STEEL))
    )
    head = box(
        draw.between(0.04, 0.2), draw.between(0.02, 0.06), draw.between(0.01, 0.03), draw.pick((m.RUST, m.STEEL))
    )
    return joined(shaft, head.moved(0, 0, shaft.high[2]))


def _frag(draw: Draw) -> Solid:
    """Scrap: a bent, torn piece of sheet or casing."""
    skin = draw.pick((m.RUST, m.DARK_RUST, m.STEEL, m.ALLOY, m.OLIVE))
    n, side, bend = 14, draw.between(0.03, 0.25), draw.between(0.2, 3)
    u, v = np.meshgrid(np.linspace(-0.5, 0.5, n), np.linspace(-0.5, 0.5, n) * draw.between(0.25, 1))
    points = np.stack([np.sin(bend * u) / bend, v, (1 - np.cos(bend * u)) / bend], -1).reshape(-1, 3)
    ragged = points * (1 + 0.25 * Noise(draw.rng)(points, cell=0.4))[:, None]
    return _both_sides((side * ragged).reshape(n, n, 3), skin)


def _cone(draw: Draw) -> Solid:
    r, h, skin = draw.between(0.015, 0.03), draw.between(0.04, 0.1), matt((104, 78, 56))
    scales = []
    for k in range(40):
        z = k / 40
        scale = box(r * 0.5, r * 0.4, 0.003, skin).turned("y", -25).moved(r * (1 - 0.75 * z) * 0.8, 0, h * z)
        scales.append(scale.mapped(rotation("z", 137.5 * k)))
    return joined(rod(r * 0.5, 0, h, skin), *scales)


def _crate(draw: Draw) -> Solid:
    a, b, h = draw.between(0.08, 0.4), draw.between(0.06, 0.25), draw.between(0.02, 0.12)
    skin = draw.pick((m.WOOD, m.OLD_WOOD, printed(draw), matt((170, 136, 96))))
    return joined(box(a, b, h, skin), *[box(0.012, b * 1.02, h * 1.03, skin).moved(x * a) for x in (-0.3, 0.3)])


def _spokes(draw: Draw) -> Solid:
    """A valve wheel or a hand wheel: arms from a hub to a rim. Without the rim it would be a star mine's twin."""
    r, skin = draw.between(0.03, 0.12), draw.pick((printed(draw), m.RUST, m.ALLOY))
    count = draw.count(3, 7)
    arms = ring(box(r, r * 0.12, r * 0.1, skin).moved(r / 2), np.arange(count) * 360 / count)
    turn = np.linspace(0, 2 * np.pi, 37)
    rim = tube(np.column_stack([r * np.cos(turn), r * np.sin(turn), np.full(37, r * 0.06)]), r * 0.08, skin, sides=8)
    return joined(arms, rim, rod(r * 0.2, 0, r * 0.2, skin))


_ANY = ("rest",)
_ITEMS: dict[str, tuple[Build, tuple[str, ...]]] = {
    "stone": (nature.stone, _ANY),
    "stone_2": (nature.stone, _ANY),
    "stone_3": (nature.stone, _ANY),
    "clod": (nature.clod, _ANY),
    "clod_2": (nature.clod, _ANY),
    "brick": (_brick, _ANY),
    "can": (_can, ("side", "side", "up")),
    "bottle": (_bottle, ("side",)),
    "lid": (_lid, ("up", "down")),
    "tin": (_tin, ("up", "side", "lean")),
    "tub": (_tub, ("up", "down", "side")),
    "canister": (_canister, _ANY),
    "sheet": (_sheet, ("up",)),
    "plank": (_plank, ("up", "rest")),
    "stick": (nature.stick, ("up",)),
    "stick_2": (nature.stick, ("up",)),
    "pipe": (_pipe, ("side", "side", "lean")),
    "hose": (_hose, ("up",)),
    "tyre": (_tyre, ("up",)),
    "leaf": (nature.leaf, ("up",)),
    "leaf_2": (nature.leaf, ("up",)),
    "plant": (nature.plant, ("up",)),
    "plant_2": (nature.plant, ("up",)),
    "grass": (nature.grass, ("up",)),
    "grass_2": (nature.grass, ("up",)),
    "mushroom": (nature.mushroom, ("up", "side")),
    "dung": (nature.dung, ("up",)),
    "shoe": (_shoe, ("up", "side")),
    "disc": (_disc, ("up", "down", "lean")),
    "ball": (_round, ("up",)),
    "bolt": (_bolt, ("side", "up")),
    "tool": (_tool, ("side",)),
    "scrap": (_frag, ("up", "down")),
    "cone": (_cone, ("side",)),
    "crate": (_crate, ("up", "lean")),
    "spokes": (_spokes, ("up", "lean")),
}
LITTER = {CLUTTER + name: Kind("", name.rstrip("_23"), build, poses, 0.5) for name, (build, poses) in _ITEMS.items()}
"""Kind to how it is made."""
