"""A checkpoint is taken up by the run that wrote it and by no other, and the error says what is other."""

import importlib.metadata
import logging
from pathlib import Path

import pytest

from survey.datasets.datalist import DataList
from survey.errors import ResumeError
from survey.train import TrainConfig
from survey.train.identity import Identity, used_files
from survey.train.loop import Trainer
from tests.pictures import listed

LIST = {
    "version": 1,
    "entries": [
        {"kind": "ground", "site": "a", "images": "a/*.png", "gsd_m": 0.01, "licence": "-"},
        {
            "kind": "frames",
            "site": "b",
            "images": "b/*.png",
            "labels": "labels",
            "classes": ["ap_mine"],
            "gsd_m": 0.01,
            "disturbed_soil": "dug.json",
            "licence": "-",
        },
        {"kind": "cutouts", "site": "c", "table": "c/t.csv", "classes": {"AP": ["ap_mine", 0.1, 0.2]}, "licence": "-"},
    ],
}
DATA = listed(LIST)
PLACE = Path("out/checkpoint.pt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of the list, and one that it does not lead to."""
    for name in ("a/1.png", "a/2.png", "a/2.txt", "b/1.png", "labels/1.txt", "dug.json", "c/cut.png", "c/unlisted.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "c" / "t.csv").write_text("file,class\ncut.png,AP\n")
    return tmp_path


def test_every_file_that_the_list_leads_to_is_hashed_and_no_other(folder: Path) -> None:
    files = used_files(DATA, folder)
    assert list(files) == ["a/1.png", "a/2.png", "b/1.png", "c/cut.png", "c/t.csv", "dug.json", "labels/1.txt"]
    assert all(len(value) == 64 for value in files.values())
    (folder / "c" / "unlisted.png").write_text("other")
    assert used_files(DATA, folder) == files
    (folder / "c" / "cut.png").write_text("other")
    assert {n for n, v in used_files(DATA, folder).items() if files[n] != v} == {"c/cut.png"}


def identity(config: TrainConfig | None = None, data: DataList = DATA, files: dict[str, str] | None = None) -> Identity:
    return Identity.of(config or TrainConfig(), data, {"a/1.png": "0"} if files is None else files)


def test_the_same_run_is_taken_up_whatever_leaves_its_weights_as_they_are() -> None:
    state = identity().as_state()
    assert identity(TrainConfig(workers=7, checkpoint_every=9, log_every=3)).check(state, PLACE) == []


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (identity(TrainConfig(seed=7)), "config seed is 1 there, 7 here"),
        (identity(TrainConfig(mine_every=10)), "config mine_every is 0 there, 10 here"),
        (identity(TrainConfig(accumulate=2)), "config accumulate is 1 there, 2 here"),
        (identity(data=DataList(version=1, entries=DATA.entries[:2])), r"data list entries\.2\.kind is \"cutouts\""),
        (identity(files={"a/1.png": "1"}), r"file a/1\.png has other content"),
        (identity(files={"a/1.png": "0", "a/2.png": "0"}), r"file a/2\.png is new"),
        (identity(files={"b": "0"}), r"file a/1\.png is gone; file b is new"),
    ],
)
def test_another_run_is_refused_and_what_differs_is_named(other: Identity, words: str) -> None:
    with pytest.raises(ResumeError, match=rf"checkpoint\.pt: belongs to another run: .*{words}.* use another --out"):
        other.check(identity().as_state(), PLACE)


def test_an_error_names_a_few_differences_and_counts_the_rest() -> None:
    other = identity(TrainConfig(seed=2, steps=3, batch=4, gsd_m=0.02, crop_px=64))
    with pytest.raises(ResumeError, match="and 2 more"):
        other.check(identity().as_state(), PLACE)


def test_other_versions_are_told_not_refused(
    tmp_path: Path, config: TrainConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    Trainer(config, identity(config), folder=tmp_path).save()
    versions = {"numpy": "9.9.9"}
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: versions.get(name) or real(name))
    again = Trainer(config, identity(config), folder=tmp_path)
    with caplog.at_level(logging.WARNING):
        assert again.resume()
    assert f'version of numpy is "{real("numpy")}" there, "9.9.9" here' in caplog.text


def test_a_checkpoint_carries_all_that_decides_the_weights(tmp_path: Path, config: TrainConfig) -> None:
    import torch

    Trainer(config, identity(config), folder=tmp_path).save()
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["identity"]
    assert state["config"]["seed"] == config.seed
    assert state["data"]["entries"][0]["site"] == "a"
    assert state["files"] == {"a/1.png": "0"}
    assert state["versions"]["torch"] == importlib.metadata.version("torch")
    assert {name: len(value) for name, value in state["sha256"].items()} == {"config": 64, "data_list": 64, "files": 64}


def test_a_checkpoint_of_another_format_is_refused(tmp_path: Path, config: TrainConfig) -> None:
    import torch

    torch.save({"identity": "0" * 64}, tmp_path / "checkpoint.pt")
    with pytest.raises(ResumeError, match="another version of survey wrote it"):
        Trainer(config, identity(config), folder=tmp_path).resume()
