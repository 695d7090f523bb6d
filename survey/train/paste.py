"""Put an item on the ground: shadow, local colour, soft edges, cover by the ground's own grass."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.simulate import Sprite, Sun
from survey.train.sources import AT_LEAST_M, UNIDENTIFIED_MINE, Cutout


@dataclass(frozen=True, slots=True)
class Pasted:
    """An item in a crop: centre and longest extent in pixels, class, share that can be seen."""

    row: float
    col: float
    size_px: float
    class_name: str
    visible: float


def cutout_sprite(cutout: Cutout, gsd_m: float, sun: Sun, rng: np.random.Generator) -> Sprite:
    """Turn a studio cut-out into a sprite of a random size and direction, tinted, with a cast shadow."""
    size_m = float(rng.uniform(*cutout.size_range_m))
    name = cutout.class_name
    if name == UNIDENTIFIED_MINE:
        size_m = float(rng.uniform(0.07, 0.15) if rng.random() < 0.5 else rng.uniform(0.22, 0.34))
        name = "at_mine" if size_m >= AT_LEAST_M else "ap_mine"
    size_px = size_m / gsd_m
    height, width = cutout.alpha.shape
    scale = size_px / max(height, width)
    source = np.dstack([cutout.rgb, cutout.alpha * 255]).astype(np.float32)
    source[..., :3] *= cutout.alpha[..., None]
    if scale < 0.7:  # reduce by area first: the turn below samples points
        factor = max(scale * 1.4, 4 / max(height, width))
        source = cv2.resize(source, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        scale /= factor
    side = int(np.ceil(size_px * 1.6)) + 8
    turn = cv2.getRotationMatrix2D((source.shape[1] / 2, source.shape[0] / 2), rng.uniform(0, 360), scale)
    turn[:, 2] += side / 2 - np.array([source.shape[1] / 2, source.shape[0] / 2])
    turned = cv2.warpAffine(source, turn, (side, side), flags=cv2.INTER_LINEAR)
    alpha = np.clip(turned[..., 3] / 255, 0, 1)
    rgb = _tinted(turned[..., :3] / np.maximum(alpha, 1e-3)[..., None], rng)
    return Sprite(
        rgb=rgb,
        alpha=alpha,
        shadow=_cast(alpha, sun, height_px=size_px * rng.uniform(0.1, 0.45)),
        class_name=name,
        kind="cutout",
        size_m=size_m,
        center=(side / 2, side / 2),
    )


def distractor_sprite(ground: NDArray[np.uint8], texture: NDArray[np.uint8], rng: np.random.Generator) -> Sprite:
    """Return a thing that is not ordnance: a stone, leaf, scrap or stain of random outline and surface."""
    size = int(rng.integers(6, 44))
    side = size + 8
    blob = cv2.resize(rng.normal(size=(5, 5)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    rows, cols = np.mgrid[:side, :side].astype(np.float32) - side / 2
    angle, squeeze = rng.uniform(0, np.pi), rng.uniform(1, 3.5)
    along, across = rows * np.cos(angle) + cols * np.sin(angle), cols * np.cos(angle) - rows * np.sin(angle)
    radius = np.hypot(along, across * squeeze) / (size / 2)
    if rng.random() < 0.2:  # plates, boards, boxes
        radius = np.maximum(np.abs(along), np.abs(across) * squeeze) / (size / 2)
    alpha = np.clip((1 - radius + 0.25 * blob * rng.uniform(0, 1)) * size / 6, 0, 1).astype(np.float32)
    row, col = (int(rng.integers(0, max(1, extent - side))) for extent in texture.shape[:2])
    patch = texture[row : row + side, col : col + side]
    patch = np.asarray(cv2.resize(patch, (side, side)), np.float32)
    if rng.random() < 0.5:
        colour = ground.reshape(-1, 3).mean(axis=0) * rng.uniform(0.4, 1.7) * rng.uniform(0.75, 1.25, 3)
        patch = patch - patch.mean(axis=(0, 1)) + colour
    shade = 1 + 0.35 * rng.uniform(-1, 1) * (rows / side) + 0.35 * rng.uniform(-1, 1) * (cols / side)
    rgb = np.clip(patch * shade[..., None], 0, 255).astype(np.uint8)
    sun = Sun.sample(rng)
    shadow = _cast(alpha, sun, height_px=size * rng.uniform(0, 0.3))
    return Sprite(rgb, alpha, shadow, "", "distractor", 0.0, (side / 2, side / 2))


def paste(ground: NDArray[np.uint8], sprite: Sprite, rng: np.random.Generator, *, covered: bool) -> Pasted:
    """Draw a sprite at a random place of the crop, in place; return where it lies and how much shows."""
    size = ground.shape[0]
    height, width = sprite.alpha.shape
    top, left = (int(rng.integers(-extent // 3, max(1, size - 2 * extent // 3))) for extent in (height, width))
    rows, cols = slice(max(0, top), min(size, top + height)), slice(max(0, left), min(size, left + width))
    inner = (slice(rows.start - top, rows.stop - top), slice(cols.start - left, cols.stop - left))
    under = ground[rows, cols].astype(np.float32)
    alpha = sprite.alpha[inner].copy()
    whole = float(sprite.alpha.sum())
    if covered:
        alpha *= 1 - _cover(under, rng)
    visible = float(alpha.sum()) / max(whole, 1e-6)
    item = _matched(sprite.rgb[inner].astype(np.float32), alpha, under, rng)
    darkness = rng.uniform(0.35, 0.75)
    lit = under * (1 - darkness * sprite.shadow[inner] * (1 - alpha))[..., None]
    ground[rows, cols] = np.clip(lit * (1 - alpha[..., None]) + item * alpha[..., None], 0, 255).astype(np.uint8)
    size_px = _longest(sprite)
    return Pasted(top + sprite.center[0], left + sprite.center[1], size_px, sprite.class_name, visible)


def _longest(sprite: Sprite) -> float:
    """Return the longest side of the sprite's box in pixels, as an annotator would draw it."""
    rows, cols = np.nonzero(sprite.alpha > 0.3)
    return float(max(np.ptp(rows), np.ptp(cols)) + 1) if len(rows) else 1.0


