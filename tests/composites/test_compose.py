"""Crops are a pure function of seed and number, and their truth lies where the picture shows it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from survey.composites.compose import NO_CLASS, Composer, Recipe, Sample
from survey.composites.ground import IGNORED
from survey.composites.sprites import rendered_sprite
from survey.datasets.sources import Sources
from survey.networks import FILL, MASK_STRIDE
from survey.simulate.render import BankSprite
from survey.values import CLASSES

RECIPE = Recipe(crop_px=96, gsd_m=0.01, classes=CLASSES)


def same(first: Sample, second: Sample) -> bool:
    return all(getattr(first, f.name).tobytes() == getattr(second, f.name).tobytes() for f in fields(Sample))


def test_a_crop_depends_on_seed_and_number_only(sources: Sources) -> None:
    composer = Composer(sources, RECIPE, seed=3)
    alone = [composer.compose(n) for n in range(12)]
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(Composer(sources, RECIPE, seed=3).compose, reversed(range(12))))[::-1]
    assert all(same(a, b) for a, b in zip(alone, threaded, strict=True))
    assert not any(same(a, b) for a, b in pairwise(alone))
    assert not same(alone[0], Composer(sources, RECIPE, seed=4).compose(0))


def test_samples_keep_their_promises(sources: Sources) -> None:
    recipe = replace(RECIPE, disturbance_share=0.6, nodata_share=0.5)
    samples = [Composer(sources, recipe, seed=1).compose(n) for n in range(40)]
    size, cells = recipe.crop_px, recipe.crop_px // MASK_STRIDE
    for sample in samples:
        assert sample.pixels.shape == (size, size, 3)
        assert sample.pixels.dtype == np.uint8
        assert sample.mask.shape == (cells, cells)
        demanded = ~sample.ignored
        assert np.all((sample.row[demanded] >= 0) & (sample.row[demanded] < size))
        assert np.all((sample.col[demanded] >= 0) & (sample.col[demanded] < size))
        assert np.all(sample.size_px > 0)
    masks = np.concatenate([s.mask.ravel() for s in samples])
    assert set(np.unique(masks)) == {0, 1, 2, 3, IGNORED}
    named = {CLASSES[i] for s in samples for i in s.class_index}
    assert {"ap_mine", "at_mine"} <= named
    assert any(len(s.row) == 0 for s in samples)
    assert any(s.ignored.any() for s in samples)
    assert any((s.pixels == FILL).all(axis=2).mean() > 0.1 for s in samples)


def lit_disc(azimuth_deg: float) -> BankSprite:
    """A green disc whose shadow falls away from its sun."""
    alpha = np.zeros((61, 61), np.float32)
    cv2.circle(alpha, (30, 30), 8, 1.0, -1)
    away = np.radians(azimuth_deg + 180)
    shift = np.array([[1, 0, 14 * np.sin(away)], [0, 1, -14 * np.cos(away)]])
    shadow = cv2.warpAffine(alpha, shift, (61, 61))
    green = np.full((61, 61, 3), (60, 120, 60), np.uint8)
    return BankSprite(
        rgb=green,
        alpha=alpha,
        shadow=np.asarray(shadow, np.float32),
        class_name="ap_mine",
        kind="disc",
        size_m=0.17,
        gsd_m=0.01,
        sun_azimuth_deg=azimuth_deg,
        sun_elevation_deg=40.0,
        overcast=False,
        visible=1.0,
        center=(30.5, 30.5),
    )


@pytest.mark.parametrize("rendered_at", [0.0, 77.0, 200.0])
@pytest.mark.parametrize("wanted", [10.0, 135.0, 300.0])
def test_the_shadow_of_a_rendered_sprite_falls_away_from_the_crops_sun(rendered_at: float, wanted: float) -> None:
    for seed in range(6):
        sprite = rendered_sprite(lit_disc(rendered_at), 0.01, wanted, np.random.default_rng(seed))
        rows, cols = np.mgrid[: sprite.alpha.shape[0], : sprite.alpha.shape[1]] + 0.5
        weight = sprite.shadow * (1 - sprite.alpha)
        south, east = ((weight * axis).sum() / weight.sum() for axis in (rows, cols))
        bearing = np.degrees(np.arctan2(east - sprite.center[1], -(south - sprite.center[0])))
        assert abs((bearing - wanted - 180 + 180) % 360 - 180) < 15


def test_rendered_items_and_clutter_come_from_the_bank(sources: Sources) -> None:
    item = lit_disc(0)
    stone = replace(item, class_name="", kind="distractor:stone")
    banked = replace(sources, cutouts=(), simulated_items=0.0, bank=(item, stone), rendered_items=1.0)
    recipe = replace(RECIPE, clutter_mean=2.0, rendered_clutter=1.0)
    samples = [Composer(banked, recipe, seed=1).compose(n) for n in range(30)]
    own = {CLASSES.index(name) for name in ("ap_mine", "at_mine")}  # at_mine lies in the pictures themselves
    assert {int(i) for s in samples for i in s.class_index} == own
    assert sum(len(s.row) for s in samples) > 15


def test_specks_are_neither_demanded_nor_punished(sources: Sources) -> None:
    speck = replace(lit_disc(0), gsd_m=0.0015)
    banked = replace(sources, pictures=sources.pictures[:1], cutouts=(), bank=(speck,), rendered_items=1.0)
    banked = replace(banked, simulated_items=0.0)
    samples = [Composer(banked, replace(RECIPE, empty_share=0.0), seed=2).compose(n) for n in range(10)]
    assert all(s.ignored.all() for s in samples)
    assert any(len(s.row) for s in samples)


def test_items_that_cannot_be_seen_are_neither_demanded_nor_punished(
    sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = replace(sources, pictures=tuple(p for p in sources.pictures if not len(p.items.row)))
    composer = Composer(without, Recipe(crop_px=128, gsd_m=0.01, classes=CLASSES, empty_share=0), seed=3)
    before = [composer.compose(n) for n in range(12)]
    assert any((~sample.ignored).any() for sample in before)
    monkeypatch.setattr("survey.composites.compose.LEAST_CONTRAST", 1e9)
    after = [composer.compose(n) for n in range(12)]
    assert all(sample.ignored.all() for sample in after)
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(before, after, strict=True))


def test_made_up_items_are_items_without_a_class_and_natural_things_none(sources: Sources) -> None:
    empty = tuple(p for p in sources.pictures if not len(p.items.row))
    invented = replace(sources, pictures=empty, cutouts=(), simulated_items=0.0, invented_items=1.0)
    recipe = replace(RECIPE, clutter_mean=0.0, empty_share=0.0)
    samples = [Composer(invented, recipe, seed=1).compose(n) for n in range(12)]
    assert sum(len(s.row) for s in samples) >= 12
    assert {int(i) for s in samples for i in s.class_index} == {NO_CLASS}
    things = Composer(invented, replace(recipe, empty_share=1.0, clutter_mean=3.0, invented_clutter=1.0), seed=1)
    bare = Composer(invented, replace(recipe, empty_share=1.0), seed=1)
    assert not any(len(things.compose(n).row) for n in range(12))
    assert sum(not np.array_equal(things.compose(n).pixels, bare.compose(n).pixels) for n in range(12)) > 6
