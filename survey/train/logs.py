"""What a training run tells TensorBoard, where that is installed. Nothing of it decides the weights."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from survey.composites.compose import Sample
from survey.train.distributed import World

log = logging.getLogger(__name__)

SHOWN_CROPS = 8
"""Crops shown of the first step."""
MARK = (255, 0, 255)
"""Colour of the ring around an item: none that ground or ordnance has."""


class Logs:
    """Scalars and pictures by step; does nothing without a writer."""

    def __init__(self, writer: Any = None) -> None:
        self._writer = writer

    def scalars(self, values: Mapping[str, float], *, step: int) -> None:
        """Write numbers by name."""
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)

    def crops(self, samples: Sequence[Sample], *, step: int) -> None:
        """Write the first few crops as pictures, their items ringed (hidden ones thinly)."""
        if self._writer is not None:
            pictures = np.stack([_ringed(sample) for sample in samples[:SHOWN_CROPS]])
            self._writer.add_images("crops", pictures, step, dataformats="NHWC")


@contextmanager
def open_logs(folder: Path, *, step: int, world: World) -> Iterator[Logs]:
    """Open the logs of a run in `folder/logs`; only the leading process writes any.

    Args:
        folder: The run's folder.
        step: First step that will be written; what an earlier, killed process wrote of later ones is dropped.
        world: The processes that train together.
    """
    if not world.leads:
        yield Logs()
        return
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        log.info('no TensorBoard logs: it is not installed; pip install ".[train]" if you want them')
        yield Logs()
        return
    writer = SummaryWriter(folder / "logs", purge_step=step)
    try:
        yield Logs(writer)
    finally:
        writer.close()


def _ringed(sample: Sample) -> np.ndarray[Any, Any]:
    picture = sample.pixels.copy()
    for row, col, size, ignored in zip(sample.row, sample.col, sample.size_px, sample.ignored, strict=True):
        centre, radius = (round(float(col)), round(float(row))), round(float(size) / 2) + 4
        cv2.circle(picture, centre, radius, MARK, 1 if ignored else 2)
    return picture
