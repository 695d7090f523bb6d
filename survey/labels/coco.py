"""Labels of frames in COCO JSON."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from survey.errors import ConfigError, InputError, SurveyError
from survey.labels.boxes import Boxes, boxes_of, check_gsd, fault_of, first_of, read_text


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
    keep_faulty: bool = False
    """Boxes beside their picture are taken as they are."""

    def of(self, picture: Path, shape: tuple[int, ...]) -> Boxes:
        """Return the items of one picture, which is looked up by the end of its path.

        Raises:
            InputError: The file does not know the picture, gives it another shape, or marks a crowd in it.
        """
        name = self._name_of(picture)
        if name is None:
            msg = f"{self.path}: does not list {picture.name}; list it, without annotations if it holds no item"
            raise InputError(msg)
        if self.shapes[name] not in (None, tuple(shape[:2])):
            msg = f"{self.path}: {name} is {shape[1]} x {shape[0]} pixels, not as listed; label the picture as it is"
            raise InputError(msg)
        self.check(name)
        for row in self.rows[name]:
            if not self.keep_faulty and (fault := fault_of(row[:4], shape)):
                place = f"x {row[1]:.5g}, y {row[0]:.5g}"
                msg = f"{self.path}: {row[4]} at {place} of {name}: {fault}; correct or delete it"
                raise InputError(msg)
        return boxes_of([row[:4] for row in self.rows[name]], [row[4] for row in self.rows[name]])

    def unused(self, pictures: Iterable[Path]) -> str | None:
        """Return in words which pictures of the file are none of these; None if each is one."""
        used = {self._name_of(picture) for picture in pictures}
        alone = sorted(name for name in self.shapes if name not in used)
        if not alone:
            return None
        items = sum(len(self.rows[name]) for name in alone)
        which = f"{len(alone)} of {len(self.shapes)} pictures that it lists, with {items} items,"
        return f"{self.path}: {which} are none of those that were given: {first_of(alone)}"

    def _name_of(self, picture: Path) -> str | None:
        """Return what the file calls a picture: its path, or the end of that."""
        tails = ("/".join(picture.parts[n:]) for n in range(len(picture.parts)))
        return next((tail for tail in (str(picture), *tails) if tail in self.shapes), None)

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


def read_coco(path: Path, classes: Mapping[str, str | None] | None = None, *, keep_faulty: bool = False) -> CocoLabels:
    """Read a COCO file: `images`, `annotations` with `bbox` [x, y, width, height] in pixels, `categories`.

    Args:
        path: The JSON file.
        classes: Our class for the name of each category that is used, None for what is not ordnance and left out;
            without it every category is a class of its own name.
        keep_faulty: Take boxes without place or extent, or beside their picture, as they are, for an audit.

    Raises:
        InputError: The file is missing or is not COCO, a box has no place or extent, or a picture's `gsd_m` is none.
        ConfigError: It uses a category that `classes` does not name.
    """
    if not path.is_file():
        msg = f"{path}: no such file; check the path, and the folder given with --data"
        raise InputError(msg)
    try:
        return _coco(path, json.loads(read_text(path)), classes, keep_faulty=keep_faulty)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, SurveyError):
            raise
        msg = f"{path}: is not a COCO file of boxes ({type(error).__name__}: {error}); export it again"
        raise InputError(msg) from error


def _coco(
    path: Path, content: Mapping[str, Any], classes: Mapping[str, str | None] | None, *, keep_faulty: bool
) -> CocoLabels:
    _refuse_twins(path, content)
    names = {image["id"]: str(image["file_name"]) for image in content["images"]}
    shapes = {str(image["file_name"]): _shape(image) for image in content["images"]}
    gsd_m = {str(i["file_name"]): float(i["gsd_m"]) for i in content["images"] if i.get("gsd_m") is not None}
    for name, value in gsd_m.items():
        check_gsd(value, where=f"{path}: gsd_m of {name}")
    categories = {category["id"]: str(category["name"]) for category in content["categories"]}
    rows: dict[str, list[tuple[float, float, float, float, str]]] = {name: [] for name in shapes}
    crowds: dict[str, object] = {}
    for number, annotation in enumerate(content["annotations"]):
        where = f"{path}: annotation {annotation.get('id', f'number {number + 1}')}"
        name = _looked_up(names, annotation, "image_id", where=where)
        category = _looked_up(categories, annotation, "category_id", where=where)
        if classes is not None and category not in classes:
            msg = f"{path}: category '{category}' is not in 'classes'; give our class for it, or null to leave it out"
            raise ConfigError(msg)
        own = category if classes is None else classes[category]
        if own is None:
            continue
        if annotation.get("iscrowd"):
            crowds[name] = annotation.get("id")
            continue
        x, y, width, height = _bbox(annotation, where=f"{where} of {name}")
        finite = bool(np.isfinite([x, y, width, height]).all())
        if not (finite and width > 0 and height > 0) and not keep_faulty:
            msg = f"{where} of {name} has {'an empty box' if finite else 'no place'}; correct or delete it"
            raise InputError(msg)
        rows[name].append((y + height / 2, x + width / 2, height, width, own))
    return CocoLabels(path, shapes, gsd_m, rows, crowds, keep_faulty)


def _refuse_twins(path: Path, content: Mapping[str, Any]) -> None:
    """Refuse a file in which a picture stands twice, or a number means two things."""
    for key, told, what in (("images", "file_name", ""), ("images", "id", "image "), ("categories", "id", "category ")):
        counted = Counter(str(entry[told]) for entry in content[key])
        twice = [value for value, count in counted.items() if count > 1]
        if twice:
            msg = f"{path}: lists {what}{twice[0]} twice; keep one, with the annotations of both"
            raise InputError(msg)


def _looked_up(known: Mapping[Any, str], annotation: Mapping[str, Any], key: str, *, where: str) -> str:
    if annotation[key] not in known:
        msg = f"{where} has the {key} {annotation[key]}, which the file does not list; export it again"
        raise InputError(msg)
    return known[annotation[key]]


def _bbox(annotation: Mapping[str, Any], *, where: str) -> tuple[float, float, float, float]:
    try:
        x, y, width, height = (float(value) for value in annotation["bbox"])
    except (KeyError, TypeError, ValueError) as error:
        msg = f"{where} has no bbox of x, y, width and height; export the labels as boxes, not as outlines alone"
        raise InputError(msg) from error
    return x, y, width, height


def _shape(image: Mapping[str, Any]) -> tuple[int, int] | None:
    return (int(image["height"]), int(image["width"])) if "height" in image and "width" in image else None
