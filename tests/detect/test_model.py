"""Model folders: what was written is what is read, and what does not fit is refused with the remedy."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from survey.detect import DEFAULT_MODEL, ModelCard, load_detector
from survey.detect.model import CARD, find_model, load_card, load_network, model_sha256
from survey.errors import ConfigError, ModelError
from survey.networks import SurveyNet
from survey.train.release import WEIGHTS, write_model


@pytest.fixture
def folder(card: ModelCard, network: SurveyNet, tmp_path: Path) -> Path:
    write_model(network, tmp_path / "toy", card=card)
    return tmp_path / "toy"


def edit(folder: Path, **changes: object) -> None:
    content = yaml.safe_load((folder / CARD).read_text())
    (folder / CARD).write_text(yaml.safe_dump({**content, **changes}))


def test_a_model_comes_back_as_it_was_written(folder: Path, card: ModelCard, network: SurveyNet) -> None:
    read = load_card(folder)
    assert read.model_copy(update={"weights": card.weights}) == card
    again = load_network(folder, read)
    assert not again.training
    assert again.state_dict().keys() == network.state_dict().keys()
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in network.state_dict().items())
    assert read.learnt.tolist() == [True, True, False]
    assert read.as_performance().prevalence == 0.4


def test_load_detector_takes_a_folder_and_searches(folder: Path) -> None:
    detector = load_detector(folder, runtime="torch", precision="fp32")
    assert len(detector.detect(np.full((64, 64, 3), 90, np.uint8), gsd_m=0.01).classes) == 3
    assert detector.sha256 == model_sha256(folder, load_card(folder))


def test_the_models_hash_follows_card_and_weights(folder: Path) -> None:
    before = model_sha256(folder, load_card(folder))
    edit(folder, max_gsd_m=0.03)
    middle = model_sha256(folder, load_card(folder))
    (folder / WEIGHTS).write_bytes(b"other")
    assert len({before, middle, model_sha256(folder, load_card(folder))}) == 3


def test_tampered_weights_are_refused(folder: Path) -> None:
    content = bytearray((folder / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (folder / WEIGHTS).write_bytes(content)
    with pytest.raises(ModelError, match=r"weights\.safetensors: .* restore both"):
        load_detector(folder)


def test_missing_weights_are_refused(folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    with pytest.raises(ModelError, match=r"missing; restore"):
        load_detector(folder)


def test_a_card_of_another_network_is_refused(folder: Path) -> None:
    classes = yaml.safe_load((folder / CARD).read_text())["classes"]
    edit(folder, classes=classes[:2])
    with pytest.raises(ModelError, match=r"not of the network .* restore both"):
        load_detector(folder)


def test_an_unknown_key_names_file_key_and_remedy(folder: Path) -> None:
    edit(folder, halo=3)
    with pytest.raises(ModelError, match=r"model\.yaml: halo: .*restore it"):
        load_card(folder)


@pytest.mark.parametrize("change", [{"format": 3}, {"halo_px": 170}, {"thresholds": {"score": 1.5, "disturbance": 0}}])
def test_values_that_do_not_fit_are_refused(folder: Path, change: dict[str, object]) -> None:
    edit(folder, **change)
    with pytest.raises(ModelError, match=next(iter(change))):
        load_card(folder)


def test_disturbances_in_another_order_are_refused(folder: Path) -> None:
    edit(folder, disturbances=yaml.safe_load((folder / CARD).read_text())["disturbances"][::-1])
    with pytest.raises(ModelError, match="crater, trench, disturbed_soil, in this order"):
        load_card(folder)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: [1", r"model\.yaml:1:6: is not YAML: .*; restore it from the release"),
        (b"", r"model\.yaml:1:1: expected lines of 'key: value', the first being 'format: 2'; restore"),
        (b"id: a\nid: b\n", r"model\.yaml:2:1: id: stands twice .*; restore"),
        (b"id: field \xe9\n", r"model\.yaml:1: is not UTF-8 text.*; restore"),
    ],
)
def test_a_card_that_cannot_be_read_is_refused(folder: Path, content: bytes, said: str) -> None:
    (folder / CARD).write_bytes(content)
    with pytest.raises(ModelError, match=said):
        load_card(folder)


def test_find_model_by_id_by_path_and_by_default(folder: Path, tmp_path: Path) -> None:
    assert find_model("toy", models=tmp_path) == folder
    assert find_model(folder, models=tmp_path / "elsewhere") == folder
    with pytest.raises(ModelError, match=rf"{DEFAULT_MODEL}.* one of toy"):
        find_model("default", models=tmp_path)
    (tmp_path / DEFAULT_MODEL).mkdir()
    (tmp_path / DEFAULT_MODEL / CARD).touch()
    assert find_model("default", models=tmp_path) == tmp_path / DEFAULT_MODEL


def test_a_bare_name_is_the_released_model_and_a_path_is_a_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "work"
    for mine in (here / "toy", here / "own"):
        mine.mkdir(parents=True)
        (mine / CARD).touch()
    monkeypatch.chdir(here)
    assert find_model("toy", models=tmp_path) == folder
    assert find_model("./toy", models=tmp_path) == Path("toy")
    assert find_model(Path("toy"), models=tmp_path) == Path("toy")
    assert find_model("own", models=tmp_path) == Path("own")
    monkeypatch.chdir(here / "own")
    assert find_model(".", models=tmp_path) == Path()
    with pytest.raises(ModelError, match="toy/: no folder"):
        find_model("toy/", models=tmp_path)


def test_an_unknown_id_lists_the_released_ones(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"model toyo: .* one of toy"):
        find_model("toyo", models=tmp_path)


def test_asking_for_a_runtime_that_is_not_installed_names_the_remedy(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="pip install"):
        load_detector(folder, runtime="openvino")
