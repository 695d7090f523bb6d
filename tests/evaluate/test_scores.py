"""Merging and matching: one thing is one sighting, one item is found once."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from survey.datasets.sources import Picture
from survey.detect import Detector
from survey.errors import InputError
from survey.evaluate import MATCH_M, score_pictures
from survey.evaluate.cover import cover_around

Tell = Callable[..., Detector]
Paint = Callable[..., Picture]


def test_an_item_is_found_once_by_its_best_sighting(told: Tell, picture: Paint) -> None:
    found = score_pictures(told([(50, 52, 0.5), (50, 65, 0.9), (50, 40, 0.4)]), [picture((50, 50))]).sightings
    assert found.true.tolist() == [True, False, False]
    assert found.again.tolist() == [False, True, True]
    assert found.score == pytest.approx([0.9, 0.5, 0.4])
    assert found.error_m[0] == pytest.approx(0.15)
    assert np.isnan(found.error_m[1:]).all()


def test_a_sighting_finds_one_item_the_nearest_still_free(told: Tell, picture: Paint) -> None:
    seen = [(50, 60, 0.9), (50, 70, 0.8), (50, 50, 0.7)]
    found = score_pictures(told(seen), [picture((50, 50), (50, 65))]).sightings
    assert found.item.tolist() == [1, 0, -1]
    assert found.again.tolist() == [False, False, True]
    assert found.error_m[:2] == pytest.approx([0.05, 0.20])


@pytest.mark.parametrize(("size_m", "left"), [(0.0, [0.9, 0.8]), (0.28, [0.9, 0.8]), (0.32, [0.9])])
def test_what_lies_within_half_a_better_sightings_size_is_the_same_thing(
    told: Tell, picture: Paint, size_m: float, left: list[float]
) -> None:
    # The third lies 8 cm (two cells of the heatmap) from the first, the second 15 cm.
    found = score_pictures(told([(50, 50, 0.9), (50, 65, 0.8), (50, 58, 0.7)], size_m=size_m), [picture()]).sightings
    assert found.score == pytest.approx(left)


def test_merging_does_not_chain_through_sightings_that_were_merged(told: Tell, picture: Paint) -> None:
    row = [(50, 50, 0.9), (50, 57, 0.8), (50, 64, 0.7)]
    assert score_pictures(told(row), [picture()]).sightings.score == pytest.approx([0.9, 0.7])


def test_a_match_reaches_the_fixed_distance_or_half_the_item(told: Tell, picture: Paint) -> None:
    near, far = MATCH_M / 0.01 - 0.5, MATCH_M / 0.01 + 0.5
    assert score_pictures(told([(50, 50 + near, 0.9)]), [picture((50, 50))]).sightings.true.all()
    assert not score_pictures(told([(50, 50 + far, 0.9)]), [picture((50, 50))]).sightings.true.any()
    assert score_pictures(told([(50, 50 + far, 0.9)]), [picture((50, 50), size_px=64)]).sightings.true.all()


def test_areas_items_and_sites_are_counted(told: Tell, picture: Paint) -> None:
    three = [picture(), picture((5, 5), (9, 90), site="b"), picture((3, 3), site="b", gsd_m=0.02)]
    found = score_pictures(told([(1, 1, 0.9)], [], [(2, 2, 0.8)]), three)
    assert (len(found.items.x), found.sites) == (3, ("a", "b"))
    assert found.area_ha == pytest.approx(2e-4 + 2e-4 + 8e-4)
    assert found.sightings.item.tolist() == [-1, 2]
    b = found.of_site("b")
    assert (b.sightings.item.tolist(), b.sightings.stretch.tolist(), b.items.stretch.tolist()) == ([2], [1], [0, 0, 1])
    assert b.area_ha == pytest.approx(1e-3)
    assert found.of_site("a").sightings.item.tolist() == [-1]
    assert not len(found.of_site("a").items.x)


def test_only_imaged_ground_counts_as_looked_at(told: Tell, picture: Paint) -> None:
    half = replace(picture(), imaged_px=10_000)
    assert score_pictures(told([], []), [picture(), half]).area_ha == pytest.approx(2e-4 + 1e-4)


def test_no_picture_is_no_measurement(told: Tell) -> None:
    with pytest.raises(InputError, match="name a site that has some"):
        score_pictures(told(), [])


def test_cover_tells_grass_from_soil_and_rough_from_smooth_and_leaves_the_item_out() -> None:
    rgb = np.full((200, 200, 3), (120, 110, 90), np.uint8)
    rgb[90:110, 90:110] = (40, 200, 40)  # the item itself is green
    place = {"row": 100.0, "col": 100.0, "size_m": 0.2, "gsd_m": 0.01}
    green, texture = cover_around(rgb, **place)
    assert green == 0
    assert texture < 10
    rgb[:, 100:] = (90, 130, 60)
    assert cover_around(rgb, **place)[0] == pytest.approx(0.5, abs=0.02)
    noise = np.random.default_rng(1).normal(0, 25, rgb.shape[:2])[..., None]
    assert cover_around(np.clip(rgb + noise, 0, 255).astype(np.uint8), **place)[1] > texture + 10
    assert np.isnan(cover_around(rgb, row=900.0, col=900.0, size_m=0.2, gsd_m=0.01)).all()
