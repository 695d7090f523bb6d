"""Things on the ground that are not ordnance: stones, scraps, stains, shadows, tracks, patches of other ground."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.composites.sprites import cast
from survey.simulate import Sprite, Sun
from survey.simulate.canvas import CLUTTER, mean_colour

Picture = NDArray[np.uint8]
_LEAST_PX, _MOST_PX = 5, 60


def clutter(ground: Picture, texture: Picture, sun: Sun, rng: np.random.Generator) -> Sprite:
    """Return a random thing that is not ordnance.

    Args:
        ground: The crop it will lie on; things often have their surroundings' colour.
        texture: Another picture of ground: surfaces and patches are taken from it.
        sun: Of the crop.
        rng: Decides.
    """
    kinds: tuple[Callable[[Picture, Picture, Sun, np.random.Generator], Sprite], ...] = (_lump, _patch, _shade, _track)
    return kinds[int(rng.choice(len(kinds), p=(0.5, 0.3, 0.13, 0.07)))](ground, texture, sun, rng)


def _lump(ground: Picture, texture: Picture, sun: Sun, rng: np.random.Generator) -> Sprite:
    """A stone, clod, leaf, board or scrap: a random outline, a surface from elsewhere, often shaded as a dome."""
    size = _extent(rng)
    alpha = _outline(size, rng)
    side = alpha.shape[0]
    surface = _cut(texture, side, float(np.exp(rng.uniform(-0.7, 0.7))), rng)
    if rng.random() < 0.6:
        colour = mean_colour(ground) * rng.uniform(0.4, 1.8) * rng.uniform(0.75, 1.25, 3)
        surface = np.asarray((surface - mean_colour(surface)) * rng.uniform(0.1, 1) + colour, np.float32)
    rows, cols = np.mgrid[:side, :side].astype(np.float32) / side - 0.5
    toward_row, toward_col = sun.toward
    light = 1 + rng.uniform(0, 1.3) * (toward_row * rows + toward_col * cols)
    shadow = cast(alpha, sun, height_px=size * rng.uniform(0, 0.5))
    return _sprite(surface * light[..., None], alpha, shadow)


def _patch(ground: Picture, texture: Picture, sun: Sun, rng: np.random.Generator) -> Sprite:  # noqa: ARG001 - one signature
    """A piece of other ground with a ragged, soft rim: tufts, litter and stones as they really look."""
    size = int(rng.integers(10, 90))
    alpha = _outline(size, rng)
    alpha = cv2.GaussianBlur(alpha, (0, 0), float(rng.uniform(0.5, 3)))
    surface = _cut(texture, alpha.shape[0], float(np.exp(rng.uniform(-1.1, 1.1))), rng)
    if rng.random() < 0.5:
        toned = surface - mean_colour(surface) + mean_colour(ground) * rng.uniform(0.7, 1.3)
        surface = np.asarray(toned, np.float32)
    return _sprite(surface, np.asarray(alpha, np.float32), np.zeros_like(alpha, np.float32))


def _shade(ground: Picture, texture: Picture, sun: Sun, rng: np.random.Generator) -> Sprite:  # noqa: ARG001
    """A shadow or a stain without a body: dark or bright, soft or hard."""
    size = int(rng.integers(6, 80))
    outline = cv2.GaussianBlur(_outline(size, rng), (0, 0), float(rng.uniform(0.5, 4)))
    stain = np.asarray(outline, np.float32) * np.float32(rng.uniform(0.2, 0.9))
    if rng.random() < 0.6:
        return _sprite(np.zeros((*stain.shape, 3), np.float32), np.zeros_like(stain), stain)
    tone = mean_colour(ground) * rng.uniform(0.3, 1.7) * rng.uniform(0.8, 1.2, 3)
    return _sprite(np.broadcast_to(tone, (*stain.shape, 3)), stain, np.zeros_like(stain))


def _track(ground: Picture, texture: Picture, sun: Sun, rng: np.random.Generator) -> Sprite:  # noqa: ARG001
    """A piece of a wheel's track: a band of lugs, each a pair of a dark and a bright edge."""
    length, width = int(rng.integers(60, 220)), int(rng.integers(12, 36))
    pitch, lean = float(rng.uniform(4, 11)), float(rng.uniform(-1, 1))
    rows, cols = np.mgrid[: length + 8, : length + 8].astype(np.float32) - (length + 8) / 2
    angle = rng.uniform(0, np.pi)
    along, across = rows * np.cos(angle) + cols * np.sin(angle), cols * np.cos(angle) - rows * np.sin(angle)
    band = np.clip((width / 2 - np.abs(across)) / 2, 0, 1) * np.clip((length / 2 - np.abs(along)) / 6, 0, 1)
    lugs = np.sin(2 * np.pi * (along + lean * np.abs(across)) / pitch)
    tone = mean_colour(ground) * rng.uniform(0.75, 1.1)
    colour = tone * (1 + 0.25 * rng.uniform(0.3, 1) * lugs[..., None])
    alpha = (band * rng.uniform(0.3, 0.8)).astype(np.float32)
    return _sprite(colour, alpha, np.zeros_like(alpha))


def _extent(rng: np.random.Generator) -> int:
    """Draw an extent in pixels, small ones more often."""
    return round(float(np.exp(rng.uniform(np.log(_LEAST_PX), np.log(_MOST_PX)))))


def _outline(size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the alpha (side, side) of a random shape of about `size` pixels: round, long, square or ragged."""
    side = size + 8
    knots = int(rng.integers(4, 9))
    blob = cv2.resize(rng.normal(size=(knots, knots)).astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    rows, cols = np.mgrid[:side, :side].astype(np.float32) - side / 2
    angle, squeeze = rng.uniform(0, np.pi), float(np.exp(abs(rng.normal(0, 0.6))))
    along, across = rows * np.cos(angle) + cols * np.sin(angle), cols * np.cos(angle) - rows * np.sin(angle)
    radius = np.hypot(along, across * squeeze) / (size / 2)
    if rng.random() < 0.05:  # plates and boards: few, for what is manufactured is what shall be found
        radius = np.maximum(np.abs(along), np.abs(across) * squeeze) / (size / 2)
    edge = 1 - radius + 0.3 * blob * rng.uniform(0, 1.5)
    return np.asarray(np.clip(edge * size / rng.uniform(2, 7), 0, 1), np.float32)


def _cut(texture: Picture, side: int, scale: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a (side, side, 3) piece of a picture, `scale` source pixels to each of its own."""
    extent = max(4, min(round(side * scale), *texture.shape[:2]))
    row, col = (int(rng.integers(0, full - extent + 1)) for full in texture.shape[:2])
    piece = texture[row : row + extent, col : col + extent]
    turned = np.rot90(piece, int(rng.integers(4)))
    method = cv2.INTER_AREA if extent > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(turned), (side, side), interpolation=method), np.float32)


def _sprite(rgb: NDArray[np.floating], alpha: NDArray[np.float32], shadow: NDArray[np.float32]) -> Sprite:
    side = alpha.shape[0]
    colour = np.clip(rgb, 0, 255).astype(np.uint8)
    return Sprite(colour, alpha, shadow, "", CLUTTER, 0.0, (side / 2, side / 2))
