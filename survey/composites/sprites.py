"""Items and clutter to be pasted: photographs cut out, and rendered sprites, turned to the crop's light and scale."""

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.composites.placing import Turn, turned_layers
from survey.datasets.sources import AT_LEAST_M, UNIDENTIFIED_MINE, Cutout
from survey.simulate import Sprite, Sun
from survey.simulate.canvas import CUTOUT
from survey.simulate.render import BankSprite

_SIZE_SPREAD = 0.12
"""Spread of ln(size) about the true one: other marks of a type, and ground scales that are a little off."""
_PAINTS = np.array([[88, 92, 58], [150, 130, 95], [110, 110, 108], [95, 62, 42], [60, 66, 48], [140, 80, 50]])


def cutout_sprite(cutout: Cutout, gsd_m: float, sun: Sun, rng: np.random.Generator) -> Sprite:
    """Turn a photograph's cut-out into a sprite of a random size and direction, tinted, with a cast shadow."""
    size_m, name = _size_of(cutout, rng)
    turn = Turn(size_m / gsd_m / max(cutout.alpha.shape), rng.uniform(0, 2 * np.pi), bool(rng.random() < 0.5))
    layers = np.dstack([cutout.rgb * cutout.alpha[..., None], cutout.alpha * 255]).astype(np.float32)
    height_px = size_m / gsd_m * float(rng.uniform(0.1, 0.45))
    layers = _with_room(layers, height_px / turn.scale / sun.slope)
    turned, center = turned_layers(layers, turn, center=(layers.shape[0] / 2, layers.shape[1] / 2))
    alpha = np.asarray(np.clip(turned[..., 3] / 255, 0, 1), np.float32)
    rgb = _tinted(np.asarray(turned[..., :3] / np.maximum(alpha, 1e-3)[..., None], np.float32), rng)
    shadow = cast(alpha, sun, height_px=height_px)
    return Sprite(rgb, alpha, shadow, name, CUTOUT, size_m, center)


def rendered_sprite(banked: BankSprite, gsd_m: float, azimuth_deg: float, rng: np.random.Generator) -> Sprite:
    """Turn a rendered sprite so that its sun stands at `azimuth_deg`; under an overcast sky any way."""
    mirrored = bool(rng.random() < 0.5)
    flipped = Turn(1, 0, mirrored).azimuth(banked.sun_azimuth_deg)
    angle = rng.uniform(0, 360) if banked.overcast else azimuth_deg - flipped + rng.normal(0, 4)
    factor = float(np.exp(rng.normal(0, _SIZE_SPREAD)))
    turn = Turn(banked.gsd_m / gsd_m * factor, float(np.radians(angle)), mirrored)
    colour = banked.rgb * banked.alpha[..., None]
    layers = np.dstack([colour, banked.alpha * 255]).astype(np.float32)
    turned, center = turned_layers(layers, turn, center=banked.center)
    shadow, _ = turned_layers(banked.shadow[..., None], turn, center=banked.center)
    alpha = np.asarray(np.clip(turned[..., 3] / 255, 0, 1), np.float32)
    rgb = np.clip(turned[..., :3] / np.maximum(alpha, 1e-3)[..., None], 0, 255).astype(np.uint8)
    shade = shadow.reshape(alpha.shape)
    size_m = banked.size_m * factor
    return Sprite(rgb, alpha, shade, banked.class_name, banked.kind, size_m, center, banked.visible)


def cast(alpha: NDArray[np.float32], sun: Sun, *, height_px: float) -> NDArray[np.float32]:
    """Return the shadow of a flat-topped body of this outline and height, 0 to 1."""
    length = height_px / np.tan(np.radians(max(sun.elevation_deg, 12.0)))
    away = np.radians(sun.azimuth_deg + 180)
    shadow = np.zeros_like(alpha)
    for share in np.linspace(0.0, 1.0, max(2, int(length) + 1)):
        shift = np.array([[1, 0, np.sin(away) * length * share], [0, 1, -np.cos(away) * length * share]])
        shadow = np.maximum(shadow, cv2.warpAffine(alpha, shift, alpha.shape[::-1]))
    return np.asarray(cv2.GaussianBlur(shadow, (0, 0), 0.8), np.float32)


def _size_of(cutout: Cutout, rng: np.random.Generator) -> tuple[float, str]:
    """Draw a size in metres, and the class that a mine of unknown kind has at that size."""
    size_m = float(rng.uniform(*cutout.size_range_m))
    if cutout.class_name != UNIDENTIFIED_MINE:
        return size_m, cutout.class_name
    size_m = float(rng.uniform(0.07, 0.15) if rng.random() < 0.5 else rng.uniform(0.22, 0.34))
    return size_m, "at_mine" if size_m >= AT_LEAST_M else "ap_mine"


def _with_room(layers: NDArray[np.float32], shadow_px: float) -> NDArray[np.float32]:
    """Return the layers with a transparent border that the shadow may fall on; the middle stays the middle."""
    room = int(np.ceil(shadow_px)) + 2
    return np.pad(layers, ((room, room), (room, room), (0, 0)))


def _tinted(rgb: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Vary the colour of a studio photograph: exposure, white balance, fading, repainting."""
    out = rgb * rng.uniform(0.6, 1.25) * rng.uniform(0.88, 1.12, 3)
    grey = out.mean(axis=2, keepdims=True)
    out = grey + (out - grey) * rng.uniform(0.3, 1.1)
    if rng.random() < 0.35:
        paint = _PAINTS[int(rng.integers(len(_PAINTS)))] * rng.uniform(0.7, 1.3)
        out = grey / max(float(grey[grey > 5].mean()) if (grey > 5).any() else 1.0, 1.0) * paint
    return np.asarray(np.clip(out, 0, 255).astype(np.uint8))
