from collections.abc import Callable
from pathlib import Path

import pytest

from survey.errors import ConfigError
from survey.priority import load_priority
from survey.resources import configs_folder
from tests.priority.district import write_settings

Write = Callable[[str], Path]
BASE = """version: 1
items_weight: 1.0
conditions:
  slope_deg: {value: 3}
methods:
  manual:
    teams: 2
    ha_per_week: 0.5
    found_share: 0.98
area_ha: 10
least_area_ha: 3
start: 2027-03-01
horizon_weeks: 20
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> Path:
        path = tmp_path / "priority.yaml"
        path.write_text(text)
        return path

    return written


def test_the_example_loads_and_has_every_key() -> None:
    config = load_priority(configs_folder() / "priority.yaml")
    assert set(config.model_fields_set) == set(type(config).model_fields)
    assert config.methods["manual"].crews == 3


def test_settings_need_nothing_but_what_they_are_about(write: Write) -> None:
    assert load_priority(write(BASE)).solver == "milp"


@pytest.mark.parametrize(
    ("old", "new", "place", "says"),
    [
        ("    teams: 2", "    team: 2", "7:5: methods.manual.team", "did you mean 'teams'"),
        ("items_weight", "item_weight", "2:1: item_weight", "did you mean 'items_weight'"),
        ("area_ha: 10\n", "", "1:1: area_ha", "is missing"),
        ("0.98", "1.2", "9:18: methods.manual.found_share", "less than or equal to 1, got 1.2"),
        ("teams: 2", "teams: two", "7:12: methods.manual.teams", 'valid integer, got "two"'),
        ("teams: 2", "teams: 2\n    teams_per_area: 4", "7:5: methods.manual", "whole crews of 4"),
        ("teams: 2", "teams: 0", "6:3: methods", "no method has a team"),
        ("area_ha: 10", "area_ha: 2", "1:1", "least_area_ha 3 is more than area_ha 2"),
        ("teams: 2", "teams: 2\n    teams: 3", "8:5: methods.manual.teams", "stands twice"),
        ("  manual:", "  cleared:", "6:3: methods.cleared", "choose a name without 'cleared'"),
        ("  manual:", "  By hand:", "6:3: methods.By hand", "small letters"),
        ("teams: 2", "teams: 2\n    speed: {slop: [[0, 1]]}", "7:5: methods.manual", "no condition 'slop'"),
        ("teams: 2", "teams: 2\n    speed: {slope_deg: [[5, 1], [0, 2]]}", "8:24", "must rise"),
        ("items_weight: 1.0", "items_weight: 0.0", "2:15: items_weight", "nothing has a weight"),
        ("start: 2027-03-01", "start: soon", "12:8: start", "valid date"),
        ("version: 1", "version: [1", "2:13", "is not YAML"),
        ("start", "nearest_to: roads\nstart", "12:13: nearest_to", "no exposure layer 'roads'"),
    ],
)
def test_what_does_not_fit_is_told_with_its_line(write: Write, old: str, new: str, place: str, says: str) -> None:
    path = write(BASE.replace(old, new, 1))
    with pytest.raises(ConfigError) as told:
        load_priority(path)
    assert str(told.value).startswith(f"{path}:{place}")
    assert says in str(told.value)


def test_a_decay_and_its_range_go_together(tmp_path: Path) -> None:
    layer = {"file": "a.gpkg", "weight": 1.0, "decay": "inside", "range_m": 100}
    with pytest.raises(ConfigError, match=r"exposure\.roads: decay 'inside' goes without range_m"):
        load_priority(write_settings(tmp_path / "p.yaml", exposure={"roads": layer}))


@pytest.mark.parametrize(("content", "says"), [(b"\xff\xfe", "UTF-8"), (b"- 1", "expected lines of")])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "p.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=says):
        load_priority(tmp_path / "p.yaml")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_priority(tmp_path / "p.yaml")
