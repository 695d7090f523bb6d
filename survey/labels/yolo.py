"""Labels of frames in YOLO text files."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from survey.errors import InputError
from survey.labels.boxes import Boxes, boxes_of, fault_of, first_of, read_text

SCORED = 5
"""Values of a line behind its class, at most: a box and the score of what saw it."""
NO_LABELS = {"classes.txt"}
"""What tools that label keep beside the labels."""


@dataclass(frozen=True, slots=True)
class YoloLabels:
    """A folder of YOLO files, each with the boxes of the picture that has its stem."""

    path: Path
    classes: tuple[str, ...]
    keep_faulty: bool = False
    """Boxes without place or extent, or beside their picture, are taken as they are."""

    def of(self, picture: Path, shape: tuple[int, ...]) -> Boxes:
        """Return the items of one picture.

        Raises:
            InputError: It has no file, or a line there is no box of it.
        """
        path = self.path / f"{picture.stem}.txt"
        return read_yolo(path, shape=shape, classes=self.classes, keep_faulty=self.keep_faulty)

    def unused(self, pictures: Iterable[Path]) -> str | None:
        """Return in words which files belong to none of the pictures; None if each has one."""
        stems = {picture.stem for picture in pictures}
        alone = sorted(p.name for p in self.path.glob("*.txt") if p.stem not in stems and p.name not in NO_LABELS)
        if not alone:
            return None
        return f"{self.path}: {len(alone)} label files belong to no picture that was given: {first_of(alone)}"


def read_yolo(path: Path, *, shape: tuple[int, ...], classes: tuple[str, ...], keep_faulty: bool = False) -> Boxes:
    """Read one label file: a line an item, `class x y width height`, centre and extents as shares of the picture.

    Args:
        path: Text file; an empty one says that nothing is there. A sixth value of a line is a score, and not used.
        shape: Rows and columns of the picture, and what else follows.
        classes: Name of each class number.
        keep_faulty: Take boxes without place or extent, or beside the picture, as they are, for an audit.

    Raises:
        InputError: There is no such file, or a line is something else.
    """
    if not path.is_file():
        msg = f"{path}: no label file; an empty one says that the picture holds no item"
        raise InputError(msg)
    names, rows = [], []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        name, row = _yolo_line(line, where=f"{path}:{number}", shape=shape, classes=classes)
        if not keep_faulty and (fault := fault_of(row, shape)):
            msg = f"{path}:{number}: {fault}; correct or delete the line (values are shares of the picture, not pixels)"
            raise InputError(msg)
        names.append(name)
        rows.append(row)
    return boxes_of(rows, names)


def _yolo_line(
    line: str, *, where: str, shape: tuple[int, ...], classes: tuple[str, ...]
) -> tuple[str, tuple[float, float, float, float]]:
    """Return class and (row, col, height, width) of a line."""
    index, *values = line.split()
    if len(values) > SCORED:
        msg = (
            f"{where}: {len(values)} values behind the class are a polygon or a turned box, not "
            "`x y width height`; export the labels as boxes"
        )
        raise InputError(msg)
    try:
        x, y, width, height = (float(value) for value in values[:4])
        name = {float(n): known for n, known in enumerate(classes)}[
            float(index)
        ]  # a negative number counts from no end
    except (ValueError, KeyError) as error:
        msg = (
            f"{where}: expected `class x y width height`, the class below {len(classes)} "
            "and the rest shares of the picture; check the file and the order of the classes"
        )
        raise InputError(msg) from error
    return name, (y * shape[0], x * shape[1], height * shape[0], width * shape[1])


def check_stems(paths: Iterable[Path], labels: Path) -> None:
    """Refuse pictures that would share a YOLO file, which is known by their stem alone.

    Raises:
        InputError: Two have the same stem.
    """
    known: dict[str, Path] = {}
    for path in paths:
        other = known.setdefault(path.stem, path)
        if other != path:
            msg = (
                f"{path}: would have the labels of {other}, {labels / path.stem}.txt; give pictures names of their "
                "own, or each folder its own labels"
            )
            raise InputError(msg)
