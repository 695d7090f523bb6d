"""What is known to lie in a picture: labels of frames in YOLO text files and in COCO JSON."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.errors import ConfigError, InputError, SurveyError


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Items of a picture: centre, longest extent in its pixels, class; arrays of shape (N,)."""

    row: NDArray[np.float64]
    col: NDArray[np.float64]
    size_px: NDArray[np.float64]
    classes: tuple[str, ...]
    extent_px: NDArray[np.float64] | None = None
    """(N, 2) height and width, where the labels are boxes; None where only the longest extent is known."""

    @classmethod
    def none(cls) -> "Boxes":
        """Return no items."""
        return cls(np.empty(0), np.empty(0), np.empty(0), ())

    def scaled(self, factor: float) -> "Boxes":
        """Return the same items after the picture was scaled by `factor`."""
        extent = None if self.extent_px is None else self.extent_px * factor
        return Boxes(self.row * factor, self.col * factor, self.size_px * factor, self.classes, extent)

    def moved(self, row: float, col: float) -> "Boxes":
        """Return the same items in a picture whose first pixel is (row, col) of this one."""
        return replace(self, row=self.row - row, col=self.col - col)

    def chosen(self, which: NDArray[np.bool_]) -> "Boxes":
        """Return the items where `which`, bool (N,), is true."""
        names = tuple(name for name, wanted in zip(self.classes, which, strict=True) if wanted)
        extent = None if self.extent_px is None else self.extent_px[which]
        return Boxes(self.row[which], self.col[which], self.size_px[which], names, extent)

    @property
    def edges(self) -> NDArray[np.float64]:
        """(N, 4) top, left, bottom and right in pixels; a square where only the longest extent is known."""
        square = np.column_stack([self.size_px, self.size_px])
        half = (square if self.extent_px is None else self.extent_px) / 2
        middle = np.column_stack([self.row, self.col])
        return np.hstack([middle - half, middle + half])


def read_yolo(path: Path, *, shape: tuple[int, ...], classes: tuple[str, ...]) -> Boxes:
    """Read one label file: a line an item, `class x y width height`, centre and extents as shares of the picture.

    Args:
        path: Text file; an empty one says that nothing is there.
        shape: Rows and columns of the picture, and what else follows.
        classes: Name of each class number.

    Raises:
        InputError: There is no such file, or a line is something else.
    """
    if not path.is_file():
        msg = f"{path}: no label file; an empty one says that the picture holds no item"
        raise InputError(msg)
    names, rows = [], []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip():
            continue
        try:
            index, *place = line.split()[:5]
            x, y, width, height = (float(value) for value in place)
            name = dict(enumerate(classes))[int(float(index))]  # a negative number counts from no end
        except (ValueError, KeyError) as error:
            msg = (
                f"{path}:{number}: expected `class x y width height`, the class below {len(classes)} "
                "and the rest shares of the picture; check the file and the order of the classes"
            )
            raise InputError(msg) from error
        names.append(name)
        rows.append((y * shape[0], x * shape[1], height * shape[0], width * shape[1]))
    return _boxes(rows, names)


def _boxes(rows: Sequence[tuple[float, float, float, float]], names: Sequence[str]) -> Boxes:
    """Return boxes given by (row, col, height, width)."""
    table = np.array(rows, np.float64).reshape(-1, 4)
    return Boxes(table[:, 0], table[:, 1], table[:, 2:].max(axis=1), tuple(names), table[:, 2:])


