"""Recall and false alarms of models on composites: settings of a training can be tried by them.

Real items cut out of photographs lie on real ground; the models may have seen neither. So a choice can be made
without a look at the real frames that the chosen model is measured on.
"""

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from survey import load_detector
from survey.evaluate.curves import average_precision
from survey.evaluate.report import froc, probing
from survey.evaluate.run import seen_in_training
from survey.evaluate.scores import Scores, score_pictures
from survey.labels import Boxes
from survey.train.compose import NO_CLASS, Composer, Recipe
from survey.train.config import CLASSES
from survey.train.datalist import load_data_list
from survey.train.sources import Sources, load_sources

GSD_M = 0.005
CROP_PX = 768
"""3.84 m: the scenes are the same for every model, each reads them at its own scale."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A composed picture of ground in which every item is known."""

    name: str
    rgb: NDArray[np.uint8]
    items: Boxes
    site: str
    """Each scene has a camera of its own, so it is a site of its own: its ground is measured by itself."""
    gsd_m: float = GSD_M


class Scenes(Sequence[Scene]):
    """The first scenes of a stream in which no item is too hidden to be asked for. Composed when asked for."""

    def __init__(self, sources: Sources, count: int, *, seed: int) -> None:
        recipe = Recipe(
            crop_px=CROP_PX,
            gsd_m=GSD_M,
            classes=CLASSES,
            items_mean=1.5,
            empty_share=0.3,
            disturbance_share=0,
            clutter_mean=0,
            nodata_share=0,
        )
        self._composer = Composer(sources, recipe, seed=seed)
        numbers = (n for n in itertools.count() if not self._composer.compose(n).ignored.any())
        self._numbers = tuple(itertools.islice(numbers, count))

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> Scene: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Scene]: ...
    def __getitem__(self, index: int | slice) -> Scene | Sequence[Scene]:
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(len(self)))]
        sample = self._composer.compose(self._numbers[index])
        classes = tuple(CLASSES[n] if n != NO_CLASS else "" for n in sample.class_index.tolist())
        row, col, size = (np.asarray(values, np.float64) for values in (sample.row, sample.col, sample.size_px))
        return Scene(str(index), sample.pixels, Boxes(row, col, size, classes), f"scene {index}")


def told(scores: Scores) -> str:
    """Return the figures of one model in a line; intervals are Clopper-Pearson's, of the items."""
    points = [
        "{per_ha:g}/ha {recall:.3f} [{low:.3f}, {high:.3f}]".format(
            low=point["recall_interval"][0], high=point["recall_interval"][1], **point
        )
        for point in froc(scores)
        if point["resolved"]
    ]
    area = f"{len(scores.items.x)} items, {scores.area_ha:.2f} ha"
    return f"AP {average_precision(scores):.3f}; recall at {', '.join(points)} ({area})"


def main() -> None:
    """Measure each model on the same scenes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("list", type=Path, help="data list of the real ground and the cut-outs to lay on it")
    parser.add_argument("models", type=Path, nargs="+", help="model folders")
    parser.add_argument("--data", type=Path, required=True, help="folder that the list's paths lie below")
    parser.add_argument("--scenes", type=int, default=300)
    parser.add_argument("--seed", type=int, default=4242)
    options = parser.parse_args()
    data = load_data_list(options.list)
    scenes = Scenes(load_sources(data, options.data), options.scenes, seed=options.seed)
    sites = sorted({entry.site for entry in data.entries})
    for model in options.models:
        detector = load_detector(model)
        seen = seen_in_training(detector.card, sites)
        note = f", trained on {', '.join(seen)} of these: its figures flatter" if seen else ""
        print(f"{model}{note}: {told(score_pictures(probing(detector), scenes))}", flush=True)


if __name__ == "__main__":
    main()
