"""Put sprites on the ground: shadow, exposure, sharpness, cover by the ground's own grass; know what still shows."""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.simulate.light import GAMMA
from survey.simulate.render.sky import GREY, GREY_LEVELS
from survey.simulate.sprites import Sprite

CUTOUT, CLUTTER = "cutout", "clutter"
"""Kinds of sprites whose exposure is not known; all others are rendered."""
_RENDERED = (sum(GREY_LEVELS) / 2 / 255) ** GAMMA / GREY
"""Light stored for a surface of albedo 1 in rendered sprites."""
SPARED_PX = 12
"""Nothing is laid within this distance of the spared place."""
LEAST_VARIATION = 3.0
"""Grey levels; the eye sees no less on the most even ground."""
_GROUND_ALBEDO = (0.1, 0.4)
"""From moist soil to dry sand and straw; nobody knows a picture's, so it is drawn."""
_SUN_SHARE = (0.5, 0.9)
"""Of the light on open ground, from haze to a dry blue sky."""


@dataclass(frozen=True, slots=True)
class Pasted:
    """An item in a crop: centre and longest extent in pixels, class, share that can be seen."""

    row: float
    col: float
    size_px: float
    class_name: str
    """Empty for an item whose class is not known."""
    visible: float
    ignored: bool = False
    """Neither demanded nor punished, whatever shows of it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """What shows of one item: alpha over a part of the crop, and the sum it would have if all of it showed."""

    item: Pasted
    rows: slice
    cols: slice
    alpha: NDArray[np.float32]
    whole: float


class Canvas:
    """A crop on which things are laid one after another."""

    def __init__(
        self,
        rgb: NDArray[np.uint8],
        items: list[Pasted],
        *,
        softness_px: float = 0.0,
        spared: tuple[float, float] | None = None,
    ) -> None:
        """Begin with a picture of ground.

        Args:
            rgb: (H, W, 3), drawn on in place.
            items: What the picture itself shows; each is taken to fill a disc.
            softness_px: Standard deviation of the picture's blur; what is pasted is blurred alike.
            spared: (row, col) on which nothing is laid.
        """
        self.rgb, self._softness_px, self._spared = rgb, softness_px, spared
        self._layers = [_disc(item, (rgb.shape[0], rgb.shape[1])) for item in items]

    @property
    def items(self) -> list[Pasted]:
        """Every item, with the share of it that nothing laid on it later hides and that lies in the crop."""
        return [
            replace(layer.item, visible=min(1.0, float(layer.alpha.sum()) / max(layer.whole, 1e-6)))
            for layer in self._layers
        ]

    def lay(
        self,
        sprite: Sprite,
        rng: np.random.Generator,
        *,
        covered: bool,
        place: tuple[float, float] | None = None,
        hidden: float | None = None,
    ) -> None:
        """Lay a sprite; one with a class becomes an item.

        Args:
            sprite: At the crop's GSD.
            rng: Decides on place, exposure, dust and cover.
            covered: Let the ground's own texture hide a part of it.
            place: (row, col) of its middle; a random one if None.
            hidden: Share of item and shadow that is covered, about; a random one if None.
        """
        tall, wide = self.rgb.shape[:2]
        row, col = place if place is not None else (float(rng.uniform(-0.05, 1.05) * edge) for edge in (tall, wide))
        top, left = round(row - sprite.center[0]), round(col - sprite.center[1])
        height, width = sprite.alpha.shape
        rows, cols = slice(max(0, top), min(tall, top + height)), slice(max(0, left), min(wide, left + width))
        if rows.start >= rows.stop or cols.start >= cols.stop:
            return
        reach = np.hypot(height, width) / 2 + SPARED_PX
        if self._spared is not None and np.hypot(row - self._spared[0], col - self._spared[1]) < reach:
            return
        inner = (slice(rows.start - top, rows.stop - top), slice(cols.start - left, cols.stop - left))
        colour, whole_alpha, shadow = self._softened(sprite)
        under = self.rgb[rows, cols].astype(np.float32)
        whole = float(whole_alpha.sum()) / max(sprite.visible, 1e-3)
        alpha = whole_alpha[inner].copy()
        if covered:
            cover = _cover(under, rng, share=hidden)
            alpha *= 1 - cover
            shadow = shadow.copy()
            shadow[inner] *= 1 - cover  # what lies over the item lies over its shadow too, and must not betray it
        item = _exposed(sprite, colour[inner], alpha=alpha, under=under, rng=rng)
        # A rendered shadow is the share of all light that is gone; others say how much of the sun is hidden.
        strength = 1.0 if _is_rendered(sprite) else rng.uniform(*_SUN_SHARE)
        kept = (1 - strength * shadow[inner] * (1 - alpha)).clip(0.02, 1) ** (1 / GAMMA)
        mixed = under * kept[..., None] * (1 - alpha[..., None]) + item * alpha[..., None]
        self.rgb[rows, cols] = np.clip(mixed, 0, 255).astype(np.uint8)
        self._hide(rows, cols, alpha)
        if sprite.class_name:
            laid = Pasted(
                top + sprite.center[0], left + sprite.center[1], longest_px(sprite.alpha), sprite.class_name, 1.0
            )
            self._layers.append(_Layer(laid, rows, cols, alpha, whole))

    def _softened(self, sprite: Sprite) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Return colour, alpha and shadow, as unsharp as the ground is."""
        colour = sprite.rgb.astype(np.float32)
        if self._softness_px < 0.3:
            return colour, sprite.alpha, sprite.shadow
        stack = np.dstack([colour * sprite.alpha[..., None], sprite.alpha])
        stack = cv2.GaussianBlur(stack, (0, 0), self._softness_px)
        shadow = cv2.GaussianBlur(sprite.shadow, (0, 0), self._softness_px)
        alpha = np.asarray(stack[..., 3], np.float32)
        return stack[..., :3] / np.maximum(alpha, 1e-3)[..., None], alpha, np.asarray(shadow, np.float32)

    def _hide(self, rows: slice, cols: slice, alpha: NDArray[np.float32]) -> None:
        """Take away from earlier items what now lies under something else."""
        for layer in self._layers:
            top, bottom = max(rows.start, layer.rows.start), min(rows.stop, layer.rows.stop)
            left, right = max(cols.start, layer.cols.start), min(cols.stop, layer.cols.stop)
            if top < bottom and left < right:
                over = alpha[top - rows.start : bottom - rows.start, left - cols.start : right - cols.start]
                under = layer.alpha[
                    top - layer.rows.start : bottom - layer.rows.start,
                    left - layer.cols.start : right - layer.cols.start,
                ]
                under *= 1 - over