@dataclass(frozen=True, slots=True)
class CocoLabels:
    """The boxes of a COCO file, by the file name of their picture."""

    path: Path
    shapes: Mapping[str, tuple[int, int] | None]
    """(height, width) that each picture has by the file; None where it does not say."""
    gsd_m: Mapping[str, float]
    """Ground distance of a pixel, of the pictures for which the file says so: `gsd_m` is no key of COCO's own."""
    rows: Mapping[str, list[tuple[float, float, float, float, str]]]
    """(row, col, height, width, class) of each item."""
    crowds: Mapping[str, object]
    """Id of an annotation that stands for several items, by picture."""

    def of(self, picture: Path, shape: tuple[int, ...]) -> Boxes:
        """Return the items of one picture, which is looked up by the end of its path.

        Raises:
            InputError: The file does not know the picture, gives it another shape, or marks a crowd in it.
        """
        tails = ("/".join(picture.parts[n:]) for n in range(len(picture.parts)))
        name = next((tail for tail in tails if tail in self.shapes), None)
        if name is None:
            msg = f"{self.path}: does not list {picture.name}; list it, without annotations if it holds no item"
            raise InputError(msg)
        if self.shapes[name] not in (None, tuple(shape[:2])):
            msg = f"{self.path}: {name} is {shape[1]} x {shape[0]} pixels, not as listed; label the picture as it is"
            raise InputError(msg)
        self.check(name)
        return _boxes([row[:4] for row in self.rows[name]], [row[4] for row in self.rows[name]])

    def check(self, name: str) -> None:
        """Refuse a picture whose items are not all boxed.

        Raises:
            InputError: It holds a crowd.
        """
        if name in self.crowds:
            msg = (
                f"{self.path}: annotation {self.crowds[name]} of {name} is a crowd (iscrowd), which does not say where "
                "its items are; box each, or leave the picture out"
            )
            raise InputError(msg)


def read_coco(path: Path, classes: Mapping[str, str | None] | None = None, *, keep_empty: bool = False) -> CocoLabels:
    """Read a COCO file: `images`, `annotations` with `bbox` [x, y, width, height] in pixels, `categories`.

    Args:
        path: The JSON file.
        classes: Our class for the name of each category that is used, None for what is not ordnance and left out;
            without it every category is a class of its own name.
        keep_empty: Take boxes without height or width as they are, for an audit, instead of refusing the file.

    Raises:
        InputError: The file is missing or is not COCO, or a box is empty.
        ConfigError: It uses a category that `classes` does not name.
    """
    if not path.is_file():
        msg = f"{path}: no such file; check the path, and the folder given with --data"
        raise InputError(msg)
    try:
        return _coco(path, json.loads(path.read_text()), classes, keep_empty=keep_empty)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, SurveyError):
            raise
        msg = f"{path}: is not a COCO file of boxes ({type(error).__name__}: {error}); export it again"
        raise InputError(msg) from error


def _coco(
    path: Path, content: Mapping[str, Any], classes: Mapping[str, str | None] | None, *, keep_empty: bool
) -> CocoLabels:
    names = {image["id"]: str(image["file_name"]) for image in content["images"]}
    shapes = {str(image["file_name"]): _shape(image) for image in content["images"]}
    gsd_m = {str(i["file_name"]): float(i["gsd_m"]) for i in content["images"] if i.get("gsd_m") is not None}
    if len(shapes) < len(content["images"]):
        twice = Counter(str(image["file_name"]) for image in content["images"]).most_common(1)[0][0]
        msg = f"{path}: lists {twice} twice; keep one, with the annotations of both"
        raise InputError(msg)
    categories = {category["id"]: str(category["name"]) for category in content["categories"]}
    rows: dict[str, list[tuple[float, float, float, float, str]]] = {name: [] for name in shapes}
    crowds: dict[str, object] = {}
    for annotation in content["annotations"]:
        name, category = names[annotation["image_id"]], categories[annotation["category_id"]]
        if classes is not None and category not in classes:
            msg = f"{path}: category '{category}' is not in 'classes'; give our class for it, or null to leave it out"
            raise ConfigError(msg)
        own = category if classes is None else classes[category]
        if own is None:
            continue
        if annotation.get("iscrowd"):
            crowds[name] = annotation.get("id")
            continue
        x, y, width, height = (float(value) for value in annotation["bbox"])
        if not (width > 0 and height > 0) and not keep_empty:
            msg = f"{path}: annotation {annotation.get('id')} of {name} has an empty box; correct or delete it"
            raise InputError(msg)
        rows[name].append((y + height / 2, x + width / 2, height, width, own))
    return CocoLabels(path, shapes, gsd_m, rows, crowds)


def _shape(image: Mapping[str, Any]) -> tuple[int, int] | None:
    return (int(image["height"]), int(image["width"])) if "height" in image and "width" in image else None
