"""The command as a whole: planted faults come out, labels stay as they are, the page stands alone."""

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import geopandas
import numpy as np
import pytest
import rasterio
import shapely
import yaml
from numpy.typing import NDArray
from rasterio.transform import Affine

from survey.cli import main
from tests.audit.conftest import BLUE, RED, painted, sees_paint, texture

ODD = "<b>&amp;'one\".png"
"""A file name that would be markup."""


def save(path: Path, rgb: NDArray[np.uint8]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    done, png = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    assert done
    path.write_bytes(png.tobytes())


def yolo(path: Path, *rows: tuple[int, float, float, float, float]) -> None:
    """Write labels of (class, top, left, bottom, right) on a picture of 160 x 240."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f"{k} {(left + right) / 480} {(top + bottom) / 320} {(right - left) / 240} {(bottom - top) / 160}"
        for k, top, left, bottom, right in rows
    ]
    path.write_text("\n".join(lines))


def status(*arguments: object) -> int:
    with pytest.raises(SystemExit) as exited:
        main(["audit", *(str(a) for a in arguments)])
    return int(exited.value.code or 0)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model sees paint; its name tells the site of its training."""
    monkeypatch.setattr(
        "survey.audit.run.load_detector", lambda model, **_: sees_paint(model=model, sites=(Path(model).name,))
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three sites: YOLO frames with faults, empty ground that is none, an orthomosaic with labels on a map."""
    folder = tmp_path / "data"
    frames, labels = folder / "frames", folder / "labels"
    good = painted(texture(1), (50, 60, 12, RED))
    save(frames / ODD, good)
    yolo(labels / f"{Path(ODD).stem}.txt", (0, 44, 54, 56, 66))
    save(frames / "swapped.png", painted(texture(2), (50, 60, 30, BLUE), (110, 190, 12, RED)))
    yolo(labels / "swapped.txt", (0, 35, 45, 65, 75))
    save(frames / "boxes.png", texture(3))
    yolo(labels / "boxes.txt", (0, 170, 10, 190, 30), (1, 60, 60, 90, 90), (0, 61, 60, 91, 90), (0, 20, 120, 120, 220))
    (frames / "broken.png").write_bytes(b"no picture")
    save(frames / "unlabelled.png", texture(4))
    save(folder / "ground" / "copy.png", np.asarray(cv2.resize(good, (480, 320)), np.uint8))
    transform = Affine(0.01, 0, 500_000, 0, -0.01, 4_400_000)
    (folder / "map").mkdir()
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 3, "crs": "EPSG:32638", "transform": transform}
    with rasterio.open(folder / "map" / "o.tif", "w", height=160, width=240, **profile) as dataset:
        dataset.write(painted(texture(5), (50, 60, 12, RED), (100, 200, 12, RED)).transpose(2, 0, 1))
    points = [shapely.Point(500_000 + c * 0.01, 4_400_000 - r * 0.01) for r, c in ((50, 60), (100, 900))]
    table = {"type": ["ap_mine", "ap_mine", "ap_mine"], "long": [0.12, 0.12, 0.12]}
    geopandas.GeoDataFrame(table, geometry=[*points, None], crs="EPSG:32638").to_file(folder / "map" / "i.gpkg")
    classes = ["ap_mine", "at_mine"]
    listed: list[dict[str, Any]] = [
        {
            "kind": "frames",
            "site": "a",
            "images": "frames/*.png",
            "labels": "labels",
            "classes": classes,
            "gsd_m": 0.01,
        },
        {"kind": "ground", "site": "b", "images": "ground/*.png", "gsd_m": 0.01},
        {
            "kind": "orthomosaic",
            "site": "c",
            "images": "map/*.tif",
            "labels": "map/i.gpkg",
            "class_column": "type",
            "classes": {"ap_mine": "ap_mine"},
            "size_column": "long",
        },
    ]
    entries = [*({**entry, "licence": "-"} for entry in listed), {"kind": "simulated", "site": "simulated"}]
    (folder / "list.yaml").write_text(yaml.safe_dump({"version": 1, "entries": entries}))
    return folder


def audited(out: Path, *arguments: object) -> dict[str, Any]:
    assert status("--out", out, *arguments) == 0
    report: dict[str, Any] = json.loads((out / "audit.json").read_text())
    return report


def found(report: dict[str, Any]) -> set[tuple[str, str, str, str]]:
    return {(f["check"], f["severity"], f["site"], Path(f["file"]).name) for f in report["findings"]}


WITHOUT_MODEL = {
    ("unread", "error", "a", "broken.png"),
    ("unread", "error", "a", "unlabelled.png"),
    ("unread", "error", "c", "i.gpkg"),
    ("duplicates", "error", "b", "copy.png"),
    ("boxes", "error", "a", "boxes.png"),
    ("boxes", "error", "c", "i.gpkg"),
    ("sizes", "warning", "a", "boxes.png"),
}


def files_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_data_list_with_planted_faults(
    loaded: None, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files_of(data)
    out = tmp_path / "out"
    report = audited(out, "--list", data / "list.yaml", "--data", data, "--model", "elsewhere")
    assert files_of(data) == before
    assert sorted(path.name for path in out.iterdir()) == ["audit.html", "audit.json"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (out, *out.iterdir()))
    assert found(report) == WITHOUT_MODEL | {
        ("classes-by-model", "warning", "a", "swapped.png"),
        ("missing", "warning", "a", "swapped.png"),
        ("missing", "warning", "b", "copy.png"),
        ("missing", "warning", "c", "o.tif"),
    }
    assert sum(f["check"] == "boxes" for f in report["findings"]) == 3  # outside, two classes, beside the map
    missing = {f["file"]: f["place_px"] for f in report["findings"] if f["check"] == "missing"}
    assert missing["map/o.tif"] == pytest.approx({"top": 94, "left": 194, "bottom": 106, "right": 206}, abs=1.5)
    assert missing["frames/swapped.png"] == {"top": 104, "left": 184, "bottom": 116, "right": 196}
    assert report["labels"] == 7
    assert report["models"]["c"]["id"] == "elsewhere"
    assert "simulated: an entry of kind 'simulated' holds no labelled picture" in report["checks"]["unread"]["left_out"]
    text = capsys.readouterr().out
    assert "Labels that may be missing: 3 warnings" in text
    for word in ("safe", "clear"):
        assert word not in text.lower()
        assert word not in read_page(out).text.lower()


def test_without_a_model_two_checks_are_not_done(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = audited(tmp_path / "out", "--list", data / "list.yaml", "--data", data)
    assert found(report) == WITHOUT_MODEL
    for check in ("missing", "classes-by-model"):
        assert report["checks"][check]["status"] == "not done"
        assert "a: no model for 3 pictures or parts" in report["checks"][check]["left_out"]
    assert "Labels that may be missing: not done\n" in capsys.readouterr().out


def test_each_site_has_its_model_and_none_judges_its_own(
    loaded: None, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--list", data / "list.yaml", "--data", data)
    assert status("--out", tmp_path / "out", *given, "--model", "runs/a") == 2
    assert "model runs/a was trained on a, so what it finds there repeats the labels" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    report = audited(tmp_path / "out", *given, "--model", "a=runs/b", "--model", "b=runs/a")
    assert {site: told["id"] for site, told in report["models"].items()} == {"a": "runs/b", "b": "runs/a"}
    assert report["checks"]["missing"]["status"] == "partly done"
    assert report["checks"]["missing"]["left_out"] == ["c: no model for 1 picture or part"]
    only = audited(tmp_path / "only", *given, "--site", "b", "--model", "runs/a")
    assert {f["site"] for f in only["findings"]} == {"b"}


def test_yolo_and_coco_folders_give_the_same_findings(loaded: None, data: Path, tmp_path: Path) -> None:
    frames = data / "frames"
    for name in ("broken.png", "unlabelled.png"):
        (frames / name).unlink()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for n, path in enumerate(sorted(frames.iterdir())):
        images.append({"id": n, "file_name": f"frames/{path.name}"})
        for line in (data / "labels" / f"{path.stem}.txt").read_text().splitlines():
            kind, x, y, w, h = (float(v) for v in line.split())
            box = [(x - w / 2) * 240, (y - h / 2) * 160, w * 240, h * 160]
            annotations.append({"id": len(annotations), "image_id": n, "category_id": int(kind), "bbox": box})
    categories = [{"id": 0, "name": "ap_mine"}, {"id": 1, "name": "at_mine"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (data / "coco.json").write_text(json.dumps(content))
    common = ("--gsd", 0.01, "--site", "a", "--model", "elsewhere")
    given = ("--images", frames, "--labels", data / "labels", "--classes", "ap_mine,at_mine")
    one = audited(tmp_path / "yolo", *given, *common)
    two = audited(tmp_path / "coco", "--coco", data / "coco.json", *common)
    assert len(one["findings"]) == 5
    assert [(f["check"], f["words"], f["place_px"]) for f in one["findings"]] == [
        (f["check"], f["words"], f["place_px"]) for f in two["findings"]
    ]
    unnamed = audited(tmp_path / "none", *given, "--gsd", 0.01, "--model", "elsewhere")
    assert any("nobody named the site" in note for note in unnamed["notes"])


class Page(HTMLParser):
    """Notes every tag and attribute, and that tags are closed in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read_page(out: Path) -> Page:
    page = Page()
    page.feed((out / "audit.html").read_text())
    page.close()
    assert page.open == []
    return page


def test_label_files_without_a_picture_are_told(data: Path, tmp_path: Path) -> None:
    yolo(data / "labels" / "lost.txt", (0, 44, 54, 56, 66))
    (data / "labels" / "classes.txt").write_text("ap_mine")
    report = audited(tmp_path / "list", "--list", data / "list.yaml", "--data", data)
    one = data / "frames" / "swapped.png"
    given = ("--images", one, "--labels", data / "labels", "--classes", "ap_mine,at_mine", "--gsd", 0.01)
    few = audited(tmp_path / "few", *given)
    for words, told in (("1 label files .*: lost.txt", report), ("3 label files", few)):
        assert re.search(words, " ".join(told["checks"]["unread"]["left_out"]))


def test_the_page_stands_alone_and_shows_what_it_speaks_of(loaded: None, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    report = audited(out, "--list", data / "list.yaml", "--data", data, "--model", "b=elsewhere")
    content, page = (out / "audit.html").read_text(), read_page(out)
    assert re.search(r"https?://|url\(|@import", content) is None
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "link", "iframe", "form", "b"}
    sources = [attributes["src"] or "" for tag, attributes in page.tags if tag == "img"]
    assert all(set(attributes) <= {"src", "alt"} for tag, attributes in page.tags if tag == "img")
    assert all(a["href"].startswith("#") for tag, a in page.tags if tag == "a" and a["href"])
    assert ODD in page.text  # as text, in the words of the copy
    for finding in report["findings"]:
        assert finding["words"] in page.text
    chips = [
        np.asarray(cv2.imdecode(np.frombuffer(base64.b64decode(s.partition(",")[2]), np.uint8), 1)) for s in sources
    ]
    # Two pictures of the copy, three boxes of frames and one sighting; nothing of what cannot be read.
    assert [chip.shape for chip in chips] == [(180, 180, 3)] * 6
    for chip in chips[2:]:
        drawn = (np.abs(chip.astype(int) - (200, 60, 255)) < 60).all(axis=2)
        assert 100 < drawn.sum() < 2000
    assert report["checks"]["classes-by-size"]["status"] == "not done"
    assert '<a href="#classes-by-size">Classes swapped, by size</a></td><td><strong>not done</strong></td>' in content
    assert content.count("–</td>") == 6  # of two checks that were not done there are no counts
    assert "default-src 'none'" in content


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say what to audit: one of --list, --labels and --coco"),
        (("--list", "a"), "--list needs --data too"),
        (("--coco", "a", "--list", "b"), "one of --list"),
        (("--coco", "a", "--score", "0.5"), "--score has no meaning without --model"),
        (("--coco", "a", "--model", "m", "--score", "2"), "--score: a score lies between 0 and 1"),
        (("--coco", "gone.json"), "no such file"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    tmp_path: Path, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status("--out", tmp_path / "out", *arguments) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_site_that_is_not_in_the_list_is_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--list", data / "list.yaml", "--data", data, "--out", tmp_path / "out")
    assert status(*given, "--site", "z") == 2
    assert "z has no pictures in the data list; it has a, b, c" in capsys.readouterr().err


def test_real_frames(shared_data: Path, tmp_path: Path) -> None:
    report = audited(tmp_path / "out", "--list", "train-data.yaml", "--data", shared_data, "--site", "pom-drone")
    assert (report["pictures"], report["labels"]) == (98, 98)
    assert found(report) >= {
        ("duplicates", "info", "pom-drone", "test__DJI_0153resize-Y.jpg"),  # of a hovering drone
        ("boxes", "info", "pom-drone", "val__DJI_0058.jpg"),  # the picture's upper edge cuts the item
    }
    assert not any(f["severity"] == "error" for f in report["findings"])
    assert report["checks"]["missing"]["status"] == "not done"
