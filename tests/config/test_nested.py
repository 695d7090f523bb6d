from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from survey.config import Config, read_nested
from survey.errors import ConfigError


class Round(Config):
    kind: Literal["round"]
    radius_m: Annotated[float, Field(gt=0)]


class Long(Config):
    kind: Literal["long", "longer"]
    length_m: float
    ends: tuple[str, ...] = ()


class Shapes(Config):
    version: Literal[1]
    shapes: tuple[Annotated[Round | Long, Field(discriminator="kind")], ...] = ()
    names: dict[str, str] = Field(default_factory=dict)


def read(path: Path, text: str | bytes) -> Shapes:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_nested(Shapes, path, example="configs/shapes.yaml")


def test_what_fits_is_read_as_it_is_written(tmp_path: Path) -> None:
    text = "\ufeffversion: 1\nshapes:\n- {kind: round, radius_m: 1e-3}\nnames: {1: a, no: b, 2027-03-01: c}\n"
    shapes = read(tmp_path / "s.yaml", text)
    assert shapes.shapes == (Round(kind="round", radius_m=0.001),)
    assert shapes.names == {"1": "a", "no": "b", "2027-03-01": "c"}


def test_merged_entries_are_read_and_their_faults_have_a_place(tmp_path: Path) -> None:
    text = "version: 1\nshapes:\n- &a {kind: long, length_m: 1.0}\n- {<<: *a, length_m: %s}\n"
    assert [shape.length_m for shape in read(tmp_path / "s.yaml", text % 2.0).shapes if isinstance(shape, Long)] == [
        1.0,
        2.0,
    ]
    with pytest.raises(ConfigError, match=r"s\.yaml:4:22: shapes\.1\.length_m: expected a valid number"):
        read(tmp_path / "s.yaml", text % "far")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1:1: expected lines of 'key: value', the first being 'version: 1'; see configs/shapes.yaml"),
        ("- a", "1:1: expected lines of 'key: value', the first being 'version: 1'; see configs/shapes.yaml"),
        (b"version: 1\n# field \xe9\n", "2: is not UTF-8 text; save it as UTF-8"),
        ("version: 1\nnames:\n\ta: b\n", "3:1: is not YAML: found character '\\t' that cannot start any token"),
        ("version: 1\nnames: {a: \x07}\n", ":2: is not YAML: special characters are not allowed; delete them"),
        ("version: 1\n---\nversion: 1\n", "2:1: is not YAML: found another document; keep one, without '---'"),
        (
            "names: {a: *.jpg}\n",
            "1:13: is not YAML: expected alphabetic or numeric character, but found '.'; put a text",
        ),
        ("names: {a: *x}\n", "1:12: is not YAML: found undefined alias 'x'; put a text that begins with * in quotes"),
        ("names: {a: &}\n", "but found '}'; put a text that begins with & in quotes"),
        ("names: @b\n", "1:8: is not YAML: found character '@' that cannot start any token; put the text in quotes"),
        ('names: "C:\\data"\n', "1:12: is not YAML: found unknown escape character 'd'; write \\ as / or \\\\"),
        ("names: 'x\n", "2:1: is not YAML: found unexpected end of stream; close the quotes"),
        ("shapes: [a\nnames: b\n", "2:6: is not YAML: expected ',' or ']', but got ':'; close each [ with ] and"),
        ("version: 1\n names: b\n", "2:7: is not YAML: mapping values are not allowed here; indent what belongs"),
        (
            "names:\n  a: b\n c: d\n",
            "3:2: is not YAML: expected <block end>, but found '<block mapping start>'; indent",
        ),
        ("version: 1\nnames\nshapes: []\n", "3:1: is not YAML: could not find expected ':'; write 'key: value'"),
        ("version: 1\nnames: {a: 2027-13-01}\n", "2:12: is not a plain value: month must be in 1..12"),
        ("version: 1\nnames: {a: !!bool x}\n", "2:12: is not a plain value"),
        ("version: 1\nnames: {? [a] : b}\n", "2:11: expected a plain key"),
        ("version: 1\nnames: &a {b: *a}\n", "2:8: refers to itself"),
        (f"version: {'[' * 3000}", "is nested too deeply"),
        ("version: 1\nnames: {a: b,\n a: c}\n", "3:2: names.a: stands twice"),
        ("version: 1\nshapes:\n- {kind: round, radios_m: 1}\n", "3:17: shapes.0.radios_m: unknown key – did you mean"),
        ("version: 1\nshapes:\n- {kind: longer, x: 1}\n", "x: unknown key – known: kind, length_m, ends"),
        (
            "version: 1\nshapes:\n- {kind: round, length_m: 1}\n",
            "3:17: shapes.0.length_m: unknown key – known: kind, rad",
        ),
        ("version: 1\nshapes:\n- &a {kind: round, radius_m: 1}\n- *a\nx: 1\n", "5:1: x: unknown key"),
        ("version: 1\nshapes:\n- {radius_m: 1}\n", "3:3: shapes.0.kind: is missing – add it; see configs/shapes.yaml"),
        (
            "version: 1\nshapes:\n- {kind: rund}\n",
            "3:10: shapes.0.kind: there is no kind 'rund' – did you mean 'round'?",
        ),
        ("version: 1\nshapes:\n- {kind: round, radius_m: 0}\n", "radius_m: expected a number greater than 0, got 0"),
        ("version: 1\nshapes: 3\n", "2:9: shapes: expected a list such as [a, b], got 3"),
        ("version: 1\nshapes: [3]\n", "2:10: shapes.0: expected lines of 'key: value', got 3"),
        ("version: 1\nnames: [a]\n", "2:8: names: expected lines of 'key: value', got [\"a\"]"),
        (
            "version: 1\nshapes:\n- {kind: long, length_m: 1, ends: [a, 2]}\n",
            "shapes.0.ends.1: expected a valid string",
        ),
        ("version: 1\nshapes:\n", "2:8: shapes: expected a list such as [a, b], got null"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place_in_one_line(tmp_path: Path, text: str | bytes, said: str) -> None:
    path = tmp_path / "s.yaml"
    with pytest.raises(ConfigError) as told:
        read(path, text)
    assert str(told.value).startswith(f"{path}:")
    assert said in str(told.value)
    assert "\n" not in str(told.value)


def test_a_file_that_cannot_be_read_is_named_with_a_remedy(tmp_path: Path) -> None:
    for path, said in ((tmp_path / "none.yaml", "check the path"), (tmp_path, "name a file, not a folder")):
        with pytest.raises(ConfigError, match=rf"{path.name}: cannot be read: .*; {said}"):
            read_nested(Shapes, path, example="configs/shapes.yaml")
