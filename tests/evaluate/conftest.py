"""Made-up sightings and a detector that is told what to see."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from survey.datasets.sources import Boxes, Picture
from survey.detect import Detector
from survey.evaluate import Scores
from survey.evaluate.scores import Items, Sightings, Stretches
from survey.values import Detections

CLASSES = ("ap_mine", "at_mine")
Seen = tuple[float, float, float]
"""(row, col, score)."""


class Told:
    """Stands in for a detector: returns what it was told, picture by picture."""

    def __init__(self, *pictures: list[Seen], size_m: float = 0.0) -> None:
        self.pictures, self.size_m = list(pictures), size_m
        self.card = SimpleNamespace(class_names=CLASSES, gsd_m=0.01, contrast=None)

    def detect(self, image: NDArray[np.uint8], *, gsd_m: float) -> Detections:
        table = np.array(self.pictures.pop(0), float).reshape(-1, 3)
        none = Detections.empty(classes=CLASSES)
        columns: dict[str, NDArray[np.generic]] = {
            name: np.zeros(len(table), array.dtype) for name, array in none.arrays().items()
        }
        row, col, score = table.T
        size = np.full(len(table), self.size_m, np.float32)
        return none.replace(**{**columns, "row": row, "col": col, "score": score.astype(np.float32), "size_m": size})


@pytest.fixture
def told() -> Callable[..., Detector]:
    """Return a function from what is to be seen, picture by picture, to a detector that sees it."""
    return lambda *pictures, size_m=0.0: cast(Detector, Told(*pictures, size_m=size_m))


@pytest.fixture
def picture() -> Callable[..., Picture]:
    """Return a function from places (row, col) of items to a picture of 1 m by 2 m."""

    def make(*items: tuple[float, float], site: str = "a", size_px: float = 10, gsd_m: float = 0.01) -> Picture:
        row, col = np.array(items, float).reshape(-1, 2).T
        boxes = Boxes(row, col, np.full(len(items), size_px), ("ap_mine",) * len(items))
        return Picture(site, "-", np.full((100, 200, 3), 90, np.uint8), gsd_m, boxes, (), 1.0)

    return make


@pytest.fixture
def scores() -> Callable[..., Scores]:
    """Return a function from (score, true, site) and the number of items to scores; sites have `area` hectares each."""

    def make(*rows: tuple[float, bool] | tuple[float, bool, str], items: int, area: float = 1.0) -> Scores:
        full = [(*row, "a")[:3] for row in rows]
        sites = tuple(dict.fromkeys(site for _, _, site in full)) or ("a",)
        true = np.array([t for _, t, _ in full], bool)
        count, zero, most = len(full), np.zeros(len(full)), max(items, int(true.sum()))
        stretch = np.array([sites.index(site) for _, _, site in full], np.intp)
        item = np.where(true, np.cumsum(true) - 1, -1).astype(np.intp)
        seen = Sightings(
            score=np.array([s for s, _, _ in full], float),
            class_index=np.zeros(count, np.intp),
            x=np.arange(count, dtype=float),
            y=zero,
            size_m=zero + 0.1,
            stretch=stretch,
            item=item,
            error_m=np.where(true, 0.1, np.nan),
            again=np.zeros(count, bool),
        )
        home = np.zeros(most, np.intp)
        home[: int(true.sum())] = stretch[true]
        there = Items(
            label=np.zeros(most, np.intp),
            x=np.arange(most, dtype=float),
            y=np.zeros(most),
            size_m=np.full(most, 0.1),
            gsd_m=np.full(most, 0.01),
            stretch=home,
            green=np.full(most, np.nan),
            texture=np.full(most, np.nan),
        )
        ground = Stretches("image", sites, sites, np.full(len(sites), area))
        return Scores(seen, there, ground, CLASSES, ("ap_mine",), 0.01)

    return make
