"""Made-up items and natural things: no end of them, the same for the same seed, of the size they say."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from survey.simulate import ItemSpec, Sprite, Sun
from survey.simulate.invented import invented_item
from survey.simulate.natural import natural_thing
from survey.simulate.shapes import Relief
from survey.simulate.sprites import render_spec

Make = Callable[[np.random.Generator], ItemSpec]


def drawn(make: Make, seed: int, *, draft: bool = False) -> tuple[ItemSpec, Sprite]:
    """Return a made-up spec and its sprite, 64 pixels long."""
    rng = np.random.default_rng(seed)
    spec = make(rng)
    sun = Sun(120.0, 45.0)
    return spec, render_spec(spec, kind="x", gsd_m=spec.size_m / 64, sun=sun, rng=rng, draft=draft)


@pytest.mark.parametrize("make", [invented_item, natural_thing])
def test_the_same_seed_makes_the_same_thing_and_another_one_another(make: Make) -> None:
    first, again, other = (drawn(make, seed)[1] for seed in (1, 1, 2))
    assert np.array_equal(first.rgb, again.rgb)
    assert np.array_equal(first.shadow, again.shadow)
    assert first.rgb.shape != other.rgb.shape or not np.array_equal(first.alpha, other.alpha)


@pytest.mark.parametrize("make", [invented_item, natural_thing])
def test_things_show_no_more_than_their_size_and_most_show_something(make: Make) -> None:
    extents = []
    for seed in range(60):
        _, sprite = drawn(make, seed, draft=True)
        shown = np.argwhere(sprite.alpha > 0.5)
        extents.append(np.ptp(shown, axis=0).max() + 1 if len(shown) else 0)
    assert max(extents) <= 64 * 1.12  # the canvas ends there
    assert np.mean(np.array(extents) > 25) > 0.9


def test_items_come_in_many_outlines() -> None:
    outlines = {tuple((drawn(invented_item, seed, draft=True)[1].alpha > 0.5).sum(axis=0)) for seed in range(40)}
    assert len(outlines) == 40


def test_a_draft_looks_like_the_full_rendering() -> None:
    fine, draft = (drawn(invented_item, 3, draft=draft)[1] for draft in (False, True))
    covered = [float(sprite.alpha.sum()) for sprite in (fine, draft)]
    assert covered[0] == pytest.approx(covered[1], rel=0.1)


def test_a_natural_thing_is_no_ordnance() -> None:
    assert {drawn(natural_thing, seed, draft=True)[1].class_name for seed in range(8)} == {""}


def test_a_thing_that_has_sunk_whole_shows_nothing() -> None:
    flat = replace(
        invented_item(np.random.default_rng(0)), shape=lambda u, v: Relief(u * 0 - 1, (v * 0).astype(np.uint8))
    )
    sprite = render_spec(flat, kind="x", gsd_m=0.01, sun=Sun(0.0, 60.0), rng=np.random.default_rng(1))
    assert sprite.alpha.shape == (1, 1)
    assert sprite.alpha.sum() == 0