def contrast(before: NDArray[np.uint8], after: NDArray[np.uint8], item: Pasted) -> float:
    """Return how much an item with its shadow stands out: its change of the picture by the ground's own variation.

    Both are seen through a blur of an eighth of the item's extent, about what the eye would find it by. On ground as
    restless as the item, or of its colour, or in the dark, the value is small.

    Args:
        before: (H, W, 3) without the item.
        after: (H, W, 3) with it.
        item: Where it lies.
    """
    reach = round(item.size_px * 1.5) + 4
    rows, cols = (
        slice(max(0, round(at) - reach), min(edge, round(at) + reach))
        for at, edge in zip((item.row, item.col), before.shape[:2], strict=True)
    )
    if rows.start >= rows.stop or cols.start >= cols.stop:
        return 0.0
    spread = max(0.8, item.size_px / 8)
    ground = cv2.GaussianBlur(before[rows, cols].astype(np.float32), (0, 0), spread)
    change = np.square(cv2.GaussianBlur(after[rows, cols].astype(np.float32), (0, 0), spread) - ground).sum(axis=2)
    middle = (item.row - rows.start, item.col - cols.start)
    y, x = np.ogrid[: change.shape[0], : change.shape[1]]
    near = np.hypot(y + 0.5 - middle[0], x + 0.5 - middle[1]) < max(3.0, item.size_px * 0.7)
    signal = float(np.sqrt(np.quantile(change[near], 0.93) / 3)) if near.any() else 0.0
    variation = float(np.sqrt(np.square(cv2.meanStdDev(ground)[1]).mean()))
    return signal / float(np.hypot(variation, LEAST_VARIATION))


