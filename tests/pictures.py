"""Small pictures, cut-outs and sources for the tests of data sets, composites and training."""

import json
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.datasets import DataList
from survey.datasets.sources import Boxes, Cutout, Picture, Sources


def ground(seed: int, height: int = 160, width: int = 200) -> NDArray[np.uint8]:
    """Return a picture with texture."""
    coarse = np.random.default_rng(seed).integers(60, 200, (height // 5, width // 5, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def disc(size: int = 40) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return colours and alpha of a round thing."""
    alpha = np.zeros((size, size), np.float32)
    cv2.circle(alpha, (size // 2, size // 2), size // 2 - 2, 1.0, -1, cv2.LINE_AA)
    return np.full((size, size, 3), (90, 110, 60), np.uint8), alpha


def small_sources() -> Sources:
    """Return two empty grounds, one with two items and dug soil, one cut-out of two classes' size."""
    items = Boxes(np.array([50.0, 120.0]), np.array([60.0, 150.0]), np.array([20.0, 24.0]), ("ap_mine", "at_mine"))
    pictures = (
        Picture("a", "one", ground(1), 0.01, Boxes.none(), (), 1.0),
        Picture("a", "two", ground(2), 0.02, Boxes.none(), (), 0.5),
        Picture("b", "three", ground(3), 0.01, items, ((20, 90, 40, 30),), 1.0),
    )
    return Sources(pictures, (Cutout(*disc(), "mine", (0.06, 0.34), 1.0),), 0.5)


def listed(values: Mapping[str, Any]) -> DataList:
    """Return a data list as if a file held it: its types are strict, and a file has no tuples."""
    return DataList.model_validate_json(json.dumps(values))
