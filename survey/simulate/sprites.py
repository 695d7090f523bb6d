"""Ordnance as seen from straight above: colour, cover and shadow, ready to be laid on the ground."""

from dataclasses import dataclass, replace
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.simulate.items import ITEMS, ItemSpec
from survey.simulate.light import AMBIENT, cast_shadow, glint, irradiance, sky_view, stored
from survey.simulate.noise import fractal_noise
from survey.simulate.paint import painted
from survey.simulate.shapes import Relief
from survey.simulate.sun import Sun

Field = NDArray[np.float32]

SUPERSAMPLING = (4, 16)
"""Fine cells along a pixel's edge, at least and at most."""
_FINE = 90
"""Fine cells along an item's longest extent: enough for the smallest parts drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """One item, north up. Arrays share (h, w); the shadow may reach far beyond the item."""

    rgb: NDArray[np.uint8]
    """(h, w, 3), meaningless where alpha is 0."""
    alpha: Field
    """(h, w), share of the pixel that the item covers, 0 to 1."""
    shadow: Field
    """(h, w), share of the sun's light that the item takes from the ground, 0 to 1."""
    class_name: str
    kind: str
    size_m: float
    """Longest extent of the whole item seen from above, metres."""
    center: tuple[float, float]
    """(row, col) of the item's middle in the sprite, on pixel edges."""
    visible: float = 1.0
    """Share of the item's outline that soil and plants leave to be seen, 0 to 1."""


def render_item(kind: str, *, gsd_m: float, sun: Sun, rng: np.random.Generator) -> Sprite:
    """Render one item from straight above, lit by the sun, in a random pose and state.

    Yaw is free; the item is tilted by a few degrees and sunk into uneven soil. Flat open surfaces keep
    the colour of their paint, as if lit like the flat ground around them.

    Args:
        kind: A key of `ITEMS`.
        gsd_m: Edge of the sprite's pixels, metres.
        sun: Where the light comes from.
        rng: Decides everything else; the same state gives the same sprite.

    Returns:
        The sprite, cropped to the item and its shadow.

    Raises:
        ValueError: The kind is unknown, or the GSD is not positive.
    """
    if kind not in ITEMS or gsd_m <= 0:
        msg = f"cannot render '{kind}' at {gsd_m} m: kinds are {', '.join(ITEMS)}; the GSD is above 0"
        raise ValueError(msg)
    return render_spec(ITEMS[kind], kind=kind, gsd_m=gsd_m, sun=sun, rng=rng)


