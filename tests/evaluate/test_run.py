"""The same ground as YOLO, COCO and an orthomosaic gives the same figures; what flatters is refused."""

import json
from pathlib import Path
from typing import Any

import cv2
import geopandas
import numpy as np
import pytest
import rasterio
import shapely
import torch
import yaml
from numpy.typing import NDArray
from rasterio.transform import Affine

from survey import load_detector
from survey.cli import main
from survey.detect import load_card
from survey.errors import ConfigError
from survey.evaluate.run import CAUTION, UNKNOWN, check_sites
from survey.networks import SurveyNet
from survey.train.config import TrainConfig
from survey.train.release import make_card, write_model
from survey.values import CLASSES, DISTURBANCES
from tests.pictures import listed

ROWS, COLS, GSD_M, SIZE_M = 320, 480, 0.01, 0.3
WEST, NORTH = 500_050.0, 4_400_080.0
SETTINGS = ("--set", "runtime=torch", "--set", "precision=fp32", "--set", "threads=1", "--set", "core_px=256")
DATA = {
    "version": 1,
    "entries": [
        {"kind": "simulated", "site": "simulated"},
        {
            "kind": "frames",
            "site": "range",
            "images": "*.png",
            "labels": "labels",
            "classes": ["ap_mine"],
            "gsd_m": GSD_M,
            "licence": "-",
        },
    ],
}


