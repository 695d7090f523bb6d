"""Pictures of ground in false colour: near infrared, channels in another order, turned hues, palettes."""

from collections.abc import Callable, Mapping
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Alteration = Callable[[Picture, np.random.Generator, float], Picture]
SOIL_NEAR, PLANTS_NEAR = 1.25, 5.0
"""Near infrared of soil as multiples of its red and of plants as multiples of their green. Rough: made up from usual
reflectances, for a picture has no infrared to look at."""
SOIL_EDGE, PLANTS_EDGE = 1.12, 2.2
"""The same of red edge, 0.72 micrometres."""
PLANT_EXCESS = 0.02, 0.27
"""Excess green (Woebbecke et al. 1995) of linear light from which on there are plants, and nothing else."""
PLANT_BLUR_M = 0.008
"""Plants are told from colours averaged so far, or the noise of bare ground would be plants."""
GAMMA = 2.2
INDEX_COLOURS = ((165, 0, 38), (244, 109, 67), (254, 224, 139), (217, 239, 139), (102, 189, 99), (0, 104, 55))
"""Red over yellow to green, as a vegetation index is mostly shown, from `INDEX_RANGE`."""
INDEX_RANGE = -0.1, 0.8


def _light(picture: Picture) -> NDArray[np.float32]:
    return np.asarray((picture / np.float32(255)) ** GAMMA, np.float32)


def _shown(bands: tuple[NDArray[np.float32], ...]) -> Picture:
    return np.ascontiguousarray((255 * np.clip(np.dstack(bands), 0, 1) ** (1 / GAMMA)).astype(np.uint8))


def _beyond_red(
    light: NDArray[np.float32], gsd_m: float, *, soil: float = SOIL_NEAR, plants: float = PLANTS_NEAR
) -> NDArray[np.float32]:
    """Return what a band beyond red would show of linear light (H, W, 3)."""
    smooth = cv2.GaussianBlur(light, (0, 0), max(PLANT_BLUR_M / gsd_m, 0.3))
    excess = (3 * smooth[..., 1] - smooth.sum(axis=2)) / (smooth.sum(axis=2) + 0.02)
    share = np.clip((excess - PLANT_EXCESS[0]) / (PLANT_EXCESS[1] - PLANT_EXCESS[0]), 0, 1)
    return np.asarray((1 - share) * soil * light[..., 0] + share * plants * light[..., 1], np.float32)


def _infrared(picture: Picture, rng: np.random.Generator, gsd_m: float) -> Picture:  # noqa: ARG001 - as the others
    """Return near infrared, red, green as red, green, blue: plants are red, dry soil is brown still."""
    light = _light(picture)
    return _shown((_beyond_red(light, gsd_m), light[..., 0], light[..., 1]))


def _infrared_stretched(picture: Picture, rng: np.random.Generator, gsd_m: float) -> Picture:  # noqa: ARG001
    """Return the same with each band as bright on average as the picture was, as software shows it: soil is grey."""
    light = _light(picture)
    bands = _beyond_red(light, gsd_m), light[..., 0], light[..., 1]
    return _shown(tuple(np.asarray(b * light.mean() / max(float(b.mean()), 1e-4), np.float32) for b in bands))


def _infrared_last(picture: Picture, rng: np.random.Generator, gsd_m: float) -> Picture:  # noqa: ARG001
    light = _light(picture)
    return _shown((light[..., 0], light[..., 1], _beyond_red(light, gsd_m)))


def _infrared_for_red(picture: Picture, rng: np.random.Generator, gsd_m: float) -> Picture:  # noqa: ARG001
    light = _light(picture)
    return _shown((_beyond_red(light, gsd_m), light[..., 1], light[..., 2]))


def _red_edge(picture: Picture, rng: np.random.Generator, gsd_m: float) -> Picture:  # noqa: ARG001
    light = _light(picture)
    edge = _beyond_red(light, gsd_m, soil=SOIL_EDGE, plants=PLANTS_EDGE)
    return _shown((light[..., 0], light[..., 1], edge))


def _index(picture: Picture, rng: np.random.Generator, gsd_m: float) -> Picture:  # noqa: ARG001
    """Return the normalised difference vegetation index in colours."""
    light = _light(picture)
    near, red = _beyond_red(light, gsd_m), light[..., 0]
    place = np.interp((near - red) / (near + red + 1e-3), INDEX_RANGE, (0, len(INDEX_COLOURS) - 1))
    steps = range(len(INDEX_COLOURS))
    bands = [np.interp(place, steps, [colour[n] for colour in INDEX_COLOURS]) for n in range(3)]
    return np.ascontiguousarray(np.dstack(bands).astype(np.uint8))


def _ordered(picture: Picture, rng: np.random.Generator, gsd_m: float, *, order: tuple[int, ...]) -> Picture:  # noqa: ARG001
    return np.ascontiguousarray(picture[..., order])


def _turned(
    picture: Picture,
    rng: np.random.Generator,
    gsd_m: float,  # noqa: ARG001
    *,
    degrees: tuple[int, int] = (45, 315),
) -> Picture:
    hsv = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
    turn = int(rng.integers(degrees[0], degrees[1] + 1)) // 2  # OpenCV counts in steps of two degrees
    hsv[..., 0] = (hsv[..., 0].astype(int) + turn) % 180
    return np.ascontiguousarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.uint8))


def _palette(picture: Picture, rng: np.random.Generator, gsd_m: float, *, palette: int) -> Picture:  # noqa: ARG001
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return np.ascontiguousarray(cv2.applyColorMap(grey, palette)[..., ::-1].astype(np.uint8))


_BGR, _INDEX = partial(_ordered, order=(2, 1, 0)), _index
FAMILIES: Mapping[str, tuple[Alteration, ...]] = {
    "near infrared": (_infrared, _infrared_stretched, _infrared_last, _red_edge, _infrared_for_red),
    "channels and hues": (
        _BGR,
        partial(_ordered, order=(1, 2, 0)),
        partial(_ordered, order=(2, 0, 1)),
        _turned,
        _turned,
        _turned,
    ),
    "palettes": (
        _INDEX,
        partial(_palette, palette=cv2.COLORMAP_VIRIDIS),
        partial(_palette, palette=cv2.COLORMAP_JET),
        partial(_palette, palette=cv2.COLORMAP_TURBO),
    ),
}
"""What false colour is fitted on. Kinds of one family are alike: what is fitted without one is fitted without all."""
FALSE_COLOURS: Mapping[str, tuple[str, Alteration]] = {
    "false colour, near infrared": ("near infrared", _infrared),
    "false colour, near infrared, each band stretched": ("near infrared", _infrared_stretched),
    "false colour, near infrared for red": ("near infrared", _infrared_for_red),
    "false colour, near infrared for blue": ("near infrared", _infrared_last),
    "false colour, red edge for blue": ("near infrared", _red_edge),
    "false colour, red and blue swapped": ("channels and hues", _BGR),
    "false colour, hue turned": ("channels and hues", partial(_turned, degrees=(180, 180))),
    "false colour, vegetation index": ("palettes", _INDEX),
}
"""By kind that is measured: its family, and what makes such a picture."""
