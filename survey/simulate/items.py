"""The ordnance that can be rendered: class, published dimensions, shape and paints."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from survey.simulate import paint
from survey.simulate.paint import Paint
from survey.simulate.shapes import (
    Profile,
    Shape,
    box,
    butterfly,
    cross,
    fins,
    joined,
    lying,
    ribbon,
    star,
    turned,
)

NO_ORDNANCE = ""
"""Class of what is rendered as ordnance is, and is none."""
CLASSES = ("ap_mine", "at_mine", "submunition", "projectile", "other_uxo", "anomaly")


@dataclass(frozen=True, slots=True)
class ItemSpec:
    """One kind of ordnance."""

    class_name: str
    title: str
    """Its name as people in the field write it."""
    size_m: float
    """Longest extent seen from above, metres."""
    height_m: float
    """Above the ground it lies or stands on, unburied, metres."""
    shape: Shape
    paints: tuple[tuple[Paint, ...], ...]
    """Ways it may be painted; each gives one paint a part."""
    max_sink: float = 0.35
    """Largest share of the height that may have sunk into the soil."""

    def __post_init__(self) -> None:
        if self.class_name not in (*CLASSES, NO_ORDNANCE):
            msg = f"{self.title}: unknown class '{self.class_name}', expected one of {', '.join(CLASSES)}"
            raise ValueError(msg)


def _scaled(profile: Profile, *, length: float, radius: float) -> Profile:
    """Return an outline given in shares: u from -0.5 to 0.5 of `length`, radii in shares of `radius`."""
    return [(u * length, r * radius) for u, r in profile]


def _bomb(length: float, calibre: float, *, count: int) -> Shape:
    """Return a mortar bomb: fuze, drop-shaped body, boom with charge holes, fins."""
    outline = [(-0.5, 0.28), (-0.14, 0.3), (-0.08, 0.55), (0.02, 0.86), (0.12, 1), (0.2, 1), (0.32, 0.8), (0.39, 0.5)]
    outline += [(0.4, 0.42), (0.46, 0.36), (0.495, 0.2), (0.5, 0.0)]
    radius = calibre / 2
    body = lying(_scaled(outline, length=length, radius=radius), parts=(-0.14 * length, 0.39 * length))
    tail = fins(-0.5 * length, -0.28 * length, span=0.97 * radius, axis=radius, count=count)
    return joined((body, 0), (tail, 0))


def _shell(length: float, calibre: float) -> Shape:
    """Return an artillery projectile: boat tail, driving band, ogive, fuze."""
    outline = [(-0.5, 0.84), (-0.41, 0.97), (-0.4, 1.03), (-0.36, 1.03), (-0.355, 0.98), (0.02, 1), (0.12, 0.97)]
    outline += [(0.24, 0.8), (0.34, 0.56), (0.36, 0.46), (0.44, 0.34), (0.49, 0.18), (0.5, 0.0)]
    parts = (-0.4 * length, -0.36 * length, 0.35 * length)
    return lying(_scaled(outline, length=length, radius=calibre / 2), parts=parts)


def _bomblet() -> Shape:
    """Return a 9N210 or 9N235: a short cylinder with a fuze cap and six fins folded out at the tail."""
    outline = [(-0.5, 0.62), (-0.3, 0.62), (-0.28, 1), (0.36, 1), (0.4, 0.9), (0.42, 0.6), (0.48, 0.55), (0.5, 0.4)]
    body = lying(_scaled(outline, length=0.263, radius=0.0325), parts=(-0.0737, 0.11))
    return joined((body, 0), (fins(-0.1315, -0.07, span=0.047, axis=0.0325, count=6), 0))


def _mine_46(radius: float, height: float) -> Shape:
    """Return a TM-46 or TM-57: ribbed pressure plate, filler plug in the middle, carrying handle."""
    plate = [(0.0, 1.0), (0.14, 1.0), (0.16, 0.9), (0.2, 0.86), (0.3, 0.9), (0.36, 0.86), (0.45, 0.89), (0.52, 0.84)]
    rim = [(0.6, 0.86), (0.66, 0.8), (0.7, 0.7), (0.82, 0.68), (0.94, 0.62), (1.0, 0.4)]
    body = turned([(r * radius, h * height) for r, h in plate + rim], parts=(0.15 * radius,))
    handle = box((0.72 * radius, 0.8 * radius, -0.3 * radius, 0.3 * radius), 0.78 * height)
    return joined((body, 0), (handle, 0))


_TM_62 = joined(
    (
        turned(
            [
                (0.0, 0.128), (0.014, 0.128), (0.017, 0.121), (0.043, 0.12), (0.046, 0.108), (0.062, 0.106),
                (0.065, 0.112), (0.069, 0.112), (0.072, 0.105), (0.112, 0.102), (0.118, 0.096), (0.124, 0.098),
                (0.146, 0.088), (0.155, 0.075), (0.16, 0.05),
            ],
            parts=(0.045,),
        ),
        0,
    ),
    (box((0.12, 0.15, -0.018, 0.018), 0.104), 1),
)  # fmt: skip
_PMN = joined(
    (turned([(0.0, 0.05), (0.02, 0.053), (0.036, 0.052), (0.043, 0.046), (0.046, 0.04), (0.05, 0.041), (0.053, 0.034)],
            parts=(0.045,)), 0),
    (box((0.048, 0.056, -0.011, 0.011), 0.03), 1),
    (box((-0.056, -0.048, -0.008, 0.008), 0.028), 1),
)  # fmt: skip
_PMN_2 = joined(
    (turned([(0.0, 0.042), (0.047, 0.042), (0.05, 0.036), (0.056, 0.034), (0.06, 0.024)]), 1),
    (cross(0.026, 0.046, 0.053), 0),
    (box((0.045, 0.06, -0.009, 0.009), 0.038), 2),
)
_PMA_2 = joined(
    (turned([(0.0, 0.044), (0.026, 0.044), (0.029, 0.04), (0.034, 0.036)]), 0),
    (star(6, 0.009, 0.018, height=0.061, edge=0.058), 1),
)
_POM_2 = joined(
    (star(6, 0.0315, 0.09, height=0.045, edge=0.004), 1),
    (turned([(0.0, 0.18), (0.013, 0.18), (0.015, 0.168), (0.029, 0.164), (0.0315, 0.155)], parts=(0.014,)), 1),
)
_SHOAB = joined(
    (lying([(0.03 * s, 0.03 * (1 - s * s) ** 0.5) for s in (-1, -0.98, -0.92, -0.8, -0.6, -0.3, 0, 0.3, 0.6, 0.8,
                                                         0.92, 0.98, 1)]), 0),
    (lying([(-0.0022, 0.0), (-0.002, 0.0305), (0.002, 0.0305), (0.0022, 0.0)]), 1),
)  # fmt: skip
_M42 = joined(
    (lying([(-0.06, 0.018), (-0.054, 0.02), (-0.004, 0.02), (0.0, 0.015), (0.004, 0.009), (0.008, 0.008)],
           parts=(0.0,)), 0),
    (ribbon(0.004, 0.06, width=0.013, wave=0.014), 2),
)  # fmt: skip
_F1 = joined(
    (lying([(-0.0585, 0.008), (-0.054, 0.018), (-0.044, 0.025), (-0.026, 0.0275), (-0.01, 0.025), (0.004, 0.016),
            (0.01, 0.011), (0.034, 0.011), (0.04, 0.007), (0.0585, 0.005)], parts=(0.008,)), 0),
    (box((-0.02, 0.034, 0.012, 0.019), 0.03), 1),
)  # fmt: skip
_PG_7 = joined(
    (lying([(-0.3, 0.02), (-0.02, 0.02), (0.0, 0.03), (0.04, 0.0425), (0.09, 0.0425), (0.22, 0.018), (0.225, 0.013),
            (0.27, 0.013), (0.3, 0.004)], parts=(-0.02, 0.222)), 0),
)  # fmt: skip

_O, _P = paint.OLIVE_STEEL, paint.OLIVE_PLASTIC
_STEEL = (paint.OLIVE_STEEL, paint.GREY_STEEL, paint.RUSTY_STEEL)
_MORTAR = tuple((paint.BARE_STEEL, body, fuze) for body in _STEEL for fuze in (paint.ALLOY, paint.BRASS, body))
_ARTILLERY = tuple(
    (body, paint.COPPER, body, fuze) for body in _STEEL for fuze in (paint.BARE_STEEL, paint.BRASS, body)
)
_ROCKET = ((paint.BARE_STEEL, _O, paint.ALLOY), (_O, _O, paint.BARE_STEEL))
_BOMBLETS = tuple((tail, body, paint.ALLOY) for tail in (paint.BARE_STEEL, paint.ALLOY) for body in _STEEL)

ITEMS: Mapping[str, ItemSpec] = MappingProxyType(
    {
        "tm_62m": ItemSpec("at_mine", "TM-62M", 0.32, 0.128, _TM_62, ((paint.BAKELITE, _O), (_P, _O), (_O, _O)), 0.7),
        "tm_46": ItemSpec("at_mine", "TM-46", 0.305, 0.108, _mine_46(0.1525, 0.108), ((_O, _O),), 0.7),
        "tm_57": ItemSpec("at_mine", "TM-57", 0.316, 0.102, _mine_46(0.158, 0.102), ((_P, _O), (_O, _O)), 0.7),
        "pmn": ItemSpec("ap_mine", "PMN", 0.112, 0.053, _PMN, ((paint.RUBBER, paint.BAKELITE),), 0.6),
        "pmn_2": ItemSpec(
            "ap_mine", "PMN-2", 0.12, 0.053, _PMN_2,
            ((paint.RUBBER, _P, _P), (paint.RUBBER, paint.BAKELITE, _P), (paint.RUBBER, paint.SAND_PLASTIC, _P)), 0.6,
        ),
        "pma_2": ItemSpec("ap_mine", "PMA-2", 0.068, 0.061, _PMA_2, ((_P, _P), (_P, paint.RUBBER)), 0.6),
        "pfm_1": ItemSpec(
            "ap_mine", "PFM-1", 0.12, 0.0215, butterfly(0.12, 0.064), ((paint.WING_PLASTIC, paint.ALLOY),), 0.12
        ),
        "pom_2": ItemSpec(
            "ap_mine", "POM-2", 0.18, 0.18, _POM_2, ((_O, _O, _O), (_O, paint.BARE_STEEL, _O), (_O, _P, _O)), 0.1
        ),
        "9n210": ItemSpec("submunition", "9N210", 0.263, 0.08, _bomblet(), _BOMBLETS, 0.4),
        "9n235": ItemSpec("submunition", "9N235", 0.263, 0.08, _bomblet(), _BOMBLETS, 0.4),
        "shoab_0_5": ItemSpec(
            "submunition", "ShOAB-0.5", 0.06, 0.0605, _SHOAB, tuple((body, paint.BARE_STEEL) for body in _STEEL), 0.4
        ),
        "m42": ItemSpec(
            "submunition", "M42", 0.12, 0.04, _M42, tuple((body, paint.ALLOY, paint.CLOTH) for body in _STEEL), 0.1
        ),
        "mortar_82": ItemSpec("projectile", "82 mm mortar bomb", 0.33, 0.082, _bomb(0.33, 0.082, count=10), _MORTAR),
        "mortar_120": ItemSpec("projectile", "120 mm mortar bomb", 0.65, 0.12, _bomb(0.65, 0.12, count=10), _MORTAR),
        "projectile_122": ItemSpec("projectile", "122 mm projectile", 0.56, 0.1257, _shell(0.56, 0.122), _ARTILLERY),
        "projectile_152": ItemSpec("projectile", "152 mm projectile", 0.7, 0.1566, _shell(0.7, 0.152), _ARTILLERY),
        "f_1": ItemSpec("other_uxo", "F-1 hand grenade", 0.117, 0.055, _F1, ((_O, paint.BARE_STEEL), (_O, _O))),
        "pg_7": ItemSpec("other_uxo", "PG-7 warhead and motor", 0.6, 0.085, _PG_7, _ROCKET),
    }
)  # fmt: skip
"""Kind to item. Dimensions follow the published data sheets, rounded to what a drone can resolve."""