def render_spec(
    item: ItemSpec, *, kind: str, gsd_m: float, sun: Sun, rng: np.random.Generator, draft: bool = False
) -> Sprite:
    """Render an item that need not be one of `ITEMS`, as `render_item` does.

    `kind` is what its sprite is called. A draft has half as many fine cells along an edge, and takes a quarter of the
    time.
    """
    fine, least = (_FINE // 2, SUPERSAMPLING[0] // 2) if draft else (_FINE, SUPERSAMPLING[0])
    factor = int(np.clip(ceil(gsd_m * fine / item.size_m), least, SUPERSAMPLING[1]))
    cell_m = gsd_m / factor
    canvas = _Canvas.around(item, gsd_m=gsd_m, factor=factor, sun=sun, phase=rng.uniform(0, 1, 2))
    relief, visible = _posed(item, canvas, rng=rng)
    on = relief.height > 0
    height = np.maximum(relief.height, 0)
    hidden = cast_shadow(height, cell_m=cell_m, sun=sun, reach_m=item.height_m / sun.slope)
    sky = sky_view(height, cell_m=cell_m, radius_m=0.12 * item.size_m)
    paints = item.paints[int(rng.integers(len(item.paints)))]
    colour, gloss = painted(np.minimum(relief.part, len(paints) - 1), paints, cell_m=cell_m, rng=rng)
    # Edges are shaded on a height field without the drop to the ground, which would make a black or white rim.
    surface = _without_cliffs(relief.height, on)
    light = irradiance(surface, cell_m=cell_m, sun=sun, hidden=hidden, sky=sky)
    shine = glint(surface, cell_m=cell_m, sun=sun, power=14) * gloss * (1 - hidden)
    rgb = colour * stored(light)[..., None] + 110 * shine[..., None]
    # Ground that an item hides from the sky darkens too, which seats it on the ground.
    taken = np.clip(np.maximum(hidden, (1 - sky) * 0.8), 0, 1)
    return replace(_reduced(item, kind, rgb, on, taken, canvas=canvas), visible=visible)


def paste(ground: NDArray[np.uint8], sprite: Sprite, *, row: float, col: float) -> None:
    """Lay a sprite on the ground with its middle at (row, col), to the nearest pixel, in place.

    Args:
        ground: (h, w, 3).
        sprite: At the ground's GSD; what leaves the ground is cut off.
        row: Place of the sprite's `center`, on pixel edges; may lie outside.
        col: As `row`.
    """
    top, left = round(row - sprite.center[0]), round(col - sprite.center[1])
    height, width = sprite.alpha.shape
    row0, col0 = max(0, top), max(0, left)
    row1, col1 = min(ground.shape[0], top + height), min(ground.shape[1], left + width)
    if row0 >= row1 or col0 >= col1:
        return
    part = (slice(row0 - top, row1 - top), slice(col0 - left, col1 - left))
    below = ground[row0:row1, col0:col1].astype(np.float32)
    below *= stored(1 - np.float32(1 - AMBIENT) * sprite.shadow[part])[..., None]
    alpha = sprite.alpha[part][..., None]
    ground[row0:row1, col0:col1] = np.rint(below + (sprite.rgb[part] - below) * alpha).astype(np.uint8)


def occlude(sprite: Sprite, *, share: float, gsd_m: float, rng: np.random.Generator) -> Sprite:
    """Return the sprite with about `share` of it hidden under what grows and drifts on the ground.

    The ground shows through holes in ragged patches; `visible` says how much is left.

    Raises:
        ValueError: The share is not in 0..1.
    """
    if not 0 <= share <= 1:
        msg = f"the hidden share lies in 0..1, got {share}"
        raise ValueError(msg)
    height, width = sprite.alpha.shape
    rows, cols = (np.arange(n) * gsd_m for n in (height, width))
    field = fractal_noise(
        rows, cols, cell=max(0.2 * sprite.size_m, 4 * gsd_m), octaves=4, seed=int(rng.integers(1 << 31))
    )
    on = sprite.alpha > 0.5
    if not on.any() or share == 0:
        return sprite
    level = np.quantile(field[on], share)
    left = sprite.alpha * np.clip((field - level) * 6 + 0.5, 0, 1).astype(np.float32)
    part = float(left.sum() / sprite.alpha.sum())
    return replace(sprite, alpha=left, visible=sprite.visible * part)


@dataclass(frozen=True, slots=True, eq=False)
class _Canvas:
    """Fine cells under an item and its shadow."""

    factor: int
    cell_m: float
    x: Field
    """(w,) metres east of the item's middle."""
    y: Field
    """(h,) metres south of the item's middle."""
    center: tuple[float, float]
    """Of the item, in coarse pixels."""

    @classmethod
    def around(cls, item: ItemSpec, *, gsd_m: float, factor: int, sun: Sun, phase: NDArray[np.float64]) -> "_Canvas":
        """Return cells that hold the item at any yaw and its shadow; `phase` shifts it within a pixel."""
        radius = 0.56 * item.size_m
        shadow = 1.05 * item.height_m / sun.slope
        axes, center = [], []
        for away, shift in zip((-sun.toward[0], -sun.toward[1]), phase, strict=True):
            before = ceil((radius + max(0.0, -away) * shadow) / gsd_m) + 1
            after = ceil((radius + max(0.0, away) * shadow) / gsd_m) + 1
            middle = before + float(shift)
            cells = (np.arange((before + after + 1) * factor) + 0.5) / factor
            axes.append(((cells - middle) * gsd_m).astype(np.float32))
            center.append(middle)
        return cls(factor, gsd_m / factor, axes[1], axes[0], (center[0], center[1]))


def _posed(item: ItemSpec, canvas: _Canvas, *, rng: np.random.Generator) -> tuple[Relief, float]:
    """Return the turned, tilted and sunk item, height 0 where soil shows, and its visible share."""
    yaw = rng.uniform(0, 2 * np.pi)
    cos, sin = np.float32(np.cos(yaw)), np.float32(np.sin(yaw))
    x, y = canvas.x[None, :], canvas.y[:, None]
    u, v = x * cos + y * sin, y * cos - x * sin
    mirrored = np.float32(rng.choice((-1, 1)))
    height, part = item.shape(u, v * mirrored)
    whole = height > 0
    tilt = rng.normal(0, 0.05, 2).astype(np.float32)
    sink = item.height_m * item.max_sink * float(rng.beta(1.0, 2.2))
    rough = fractal_noise(canvas.y, canvas.x, cell=0.04, octaves=3, seed=int(rng.integers(1 << 31)))
    soil = np.float32(sink) + np.float32(0.12 * sink + 0.0008) * rough
    posed = np.where(whole, np.maximum(height + u * tilt[0] + v * tilt[1], 0.002) - soil, 0).astype(np.float32)
    posed = np.maximum(posed, 0)
    share = float((posed > 0).sum() / max(1, whole.sum()))
    return Relief(posed, part), share


def _without_cliffs(height: Field, on: NDArray[np.bool_]) -> Field:
    """Carry the item's edge heights a little outwards."""
    grown = cv2.dilate(height, np.ones((3, 3), np.uint8))
    return np.where(on, height, grown)


def _reduced(item: ItemSpec, kind: str, rgb: Field, on: NDArray[np.bool_], taken: Field, *, canvas: _Canvas) -> Sprite:
    """Average fine cells to pixels and crop to what is not empty."""
    size = (on.shape[1] // canvas.factor, on.shape[0] // canvas.factor)
    cover = on.astype(np.float32)
    alpha = cv2.resize(cover, size, interpolation=cv2.INTER_AREA)
    shadow = cv2.resize(taken.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    colour = cv2.resize(np.clip(rgb, 0, 255).astype(np.float32) * cover[..., None], size, interpolation=cv2.INTER_AREA)
    colour /= np.maximum(alpha, 1e-3)[..., None]
    used = np.argwhere((alpha > 0.004) | (shadow > 0.02))
    if not len(used):  # sunk whole
        used = np.zeros((1, 2), np.intp)
    (row0, col0), (row1, col1) = used.min(axis=0), used.max(axis=0) + 1
    crop = (slice(row0, row1), slice(col0, col1))
    return Sprite(
        rgb=np.rint(np.clip(colour[crop], 0, 255)).astype(np.uint8),
        alpha=np.clip(alpha[crop], 0, 1),
        shadow=np.clip(shadow[crop], 0, 1),
        class_name=item.class_name,
        kind=kind,
        size_m=item.size_m,
        center=(canvas.center[0] - float(row0), canvas.center[1] - float(col0)),
    )
