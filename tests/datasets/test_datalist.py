"""Data lists say what they mean, and what is missing is named."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from survey.datasets.datalist import CutoutEntry, DataList, FrameEntry, GroundEntry, load_data_list
from survey.datasets.sources import load_frames, load_grounds, load_sources
from survey.errors import ConfigError, InputError
from survey.resources import configs_folder
from tests.pictures import listed

GROUND: dict[str, object] = {"kind": "ground", "site": "a", "images": "a/*.png", "gsd_m": 0.01, "licence": "-"}
FRAMES: dict[str, object] = {
    **GROUND,
    "kind": "frames",
    "site": "b",
    "images": "b/*.png",
    "labels": "b",
    "classes": ["ap_mine"],
}
CUTOUTS: dict[str, object] = {
    "kind": "cutouts",
    "site": "c",
    "table": "c/table.csv",
    "classes": {"AP": ["ap_mine", 0.1, 0.2]},
    "licence": "-",
}


def data_list(*entries: dict[str, object]) -> DataList:
    return listed({"version": 1, "entries": entries})


def picture(path: Path, shape: tuple[int, ...] = (40, 60, 3)) -> None:
    path.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(path), np.full(shape, 120, np.uint8))


def test_sites_are_held_out_whole() -> None:
    whole = data_list(GROUND, FRAMES, {**CUTOUTS, "site": "b"})
    assert [e.site for e in whole.without(("b",)).entries] == ["a"]
    assert whole.without(()) == whole


def test_an_unknown_site_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"hold_out: no site pon-drone .* it has a, b"):
        data_list(GROUND, FRAMES).without(("pon-drone",))


def test_a_flight_is_held_out_by_name_and_its_site_by_name() -> None:
    whole = data_list({**GROUND, "flight": "am"}, FRAMES, {**FRAMES, "site": "a", "flight": "pm"}, GROUND)
    assert whole.without(("a",)).entries == whole.entries[1:2]
    assert whole.without(("a", "a/am")).entries == whole.entries[1:2]
    assert whole.held_out(("a/pm", "b")) == whole.entries[1:3]
    with pytest.raises(ConfigError, match="no site a/noon in the data list; it has a, a/am, a/pm, b"):
        whole.without(("a/noon",))


def test_a_split_inside_a_site_is_refused_unless_asked_for_by_name() -> None:
    whole = data_list({**GROUND, "flight": "am"}, {**FRAMES, "site": "a", "flight": "pm"})
    with pytest.raises(ConfigError, match=r"entries of the site a stay .* flatters.* split_within_site: true"):
        whole.without(("a/pm",))
    assert whole.without(("a/pm",), split_within_site=True).entries == whole.entries[:1]
    assert whole.without(("a/pm", "a/am")).entries == ()  # nothing of the site stays: no leak


def test_cutouts_of_a_site_are_of_the_site_too() -> None:
    whole = data_list({**FRAMES, "flight": "pm"}, {**CUTOUTS, "site": "b"})
    with pytest.raises(ConfigError, match="entries of the site b stay in the training"):
        whole.without(("b/pm",))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("version: 1\nentries: [", "not YAML"),
        ("version: 2\nentries: []", "version"),
        (
            yaml.safe_dump({"version": 1, "entries": [{**GROUND, "gsd": 1}]}),
            r"entries\.0\.gsd: unknown key – did you mean 'gsd_m'",
        ),
        (
            "version: 1\nentries:\n- {kind: simulated, site: a}\n- kind: simulated\n",
            r"4:3: entries\.1\.site: is missing – add it; see configs/train-data\.yaml",
        ),
        ("version: 1\nentries: []\nversion: 1\n", r"3:1: version: stands twice – the first is at .*:1:1"),
        (
            "version: 1\nentries:\n- {kind: simulated, sit: a}\n",
            r"3:21: entries\.0\.sit: unknown key – did you mean 'site'",
        ),
        ("- a", "1: expected lines of 'key: value'"),
        ("", "1: expected lines of 'key: value'"),
        (yaml.safe_dump({"version": 1, "entries": [{**GROUND, "gsd_m": 0.5}]}), r"gsd_m: .*less than or equal to 0\.3"),
        (
            yaml.safe_dump({"version": 1, "entries": [{**GROUND, "gsd_m": "0.01"}]}),
            r"entries\.0\.gsd_m: expected a valid number",
        ),
        (
            yaml.safe_dump({"version": 1, "entries": [{**GROUND, "scaleless": 1}]}),
            r"scaleless: expected a valid boolean",
        ),
        (yaml.safe_dump({"version": 1, "entries": [{**CUTOUTS, "classes": {"A": ["ap_mine", 2, 1]}}]}), "'A': sizes"),
        (yaml.safe_dump({"version": 1, "entries": [{**GROUND, "kind": "grund"}]}), r"kind: .*did you mean 'ground'"),
        (yaml.safe_dump({"version": 1, "entries": [{**FRAMES, "classes": ["mine"]}]}), "unknown class 'mine'"),
        (yaml.safe_dump({"version": 1, "entries": [{**CUTOUTS, "classes": {"A": ["at", 1, 2]}}]}), "unknown class"),
    ],
)
def test_a_list_that_does_not_fit_names_file_and_place(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"list\.yaml:.*{words}"):
        load_data_list(path)


def test_a_list_of_the_package_goes_by_its_name_and_an_own_file_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_data_list("train-data.yaml").entries
    (tmp_path / "train-data.yaml").write_text("version: 1\nentries: []\n")
    assert not load_data_list("train-data.yaml").entries
    with pytest.raises(ConfigError, match=r"^none\.yaml: cannot be read"):
        load_data_list("none.yaml")


def test_a_missing_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file or directory; check the path"):
        load_data_list(tmp_path / "none.yaml")


def test_a_glob_that_matches_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a/\*\.png: matches no file; give the folder with --data"):
        load_sources(data_list(GROUND), tmp_path)


def test_an_absolute_glob_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"/a/\*\.png: is absolute; name it as it lies below"):
        load_sources(data_list({**GROUND, "images": "/a/*.png"}), tmp_path)


def test_frames_are_known_one_by_one(tmp_path: Path) -> None:
    picture(tmp_path / "b" / "x.png")
    (entry,) = data_list({**FRAMES, "incomplete": ["y"]}).entries
    assert isinstance(entry, FrameEntry)
    with pytest.raises(ConfigError, match=r"no frame has the stem y, which is listed as incomplete"):
        load_frames(entry, tmp_path)
    picture(tmp_path / "b" / "c" / "x.png")
    (entry,) = data_list({**FRAMES, "images": "b/**/*.png"}).entries
    assert isinstance(entry, FrameEntry)
    with pytest.raises(ConfigError, match=r"x\.png: would have the labels of .*x\.png"):
        load_frames(entry, tmp_path)


@pytest.mark.parametrize("text", ["{", "{}", '{"boxes": {"x.png": [[1, 2]]}}', '{"boxes": [1]}'])
def test_boxes_of_dug_soil_that_do_not_fit_are_named(tmp_path: Path, text: str) -> None:
    picture(tmp_path / "b" / "x.png")
    (tmp_path / "dug.json").write_text(text)
    (entry,) = data_list({**FRAMES, "disturbed_soil": "dug.json"}).entries
    assert isinstance(entry, FrameEntry)
    with pytest.raises(ConfigError, match=r"dug\.json: is not "):
        load_frames(entry, tmp_path)


def test_a_file_that_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.png").write_bytes(b"not a picture")
    with pytest.raises(ConfigError, match=r"x\.png: cannot be read"):
        load_sources(data_list(GROUND), tmp_path)


def test_a_frame_without_a_label_file_is_an_error_but_an_empty_one_is_not(tmp_path: Path) -> None:
    picture(tmp_path / "b" / "x.png")
    (entry,) = data_list(FRAMES).entries
    assert isinstance(entry, FrameEntry)
    with pytest.raises(InputError, match=r"x\.txt: no label file"):
        load_frames(entry, tmp_path)
    (tmp_path / "b" / "x.txt").write_text("")
    assert len(load_frames(entry, tmp_path)[0].items.row) == 0


def test_boxes_become_centres_and_the_frames_scale_follows_from_them(tmp_path: Path) -> None:
    picture(tmp_path / "b" / "x.png", (100, 200, 3))
    picture(tmp_path / "b" / "left_out.png", (100, 200, 3))
    (tmp_path / "b" / "x.txt").write_text("0 0.25 0.5 0.1 0.1\n0 0.75 0.5 0.1 0.1\n")
    (tmp_path / "dug.json").write_text(json.dumps({"boxes": {"x.png": [[1, 2, 3, 4]]}}))
    entry = data_list({**FRAMES, "item_size_m": 0.5, "incomplete": ["left_out"], "disturbed_soil": "dug.json"}).entries[
        0
    ]
    assert isinstance(entry, FrameEntry)
    (frame,) = load_frames(entry, tmp_path)
    assert (frame.items.row.tolist(), frame.items.col.tolist()) == ([50, 50], [50, 150])
    assert frame.items.size_px.tolist() == [20, 20]
    assert frame.gsd_m == pytest.approx(0.025)
    assert frame.disturbed == ((1, 2, 3, 4),)
    (tmp_path / "dug.json").unlink()
    with pytest.raises(ConfigError, match=r"dug\.json: no such file"):
        load_frames(entry, tmp_path)


def test_fine_ground_is_stored_no_finer_than_needed(tmp_path: Path) -> None:
    picture(tmp_path / "a" / "x.png", (140, 280, 3))
    (entry,) = data_list({**GROUND, "gsd_m": 0.00175}).entries
    assert isinstance(entry, GroundEntry)
    (stored,) = load_grounds(entry, tmp_path)
    assert stored.rgb.shape == (70, 140, 3)
    assert stored.gsd_m == 0.0035
    assert stored.disturbed == ()


def test_cutouts_need_their_table_their_files_and_an_alpha(tmp_path: Path) -> None:
    picture(tmp_path / "a" / "x.png")
    whole = data_list(GROUND, CUTOUTS)
    with pytest.raises(ConfigError, match=r"table\.csv: no such file"):
        load_sources(whole, tmp_path)
    (tmp_path / "c").mkdir()
    table = tmp_path / "c" / "table.csv"
    table.write_text("file,class\nitem.png,XX\n")
    with pytest.raises(ConfigError, match=r"has one of the classes \['AP'\]"):
        load_sources(whole, tmp_path)
    table.write_text("file,class\nitem.png,AP\n")
    picture(tmp_path / "c" / "item.png")
    with pytest.raises(ConfigError, match=r"item\.png is missing or has no alpha"):
        load_sources(whole, tmp_path)
    picture(tmp_path / "c" / "item.png", (20, 20, 4))
    (cutout,) = load_sources(whole, tmp_path).cutouts
    assert (cutout.class_name, cutout.size_range_m) == ("ap_mine", (0.1, 0.2))


def test_a_list_without_ground_or_without_items_is_refused(tmp_path: Path) -> None:
    picture(tmp_path / "a" / "x.png")
    with pytest.raises(ConfigError, match="no ground"):
        load_sources(data_list(), tmp_path)
    with pytest.raises(ConfigError, match="no items"):
        load_sources(data_list(GROUND), tmp_path)


def test_the_shipped_list_fits() -> None:
    shipped = load_data_list(configs_folder() / "train-data.yaml")
    assert {"pom-drone", "lawn-flight"} <= {entry.site for entry in shipped.entries}


def test_every_file_of_the_shipped_list_is_there(shared_data: Path) -> None:
    shipped = load_data_list(configs_folder() / "train-data.yaml")
    for entry in shipped.without(("terrain-0ad",)).entries:  # a game's ground: MODEL_CARD.md says how to get it
        match entry:
            case GroundEntry():
                assert list(shared_data.glob(entry.images))
            case FrameEntry():
                stems = {path.stem for path in shared_data.glob(entry.images)}
                assert stems
                assert entry.labels
                assert stems <= {path.stem for path in (shared_data / entry.labels).glob("*.txt")}
                assert set(entry.incomplete) <= stems
                assert entry.disturbed_soil
                dug = json.loads((shared_data / entry.disturbed_soil).read_text())["boxes"]
                assert {Path(name).stem for name in dug} & stems
            case CutoutEntry():
                lines = (shared_data / entry.table).read_text().splitlines()
                assert any(line.startswith(entry.only_source or "") for line in lines[1:])


def test_ground_without_a_scale_is_shown_at_the_models(tmp_path: Path) -> None:
    picture(tmp_path / "a" / "1.png")
    listed = data_list({**GROUND, "scaleless": True}, {**GROUND, "site": "d"}, {**FRAMES, "gsd_m": 0.02})
    assert [e.gsd_m for e in listed.at(0.005).entries if isinstance(e, GroundEntry)] == [0.005, 0.01]
    assert [e.gsd_m for e in listed.at(0.005).entries if isinstance(e, FrameEntry)] == [0.02]
    assert listed.at(0.01) == listed
