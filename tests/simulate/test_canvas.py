"""Things laid on the ground lie where they say, and what shows of each is known."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from survey.composites.compose import LEAST_VISIBLE
from survey.simulate import Sprite
from survey.simulate.canvas import CLUTTER, CUTOUT, SPARED_PX, Canvas, Pasted, contrast

SIZE = 96


def disc(radius: int = 8, *, name: str = "ap_mine", kind: str = CUTOUT, side: int = 31) -> Sprite:
    alpha = np.zeros((side, side), np.float32)
    cv2.circle(alpha, (side // 2, side // 2), radius, 1.0, -1)
    red = np.zeros((side, side, 3), np.uint8)
    red[..., 0] = 255
    return Sprite(red, alpha, np.zeros_like(alpha), name, kind, 0.17, (side / 2, side / 2))


def blank(items: list[Pasted] | None = None, **changes: object) -> Canvas:
    return Canvas(np.full((SIZE, SIZE, 3), 100, np.uint8), items or [], **changes)  # type: ignore[arg-type]


def laid(seed: int, sprite: Sprite | None = None, *, covered: bool = False) -> tuple[NDArray[np.uint8], list[Pasted]]:
    canvas = blank()
    canvas.lay(sprite or disc(), np.random.default_rng(seed), covered=covered)
    return canvas.rgb, canvas.items


def test_an_item_lies_where_it_says() -> None:
    seen = 0
    for seed in range(40):
        rgb, items = laid(seed)
        if not items or not (12 < items[0].row < 84 and 12 < items[0].col < 84):
            continue
        seen += 1
        rows, cols = np.nonzero(rgb[..., 0] != rgb[..., 1])
        assert (rows.mean() + 0.5, cols.mean() + 0.5) == pytest.approx((items[0].row, items[0].col), abs=0.3)
        assert items[0].visible == pytest.approx(1)
        assert items[0].size_px == 17
    assert seen > 15


def test_cover_and_edges_lower_what_can_be_seen() -> None:
    covered = [items[0].visible for _, items in (laid(seed, covered=True) for seed in range(30)) if items]
    assert np.mean(covered) < 0.95
    cut = [items[0] for _, items in (laid(s) for s in range(200)) if items and min(items[0].row, items[0].col) < 6]
    assert cut
    assert all(item.visible < 0.95 for item in cut)
    assert 0 < LEAST_VISIBLE < 1


def test_what_is_laid_on_an_item_hides_it() -> None:
    for seed in range(30):
        canvas = blank()
        canvas.lay(disc(), np.random.default_rng(seed), covered=False)
        canvas.lay(disc(14, name="", kind=CLUTTER), np.random.default_rng(seed), covered=False)  # the same place
        assert len(canvas.items) <= 1
        assert all(item.visible < 0.05 for item in canvas.items)


def test_items_of_the_ground_are_hidden_too() -> None:
    hidden = []
    for seed in range(60):
        canvas = blank([Pasted(48, 48, 20, "ap_mine", 1.0)])
        assert canvas.items[0].visible == pytest.approx(1, abs=0.05)
        canvas.lay(disc(14, name=""), np.random.default_rng(seed), covered=False)
        hidden.append(canvas.items[0].visible)
    assert min(hidden) < 0.5 < max(hidden)


def test_clutter_is_no_item_and_leaves_the_spared_place() -> None:
    changed = 0
    for seed in range(60):
        canvas = blank(spared=(48.0, 48.0))
        canvas.lay(disc(14, name="", kind=CLUTTER), np.random.default_rng(seed), covered=False)
        assert canvas.items == []
        rows, cols = np.mgrid[:SIZE, :SIZE] + 0.5
        near = np.hypot(rows - 48, cols - 48) < SPARED_PX
        assert (canvas.rgb[near] == 100).all()
        changed += bool((canvas.rgb != 100).any())
    assert changed > 15


def edge(rgb: NDArray[np.uint8]) -> float:
    """Return the steepest step of the red channel."""
    return float(np.abs(np.diff(rgb[..., 0].astype(float), axis=1)).max())


def test_what_is_laid_on_soft_ground_is_soft() -> None:
    sharp, soft = blank(), blank(softness_px=2.0)
    for canvas in (sharp, soft):
        canvas.lay(disc(side=41), np.random.default_rng(4), covered=False)
    assert soft.items
    assert edge(soft.rgb) < 0.6 * edge(sharp.rgb)


def test_a_rendered_item_follows_the_exposure_of_the_ground() -> None:
    means = []
    for level in (40, 160):
        values: list[float] = []
        for seed in range(40):
            canvas = Canvas(np.full((SIZE, SIZE, 3), level, np.uint8), [])
            grey = disc(kind="pmn")
            grey.rgb[...] = 120
            canvas.lay(grey, np.random.default_rng(seed), covered=False)
            inside = [i for i in canvas.items if 0 <= i.row < SIZE and 0 <= i.col < SIZE]
            values.extend(float(canvas.rgb[int(item.row), int(item.col)].mean()) for item in inside)
        means.append(np.mean(values))
    assert means[1] > 1.8 * means[0]


def test_what_covers_an_item_is_not_darkened_by_its_shadow() -> None:
    plain = disc()
    shaded = Sprite(plain.rgb, plain.alpha, plain.alpha.copy(), plain.class_name, CLUTTER, 0.17, plain.center)
    canvas = blank()
    canvas.lay(shaded, np.random.default_rng(1), covered=True, place=(48, 48), hidden=0.99)
    assert canvas.items[0].visible < 0.1
    hidden = np.abs(canvas.rgb[40:56, 40:56].astype(int) - 100).max(axis=2) < 5
    assert hidden.mean() > 0.9


def test_contrast_tells_what_can_be_seen_from_what_cannot() -> None:
    rng = np.random.default_rng(2)
    ground = np.clip(rng.normal(110, 12, (SIZE, SIZE, 3)), 0, 255).astype(np.uint8)
    item = Pasted(48, 48, 17, "ap_mine", 1.0)

    def seen(colour: int, *, radius: int = 8, brightness: float = 1.0) -> float:
        with_item = ground.copy()
        cv2.circle(with_item, (48, 48), radius, (colour,) * 3, -1)
        before, after = ((picture * brightness).astype(np.uint8) for picture in (ground, with_item))
        return contrast(before, after, item)

    assert contrast(ground, ground, item) == 0
    assert seen(200) > 5
    assert seen(110) < 1
    assert seen(130) < seen(160) < seen(200)
    assert seen(160, brightness=0.05) < seen(160) / 2
    assert contrast(ground, ground, Pasted(-90, 48, 17, "ap_mine", 1.0)) == 0
