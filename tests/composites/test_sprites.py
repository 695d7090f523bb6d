"""What is pasted lies where its label says, whatever it was made from."""

from collections.abc import Callable

import numpy as np
import pytest

from survey.composites.sprites import cutout_sprite
from survey.datasets.sources import Cutout
from survey.simulate import ITEMS, Sprite, Sun, render_item
from survey.simulate.invented import invented_item
from survey.simulate.sprites import render_spec
from tests.pictures import disc

Draw = Callable[[np.random.Generator], Sprite]


def cut_out(rng: np.random.Generator) -> Sprite:
    """Draw a cut-out under a sun that is often low, so that its shadow needs much room."""
    return cutout_sprite(Cutout(*disc(), "at_mine", (0.2, 0.34), 1.0), 0.005, Sun.sample(rng), rng)


def simulated(rng: np.random.Generator) -> Sprite:
    """Draw a simulated item."""
    return render_item(str(rng.choice(list(ITEMS))), gsd_m=0.005, sun=Sun.sample(rng), rng=rng)


def invented(rng: np.random.Generator) -> Sprite:
    """Draw a made-up item."""
    return render_spec(invented_item(rng), kind="x", gsd_m=0.005, sun=Sun.sample(rng), rng=rng, draft=True)


@pytest.mark.parametrize("draw", [cut_out, simulated, invented])
def test_the_centre_of_a_sprite_is_the_middle_of_what_it_shows(draw: Draw) -> None:
    rng = np.random.default_rng(8)
    off = []
    for _ in range(40):
        sprite = draw(rng)
        shown = np.argwhere(sprite.alpha > 0.3)
        if len(shown) < 9:  # sunk but for a speck
            continue
        low, high = shown.min(axis=0), shown.max(axis=0) + 1
        off.append(np.hypot(*((low + high) / 2 - sprite.center)) / (high - low).max())
    assert len(off) > 30
    assert np.median(off) < 0.05
    assert np.quantile(off, 0.9) < 0.15
