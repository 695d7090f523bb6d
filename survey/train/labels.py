"""What is known to lie in a picture: labels of frames in YOLO text files and in COCO JSON."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.errors import ConfigError


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Items of a picture: centre, longest extent in its pixels, class; arrays of shape (N,)."""

    row: NDArray[np.float64]
    col: NDArray[np.float64]
    size_px: NDArray[np.float64]
    classes: tuple[str, ...]

    @classmethod
    def none(cls) -> "Boxes":
        """Return no items."""
        return cls(np.empty(0), np.empty(0), np.empty(0), ())

    def scaled(self, factor: float) -> "Boxes":
        """Return the same items after the picture was scaled by `factor`."""
        return Boxes(self.row * factor, self.col * factor, self.size_px * factor, self.classes)

    def moved(self, row: float, col: float) -> "Boxes":
        """Return the same items in a picture whose first pixel is (row, col) of this one."""
        return Boxes(self.row - row, self.col - col, self.size_px, self.classes)

    def chosen(self, which: NDArray[np.bool_]) -> "Boxes":
        """Return the items where `which`, bool (N,), is true."""
        names = tuple(name for name, wanted in zip(self.classes, which, strict=True) if wanted)
        return Boxes(self.row[which], self.col[which], self.size_px[which], names)


def read_yolo(path: Path, shape: tuple[int, ...], classes: tuple[str, ...]) -> Boxes:
    """Read one label file; a missing file is an error, an empty one means that nothing is there.

    Raises:
        ConfigError: The file is missing or a line does not fit.
    """
    if not path.is_file():
        msg = f"{path}: no label file; an empty one says that the frame holds no item"
        raise ConfigError(msg)
    rows = [line.split() for line in path.read_text().splitlines() if line.strip()]
    height, width = shape[:2]
    try:
        values = np.array([[float(v) for v in row[1:5]] for row in rows]).reshape(-1, 4)
        names = tuple(classes[int(row[0])] for row in rows)
    except (ValueError, IndexError) as error:
        msg = f"{path}: a line is 'class x y width height', class below {len(classes)}, the rest shares of the frame"
        raise ConfigError(msg) from error
    extent = np.maximum(values[:, 2] * width, values[:, 3] * height)
    return Boxes(values[:, 1] * height, values[:, 0] * width, extent, names)


@dataclass(frozen=True, slots=True)
class CocoLabels:
    """The boxes of a COCO file, by the file name of their picture."""

    path: Path
    shapes: Mapping[str, tuple[int, int]]
    """(height, width) that each picture has by the file."""
    rows: Mapping[str, list[tuple[float, float, float, str]]]
    """(row, col, longest extent, our class) of each item."""
    crowds: Mapping[str, object]
    """Id of an annotation that stands for several items, by picture."""

    def of(self, picture: Path, shape: tuple[int, ...]) -> Boxes:
        """Return the items of one picture, which is looked up by the end of its path.

        Raises:
            ConfigError: The file does not know the picture, gives it another shape, or marks a crowd in it.
        """
        tails = ("/".join(picture.parts[n:]) for n in range(len(picture.parts)))
        name = next((tail for tail in tails if tail in self.shapes), None)
        if name is None:
            msg = f"{self.path}: does not list {picture.name}; list it, without annotations if it holds no item"
            raise ConfigError(msg)
        if self.shapes[name] != tuple(shape[:2]):
            msg = f"{self.path}: {name} is {shape[1]} x {shape[0]} pixels, not as listed; label the picture as it is"
            raise ConfigError(msg)
        if name in self.crowds:
            msg = (
                f"{self.path}: annotation {self.crowds[name]} of {name} is a crowd (iscrowd), which does not say where "
                "its items are; box each, or list the picture under 'incomplete'"
            )
            raise ConfigError(msg)
        values = np.array([row[:3] for row in self.rows[name]], np.float64).reshape(-1, 3)
        return Boxes(values[:, 0], values[:, 1], values[:, 2], tuple(row[3] for row in self.rows[name]))


def read_coco(path: Path, classes: Mapping[str, str | None]) -> CocoLabels:
    """Read a COCO file: `images`, `annotations` with `bbox` [x, y, width, height] in pixels, `categories`.

    Args:
        path: The JSON file.
        classes: Our class for the name of each category that is used; None: not ordnance, left out.

    Raises:
        ConfigError: The file is missing, is not COCO, or uses a category that `classes` does not name.
    """
    if not path.is_file():
        msg = f"{path}: no such file; give the folder that the data list's paths lie below with --data"
        raise ConfigError(msg)
    try:
        content = json.loads(path.read_text())
        return _coco(path, content, classes)
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, ConfigError):
            raise
        msg = f"{path}: is not a COCO file of boxes ({type(error).__name__}: {error}); export it again"
        raise ConfigError(msg) from error


def _coco(path: Path, content: Mapping[str, Any], classes: Mapping[str, str | None]) -> CocoLabels:
    names = {image["id"]: str(image["file_name"]) for image in content["images"]}
    shapes = {str(image["file_name"]): (int(image["height"]), int(image["width"])) for image in content["images"]}
    if len(shapes) < len(content["images"]):
        twice = Counter(str(image["file_name"]) for image in content["images"]).most_common(1)[0][0]
        msg = f"{path}: lists {twice} twice; keep one, with the annotations of both"
        raise ConfigError(msg)
    categories = {category["id"]: str(category["name"]) for category in content["categories"]}
    rows: dict[str, list[tuple[float, float, float, str]]] = {name: [] for name in shapes}
    crowds: dict[str, object] = {}
    for annotation in content["annotations"]:
        name, category = names[annotation["image_id"]], categories[annotation["category_id"]]
        if category not in classes:
            msg = f"{path}: category '{category}' is not in 'classes'; give our class for it, or null to leave it out"
            raise ConfigError(msg)
        own = classes[category]
        if own is None:
            continue
        if annotation.get("iscrowd"):
            crowds[name] = annotation.get("id")
            continue
        x, y, width, height = (float(value) for value in annotation["bbox"])
        if not (width > 0 and height > 0):
            msg = f"{path}: annotation {annotation.get('id')} of {name} has an empty box; correct or delete it"
            raise ConfigError(msg)
        rows[name].append((y + height / 2, x + width / 2, max(width, height), own))
    return CocoLabels(path, shapes, rows, crowds)
