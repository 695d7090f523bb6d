"""False alarms on empty ground are found where they are, kept within bounds, and shown again without items on them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from survey.composites import Spot
from survey.composites.compose import Composer, Recipe
from survey.datasets.sources import Boxes, Picture, Sources
from survey.networks import Heads
from survey.train import TrainConfig
from survey.train.distributed import World
from survey.train.mining import draw_looks, is_mined, mine, strongest
from survey.values import CLASSES

CONFIG = TrainConfig(crop_px=64, mine_windows=40, mine_pool=10, mine_score=0.5)
WORLD = World()


def dotted(places: list[tuple[int, int]], *, gsd_m: float = 0.01, size: tuple[int, int] = (200, 240)) -> Picture:
    """Return dark ground with bright dots."""
    rgb = np.full((*size, 3), 40, np.uint8)
    for row, col in places:
        rgb[row - 3 : row + 3, col - 3 : col + 3] = 250
    return Picture("a", "dots", rgb, gsd_m, Boxes.none(), (), 1.0)


def sees_bright(pixels: Tensor) -> Heads:
    """Stand in for a network that takes every bright thing for ordnance."""
    grey = torch.nn.functional.avg_pool2d(pixels.float().mean(dim=1, keepdim=True), 4)
    heat = (grey - 140) / 10
    return Heads(heat, torch.zeros_like(heat), torch.zeros(1, 3, *grey.shape[2:]), torch.zeros(1, 1, 1, 1))


def found(picture: Picture, spots: tuple[Spot, ...] = (), **changes: object) -> tuple[Spot, ...]:
    config = CONFIG.model_copy(update=changes)
    return mine(sees_bright, [picture], spots, config=config, step=7, world=WORLD)


@pytest.mark.parametrize("gsd_m", [0.005, 0.01, 0.02])
def test_alarms_are_found_once_each_where_they_are(gsd_m: float) -> None:
    places = [(60, 60), (60, 180), (140, 120)]
    spots = found(dotted(places, gsd_m=gsd_m), mine_windows=120)
    assert len(spots) == 3
    for row, col in places:
        assert min(np.hypot(s.row - row, s.col - col) for s in spots) * gsd_m < 0.07  # half a dot
    assert [s.score for s in spots] == sorted((s.score for s in spots), reverse=True)
    assert all(0.5 < s.score <= 1 for s in spots)


def test_a_known_spot_is_looked_at_again_and_forgotten_when_it_alarms_no_more() -> None:
    picture = dotted([(100, 100)])
    known = (Spot(0, 100.0, 100.0, 0.6), Spot(0, 30.0, 200.0, 0.9))
    spots = mine(
        sees_bright, [picture], known, config=CONFIG.model_copy(update={"mine_windows": 1}), step=0, world=WORLD
    )
    assert len(spots) == 1
    assert np.hypot(spots[0].row - 100, spots[0].col - 100) < 4
    assert spots[0].score != 0.6


def test_the_pool_is_bounded_and_keeps_the_strongest() -> None:
    spots = [Spot(0, 50.0 * n, 10.0, 0.1 + 0.01 * n) for n in range(20)]
    kept = strongest(spots, [dotted([])], most=5)
    assert [s.score for s in kept] == [spots[19 - n].score for n in range(5)]
    near = [Spot(0, 10.0, 10.0, 0.5), Spot(0, 20.0, 20.0, 0.6), Spot(1, 10.0, 10.0, 0.4)]
    assert strongest(near, [dotted([]), dotted([])], most=9) == (near[1], near[2])


def test_where_is_looked_follows_seed_and_step_and_stays_inside() -> None:
    pictures = [dotted([]), dotted([], gsd_m=0.02, size=(20, 300))]
    looks = draw_looks(pictures, CONFIG, 3)
    assert looks == draw_looks(pictures, CONFIG, 3)
    assert looks != draw_looks(pictures, CONFIG, 4)
    assert looks != draw_looks(pictures, CONFIG.model_copy(update={"seed": 2}), 3)
    assert len(looks) == 40
    assert {look.picture for look in looks} == {0, 1}
    for look in looks:
        height, width = pictures[look.picture].rgb.shape[:2]
        assert 0 <= look.row <= height
        assert 0 <= look.col <= width


def test_only_ground_that_is_known_to_be_empty_is_mined(sources: Sources) -> None:
    empty, _, labelled = sources.pictures
    assert is_mined(empty)
    assert not is_mined(labelled)
    assert not is_mined(replace(empty, disturbed=None))  # a frame: a label may have been forgotten
    assert not is_mined(replace(empty, weight=0.0))
    assert {look.picture for look in draw_looks(sources.pictures, CONFIG, 0)} == {0, 1}
    assert draw_looks([labelled], CONFIG, 0) == []


def test_processes_that_share_the_looking_find_what_one_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = dotted([(60, 60), (60, 180), (140, 120)])
    parts: list[list[Spot]] = []

    def keep(_: World, items: list[Spot]) -> list[Spot]:
        parts.append(items)
        return items

    monkeypatch.setattr(World, "gathered", keep)
    for rank in range(2):
        mine(sees_bright, [picture], (), config=CONFIG, step=7, world=World(rank, 2))
    assert all(parts)
    together = strongest(parts[0] + parts[1], [picture], most=10)
    assert together == found(picture)


def test_a_crop_around_a_spot_shows_it_and_has_nothing_pasted_on_it(sources: Sources) -> None:
    ground = dotted([(100, 120)])
    scene = Sources((ground,), sources.cutouts, 0.5)
    recipe = Recipe(
        crop_px=64,
        gsd_m=0.01,
        classes=CLASSES,
        items_mean=2,
        empty_share=0,
        clutter_mean=2,
        disturbance_share=0,
        mined_share=1,
        nodata_share=0,
    )
    composer, items = Composer(scene, recipe, seed=5), 0
    for number in range(30):
        sample = composer.compose(number, (Spot(0, 100.0, 120.0, 0.9),))
        inner = sample.pixels.max(axis=2)
        assert inner.max() > 100  # the dot is in the crop: everything else of the ground is dark
        items += len(sample.row)
        assert (sample.mask == 0).all()
    assert items > 10  # items elsewhere are allowed


def test_without_spots_the_stream_is_as_it_was(sources: Sources) -> None:
    recipe = Recipe(crop_px=64, gsd_m=0.01, classes=CLASSES)
    plain, mined = (Composer(sources, replace(recipe, mined_share=share), seed=2) for share in (0.0, 0.9))
    for number in range(5):
        assert np.array_equal(plain.compose(number).pixels, mined.compose(number, ()).pixels)
