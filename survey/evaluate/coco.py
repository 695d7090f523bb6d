"""COCO's average precision, by torchmetrics, of boxes around what was found and what is there."""

from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.evaluate.scores import Items, Scores, Sightings

MISSING = "not computed: pip install 'survey[evaluate]' brings torchmetrics and pycocotools"
LIMIT = 10_000
"""Most sightings of one picture that count; COCO's own 100 would cut off the alarms of a large picture."""
PX_PER_M = 100.0
"""Boxes are handed over in centimetres; nothing but COCO's size classes, which are not reported, depends on it."""


def coco_ap(scores: Scores) -> dict[str, Any]:
    """Return AP (mean over IoU 0.50 to 0.95) and AP50, without regard to class and class by class.

    Found and labelled items are squares of their longest extent, for that is what the detector tells: the
    figures show how well place and size agree, not how well an outline does. Every class of the labels is
    reported; None where the model has no such class to find it by.

    Returns:
        {"ap", "ap50", "by_class": {label: {"ap", "ap50"}}}, or {"omitted": the reason}.
    """
    if not len(scores.items.x):
        return {"omitted": "no item to find"}
    if not np.isfinite(scores.items.size_m).all():
        return {"omitted": "the sizes of some items are not known; give --size-column"}
    if find_spec("torchmetrics") is None or find_spec("pycocotools") is None:
        return {"omitted": MISSING}
    agnostic = _average_precision(scores, np.zeros(len(scores.sightings.x), int), np.zeros(len(scores.items.x), int))
    names = list(dict.fromkeys((*scores.classes, *scores.labels)))
    seen = np.array([names.index(c) for c in scores.classes], int)[scores.sightings.class_index]
    there = np.array([names.index(c) for c in scores.labels], int)[scores.items.label]
    by_class: dict[str, Any] = {}
    for label in scores.labels:
        number = names.index(label)
        known = label in scores.classes
        by_class[label] = _average_precision(scores, seen, there, only=number) if known else {"ap": None, "ap50": None}
    return {**agnostic, "by_class": by_class}


def _average_precision(
    scores: Scores, seen: NDArray[np.intp], there: NDArray[np.intp], *, only: int = 0
) -> dict[str, float]:
    """Return AP of the sightings and items of class `only`."""
    import torch  # noqa: PLC0415
    from torchmetrics.detection import MeanAveragePrecision  # noqa: PLC0415 - an optional extra, and slow to import

    metric = MeanAveragePrecision(max_detection_thresholds=[1, 10, LIMIT], backend="pycocotools", extended_summary=True)
    metric.warn_on_many_detections = False
    s, i = scores.sightings, scores.items
    for stretch in range(len(scores.stretches.names)):
        mine, its = (s.stretch == stretch) & (seen == only), (i.stretch == stretch) & (there == only)
        metric.update(
            [
                {
                    "boxes": torch.from_numpy(_squares(s, mine)),
                    "scores": torch.from_numpy(s.score[mine].astype(np.float32)),
                    "labels": torch.zeros(int(mine.sum()), dtype=torch.int64),
                }
            ],
            [{"boxes": torch.from_numpy(_squares(i, its)), "labels": torch.zeros(int(its.sum()), dtype=torch.int64)}],
        )
    # The summary's own mean is -1 for any limit but 100, so it is taken here: (IoU, recall), all sizes, last limit.
    precision = metric.compute()["precision"][:, :, 0, 0, -1]
    return {"ap": float(precision.mean()), "ap50": float(precision[0].mean())}


def _squares(table: Sightings | Items, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return (N, 4) x1, y1, x2, y2 in centimetres."""
    x, y, half = table.x[mask], table.y[mask], table.size_m[mask] / 2
    return (PX_PER_M * np.column_stack([x - half, y - half, x + half, y + half])).astype(np.float32)
