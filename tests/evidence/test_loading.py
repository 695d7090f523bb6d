from collections.abc import Callable
from pathlib import Path

import pytest

from survey.errors import ConfigError
from survey.evidence import load_evidence
from survey.resources import configs_folder


def test_the_example_loads_and_names_every_kind() -> None:
    config = load_evidence(configs_folder() / "evidence.yaml")
    assert len({layer.kind for layer in config.layers}) == 9
    records, clearance = config.layers[0], config.layers[-1]
    assert config.class_of(records) == "indirect"  # its reliability is low
    assert config.class_of(clearance) is None
    assert Path(records.path).parent == configs_folder()
    assert str(records.date) == "1995-12-31"


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        (
            "reliability: 0.25",
            "reliability: 1.5",
            "reliability: 1.5",
            "reliability: expected less than or equal to 1, got 1.5",
        ),
        ("omission: 0.4", "omissions: 0.4", "omissions", "unknown key – did you mean 'omission'?"),
        (
            "  omission: 0.4\n",
            "",
            "- name: l0",
            "layers.0.omission: is missing – add it; configs/evidence",
        ),
        ("kind: minefield_records", "kind: mine_records", "kind: mine_records", "did you mean 'minefield_records'?"),
        ("kind: minefield_records", "kind: xyz", "kind: xyz", "layers.0: there is no kind 'xyz' – known: minefield_r"),
        ("date: 2000", "date: last year", "last year", "layers.0.date: expected a year or a day"),
        ("ap: 20.0", "apx: 20.0", "apx", "no such group; expected one of ap, at, submunition, uxo"),
        ("name: l0", "name: cleared-land", "cleared-land", "would read as a release of land"),
        ("source: test", "source: cleared areas of 1999", "cleared areas", "would read as a release of land"),
        ("  misplaced: 0.5", "  misplaced: 0.5\n  misplaced: 0.6", "misplaced: 0.6", "misplaced: stands twice"),
        ("version: 1", "version: 2", "version: 2", "version"),
        ("version: 1", "version: 1\nversions: 1", "versions: 1", "unknown key – did you mean 'version'?"),
        (
            "misplaced: 0.5",
            "misplaced: often",
            "misplaced: often",
            'misplaced: expected a valid number, got "often"',
        ),
        ("used_land_leaves: 0.05", "used_land_leaves: 0", "used_land_leaves: 0", "greater than or equal to 0.01"),
    ],
)
def test_an_error_names_the_line(world: Callable[..., Path], old: str, new: str, line: str, said: str) -> None:
    path = world(("minefield_records", [], {}))
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_evidence(path)
    number = next(n for n, content in enumerate(path.read_text().splitlines(), 1) if line in content)
    assert str(caught.value).startswith(f"{path}:{number}:")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"background": {"ap": {"items_per_ha": 1, "shape": 1}}}, "lacks at, submunition, uxo"),
        ({"classes": {"accidents": "direct"}}, "lacks minefield_records"),
    ],
)
def test_what_is_missing_among_the_top_keys_is_named(
    world: Callable[..., Path], change: dict[str, object], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        load_evidence(world(**change))


def test_names_tell_layers_apart(world: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match=r"\.yaml:1:1: layers: l0 stands twice"):
        load_evidence(world(("used_land", [], {}), ("used_land", [], {"name": "l0"})))


def test_the_background_is_no_layer(world: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match="no layer can be called 'background'"):
        load_evidence(world(("used_land", [], {"name": "background"})))


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("used_land", "reduction", {"ap": 1.0}),
        ("earlier_clearance", "recall", {"ap": 1.0}),
        ("craters", "dud_rate", {"mean": 0.9, "strength": 10}),
        ("accidents", "items", {}),
        ("trenches", "half_distance_m", 6000),
    ],
)
def test_what_would_prove_too_much_is_refused(world: Callable[..., Path], kind: str, key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=key):
        load_evidence(world((kind, [], {key: value})))


@pytest.mark.parametrize(("text", "said"), [("- a\n", "key: value"), ("a: [\n", "not YAML"), ("", "key: value")])
def test_what_is_no_mapping_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said):
        load_evidence(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_evidence(tmp_path / "none.yaml")
