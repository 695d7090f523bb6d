"""Compose training crops: real or simulated ground, disturbance, items with shadow and cover, a camera."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.detect.network import FILL, MASK_STRIDE
from survey.simulate import ITEMS, Sprite, Sun, disturb, render_item
from survey.train.camera import through_camera
from survey.train.mining import Spot
from survey.train.paste import Pasted, cutout_sprite, distractor_sprite, paste
from survey.train.sources import Picture, Sources
from survey.values import DISTURBANCES

IGNORED = 255
"""Mask value of cells whose disturbance is not known."""
SPOT_PX = 24
"""What a mined spot is thought to measure: nothing is pasted on it."""
LEAST_VISIBLE = 0.35
"""An item of which less can be seen is neither demanded nor punished."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One training crop of S x S working pixels with its truth."""

    pixels: NDArray[np.uint8]
    """(S, S, 3)."""
    row: NDArray[np.float32]
    """(N,) centres of the items in pixels."""
    col: NDArray[np.float32]
    size_px: NDArray[np.float32]
    class_index: NDArray[np.int64]
    ignored: NDArray[np.bool_]
    """(N,) items too hidden, or cut by the edge: neither demanded nor punished."""
    mask: NDArray[np.uint8]
    """(S/8, S/8): 0 undisturbed, 1 + kind, or `IGNORED`."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How crops are composed. Shares are probabilities a crop."""

    crop_px: int
    gsd_m: float
    classes: tuple[str, ...]
    items_mean: float = 1.3
    """Mean number of items pasted on a crop that gets any."""
    empty_share: float = 0.3
    disturbance_share: float = 0.25
    distractors_mean: float = 1.5
    nodata_share: float = 0.12
    mined_share: float = 0.0
    """Share of crops around a mined spot, where there are any."""