def _cast(alpha: NDArray[np.float32], sun: Sun, *, height_px: float) -> NDArray[np.float32]:
    """Return the shadow of a flat-topped body of this outline and height."""
    length = height_px / np.tan(np.radians(max(sun.elevation_deg, 12.0)))
    away = np.radians(sun.azimuth_deg + 180)
    shadow = np.zeros_like(alpha)
    for share in np.linspace(0.0, 1.0, max(2, int(length) + 1)):
        shift = np.array([[1, 0, np.sin(away) * length * share], [0, 1, -np.cos(away) * length * share]])
        shadow = np.maximum(shadow, cv2.warpAffine(alpha, shift, alpha.shape[::-1]))
    return np.asarray(cv2.GaussianBlur(shadow, (0, 0), 0.8), np.float32)


def _tinted(rgb: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Vary the colour of a studio photograph: exposure, white balance, fading, repainting."""
    out = rgb * rng.uniform(0.6, 1.25) * rng.uniform(0.88, 1.12, 3)
    grey = out.mean(axis=2, keepdims=True)
    out = grey + (out - grey) * rng.uniform(0.3, 1.1)
    if rng.random() < 0.35:
        paints = np.array([[88, 92, 58], [150, 130, 95], [110, 110, 108], [95, 62, 42], [60, 66, 48], [140, 80, 50]])
        paint = paints[int(rng.integers(len(paints)))] * rng.uniform(0.7, 1.3)
        out = grey / max(float(grey[grey > 5].mean()) if (grey > 5).any() else 1.0, 1.0) * paint
    return np.asarray(np.clip(out, 0, 255).astype(np.uint8))


def _matched(
    item: NDArray[np.float32], alpha: NDArray[np.float32], under: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Move the item's brightness part of the way to the ground's, and dust it with the ground's colour."""
    weight = float(alpha.sum())
    if weight < 1:
        return item
    ground = under.reshape(-1, 3).mean(axis=0)
    own = (item * alpha[..., None]).sum(axis=(0, 1)) / weight
    gain = 1 + rng.uniform(0.0, 0.6) * (ground.mean() / max(float(own.mean()), 8.0) - 1)
    dust = rng.beta(1, 4)
    speckle = np.clip(rng.normal(dust, dust / 2, alpha.shape), 0, 0.9).astype(np.float32)[..., None]
    return np.asarray(item * gain * (1 - speckle) + ground * speckle, np.float32)


def _cover(under: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return what the ground's own texture (its brighter or darker parts) and loose soil hide, 0..1."""
    grey = under.mean(axis=2)
    detail = grey - cv2.GaussianBlur(grey, (0, 0), 4)
    detail = detail * rng.choice([-1.0, 1.0]) / max(float(detail.std()), 1.0)
    low = cv2.resize(rng.normal(size=(4, 4)).astype(np.float32), grey.shape[::-1], interpolation=cv2.INTER_CUBIC)
    hidden = rng.uniform(0.3, 1.0) * detail + low
    threshold = np.quantile(hidden, 1 - rng.beta(1.2, 2.2))
    return np.asarray(cv2.GaussianBlur((hidden > threshold).astype(np.float32), (0, 0), 0.6), np.float32)
