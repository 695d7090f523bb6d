"""Sightings of likely ordnance as a struct of arrays, one row a sighting."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from survey.errors import SurveyError

UNIDENTIFIED_CLASS = "anomaly"
"""Class of a sighting that looks like ordnance of no class in particular. It is not learnt from examples."""
CLASSES = ("ap_mine", "at_mine", "submunition", "projectile", "other_uxo", UNIDENTIFIED_CLASS)
"""What labels name and the ordnance head tells apart. A class without training data stays in the list as not learnt."""
_DTYPES = {
    "class_index": np.int16,
    "score": np.float32,
    "probability": np.float32,
    "row": np.float64,
    "col": np.float64,
    "x": np.float64,
    "y": np.float64,
    "size_m": np.float32,
    "position_error_m": np.float32,
    "image_index": np.int32,
    "tile_index": np.int32,
}


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """N sightings. Every array has shape (N,)."""

    classes: tuple[str, ...]
    """Names that `class_index` points into."""
    images: tuple[str, ...]
    """Image ids that `image_index` points into."""
    model_id: str
    class_index: NDArray[np.int16]
    score: NDArray[np.float32]
    """The network's own score in 0..1; ranks, is not a probability."""
    probability: NDArray[np.float32]
    """Calibrated probability that the sighting is ordnance, in 0..1."""
    row: NDArray[np.float64]
    """Centre in the source image's pixels, on pixel edges."""
    col: NDArray[np.float64]
    x: NDArray[np.float64]
    """Centre in the output CRS, metres; NaN where the image has no place on the ground."""
    y: NDArray[np.float64]
    size_m: NDArray[np.float32]
    """Longest extent seen from above, metres."""
    position_error_m: NDArray[np.float32]
    """One-sigma error of (x, y) within the image's own georeference, metres."""
    image_index: NDArray[np.int32]
    tile_index: NDArray[np.int32]

    def __post_init__(self) -> None:
        for name, dtype in _DTYPES.items():
            array = getattr(self, name)
            if array.shape != self.score.shape or array.ndim != 1 or array.dtype != dtype:
                msg = (
                    f"Detections.{name} has {array.dtype} {array.shape}, expected {np.dtype(dtype)} {self.score.shape}"
                )
                raise ValueError(msg)

    def __len__(self) -> int:
        return len(self.score)

    @classmethod
    def empty(cls, *, classes: tuple[str, ...], images: tuple[str, ...] = (), model_id: str = "") -> "Detections":
        """Return no sightings."""
        return cls(classes, images, model_id, **{name: np.empty(0, dtype) for name, dtype in _DTYPES.items()})

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> "Detections":
        """Return the sightings at `index` (positions or a mask), in that order."""
        arrays = {name: getattr(self, name)[index] for name in _DTYPES}
        return Detections(self.classes, self.images, self.model_id, **arrays)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns by name."""
        return {name: getattr(self, name) for name in _DTYPES}

    def replace(self, **columns: NDArray[np.generic]) -> "Detections":
        """Return a copy with some columns replaced."""
        return Detections(self.classes, self.images, self.model_id, **{**self.arrays(), **columns})  # type: ignore[arg-type]

    @property
    def class_names(self) -> list[str]:
        """Class name of each sighting."""
        return [self.classes[i] for i in self.class_index]


def concatenate(parts: Sequence[Detections]) -> Detections:
    """Join sightings of one model, uniting their image lists in order of first appearance.

    Raises:
        SurveyError: The parts come from different models or class lists.
    """
    if not parts:
        msg = "nothing to concatenate: pass at least one Detections"
        raise SurveyError(msg)
    first = parts[0]
    if any(p.classes != first.classes or p.model_id != first.model_id for p in parts):
        msg = "detections of different models cannot be joined; run one model over all images"
        raise SurveyError(msg)
    images = tuple(dict.fromkeys(i for p in parts for i in p.images))
    place = {image: n for n, image in enumerate(images)}
    columns = {name: np.concatenate([getattr(p, name) for p in parts]) for name in _DTYPES}
    lookup = [np.array([place[i] for i in p.images], np.int32)[p.image_index] for p in parts]
    columns["image_index"] = np.concatenate(lookup).astype(np.int32)
    return Detections(first.classes, images, first.model_id, **columns)


assert {f.name for f in fields(Detections)} == {"classes", "images", "model_id", *_DTYPES}
