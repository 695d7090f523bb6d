"""Faults of a training that its user can mend, told in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import torch

from survey.errors import TrainingError
from survey.train.config import TrainConfig

ALLOCATOR_WORDS = ("DefaultCPUAllocator", "can't allocate memory", "not enough memory", "out of memory")
"""How torch's allocators say it where they raise no type of their own."""


@contextmanager
def memory_told(config: TrainConfig) -> Iterator[None]:
    """Turn every way of running out of memory into one error that names the keys to change.

    Raises:
        TrainingError: Memory ran out.
    """
    try:
        yield
    except (MemoryError, RuntimeError, cv2.error) as error:
        if not _is_out_of_memory(error):
            raise
        msg = (
            f"out of memory with batch={config.batch}, accumulate={config.accumulate}, crop_px={config.crop_px} "
            f"({_first_line(error)}); make accumulate larger, or batch or crop_px smaller, with another --out; "
            "the last checkpoint is kept"
        )
        raise TrainingError(msg) from error


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, cv2.error):
        return bool(error.code == cv2.Error.StsNoMem)
    return any(word in str(error) for word in ALLOCATOR_WORDS)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:160] if lines else type(error).__name__
