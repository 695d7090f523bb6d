"""Boxes of YOLO and COCO files become items of the frame they belong to; what cannot be used is named."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from survey.datasets.datalist import FrameEntry
from survey.datasets.frames import unused_labels
from survey.datasets.sources import load_frames
from survey.errors import InputError, SurveyError
from survey.labels import Boxes, check_stems, read_coco, read_yolo
from tests.pictures import listed

CLASSES = {"PMN": "ap_mine", "TM-62": "at_mine", "can": None}


def coco(**changes: Any) -> dict[str, Any]:
    return {
        "images": [
            {"id": 7, "file_name": "one.png", "height": 100, "width": 200},
            {"id": 8, "file_name": "two.png", "height": 100, "width": 200},
        ],
        "categories": [{"id": n, "name": name} for n, name in enumerate(CLASSES, start=1)],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 1, "bbox": [10, 20, 8, 6], "iscrowd": 0},
            {"id": 2, "image_id": 7, "category_id": 2, "bbox": [100.5, 50, 30, 40]},
            {"id": 3, "image_id": 7, "category_id": 3, "bbox": [1, 1, 5, 5]},
        ],
        **changes,
    }


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """Two pictures of 200 x 100 pixels in a folder `f`."""
    (tmp_path / "f").mkdir()
    for name in ("one", "two"):
        cv2.imwrite(str(tmp_path / "f" / f"{name}.png"), np.full((100, 200, 3), 120, np.uint8))
    return tmp_path


def entry(**changes: Any) -> FrameEntry:
    given = {"kind": "frames", "site": "s", "images": "f/*.png", "gsd_m": 0.01, "licence": "-", **changes}
    (made,) = listed({"version": 1, "entries": [given]}).entries
    assert isinstance(made, FrameEntry)
    return made


def write(folder: Path, content: object) -> Path:
    path = folder / "labels.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_boxes_of_a_coco_file_are_the_items_of_their_frames(frames: Path) -> None:
    write(frames, coco())
    one, two = load_frames(entry(coco="labels.json", classes=CLASSES), frames)
    assert one.items.row.tolist() == [23, 70]
    assert one.items.col.tolist() == [14, 115.5]
    assert one.items.size_px.tolist() == [8, 40]
    assert one.items.classes == ("ap_mine", "at_mine")
    assert len(two.items.row) == 0


def test_a_coco_file_says_the_same_as_yolo_files(frames: Path) -> None:
    write(frames, coco())
    (frames / "y").mkdir()
    (frames / "y" / "one.txt").write_text("0 0.07 0.23 0.04 0.06\n1 0.5775 0.7 0.15 0.4\n")
    (frames / "y" / "two.txt").write_text("")
    theirs = load_frames(entry(labels="y", classes=["ap_mine", "at_mine"]), frames)
    for one, two in zip(load_frames(entry(coco="labels.json", classes=CLASSES), frames), theirs, strict=True):
        assert np.allclose(one.items.row, two.items.row)
        assert np.allclose(one.items.col, two.items.col)
        assert np.allclose(one.items.size_px, two.items.size_px)
        assert one.items.classes == two.items.classes


def test_pictures_are_known_by_the_end_of_their_path(tmp_path: Path) -> None:
    images = [{"id": n, "file_name": f"{n}/x.png", "height": 9, "width": 9} for n in (1, 2)]
    labels = [{"id": 1, "image_id": 2, "category_id": 1, "bbox": [0, 0, 4, 4]}]
    read = read_coco(write(tmp_path, coco(images=images, annotations=labels)), CLASSES)
    assert len(read.of(Path("/data/1/x.png"), (9, 9, 3)).row) == 0
    assert len(read.of(Path("/data/2/x.png"), (9, 9, 3)).row) == 1
    with pytest.raises(InputError, match=r"does not list x\.png; list it"):
        read.of(Path("/data/3/x.png"), (9, 9, 3))
    with pytest.raises(InputError, match=r"1/x\.png is 5 x 9 pixels, not as listed"):
        read.of(Path("/data/1/x.png"), (9, 5, 3))


def annotation(**changes: Any) -> dict[str, Any]:
    given = {"id": 5, "image_id": 7, "category_id": 1, "bbox": [0, 0, 4, 4], **changes}
    return coco(annotations=[given])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not a COCO file of boxes"),
        ([1, 2], "is not a COCO file of boxes"),
        ({"images": []}, "is not a COCO file of boxes .*categories"),
        (annotation(image_id=9), "annotation 5 has the image_id 9, which the file does not list"),
        (annotation(category_id=9), "annotation 5 has the category_id 9, which the file does not list"),
        (annotation(bbox=[1, 2, 3]), r"annotation 5 of one\.png has no bbox"),
        (annotation(bbox=None), r"annotation 5 of one\.png has no bbox"),
        (annotation(bbox=[1, 2, 0, 3]), r"annotation 5 of one\.png has an empty box"),
        (annotation(bbox=[float("nan"), 2, 3, 3]), r"annotation 5 of one\.png has no place"),
        (coco(images=coco()["images"] + [{"id": 7, "file_name": "z.png"}]), "image 7 twice"),
        (coco(categories=coco()["categories"] + [{"id": 1, "name": "z"}]), "category 1 twice"),
        (coco(categories=[{"id": n, "name": f"x{n}"} for n in (1, 2, 3)]), "category 'x1' is not in 'classes'"),
        (coco(images=coco()["images"] + [{"id": 9, "file_name": "one.png", "height": 1, "width": 1}]), "one.png twice"),
    ],
)
def test_a_coco_file_that_does_not_fit_is_named(content: object, words: str, tmp_path: Path) -> None:
    with pytest.raises(SurveyError, match=rf"labels\.json: .*{words}"):
        read_coco(write(tmp_path, content), CLASSES)


def test_a_missing_coco_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json: no such file"):
        read_coco(tmp_path / "none.json", CLASSES)


def test_a_crowd_is_refused_only_in_pictures_that_are_used(frames: Path) -> None:
    write(frames, annotation(iscrowd=1))
    with pytest.raises(InputError, match=r"annotation 5 of one\.png is a crowd .* or leave the picture out"):
        load_frames(entry(coco="labels.json", classes=CLASSES), frames)
    (left,) = load_frames(entry(coco="labels.json", classes=CLASSES, incomplete=["one"]), frames)
    assert left.name == "two.png"


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": ["ap_mine"]},
        {"classes": CLASSES, "labels": "y", "coco": "labels.json"},
        {"classes": CLASSES, "labels": "y"},
        {"classes": ["ap_mine"], "coco": "labels.json"},
        {"classes": {"PMN": "mine"}, "coco": "labels.json"},
    ],
)
def test_an_entry_has_labels_of_one_kind_with_the_classes_that_fit(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"give either 'labels'|'classes' is a list|unknown class"):
        entry(**changes)


def test_items_are_moved_and_chosen() -> None:
    boxes = Boxes(np.array([5.0, 9.0]), np.array([1.0, 2.0]), np.array([3.0, 4.0]), ("ap_mine", "at_mine"))
    moved = boxes.moved(4, 1).chosen(np.array([False, True]))
    assert (moved.row[0], moved.col[0], moved.size_px[0], moved.classes) == (5, 1, 4, ("at_mine",))


def test_yolo_shares_become_pixels(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("1 0.5 0.25 0.1 0.4\n\n0 0.1 0.9 0.2 0.05 0.87\n")  # the last value is a score
    marks = read_yolo(path, shape=(100, 200), classes=("bomb", "mine"))
    assert marks.classes == ("mine", "bomb")
    assert marks.row == pytest.approx([25, 90])
    assert marks.col == pytest.approx([100, 20])
    assert marks.size_px == pytest.approx([40, 40])
    path.write_text("")
    assert not len(read_yolo(path, shape=(100, 200), classes=("mine",)).row)


@pytest.mark.parametrize("line", ["2 0.5 0.5 0.1 0.1", "-1 0.5 0.5 0.1 0.1", "0 0.5 0.5 0.1", "mine 0.5 0.5 0.1 0.1"])
def test_a_line_that_is_no_label_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"0 0.5 0.5 0.1 0.1\n{line}\n")
    with pytest.raises(InputError, match=r"a\.txt:2: expected"):
        read_yolo(path, shape=(10, 10), classes=("bomb", "mine"))
    with pytest.raises(InputError, match="an empty one says"):
        read_yolo(tmp_path / "gone.txt", shape=(10, 10), classes=("mine",))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 nan 0.5 0.1 0.1", "no place"),
        ("0 0.5 0.5 0.1 inf", "no place"),
        ("0 0.5 0.5 0 0.1", "no extent"),
        ("0 0.5 0.5 -0.1 0.1", "no extent"),
        ("0 1.2 0.5 0.1 0.1", "outside the picture of 20 x 10 pixels.*shares of the picture, not pixels"),
        ("0 12 5 3 3", "outside the picture"),
    ],
)
def test_a_box_that_no_item_has_is_refused_with_its_line_and_kept_for_an_audit(
    tmp_path: Path, line: str, words: str
) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"0 0.5 0.5 0.1 0.1\n{line}\n")
    with pytest.raises(InputError, match=rf"a\.txt:2: the box .*{words}"):
        read_yolo(path, shape=(10, 20, 3), classes=("mine",))
    assert len(read_yolo(path, shape=(10, 20, 3), classes=("mine",), keep_faulty=True).row) == 2
    path.write_text("0 1.02 0.5 0.1 0.1\n")  # reaches in
    assert len(read_yolo(path, shape=(10, 20, 3), classes=("mine",)).row) == 1


def test_polygons_fractions_of_a_class_and_other_encodings_are_no_boxes(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for text in ("0 .3 .3 .4 .3 .4 .4", "0 .3 .3 .4 .3 .4 .4 .3 .4"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"a\.txt:1: .* polygon or a turned box"):
            read_yolo(path, shape=(10, 10), classes=("mine",), keep_faulty=True)
    path.write_text("0.7 .3 .3 .4 .3")
    with pytest.raises(InputError, match=r"a\.txt:1: expected"):
        read_yolo(path, shape=(10, 10), classes=("mine",))
    path.write_bytes("0 .3 .3 .1 .1".encode("utf-16"))
    with pytest.raises(InputError, match=r"a\.txt: is not UTF-8"):
        read_yolo(path, shape=(10, 10), classes=("mine",))
    path.write_text("0 .3 .3 .1 .1", encoding="utf-8-sig")
    assert len(read_yolo(path, shape=(10, 10), classes=("mine",)).row) == 1


def test_pictures_of_one_stem_do_not_share_labels() -> None:
    check_stems([Path("a/1.png"), Path("b/2.png"), Path("a/1.png")], Path("labels"))
    with pytest.raises(InputError, match=r"b/1\.jpg: would have the labels of a/1\.png, labels/1\.txt"):
        check_stems([Path("a/1.png"), Path("b/1.jpg")], Path("labels"))


def test_labels_of_pictures_that_no_entry_has_are_told_with_their_number_and_first_names(frames: Path) -> None:
    more = [{"id": n, "file_name": f"f/{n}.png"} for n in range(10, 14)]
    lost = [{"id": n, "image_id": 10 + n % 4, "category_id": 1 + n % 3, "bbox": [0, 0, 4, 4]} for n in range(6)]
    path = write(frames, coco(images=coco()["images"] + more, annotations=coco()["annotations"] + lost))
    one, two = (entry(coco="labels.json", classes=CLASSES, images=f"f/{name}.png") for name in ("one", "two"))
    told = (
        "4 of 6 pictures that it lists, with 4 items, are none of those that were given: f/10.png, f/11.png, f/12.png"
    )
    assert unused_labels([one, two], frames) == [f"{path}: {told}, ..."]  # cans are no items
    assert "5 of 6 pictures" in unused_labels([one], frames)[0]
    write(frames, coco())
    assert unused_labels([one, two], frames) == []
    (frames / "y").mkdir()
    for name in ("one.txt", "three.txt", "classes.txt"):
        (frames / "y" / name).write_text("")
    yolo = entry(labels="y", classes=["ap_mine"], incomplete=["one"])
    (told,) = unused_labels([yolo], frames)
    assert told == f"{frames / 'y'}: 1 label files belong to no picture that was given: three.txt"


def test_a_box_beside_its_picture_is_refused_and_kept_for_an_audit(tmp_path: Path) -> None:
    path = write(tmp_path, annotation(bbox=[300, 0, 4, 4]))
    with pytest.raises(InputError, match=r"ap_mine at x 302, y 2 of one\.png: the box lies outside"):
        read_coco(path, CLASSES).of(Path("one.png"), (100, 200))
    assert len(read_coco(path, CLASSES, keep_faulty=True).of(Path("one.png"), (100, 200)).row) == 1


def test_a_picture_listed_with_its_whole_path_is_known(tmp_path: Path) -> None:
    place = str(tmp_path / "one.png")
    read = read_coco(write(tmp_path, coco(images=[{"id": 7, "file_name": place}], annotations=[])), CLASSES)
    assert len(read.of(Path(place), (100, 200)).row) == 0


@pytest.mark.parametrize("gsd_m", [0, -0.01, 1, float("nan")])
def test_a_ground_distance_that_is_none_in_metres_is_refused(tmp_path: Path, gsd_m: float) -> None:
    images = [{"id": 7, "file_name": "a.jpg", "gsd_m": gsd_m}]
    with pytest.raises(InputError, match=r"gsd_m of a\.jpg: is .*; give metres"):
        read_coco(write(tmp_path, coco(images=images, annotations=[])))


def test_a_coco_file_may_tell_the_ground_distance_and_leave_out_shapes(tmp_path: Path) -> None:
    images = [{"id": 7, "file_name": "x/a.jpg", "gsd_m": 0.02}, {"id": 8, "file_name": "b.jpg"}]
    read = read_coco(write(tmp_path, coco(images=images)))
    assert dict(read.gsd_m) == {"x/a.jpg": 0.02}
    first = read.of(Path("x/a.jpg"), (99, 198, 3))
    assert first.classes == ("PMN", "TM-62", "can")  # without a table a class is what its category is called
    assert (first.row[0], first.col[0], first.size_px[0]) == (23, 14, 8)
    assert len(read.of(Path("b.jpg"), (5, 5, 3)).row) == 0
