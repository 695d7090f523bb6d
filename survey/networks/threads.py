"""How many threads PyTorch takes for small work."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch compute on one thread, as a context or a decorator; the number is restored.

    What takes a millisecond gains nothing by a second thread, and beside a job that keeps the core of one busy each
    operation waits for the scheduler: the last layers of 74 tiles took 0.1 s of processor time on one thread and 5 s
    on two.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
