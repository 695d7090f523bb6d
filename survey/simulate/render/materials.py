"""What surfaces are made of: colour, gloss, and how weather changes them."""

from dataclasses import dataclass

RGB = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Material:
    """One surface. Colours are sRGB, 0 to 255, of a new and clean one."""

    colour: RGB
    rough: float = 0.6
    """Roughness of the principled BSDF, 0 (mirror) to 1 (matt)."""
    metal: float = 0.0
    """1 for bare metal."""
    under: RGB | None = None
    """What shows where the surface is chipped; None: it does not chip."""
    rusts: bool = False
    fades: float = 0.3
    """Share by which years of sun can pale it."""
    mottle: float = 0.06
    """Relative size of its own uneven colour."""
    varies: float = 0.1
    """Relative spread of its colour from one item to the next."""


def plastic(red: int, green: int, blue: int, *, rough: float = 0.5) -> Material:
    """Return a plastic of an sRGB colour."""
    return Material((red, green, blue), rough=rough, fades=0.35)


def painted(red: int, green: int, blue: int, *, rough: float = 0.55) -> Material:
    """Return painted steel: it chips down to metal and rusts there."""
    return Material((red, green, blue), rough=rough, under=(96, 90, 84), rusts=True, fades=0.3)


BAKELITE = Material((88, 46, 28), rough=0.35, fades=0.35)
RUBBER = Material((38, 37, 36), rough=0.7, fades=0.5)
OLIVE = painted(82, 84, 52)
DARK_OLIVE = painted(58, 64, 42)
GREY_PAINT = painted(116, 120, 116)
SAND_PAINT = painted(166, 146, 104)
GREEN_PAINT = painted(70, 92, 58)
BLACK_PAINT = painted(48, 48, 46)
WHITE_PAINT = painted(196, 196, 188)
YELLOW_PAINT = painted(198, 160, 40)
RED_PAINT = painted(166, 40, 32)
RUST = Material((112, 66, 40), rough=0.9, rusts=True, mottle=0.22, varies=0.2, fades=0.1)
DARK_RUST = Material((78, 54, 42), rough=0.9, rusts=True, mottle=0.2, varies=0.2, fades=0.1)
STEEL = Material((150, 148, 144), rough=0.42, metal=0.85, rusts=True, fades=0.0)
ALLOY = Material((182, 183, 184), rough=0.4, metal=0.75, fades=0.0, mottle=0.08)
BRASS = Material((186, 150, 84), rough=0.38, metal=0.8, mottle=0.12, fades=0.0)
COPPER = Material((170, 108, 78), rough=0.4, metal=0.75, mottle=0.15, fades=0.0)
OLIVE_PLASTIC = plastic(86, 90, 58)
DARK_GREEN_PLASTIC = plastic(52, 66, 44)
GREEN_PLASTIC = plastic(78, 104, 62)
BROWN_PLASTIC = plastic(112, 82, 54)
SAND_PLASTIC = plastic(176, 154, 112)
GREY_PLASTIC = plastic(128, 130, 126)
WHITE_PLASTIC = plastic(206, 204, 196)
BLACK_PLASTIC = plastic(46, 46, 46)
WOOD = Material((158, 128, 92), rough=0.85, mottle=0.14, varies=0.18, fades=0.4)
OLD_WOOD = Material((128, 118, 104), rough=0.9, mottle=0.16, varies=0.15, fades=0.3)
CLOTH = Material((178, 168, 142), rough=0.95, mottle=0.1, varies=0.2)
OLIVE_CLOTH = Material((94, 92, 64), rough=0.95, mottle=0.1, varies=0.15)

PAINTS = (OLIVE, OLIVE, DARK_OLIVE, GREEN_PAINT, GREY_PAINT, SAND_PAINT)
"""Paints of steel ordnance, the common ones more than once."""
SHELLS = (OLIVE, OLIVE, DARK_OLIVE, GREY_PAINT, RUST, DARK_RUST, BLACK_PAINT)
"""Skins of projectiles and bombs as they are found."""
PLASTICS = (OLIVE_PLASTIC, DARK_GREEN_PLASTIC, GREEN_PLASTIC, BROWN_PLASTIC, SAND_PLASTIC, GREY_PLASTIC)