class Composer:
    """Makes crop number n of a stream; the same (seed, n, spots) gives the same crop on any machine."""

    def __init__(self, sources: Sources, recipe: Recipe, *, seed: int) -> None:
        self._sources, self._recipe, self._seed = sources, recipe, seed
        weights = np.array([p.weight for p in sources.pictures])
        self._ground_shares = weights / weights.sum()
        items = np.array([c.weight for c in sources.cutouts] + [sources.simulated_items])
        self._item_shares = items / items.sum()

    def compose(self, number: int, spots: Sequence[Spot] = ()) -> Sample:
        """Return crop `number`; a share of the crops lies around mined spots, on which nothing is pasted."""
        recipe = self._recipe
        rng = np.random.default_rng([self._seed, number])
        spot = spots[int(rng.integers(len(spots)))] if spots and rng.random() < recipe.mined_share else None
        sun = Sun.sample(rng)
        rgb, items, mask = self._ground(rng, spot)
        mined = items.pop() if spot else None
        if spot is None and rng.random() < recipe.disturbance_share:
            rgb = self._disturbed(rgb, mask, sun, rng)
        for _ in range(rng.poisson(recipe.distractors_mean)):
            _paste(rgb, distractor_sprite(rgb, self._any_texture(rng), rng), rng, covered=0.3, spared=mined)
        if rng.random() >= recipe.empty_share:
            for _ in range(1 + rng.poisson(recipe.items_mean - 1)):
                items.extend(_paste(rgb, self._sprite(sun, rng), rng, covered=0.4, spared=mined))
        rgb = through_camera(rgb, rng)
        if rng.random() < recipe.nodata_share:
            _cut_away(rgb, mask, items, rng)
        return self._sample(rgb, mask, items)

    def _ground(
        self, rng: np.random.Generator, spot: Spot | None
    ) -> tuple[NDArray[np.uint8], list[Pasted], NDArray[np.uint8]]:
        """Return a crop of ground, the items already in it (a spot last), and its disturbance mask."""
        if spot is not None:
            picture, centre = self._sources.pictures[spot.picture], (spot.row, spot.col)
            return crop_picture(picture, self._recipe.crop_px, self._recipe.gsd_m, rng, centre=centre)
        index = int(rng.choice(len(self._ground_shares), p=self._ground_shares))
        return crop_picture(self._sources.pictures[index], self._recipe.crop_px, self._recipe.gsd_m, rng)

    def _any_texture(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        pictures = self._sources.pictures
        return pictures[int(rng.integers(len(pictures)))].rgb

    def _disturbed(
        self, rgb: NDArray[np.uint8], mask: NDArray[np.uint8], sun: Sun, rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        size = self._recipe.crop_px
        kind = str(rng.choice(DISTURBANCES))
        where = (float(rng.uniform(-0.2, 1.2) * size), float(rng.uniform(-0.2, 1.2) * size))
        changed, inside = disturb(rgb, kind=kind, gsd_m=self._recipe.gsd_m, sun=sun, rng=rng, where=where)
        mask[inside] = 1 + DISTURBANCES.index(kind)
        return changed

    def _sprite(self, sun: Sun, rng: np.random.Generator) -> Sprite:
        index = int(rng.choice(len(self._item_shares), p=self._item_shares))
        if index < len(self._sources.cutouts):
            return cutout_sprite(self._sources.cutouts[index], self._recipe.gsd_m, sun, rng)
        kinds = [kind for kind, spec in ITEMS.items() if spec.class_name in self._recipe.classes]
        return render_item(str(rng.choice(kinds)), gsd_m=self._recipe.gsd_m, sun=sun, rng=rng)

    def _sample(self, rgb: NDArray[np.uint8], mask: NDArray[np.uint8], items: list[Pasted]) -> Sample:
        size = self._recipe.crop_px
        inside = [
            i
            for i in items
            if -i.size_px < 2 * i.row < 2 * size + i.size_px and -i.size_px < 2 * i.col < 2 * size + i.size_px
        ]
        centred = [0 <= i.row < size and 0 <= i.col < size for i in inside]
        ignored = [i.visible < LEAST_VISIBLE or not c for i, c in zip(inside, centred, strict=True)]
        return Sample(
            pixels=rgb,
            row=np.array([i.row for i in inside], np.float32),
            col=np.array([i.col for i in inside], np.float32),
            size_px=np.array([i.size_px for i in inside], np.float32),
            class_index=np.array([self._recipe.classes.index(i.class_name) for i in inside], np.int64),
            ignored=np.array(ignored, bool),
            mask=mask[MASK_STRIDE // 2 :: MASK_STRIDE, MASK_STRIDE // 2 :: MASK_STRIDE].copy(),
        )


def _paste(
    rgb: NDArray[np.uint8], sprite: Sprite, rng: np.random.Generator, *, covered: float, spared: Pasted | None
) -> list[Pasted]:
    """Paste a sprite, sometimes covered; return it in a list, which is empty if it would have hit what is spared."""
    before = rgb.copy() if spared else rgb
    item = paste(rgb, sprite, rng, covered=rng.random() < covered)
    reach = np.hypot(*sprite.alpha.shape) / 2
    if spared and np.hypot(item.row - spared.row, item.col - spared.col) < reach + spared.size_px / 2:
        rgb[:] = before
        return []
    return [item]


def crop_picture(
    picture: Picture,
    size: int,
    gsd_m: float,
    rng: np.random.Generator,
    *,
    centre: tuple[float, float] | None = None,
) -> tuple[NDArray[np.uint8], list[Pasted], NDArray[np.uint8]]:
    """Return a randomly placed, turned, mirrored and scaled crop of a picture, its items and its mask.

    With `centre` (row, col in the picture) the crop lies around that place, which is told as the last item.
    """
    scale = picture.gsd_m / gsd_m * float(np.exp(rng.uniform(-0.3, 0.3)))
    height, width = picture.rgb.shape[:2]
    angle = rng.uniform(0, 2 * np.pi)
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([rng.choice([-1.0, 1.0]), 1.0])
    margin_x, margin_y = (min(size / 2 / scale, extent / 2) for extent in (width, height))
    middle = np.array([rng.uniform(margin_x, width - margin_x), rng.uniform(margin_y, height - margin_y)])
    if centre is not None:
        middle = np.array(centre[::-1]) + rng.uniform(-0.35, 0.35, 2) * size / scale
    elif len(picture.items.row) and rng.random() < 0.6:
        chosen = int(rng.integers(len(picture.items.row)))
        spread = rng.uniform(-0.35, 0.35, 2) * size / scale
        middle = np.array([picture.items.col[chosen], picture.items.row[chosen]]) + spread
    matrix = np.hstack([linear, (size / 2 - linear @ middle)[:, None]])
    rgb = cv2.warpAffine(picture.rgb, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    points = (linear @ np.stack([picture.items.col, picture.items.row])).T + matrix[:, 2]
    items = [
        Pasted(float(y), float(x), float(extent * scale), name, 1.0)
        for (x, y), extent, name in zip(points, picture.items.size_px, picture.items.classes, strict=True)
    ]
    if centre is not None:
        x, y = matrix @ np.array([centre[1], centre[0], 1.0])
        items.append(Pasted(float(y), float(x), SPOT_PX, "", 1.0))
    return np.asarray(rgb, np.uint8), items, _disturbance_mask(picture, matrix, size)


def _disturbance_mask(picture: Picture, matrix: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """Return the dug soil of a picture as ellipses; unknown elsewhere where the labels are partial."""
    if picture.disturbed == ():
        return np.zeros((size, size), np.uint8)
    mask = np.full(picture.rgb.shape[:2], IGNORED, np.uint8)
    code = 1 + DISTURBANCES.index("disturbed_soil")
    for x, y, width, height in picture.disturbed or ():
        centre = (round(x + width / 2), round(y + height / 2))
        cv2.ellipse(mask, centre, (round(width / 2), round(height / 2)), 0, 0, 360, code, -1)
    warped = cv2.warpAffine(mask, matrix, (size, size), flags=cv2.INTER_NEAREST, borderValue=IGNORED)
    return np.asarray(warped, np.uint8)


def _cut_away(rgb: NDArray[np.uint8], mask: NDArray[np.uint8], items: list[Pasted], rng: np.random.Generator) -> None:
    """Replace one side of the crop by nodata, as at the ragged edge of an orthomosaic."""
    size = rgb.shape[0]
    angle, offset = rng.uniform(0, 2 * np.pi), rng.uniform(0.0, 0.35) * size
    rows, cols = np.mgrid[:size, :size].astype(np.float32)
    ragged = cv2.resize(rng.normal(0, 12, (8, 8)).astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    distance = (cols - size / 2) * np.cos(angle) + (rows - size / 2) * np.sin(angle) + ragged
    gone = distance > offset
    rgb[gone] = FILL
    mask[gone] = 0
    for index, item in enumerate(items):
        row, col = (int(np.clip(v, 0, size - 1)) for v in (item.row, item.col))
        if gone[row, col]:
            items[index] = Pasted(item.row, item.col, item.size_px, item.class_name, 0.0)
