"""Compose training crops: real or simulated ground, disturbance, clutter, items with shadow and cover, a camera."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from survey.composites.camera import COARSEST, through_camera
from survey.composites.clutter import clutter
from survey.composites.ground import GroundCrop, crop_picture, cut_away, inside
from survey.composites.sprites import cutout_sprite, rendered_sprite
from survey.datasets.sources import Sources
from survey.networks import HEAT_STRIDE, MASK_STRIDE
from survey.simulate import ITEMS, ItemSpec, Sprite, Sun, disturb, render_item
from survey.simulate.canvas import Canvas, Pasted, contrast
from survey.simulate.invented import invented_item
from survey.simulate.natural import natural_thing
from survey.simulate.render import BankSprite
from survey.simulate.sprites import render_spec
from survey.values import DISTURBANCES, UNIDENTIFIED_CLASS

LEAST_VISIBLE = 0.35
"""An item of which less can be seen is neither demanded nor punished."""
LEAST_PX = 5.0
"""An item smaller than this is a speck: neither demanded nor punished."""
LEAST_CONTRAST = 1.0
"""An item that stands out less from its ground cannot be seen: neither demanded nor punished."""
NO_CLASS = -1
_SUN_HEIGHTS = 9.0
"""A rendered sprite fits a crop whose sun is at most this many degrees higher or lower than its own."""


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
    """`NO_CLASS` where it is not known."""
    ignored: NDArray[np.bool_]
    """(N,) items too hidden, or cut by the edge: neither demanded nor punished."""
    mask: NDArray[np.uint8]
    """(S/8, S/8): 0 undisturbed, 1 + kind, or `IGNORED`."""
    known: NDArray[np.bool_]
    """(S/4, S/4) ground on which what is not listed is no item."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place of empty ground that was taken for ordnance."""

    picture: int
    """Index in `Sources.pictures`."""
    row: float
    """Place in the picture's own pixels."""
    col: float
    score: float
    """0 to 1, when it was last looked at."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How crops are composed. Shares are probabilities a crop."""

    crop_px: int
    gsd_m: float
    classes: tuple[str, ...]
    items_mean: float = 2.0
    """Mean number of items pasted on a crop that gets any."""
    empty_share: float = 0.35
    disturbance_share: float = 0.25
    clutter_mean: float = 3.0
    """Mean number of things that are not ordnance: made up from the pictures, and rendered if there is a bank."""
    rendered_clutter: float = 0.5
    """Share of them taken from the bank."""
    invented_clutter: float = 0.0
    """Share of the others that is made-up stones, clods, sticks and plants."""
    nodata_share: float = 0.1
    overcast_share: float = 0.2
    coarsest: float = COARSEST
    """Width of a camera's pixels at most, in pixels of the crop."""
    mined_share: float = 0.0
    """Share of crops around a mined spot, where there are any."""


@dataclass(frozen=True, slots=True)
class Light:
    """Of one crop."""

    sun: Sun
    overcast: bool


