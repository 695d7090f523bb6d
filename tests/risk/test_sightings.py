"""Which sightings are one item."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survey.risk import merge_sightings
from survey.values import Detections


def sightings(
    places: Sequence[tuple[float, float, int]],
    *,
    error: float = 0.02,
    size: float = 0.1,
    probability: list[float] | None = None,
) -> Detections:
    """Return sightings at (x, y, image)."""
    n = len(places)
    x, y, image = (np.array([p[k] for p in places], float) for k in range(3))
    p = np.full(n, 0.5) if probability is None else np.array(probability)
    return Detections(
        classes=("ap_mine",),
        images=tuple(f"{k:016x}" for k in range(8)),
        model_id="m",
        class_index=np.zeros(n, np.int16),
        score=p.astype(np.float32),
        probability=p.astype(np.float32),
        row=y * 100,
        col=x * 100,
        x=x,
        y=y,
        size_m=np.full(n, size, np.float32),
        position_error_m=np.full(n, error, np.float32),
        image_index=image.astype(np.int32),
        tile_index=np.arange(n, dtype=np.int32),
    )


def test_two_images_of_one_place_are_one_item() -> None:
    assert merge_sightings(sightings([(0, 0, 0), (0.05, 0, 1), (3, 0, 1)])).tolist() == [0, 0, 1]


def test_reach_grows_with_position_error_and_with_size() -> None:
    apart = [(0.0, 0.0, 0), (0.4, 0.0, 1)]
    assert len(set(merge_sightings(sightings(apart)))) == 2
    assert len(set(merge_sightings(sightings(apart, error=0.1)))) == 1
    assert len(set(merge_sightings(sightings(apart, size=0.9)))) == 1


def test_one_image_keeps_apart_what_lies_beyond_the_guard() -> None:
    places = [(0.0, 0.0, 0), (0.2, 0.0, 0), (0.25, 0.0, 0)]
    assert merge_sightings(sightings(places, size=1.0)).tolist() == [0, 1, 1]
    assert merge_sightings(sightings(places, size=1.0), guard_m=0.3).tolist() == [0, 0, 0]


def test_another_image_does_not_chain_separate_items_together() -> None:
    places = [(0.0, 0.0, 0), (0.2, 0.0, 0), (0.08, 0.0, 1)]
    assert merge_sightings(sightings(places, size=0.3)).tolist() == [0, 1, 0]


def test_numbers_fall_with_probability_then_x_then_y() -> None:
    places = [(5, 0, 0), (9, 0, 0), (1, 2, 0), (1, 1, 0)]
    assert merge_sightings(sightings(places, probability=[0.5, 0.9, 0.5, 0.5])).tolist() == [3, 0, 2, 1]


def test_sightings_without_a_place_stay_alone() -> None:
    found = merge_sightings(sightings([(np.nan, np.nan, 0), (np.nan, np.nan, 1), (0, 0, 0)]))
    assert len(set(found)) == 3


@pytest.mark.parametrize("count", [0, 1])
def test_few_sightings(count: int) -> None:
    assert merge_sightings(sightings([(0, 0, 0)] * count)).tolist() == [0] * count


@settings(deadline=None)
@given(
    places=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 3)), max_size=25, unique=True),
    size=st.floats(0.05, 0.6),
    seed=st.integers(0, 99),
)
def test_items_do_not_depend_on_order_and_respect_each_image(
    places: list[tuple[int, int, int]], size: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    found = sightings(
        [(x / 20, y / 20, k) for x, y, k in places], size=size, probability=rng.random(len(places)).tolist()
    )
    items = merge_sightings(found)
    order = rng.permutation(len(places))
    assert np.array_equal(merge_sightings(found.take(order)), items[order])
    assert sorted(set(items.tolist())) == list(range(len(set(items.tolist()))))
    for item in set(items.tolist()):
        for image in range(4):
            mine = (items == item) & (found.image_index == image)
            x, y = found.x[mine], found.y[mine]
            assert np.hypot(x[:, None] - x, y[:, None] - y).max(initial=0) <= 0.08
