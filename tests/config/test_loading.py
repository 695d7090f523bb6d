import math
import re
from pathlib import Path

import pytest

from survey.config import RunConfig, load_config
from survey.errors import ConfigError


def _file(folder: Path, text: str) -> Path:
    path = folder / "my.yaml"
    path.write_text(text)
    return path


def _problem(path: Path | None = None, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(RunConfig, path, overrides=overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message.replace(f"{path.parent}/", "") if path else message


def test_defaults_come_from_the_embedded_file() -> None:
    config = load_config(RunConfig)
    assert (config.version, config.model, config.output_crs) == (1, "default", "auto")
    assert config.candidate_threshold is None


def test_a_file_replaces_defaults_and_an_override_replaces_the_file(tmp_path: Path) -> None:
    path = _file(tmp_path, "version: 1\ncore_px: 512\nworkers: 3\nbands: [3, 2, 1]\n")
    config = load_config(RunConfig, path, overrides=["core_px=256", "core_px=2048", "output_crs=EPSG:32638"])
    assert (config.core_px, config.workers, config.bands) == (2048, 3, (3, 2, 1))
    assert config.output_crs == "EPSG:32638"
    assert config.decode_threads == load_config(RunConfig).decode_threads


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0.0),
        ("-9999", -9999.0),
        ("1e-3", 0.001),
        (".nan", math.nan),
        ("auto", "auto"),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, expected: object) -> None:
    assert load_config(RunConfig, overrides=[f"nodata={text}"]).nodata == pytest.approx(expected, nan_ok=True)


def test_an_unknown_key_names_file_line_and_near_miss(tmp_path: Path) -> None:
    path = _file(tmp_path, "# mine\nversion: 1\n\n\ncore_pxx: 512\n")
    assert _problem(path) == "my.yaml:5:1: core_pxx: unknown key – did you mean 'core_px'?"


def test_a_key_like_no_other_lists_the_known_ones(tmp_path: Path) -> None:
    assert "unknown key – known: version, model" in _problem(_file(tmp_path, "version: 1\nzzz: 1\n"))


def test_an_unknown_override_names_the_near_miss() -> None:
    assert _problem(None, "cor_px=1") == "--set cor_px=1: unknown key – did you mean 'core_px'?"


@pytest.mark.parametrize(
    ("line", "place", "expected"),
    [
        ("core_px: big", "2:10", 'core_px: expected a whole multiple of 32 between 128 and 16384, got "big"'),
        ("core_px: 1000", "2:10", "core_px: expected a whole multiple of 32 between 128 and 16384, got 1000"),
        ("workers: yes", "2:10", "workers: expected a whole number of at least 1, got true"),
        ("workers: '2'", "2:10", 'workers: expected a whole number of at least 1, got "2"'),
        ("bands: [1, 2]", "2:8", "bands: expected auto or three band numbers such as [1, 2, 3], got [1, 2]"),
        ("bands: [0, 1, 2]", "2:8", "bands: expected auto or three band numbers such as [1, 2, 3], got [0, 1, 2]"),
        ("runtime:   tensorrt", "2:12", 'runtime: expected auto, torch or openvino, got "tensorrt"'),
        ("prior_shape: .inf", "2:14", "prior_shape: expected a number above 0, got Infinity"),
        ("ground_gsd_m: 0.3", "2:15", "ground_gsd_m: expected metres that divide 100 m evenly"),
        ("candidate_threshold: 1", "2:22", "candidate_threshold: expected null or a number between 0 and 1, got 1"),
        ("model: {a: b}", "2:8", "model: expected a model's name or folder"),
    ],
)
def test_a_value_that_does_not_fit_names_line_and_expectation(
    tmp_path: Path, line: str, place: str, expected: str
) -> None:
    assert _problem(_file(tmp_path, f"version: 1\n{line}\n")).startswith(f"my.yaml:{place}: {expected}")


def test_an_override_that_does_not_fit_names_itself() -> None:
    assert _problem(None, "workers=0") == "--set workers=0: expected a whole number of at least 1, got 0"
    assert _problem(None, "workers") == "--set workers: expected key=value"
    assert _problem(None, "bands=[1,").startswith("--set bands=[1,: is not YAML: ")


def test_a_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = _file(tmp_path, "version: 1\nworkers: 1\nthreads: 1\nworkers: 2\n")
    assert re.fullmatch(
        r"my\.yaml:4:1: workers: stands twice – the first is at .*my\.yaml:2:1; keep one", _problem(path)
    )


def test_a_file_states_its_version(tmp_path: Path) -> None:
    assert _problem(_file(tmp_path, "workers: 2\n")) == "my.yaml:1:1: version: missing – add 'version: 1'"
    assert _problem(_file(tmp_path, "version: 2\n")) == "my.yaml:1:10: version: expected 1, got 2"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "my.yaml:1:1: expected lines of 'key: value'"),
        ("- a\n- b\n", "my.yaml:1:1: expected lines of 'key: value'"),
        ("version: 1\nbands: [1, 2\n", "my.yaml:3:1: is not YAML: "),
        ("version: 1\n[a, b]: 2\n", "my.yaml:2:1: expected a plain key such as 'workers: 2', got a list or a mapping"),
        ("version: 1\n\n? {a: b}\n: 2\n", "my.yaml:3:3: expected a plain key"),
        ("version: 1\nmodel: !!python/object:os.system x\n", "my.yaml:2:8: model: is not a plain value: "),
    ],
)
def test_what_is_not_a_flat_yaml_mapping_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    assert _problem(_file(tmp_path, text)).startswith(expected)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    assert _problem(tmp_path / "none.yaml") == "none.yaml: cannot be read: No such file or directory; check the path"
    binary = tmp_path / "latin.yaml"
    binary.write_bytes(b"version: 1\nmodel: \xe9\n")
    assert _problem(binary) == "latin.yaml:2: is not UTF-8 text; save it as UTF-8"


def test_speed_keys_and_deciding_keys_share_all_keys_out() -> None:
    config = load_config(RunConfig)
    assert config.deciding().keys() | config.speed().keys() == set(RunConfig.model_fields) - {"evidence"}
    assert not config.deciding().keys() & config.speed().keys()
    assert set(config.speed()) == {"engine", "workers", "decode_threads"}


def test_evidence_takes_the_place_of_the_prior_and_decides_by_content_alone() -> None:
    without = load_config(RunConfig).deciding()
    given = load_config(RunConfig, overrides=["evidence=runs/prior"]).deciding()
    assert without.keys() - given.keys() == {"prior_items_per_ha", "prior_shape", "prior_shares"}
    assert given.items() <= without.items()


def test_a_key_that_stands_twice_inside_a_value_is_refused_too(tmp_path: Path) -> None:
    said = _problem(_file(tmp_path, "version: 1\nmodel: {a: 1, a: 2}\n"))
    assert said == "my.yaml:2:15: model.a: stands twice – the first is at my.yaml:2:9; keep one"
    assert _problem(None, "model={a: 1, a: 2}").startswith("--set model={a: 1, a: 2}: a: stands twice")