class Composer:
    """Makes crop number n of a stream; the same (seed, n) gives the same crop on any machine."""

    def __init__(self, sources: Sources, recipe: Recipe, *, seed: int) -> None:
        self._sources, self._recipe, self._seed = sources, recipe, seed
        weights = np.array([p.weight for p in sources.pictures])
        self._ground_shares = weights / weights.sum()
        self._bank = _Shelf(tuple(s for s in sources.bank if s.class_name in recipe.classes))
        self._rendered_clutter = _Shelf(tuple(s for s in sources.bank if not s.class_name))
        rendered = sources.rendered_items if self._bank.sprites else 0.0
        drawn = [sources.simulated_items, rendered, sources.invented_items]  # as `item` tells them apart
        items = np.array([c.weight for c in sources.cutouts] + drawn)
        self._item_shares = items / items.sum()
        self._rejected = tuple(
            Spot(index, float(row), float(col), 1.0)
            for index, picture in enumerate(sources.pictures)
            if picture.judged is not None and picture.weight > 0
            for row, col in picture.judged.rejected
        )

    def compose(self, number: int, spots: Sequence[Spot] = ()) -> Sample:
        """Return crop `number`; a share lies around mined and rejected spots, on which nothing is laid."""
        recipe, spots = self._recipe, (*self._rejected, *spots)
        rng = np.random.default_rng([self._seed, number])
        spot = spots[int(rng.integers(len(spots)))] if spots and rng.random() < recipe.mined_share else None
        crop = self._ground(rng, spot)
        light = Light(crop.sun or Sun.sample(rng), bool(rng.random() < recipe.overcast_share and crop.sun is None))
        rgb = crop.rgb
        if spot is None and rng.random() < recipe.disturbance_share:
            rgb = self._disturbed(rgb, crop.mask, light.sun, rng)
        canvas = Canvas(rgb, crop.items, softness_px=crop.softness_px, spared=crop.aimed)
        for _ in range(rng.poisson(recipe.clutter_mean)):
            canvas.lay(self._clutter(rgb, light, rng), rng, covered=bool(rng.random() < 0.3))
        bare = canvas.rgb.copy()
        if rng.random() >= recipe.empty_share:
            for _ in range(1 + rng.poisson(recipe.items_mean - 1)):
                canvas.lay(self.item(light, rng), rng, covered=bool(rng.random() < 0.35))
        camera = partial(through_camera, coarsest=recipe.coarsest)
        bare, rgb = camera(bare, deepcopy(rng)), camera(canvas.rgb, rng)  # the same camera
        own = len(crop.items)
        items = canvas.items[:own] + [
            item if contrast(bare, rgb, item) >= LEAST_CONTRAST else replace(item, visible=0.0)
            for item in canvas.items[own:]
        ]
        if rng.random() < recipe.nodata_share:
            items = _hidden(items, cut_away(rgb, crop.mask, rng))
        return self._sample(rgb, crop, items)

    def _ground(self, rng: np.random.Generator, spot: Spot | None) -> GroundCrop:
        """Return a crop around a spot, or of a picture drawn by weight."""
        size, gsd_m = self._recipe.crop_px, self._recipe.gsd_m
        if spot is not None:
            return crop_picture(self._sources.pictures[spot.picture], size, gsd_m, rng, aim=(spot.row, spot.col))
        index = int(rng.choice(len(self._ground_shares), p=self._ground_shares))
        return crop_picture(self._sources.pictures[index], size, gsd_m, rng)

    def _any_texture(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        pictures = self._sources.pictures
        return pictures[int(rng.integers(len(pictures)))].rgb

    def _disturbed(
        self, rgb: NDArray[np.uint8], mask: NDArray[np.uint8], sun: Sun, rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        size = self._recipe.crop_px
        kind = str(rng.choice(DISTURBANCES))
        where = (float(rng.uniform(-0.2, 1.2) * size), float(rng.uniform(-0.2, 1.2) * size))
        changed, marked = disturb(rgb, kind=kind, gsd_m=self._recipe.gsd_m, sun=sun, rng=rng, where=where)
        mask[marked] = 1 + DISTURBANCES.index(kind)
        return changed

    def _clutter(self, rgb: NDArray[np.uint8], light: Light, rng: np.random.Generator) -> Sprite:
        if self._rendered_clutter.sprites and rng.random() < self._recipe.rendered_clutter:
            return self._from(self._rendered_clutter, light, rng)
        if rng.random() < self._recipe.invented_clutter:
            return _made_up(natural_thing(rng), self._recipe.gsd_m, light, rng)
        return clutter(rgb, self._any_texture(rng), light.sun, rng)

    def item(self, light: Light, rng: np.random.Generator, *, gsd_m: float | None = None) -> Sprite:
        """Draw an item as crops get them, at the recipe's GSD or at another."""
        gsd_m = self._recipe.gsd_m if gsd_m is None else gsd_m
        index, cutouts = int(rng.choice(len(self._item_shares), p=self._item_shares)), self._sources.cutouts
        if index < len(cutouts):
            return cutout_sprite(cutouts[index], gsd_m, light.sun, rng)
        _, rendered, invented = range(len(cutouts), len(cutouts) + 3)
        if index == invented:
            return _made_up(invented_item(rng), gsd_m, light, rng)
        if index == rendered:
            return rendered_sprite(self._bank.draw(light, rng), gsd_m, light.sun.azimuth_deg, rng)
        kinds = [kind for kind, spec in ITEMS.items() if spec.class_name in self._recipe.classes]
        return render_item(str(rng.choice(kinds)), gsd_m=gsd_m, sun=light.sun, rng=rng)

    def _from(self, shelf: "_Shelf", light: Light, rng: np.random.Generator) -> Sprite:
        return rendered_sprite(shelf.draw(light, rng), self._recipe.gsd_m, light.sun.azimuth_deg, rng)

    def _sample(self, rgb: NDArray[np.uint8], crop: GroundCrop, items: list[Pasted]) -> Sample:
        size, classes = self._recipe.crop_px, self._recipe.classes
        items = inside(items, size)
        demanded = [
            0 <= i.row < size
            and 0 <= i.col < size
            and i.visible >= LEAST_VISIBLE
            and i.size_px >= LEAST_PX
            and not i.ignored
            for i in items
        ]
        return Sample(
            pixels=rgb,
            row=np.array([i.row for i in items], np.float32),
            col=np.array([i.col for i in items], np.float32),
            size_px=np.array([i.size_px for i in items], np.float32),
            class_index=np.array([_class_index(i.class_name, classes) for i in items], np.int64),
            ignored=~np.array(demanded, bool),
            mask=crop.mask[MASK_STRIDE // 2 :: MASK_STRIDE, MASK_STRIDE // 2 :: MASK_STRIDE].copy(),
            known=crop.known[HEAT_STRIDE // 2 :: HEAT_STRIDE, HEAT_STRIDE // 2 :: HEAT_STRIDE].copy(),
        )


class _Shelf:
    """Rendered sprites, to be drawn by the light they were rendered in; every kind as often as every other."""

    def __init__(self, sprites: tuple[BankSprite, ...]) -> None:
        self.sprites = sprites
        self._elevation = np.array([s.sun_elevation_deg for s in sprites])
        self._overcast = np.array([s.overcast for s in sprites], bool)
        _, index = np.unique(np.array([s.kind for s in sprites], np.str_), return_inverse=True)
        self._share = 1.0 / np.bincount(index)[index]

    def draw(self, light: Light, rng: np.random.Generator) -> BankSprite:
        """Return a sprite whose light fits the crop's; any, where none fits."""
        fits = self._overcast == light.overcast
        if not light.overcast:
            fits &= np.abs(self._elevation - light.sun.elevation_deg) <= _SUN_HEIGHTS
        share = self._share * fits if fits.any() else self._share
        return self.sprites[int(rng.choice(len(self.sprites), p=share / share.sum()))]


def _made_up(spec: ItemSpec, gsd_m: float, light: Light, rng: np.random.Generator) -> Sprite:
    return render_spec(spec, kind=spec.title, gsd_m=gsd_m, sun=light.sun, rng=rng, draft=True)


def _class_index(name: str, classes: tuple[str, ...]) -> int:
    """Return the index of a class that is taught; made-up items have none."""
    return classes.index(name) if name and name != UNIDENTIFIED_CLASS else NO_CLASS


def _hidden(items: list[Pasted], gone: NDArray[np.bool_]) -> list[Pasted]:
    """Return the items; those whose centre is gone show nothing."""
    last = gone.shape[0] - 1
    centres = [(int(np.clip(i.row, 0, last)), int(np.clip(i.col, 0, last))) for i in items]
    return [replace(item, visible=0.0) if gone[at] else item for item, at in zip(items, centres, strict=True)]
