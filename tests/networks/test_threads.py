"""Small work takes one thread, and the number of threads is what it was."""

import pytest
import torch

from survey.networks import one_thread


@one_thread()
def threads_of(number: int) -> tuple[int, int]:
    if number < 0:
        msg = "negative"
        raise ValueError(msg)
    return number, torch.get_num_threads()


def test_the_number_of_threads_is_restored_whatever_happens() -> None:
    torch.set_num_threads(2)
    for _ in range(2):
        assert threads_of(5) == (5, 1)
        assert torch.get_num_threads() == 2
    with pytest.raises(ValueError, match="negative"):
        threads_of(-1)
    assert torch.get_num_threads() == 2
    with one_thread():
        assert threads_of(6) == (6, 1)
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
