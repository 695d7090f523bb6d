"""A site is judged by a model that did not train on it, or by none."""

from pathlib import Path

import pytest

from survey.audit.crossfit import choose_models
from survey.detect import Detector
from survey.errors import ConfigError
from tests.audit.conftest import sees_paint

SITES = ("a", "b", "c")
TRAINED = {"on-a": ("a", "x"), "on-b": ("b",), "on-none": ()}


def load(model: str) -> Detector:
    return sees_paint(model=model, sites=TRAINED[Path(model).name])


def chosen(*given: str) -> dict[str, str]:
    return {site: detector.card.id for site, detector in choose_models(given, sites=SITES, load=load).items()}


def test_each_site_has_the_model_that_is_named_for_it_or_the_one_for_all() -> None:
    assert chosen() == {}
    assert chosen("on-none") == dict.fromkeys(SITES, "on-none")
    assert chosen("a=on-b", "b=on-a") == {"a": "on-b", "b": "on-a"}
    assert chosen("on-a", "a=on-b") == {"a": "on-b", "b": "on-a", "c": "on-a"}


@pytest.mark.parametrize("given", [("on-a",), ("a=on-a",), ("on-none", "a=on-a"), ("on-a", "b=on-b")])
def test_a_model_is_refused_on_a_site_of_its_training(given: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=r"model on-a was trained on a, so what it finds there repeats .* --model a="):
        chosen(*given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("d=on-a",), "no site d is audited, only a, b, c"),
        (("a=on-b", "a=on-none"), "site a has the model on-b already"),
        (("on-none", "on-b"), "every other site has the model on-none already"),
    ],
)
def test_models_that_do_not_say_one_thing_are_refused(given: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        chosen(*given)


def test_a_folder_may_hold_the_sign(tmp_path: Path) -> None:
    folder = tmp_path / "rate=1" / "on-b"
    folder.mkdir(parents=True)
    assert chosen(f"a={folder}") == {"a": str(folder)}
    with pytest.raises(ConfigError, match="was trained on b"):
        chosen(str(folder))
