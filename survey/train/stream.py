"""The stream of crops: which step takes which, composed ahead in threads."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import cv2

from survey.composites.compose import Sample

AHEAD = 2
"""Steps whose crops are composed while the network is at work on one."""


def step_numbers(step: int, *, batch: int, accumulate: int = 1, rank: int = 0, ranks: int = 1) -> list[int]:
    """Return the numbers of the crops that one process takes at a step.

    A step takes `batch` crops, the next of the stream, whatever the micro-batches and processes.
    Micro-batch k of all processes together is its k-th part, so that batch normalisation, which
    sees one micro-batch of all processes, sees the same crops with any number of processes.
    """
    micro = batch // accumulate
    own = micro // ranks
    return [step * batch + k * micro + rank * own + n for k in range(accumulate) for n in range(own)]


def segments(first: int, steps: int, *, every: int) -> Iterator[tuple[int, int]]:
    """Yield (start, stop) of the runs of steps between multiples of `every`, from `first` to `steps`; 0: one run."""
    while first < steps:
        stop = min(steps, (first // every + 1) * every) if every else steps
        yield first, stop
        first = stop


def crop_batches(
    compose: Callable[[int], Sample], numbers: Callable[[int], Sequence[int]], *, first: int, steps: int, workers: int
) -> Iterator[list[Sample]]:
    """Yield the crops of steps `first` to `steps`, composed in threads a few steps ahead, never beyond `steps`.

    Threads, for OpenCV and NumPy let go of the interpreter; forked processes inherit OpenCV's and
    OpenMP's thread pools in a state that can lock them up.
    """
    cv2.setNumThreads(0)
    with ThreadPoolExecutor(max_workers=workers) as pool:

        def submit(step: int) -> list[Future[Sample]]:
            return [pool.submit(compose, number) for number in numbers(step)]

        ahead = deque(submit(step) for step in range(first, min(steps, first + AHEAD)))
        for step in range(first, steps):
            if step + AHEAD < steps:
                ahead.append(submit(step + AHEAD))
            yield [future.result() for future in ahead.popleft()]
