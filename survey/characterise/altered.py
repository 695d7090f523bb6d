"""Pictures of ground as another camera would show them: a little different, and as they should not be searched."""

from collections.abc import Mapping

import cv2
import numpy as np

from survey.characterise.false_colours import FALSE_COLOURS, Alteration, Picture

BLUR_M = 0.04
"""Standard deviation of a blur on the ground; imagery twice as coarse as the coarsest that is searched is no softer."""
INDOOR = "indoor"
"""Made up, for there is no ground in it."""


def mild_camera(picture: Picture, rng: np.random.Generator, *, coarsest: float) -> Picture:
    """Return a picture (H, W, 3) as another good camera in other daylight would have taken it.

    Softer by up to 1 px, or by a GSD up to `coarsest` times as coarse, which is the coarsest that is searched; a third
    of a stop brighter or darker; white balance off by 3 %; noise to 4 grey levels; JPEG. Far milder than what training
    shows a network: the reference is to know what is usual, not all that a network can bear.
    """
    size = picture.shape[1::-1]
    if rng.random() < 0.5:
        picture = _u8(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.0)))
    if rng.random() < 0.4:
        factor = rng.uniform(1 / coarsest, 0.95)
        smaller = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        picture = _u8(cv2.resize(smaller, size, interpolation=cv2.INTER_LINEAR))
    gain = np.exp(rng.normal(0, 0.03, 3) + rng.normal(0, 0.15))
    values = 255 * np.clip(picture / 255 * gain, 0, 1) ** np.exp(rng.normal(0, 0.12))
    if rng.random() < 0.5:
        values = values + rng.normal(0, rng.uniform(1, 4), picture.shape)
    picture = _u8(values.clip(0, 255))
    if rng.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 96))]
        picture = _u8(cv2.imdecode(cv2.imencode(".jpg", picture, quality)[1], cv2.IMREAD_UNCHANGED))
    return picture


def _thermal_grey(picture: Picture, rng: np.random.Generator, gsd_m: float) -> Picture:  # noqa: ARG001 - as the others
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), 2)
    return _u8(np.dstack([255 - grey] * 3))


def _thermal_palette(picture: Picture, rng: np.random.Generator, gsd_m: float) -> Picture:  # noqa: ARG001
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), 2).astype(np.float32)
    spread = (grey - grey.min()) / max(float(np.ptp(grey)), 1.0) * 255
    return _u8(cv2.applyColorMap(_u8(spread), cv2.COLORMAP_INFERNO)[..., ::-1])


def _blurred(picture: Picture, rng: np.random.Generator, gsd_m: float) -> Picture:  # noqa: ARG001
    return _u8(cv2.GaussianBlur(picture, (0, 0), BLUR_M / gsd_m))


def _night(picture: Picture, rng: np.random.Generator, gsd_m: float) -> Picture:  # noqa: ARG001
    return _u8((picture * 0.06 + rng.normal(0, 6, picture.shape)).clip(0, 255))


ALTERED: Mapping[str, Alteration] = {
    **{kind: alter for kind, (_, alter) in FALSE_COLOURS.items()},
    "thermal, grey": _thermal_grey,
    "thermal, palette": _thermal_palette,
    "blurred, sigma 4 cm": _blurred,
    "night": _night,
}
"""By kind: what makes such a picture of one of ground, uint8 (H, W, 3), with a generator and its GSD in metres."""


def indoor(rng: np.random.Generator, *, size: int = 768) -> Picture:
    """Return a room made up of a floor, plain furniture, a carpet and lamp light, uint8 (size, size, 3)."""
    y, x = np.mgrid[:size, :size].astype(np.float32)
    wood = np.array([rng.uniform(120, 190), rng.uniform(80, 130), rng.uniform(40, 90)])
    room = wood * (1 + 0.06 * np.sin(y * 0.35 + 2 * np.sin(x * 0.01)))[..., None]
    room[(x % 96 < 2) | (y % 240 < 2)] *= 0.6
    for _ in range(14):
        top, left = rng.integers(0, size - 40, 2)
        height, width = rng.integers(40, 260, 2)
        room[top : top + height, left : left + width] = rng.uniform(20, 245, 3)
    lamp = rng.uniform(0.25, 0.75, 2) * size
    light = 0.35 + 0.9 * np.exp(-((y - lamp[0]) ** 2 + (x - lamp[1]) ** 2) / (0.35 * size) ** 2)
    lit = room * light[..., None] * np.array([1.1, 1.0, 0.85]) + rng.normal(0, 2, room.shape)
    return _u8(lit.clip(0, 255))


def _u8(values: object) -> Picture:
    return np.ascontiguousarray(np.asarray(values).astype(np.uint8))
