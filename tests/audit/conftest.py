"""Made-up ground, labels with planted faults, and a model that sees what is painted red or blue."""

from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from survey.audit.pictures import Marks, View
from survey.detect import Detector
from survey.labels import Boxes
from survey.values import Detections

CLASSES = ("ap_mine", "at_mine", "submunition", "anomaly")
RED, BLUE, GREEN = (255, 0, 0), (0, 0, 255), (0, 255, 0)
"""What the model takes for an AP mine, an AT mine, and something of no class in particular."""
SCORE = 0.8


def texture(seed: int, height: int = 160, width: int = 240) -> NDArray[np.uint8]:
    """Return ground that no two seeds share, without the pure colours."""
    draw = np.random.default_rng(seed)
    ground = np.zeros((height, width, 3))
    for cell in (4, 12, 40):
        coarse = draw.uniform(-30, 30, (height // cell + 2, width // cell + 2, 3)).astype(np.float32)
        ground += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(125 + ground, 40, 215), np.uint8)


def painted(rgb: NDArray[np.uint8], *items: tuple[int, int, int, tuple[int, int, int]]) -> NDArray[np.uint8]:
    """Return the ground with squares of (row, col, edge, colour) on it."""
    rgb = rgb.copy()
    for row, col, edge, colour in items:
        half = edge // 2
        rgb[row - half : row - half + edge, col - half : col - half + edge] = colour
    return rgb


class Painted:
    """Stands in for a detector: sees the squares of pure colour, wherever they are."""

    def __init__(self, *, model: str = "painted", sites: tuple[str, ...] = ("elsewhere",), learnt: str = "") -> None:
        cards = tuple(SimpleNamespace(name=n, learnt=n != "anomaly" and (not learnt or n in learnt)) for n in CLASSES)
        self.card = SimpleNamespace(
            id=model,
            class_names=CLASSES,
            classes=cards,
            gsd_m=0.01,
            max_gsd_m=0.025,
            contrast=None,
            training=SimpleNamespace(sites=sites),
            thresholds=SimpleNamespace(score=0.3),
        )
        self.sha256, self.least = "0" * 64, 0.3

    def with_threshold(self, score: float) -> "Painted":
        other = Painted(model=self.card.id, sites=self.card.training.sites)
        other.card, other.least = self.card, score
        return other

    def detect(self, image: NDArray[np.uint8], *, gsd_m: float) -> Detections:
        rows = []
        for kind, colour in enumerate((RED, BLUE)):
            rows += self._squares(image, colour, kind)
        rows += self._squares(image, GREEN, CLASSES.index("anomaly"))
        table = np.array([row for row in rows if self.least < SCORE], float).reshape(-1, 4)
        none = Detections.empty(classes=CLASSES)
        columns: dict[str, Any] = {name: np.zeros(len(table), a.dtype) for name, a in none.arrays().items()}
        row, col, size, kinds = table.T
        return none.replace(
            **{
                **columns,
                "row": row,
                "col": col,
                "score": np.full(len(table), SCORE, np.float32),
                "size_m": (size * gsd_m).astype(np.float32),
                "class_index": kinds.astype(np.int16),
            }
        )

    @staticmethod
    def _squares(image: NDArray[np.uint8], colour: tuple[int, int, int], kind: int) -> list[tuple[float, ...]]:
        _, _, stats, middles = cv2.connectedComponentsWithStats((image == colour).all(axis=2).astype(np.uint8))
        return [
            (float(y) + 0.5, float(x) + 0.5, float(max(s[2:4])), kind)
            for s, (x, y) in zip(stats[1:], middles[1:], strict=True)
        ]


def sees_paint(**changes: Any) -> Detector:
    return cast("Detector", Painted(**changes))


def boxes(*rows: tuple[float, float, float, float, str]) -> Boxes:
    """Return boxes of (top, left, bottom, right, class)."""
    table = np.array([row[:4] for row in rows], float).reshape(-1, 4)
    extent = table[:, 2:] - table[:, :2]
    middle = (table[:, 2:] + table[:, :2]) / 2
    return Boxes(middle[:, 0], middle[:, 1], extent.max(axis=1), tuple(row[4] for row in rows), extent)


def marks(labels: Boxes, *, gsd_m: float = 0.01, scale_known: bool = True) -> Marks:
    return Marks(160, 240, gsd_m, labels, scale_known)


def view(rgb: NDArray[np.uint8], labels: Boxes | None = None, **changes: Any) -> View:
    given: dict[str, Any] = {"site": "a", "name": "one.png", "gsd_m": 0.01, "marks": None, **changes}
    return View(rgb=rgb, items=Boxes.none() if labels is None else labels, **given)