def blotches(seed: int) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(seed).integers(0, 256, (ROWS // 8, COLS // 8, 3), np.uint8)
    picture = np.asarray(np.kron(coarse, np.ones((8, 8, 1), np.uint8)), np.uint8)
    picture[:, COLS // 2 :] = 110  # where there is nothing to see
    return picture


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random weights that sees a few dozen things in a picture of blotches."""
    torch.manual_seed(0)
    network = SurveyNet(classes=len(CLASSES), disturbances=len(DISTURBANCES)).eval()
    with torch.no_grad():
        network.projection.heat.weight.mul_(40)
        heat = network(torch.from_numpy(blotches(1).transpose(2, 0, 1).copy())[None]).heat
        network.projection.heat.bias.sub_(heat.quantile(0.995))  # type: ignore[union-attr]
        network.projection.geometry.bias[0] = np.log(12.0)  # type: ignore[index]
    data = listed(DATA)
    card = make_card("toy", config=TrainConfig(), data=data, measured=None, measured_on="nothing")
    folder = tmp_path_factory.mktemp("model")
    write_model(network, folder, card=card)
    return folder


@pytest.fixture(scope="session")
def ground(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One picture as PNG with YOLO and COCO labels, and as GeoTIFF with a GeoPackage; three items, one not seen."""
    folder = tmp_path_factory.mktemp("ground")
    picture = blotches(1)
    detector = load_detector(model, runtime="torch", precision="fp32", threads=1, core_px=256)
    found = detector.detect(picture, gsd_m=GSD_M)
    best = np.argsort(-found.score)[[0, 4]]
    grid = np.stack(np.meshgrid(np.arange(5, ROWS, 10), np.arange(5, COLS, 10), indexing="ij"), axis=-1).reshape(-1, 2)
    apart = np.hypot(grid[:, :1] - found.row, grid[:, 1:] - found.col).min(axis=1)
    assert apart.max() > 0.35 / GSD_M  # the third item lies where nothing is seen
    row, col = np.vstack([np.column_stack([found.row, found.col])[best], grid[np.argmax(apart)]]).astype(float).T
    places = list(zip(row.tolist(), col.tolist(), strict=True))
    cv2.imwrite(str(folder / "one.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    (folder / "labels").mkdir()
    size = SIZE_M / GSD_M
    lines = [f"0 {c / COLS:.9f} {r / ROWS:.9f} {size / COLS:.9f} {size / ROWS:.9f}" for r, c in places]
    (folder / "labels" / "one.txt").write_text("\n".join(lines))
    boxes = [[c - size / 2, r - size / 2, size, size] for r, c in places]
    annotations = [{"id": n, "image_id": 1, "category_id": 5, "bbox": box} for n, box in enumerate(boxes)]
    coco = {
        "images": [{"id": 1, "file_name": "one.png"}],
        "categories": [{"id": 5, "name": "ap_mine"}],
        "annotations": annotations,
    }
    (folder / "coco.json").write_text(json.dumps(coco))
    transform = Affine(GSD_M, 0, WEST, 0, -GSD_M, NORTH)
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 3, "crs": "EPSG:32638", "transform": transform}
    with rasterio.open(folder / "one.tif", "w", height=ROWS, width=COLS, **profile) as dataset:
        dataset.write(picture.transpose(2, 0, 1))
    points = [shapely.Point(WEST + c * GSD_M, NORTH - r * GSD_M) for r, c in places]
    far = shapely.Point(WEST + 60, NORTH)
    table = {"type": ["ap_mine"] * 4, "longest": [SIZE_M] * 4}
    truth = geopandas.GeoDataFrame(table, geometry=[*points, far], crs="EPSG:32638")
    truth.to_file(folder / "items.gpkg", layer="items")
    (folder / "list.yaml").write_text(yaml.safe_dump(DATA))
    return folder


def status(*arguments: object) -> int:
    with pytest.raises(SystemExit) as exited:
        main(["evaluate", *(str(a) for a in arguments)])
    return int(exited.value.code or 0)


def measured(model: Path, out: Path, *arguments: object) -> dict[str, Any]:
    assert status("--model", model, "--out", out, *arguments, *SETTINGS) == 0
    report: dict[str, Any] = json.loads((out / "evaluation.json").read_text())
    return report


def test_frames_and_maps_give_the_same_figures(model: Path, ground: Path, tmp_path: Path) -> None:
    yolo = measured(
        *(model, tmp_path / "yolo", "--images", ground / "*.png", "--labels", ground / "labels"),
        *("--classes", "ap_mine", "--gsd", GSD_M, "--site", "new"),
    )
    coco = measured(model, tmp_path / "coco", "--coco", ground / "coco.json", "--gsd", GSD_M, "--site", "new")
    given = ("--truth", ground / "items.gpkg", "--class-column", "type", "--size-column", "longest", "--site", "new")
    ortho = measured(model, tmp_path / "map", "--images", ground / "one.tif", *given)
    again = measured(
        model, tmp_path / "again", "--run", tmp_path / "map" / "run", "--images", ground / "one.tif", *given
    )
    assert yolo["recall"]["of"] == 3
    assert yolo["recall"]["count"] == 2
    assert yolo["false_alarms_per_ha"]["count"] > 5
    assert ortho["truth"] == {"rows": 4, "items": 4, "set_aside": {}, "not_searched": 1}
    for other in (coco, ortho, again):
        assert other["recall"] == yolo["recall"]
        alarms, expected = other["false_alarms_per_ha"], yolo["false_alarms_per_ha"]
        assert (alarms["count"], alarms["interval"]) == (expected["count"], "Poisson")  # one picture, one hectare
        assert alarms["of"] == pytest.approx(expected["of"], rel=1e-6)
        assert other["centre_ap"] == pytest.approx(yolo["centre_ap"], abs=1e-6)
        assert other["curve"]["found"] == yolo["curve"]["found"]
        assert other["strata"]["class"] == yolo["strata"]["class"]
        assert other["confusion"] == yolo["confusion"]
        assert other["coco"]["ap50"] == pytest.approx(yolo["coco"]["ap50"], abs=1e-6)
        assert other["position_error_m"] == pytest.approx(yolo["position_error_m"], abs=1e-3)
        for cover in ("green_cover", "texture"):
            assert other["strata"][cover] == yolo["strata"][cover]
    assert yolo["note"] == "sites new, model toy"
    assert not any("flatter" in caution for caution in yolo["cautions"])


def test_what_of_the_truth_was_left_out_is_told_with_the_reasons(model: Path, ground: Path, tmp_path: Path) -> None:
    truth = geopandas.read_file(ground / "items.gpkg")
    x, y = truth.geometry[0].x, truth.geometry[0].y
    bow = shapely.Polygon([(x, y), (x + 1, y + 1), (x + 1, y), (x, y + 1)])
    both = shapely.MultiPoint(list(truth.geometry[:2]))
    table = {"type": ["ap_mine"] * 5, "size_m": [SIZE_M] * 5}
    geopandas.GeoDataFrame(table, geometry=[both, truth.geometry[2], bow, bow, None], crs=truth.crs).to_file(
        tmp_path / "mixed.gpkg"
    )
    given = ("--truth", tmp_path / "mixed.gpkg", "--class-column", "type", "--site", "new")
    report = measured(model, tmp_path / "out", "--images", ground / "one.tif", *given)
    assert (report["recall"]["count"], report["recall"]["of"]) == (2, 3)
    assert report["truth"]["items"] == 3
    assert report["truth"]["set_aside"] == {"invalid": 2, "without geometry": 1}
    told = (
        "3 of 5 rows of the truth were left out: 2 invalid, 1 without geometry; a sighting of such an item counts as a"
    )
    assert any(caution.startswith(told) for caution in report["cautions"])


def test_orthomosaics_of_a_list_are_not_left_out_without_a_word(
    model: Path, ground: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mapped = {"kind": "orthomosaic", "site": "map", "images": "*.tif", "labels": "items.gpkg", "licence": "-"}
    entry = {**mapped, "class_column": "type", "classes": {"ap_mine": "ap_mine"}}
    for name, entries in (("both", [*DATA["entries"], entry]), ("one", [entry])):  # type: ignore[misc]
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump({"version": 1, "entries": entries}))
    given = ("--data", ground, "--allow-trained-sites", "range")
    report = measured(model, tmp_path / "out", "--list", tmp_path / "both.yaml", *given)
    assert any("orthomosaics of map are in the data list and were not measured on" in c for c in report["cautions"])
    capsys.readouterr()
    for list_name, site in (("both", ("--site", "map")), ("one", ())):
        assert status("--out", tmp_path / "x", "--list", tmp_path / f"{list_name}.yaml", *given, *site) == 2
        assert "map has orthomosaics only; measure on them with --images and --truth" in capsys.readouterr().err


def test_where_nothing_is_labelled_recall_is_said_to_be_unknown(
    model: Path, ground: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    geopandas.read_file(ground / "items.gpkg").iloc[:0].to_file(tmp_path / "none.gpkg", layer="items")
    coco = json.loads((ground / "coco.json").read_text())
    (tmp_path / "none.json").write_text(json.dumps({**coco, "annotations": []}))
    for name, given in (
        ("map", ("--images", ground / "one.tif", "--truth", tmp_path / "none.gpkg")),
        ("coco", ("--coco", tmp_path / "none.json", "--data", ground, "--gsd", GSD_M)),
    ):
        report = measured(model, tmp_path / name, *given, "--site", "new")
        assert (report["recall"]["value"], report["false_alarms_per_ha"]["count"] > 0) == (None, True)
        assert UNKNOWN in report["cautions"]
        said = capsys.readouterr().out
        assert "recall unknown (no items), false alarms per hectare" in said
        assert f"note: {UNKNOWN}" in said


def test_nothing_to_measure_on_is_refused(
    model: Path, ground: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "none.json").write_text('{"images": [], "annotations": [], "categories": []}')
    drawn = DATA["entries"][:1]  # type: ignore[index]
    (tmp_path / "none.yaml").write_text(yaml.safe_dump({"version": 1, "entries": drawn}))
    cases: tuple[tuple[tuple[object, ...], str], ...] = (
        (("--coco", tmp_path / "none.json"), "none.json: lists no picture; nothing to measure on"),
        (
            ("--list", tmp_path / "none.yaml", "--data", ground),
            "none.yaml: has no pictures to measure on; add an entry",
        ),
    )
    for given, said in cases:
        assert status("--model", model, "--out", tmp_path / "out", *given, *SETTINGS) == 2
        assert said in capsys.readouterr().err


def test_labels_of_pictures_that_are_not_measured_on_are_told(model: Path, ground: Path, tmp_path: Path) -> None:
    coco = json.loads((ground / "coco.json").read_text())
    coco["images"].append({"id": 2, "file_name": "lost.png"})
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    frames = {
        "kind": "frames",
        "site": "range",
        "images": "*.png",
        "coco": str(tmp_path / "coco.json"),
        "classes": {"ap_mine": "ap_mine"},
        "gsd_m": GSD_M,
        "licence": "-",
    }
    (tmp_path / "list.yaml").write_text(yaml.safe_dump({"version": 1, "entries": [frames]}))
    given = ("--list", tmp_path / "list.yaml", "--data", ground, "--allow-trained-sites", "range")
    report = measured(model, tmp_path / "out", *given)
    told = (
        "coco.json: 1 of 2 pictures that it lists, with 0 items, are none of those that were given: lost.png; correct"
    )
    assert any(told in caution for caution in report["cautions"])
    assert report["recall"]["of"] == 3


def test_plots_and_sheets_are_whole_pictures_of_their_owner(
    model: Path, ground: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = measured(model, tmp_path, "--coco", ground / "coco.json", "--gsd", GSD_M, "--site", "new")
    text = capsys.readouterr().out
    assert "model toy on new: 3 items" in text
    assert CAUTION in text
    for word in ("safe", "clear"):
        assert word not in text.lower()
    names = ["false-alarms.png", "froc.png", "misses.png", "precision-recall.png", "reliability.png", "scores.png"]
    assert sorted(p.name for p in tmp_path.glob("*.png")) == names
    assert report["chips"]["misses.png"] == 3 - report["recall"]["count"]
    for name in names:
        assert np.std(np.asarray(cv2.imread(str(tmp_path / name)))) > 1
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


def test_without_matplotlib_the_rest_is_written_and_that_is_said(
    model: Path, ground: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("survey.evaluate.plots.find_spec", lambda name: None)
    report = measured(model, tmp_path, "--coco", ground / "coco.json", "--gsd", GSD_M)
    assert "survey[evaluate]" in report["plots"]
    assert "survey[evaluate]" in capsys.readouterr().out
    assert not (tmp_path / "froc.png").exists()
    assert any("nobody named the site" in caution for caution in report["cautions"])


def test_a_site_that_was_trained_on_is_refused_unless_it_is_named(
    model: Path, ground: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--list", ground / "list.yaml", "--data", ground, "--site", "range")
    assert status("--model", model, "--out", tmp_path / "out", *given) == 2
    said = capsys.readouterr().err
    assert "was trained on range" in said
    assert "--allow-trained-sites range" in said
    assert not (tmp_path / "out").exists()
    assert status("--model", model, "--out", tmp_path / "out", *given, "--allow-trained-sites", "other") == 2
    report = measured(model, tmp_path / "out", *given, "--allow-trained-sites", "range")
    assert report["training"]["seen"] == ["range"]
    assert "it was trained on range" in report["note"]
    assert any("flatter" in caution for caution in report["cautions"])
    assert status("--model", model, "--out", tmp_path / "out", *given[:-1], "elsewhere") == 2
    assert "has no pictures in the data list; it has range" in capsys.readouterr().err


def test_a_card_lists_the_sites_of_its_training(model: Path) -> None:
    card = load_card(model)
    assert card.training.sites == ("range", "simulated")
    with pytest.raises(ConfigError, match="trained on range"):
        check_sites(card, ("range", "new"), allowed=())
    assert check_sites(card, ("new",), allowed=())["seen"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "one of --list, --labels, --coco and --truth"),
        (("--coco", "a", "--truth", "b"), "one of --list"),
        (("--labels", "a", "--images", "b"), "--labels needs --classes and --gsd too"),
        (("--list", "a"), "--list needs --data too"),
        (("--coco", "a", "--layer", "b"), "--layer has no meaning beside --coco"),
        (("--truth", "a"), "--truth needs --images to search, or --run"),
        (("--coco", "a", "--site", "b", "--site", "c"), "give one --site"),
        (("--coco", "a", "--gsd", "0"), "--gsd: is 0; give metres, above 0"),
        (("--coco", "a", "--gsd", "nan"), "--gsd: is nan; give metres"),
        (("--coco", "a", "--gsd", "1"), "--gsd: is 1; give metres, above 0 and at most 0.3 (1 cm is 0.01)"),
    ],
)
def test_options_that_do_not_say_one_thing_are_refused(
    tmp_path: Path, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status("--out", tmp_path / "out", *arguments) == 2
    assert said in capsys.readouterr().err


def test_a_run_of_another_model_or_none_is_refused(
    model: Path, ground: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--model", model, "--out", tmp_path / "out", "--truth", ground / "items.gpkg", "--run", tmp_path)
    assert status(*given) == 2
    assert "holds no finished run" in capsys.readouterr().err
    assert status("--model", model, "--out", tmp_path / "out", "--coco", ground / "coco.json", "--score", "1.5") == 2
    assert "--score: a score lies between" in capsys.readouterr().err
