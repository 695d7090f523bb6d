"""Colours of what lies about: stones, soils, leaves, prints."""

from survey.simulate.render import materials as m
from survey.simulate.render.draw import Draw

Colour = tuple[int, int, int]
STONES: tuple[Colour, ...] = (
    (128, 122, 112),
    (96, 92, 88),
    (168, 160, 148),
    (142, 118, 96),
    (196, 192, 184),
    (74, 72, 70),
    (150, 104, 84),
)
SOILS: tuple[Colour, ...] = ((120, 94, 70), (92, 74, 58), (152, 128, 100), (136, 86, 62), (80, 66, 56))
LEAVES: tuple[Colour, ...] = (
    (86, 108, 52),
    (112, 124, 60),
    (64, 84, 44),
    (150, 126, 70),
    (126, 86, 50),
    (168, 148, 96),
)
PRINTS: tuple[Colour, ...] = (
    (190, 40, 36),
    (40, 70, 150),
    (40, 120, 70),
    (220, 220, 214),
    (210, 170, 40),
    (40, 40, 44),
    (70, 100, 62),
    (150, 150, 150),
    (92, 96, 60),
)


def matt(colour: Colour, *, rough: float = 0.9, mottle: float = 0.16) -> m.Material:
    """Return what is neither painted nor smooth, in about this colour."""
    return m.Material(colour, rough=rough, mottle=mottle, varies=0.2, fades=0.2)


def printed(draw: Draw) -> m.Material:
    """Return a print or coat of paint, bright or dull."""
    return m.Material(draw.pick(PRINTS), rough=draw.between(0.25, 0.7), mottle=0.08, varies=0.15, fades=0.5)
