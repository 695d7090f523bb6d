"""Every crop of the stream is taken once, in order, and none before the search it may depend on."""

from collections.abc import Iterator
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.train.stream import crop_batches, segments, step_numbers


class Counting:
    """Stands in for a composer: a crop is its own number."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def compose(self, number: int) -> int:
        self.asked.append(number)
        return number


def batches(composer: Counting, *, first: int, steps: int, workers: int) -> Iterator[list[int]]:
    numbers = partial(step_numbers, batch=3)
    return crop_batches(composer.compose, numbers, first=first, steps=steps, workers=workers)  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize("workers", [1, 3])
def test_crops_come_in_order_whatever_the_threads(workers: int) -> None:
    got = list(batches(Counting(), first=0, steps=5, workers=workers))
    assert got == [[3 * n, 3 * n + 1, 3 * n + 2] for n in range(5)]


def test_crops_of_a_resumed_run_are_those_of_the_whole_run() -> None:
    whole = list(batches(Counting(), first=0, steps=7, workers=2))
    assert list(batches(Counting(), first=4, steps=7, workers=2)) == whole[4:]
    assert list(batches(Counting(), first=7, steps=7, workers=2)) == []


def test_crops_are_composed_only_a_few_steps_ahead_and_never_beyond_the_last() -> None:
    composer = Counting()
    stream = batches(composer, first=0, steps=1000, workers=1)
    for _ in range(3):
        next(stream)
    assert max(composer.asked) < 3 * 5
    stream.close()  # type: ignore[attr-defined]
    short = Counting()
    assert list(batches(short, first=0, steps=2, workers=1)) == [[0, 1, 2], [3, 4, 5]]
    assert short.asked == [0, 1, 2, 3, 4, 5]


@given(step=st.integers(0, 50), own=st.integers(1, 4), accumulate=st.integers(1, 4), ranks=st.integers(1, 4))
def test_a_step_takes_the_next_crops_of_the_stream_however_it_is_split(
    step: int, own: int, accumulate: int, ranks: int
) -> None:
    batch = own * accumulate * ranks
    split = [step_numbers(step, batch=batch, accumulate=accumulate, rank=r, ranks=ranks) for r in range(ranks)]
    assert sorted(n for part in split for n in part) == list(range(step * batch, (step + 1) * batch))
    for k in range(accumulate):  # a micro-batch of all processes is the one that a single process has
        together = sorted(n for part in split for n in part[k * own : (k + 1) * own])
        alone = step_numbers(step, batch=batch, accumulate=accumulate)[k * own * ranks : (k + 1) * own * ranks]
        assert together == alone


@given(first=st.integers(0, 30), steps=st.integers(0, 30), every=st.integers(0, 9))
def test_segments_cover_the_steps_and_end_at_multiples(first: int, steps: int, every: int) -> None:
    parts = list(segments(first, steps, every=every))
    assert [n for start, stop in parts for n in range(start, stop)] == list(range(first, steps))
    assert all(stop > start for start, stop in parts)
    if every:
        assert all(start % every == 0 for start, _ in parts[1:])
        assert all(start // every == (stop - 1) // every for start, stop in parts)