def mean_colour(picture: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return the mean (3,) of a picture (h, w, 3); OpenCV's is many times faster than a reduction over two axes."""
    return np.array(cv2.mean(picture)[:3], np.float32)


def _is_rendered(sprite: Sprite) -> bool:
    return sprite.kind not in (CUTOUT, CLUTTER)


def _disc(item: Pasted, shape: tuple[int, int]) -> _Layer:
    """Return the layer of an item that the ground's picture shows: a disc of its longest extent."""
    radius = max(1.0, item.size_px / 2)
    reach = int(np.ceil(radius)) + 1
    rows, cols = (
        slice(int(np.clip(at - reach, 0, edge)), int(np.clip(at + reach + 1, 0, edge)))
        for at, edge in zip((item.row, item.col), shape, strict=True)
    )
    y, x = np.mgrid[rows, cols].astype(np.float32) + 0.5
    alpha = (np.hypot(y - item.row, x - item.col) <= radius).astype(np.float32)
    return _Layer(item, rows, cols, alpha, float(np.pi * radius**2))


def longest_px(alpha: NDArray[np.float32]) -> float:
    """Return the longest side of a sprite's box in pixels, as an annotator would draw it."""
    rows, cols = np.nonzero(alpha > 0.3)
    return float(max(np.ptp(rows), np.ptp(cols)) + 1) if len(rows) else 1.0


def _exposed(
    sprite: Sprite,
    colour: NDArray[np.float32],
    *,
    alpha: NDArray[np.float32],
    under: NDArray[np.float32],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Return the sprite's colour as the picture's exposure would show it, tinted by its light, dusted by its ground."""
    weight = float(alpha.sum())
    if weight < 1:
        return colour
    ground = mean_colour(under)
    if not _is_rendered(sprite):  # photographs: their own exposure is not known
        own = (colour * alpha[..., None]).sum(axis=(0, 1)) / weight
        share = rng.uniform(0.0, 0.6) if sprite.kind == CUTOUT else 0.0
        gain = 1 + share * (ground.mean() / max(float(own.mean()), 8.0) - 1)
    else:
        light = (float(ground.mean()) / 255) ** GAMMA / rng.uniform(*_GROUND_ALBEDO)
        gain = float(np.clip((light / _RENDERED) ** (1 / GAMMA), 0.45, 2.0))
        tint = ground / max(float(ground.mean()), 1.0)
        colour = np.asarray(colour * (1 + rng.uniform(0, 0.35) * (tint - 1)), np.float32)
    dust = rng.beta(1, 5)
    speckle = np.clip(rng.normal(dust, dust / 2, alpha.shape), 0, 0.9).astype(np.float32)[..., None]
    return np.asarray(colour * gain * (1 - speckle) + ground * speckle, np.float32)


def _cover(under: NDArray[np.float32], rng: np.random.Generator, *, share: float | None) -> NDArray[np.float32]:
    """Return what the ground's own texture (its brighter or darker parts) and loose soil hide, 0..1.

    It hides a share of the pixels; a random one if None.
    """
    grey = under.mean(axis=2)
    detail = grey - cv2.GaussianBlur(grey, (0, 0), 4)
    detail = detail * rng.choice([-1.0, 1.0]) / max(float(detail.std()), 1.0)
    low = cv2.resize(rng.normal(size=(4, 4)).astype(np.float32), grey.shape[::-1], interpolation=cv2.INTER_CUBIC)
    hidden = rng.uniform(0.3, 1.0) * detail + low
    threshold = np.quantile(hidden, 1 - (rng.beta(1.2, 2.2) if share is None else share))
    return np.asarray(cv2.GaussianBlur((hidden > threshold).astype(np.float32), (0, 0), 0.6), np.float32)
