"""One reader of files whose keys lie in one another: what does not fit is named with its place."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from survey.config import Config, read_nested
from survey.errors import ConfigError


class Round(Config):
    """An entry of one kind."""

    kind: Literal["round"]
    radius_m: float


class Square(Config):
    """An entry of another kind."""

    kind: Literal["square"]
    edge_m: float
    corners: tuple[int, ...] = ()


class Shapes(Config):
    """A file of them."""

    version: Literal[1]
    shapes: tuple[Annotated[Round | Square, Field(discriminator="kind")], ...]
    names: dict[str, Round] | None = None


def read(path: Path, text: str | bytes) -> Shapes:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_nested(Shapes, path, example="configs/shapes.yaml")


@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf"])
def test_what_fits_is_read(tmp_path: Path, begin: bytes) -> None:
    shapes = b"- {kind: square, edge_m: 1e-3, corners: [1, 2]}\n- &a {kind: round, radius_m: 2.0}\n- *a\n"
    found = read(tmp_path / "s.yaml", begin + b"version: 1\nshapes:\n" + shapes)
    assert found.shapes[0] == Square(kind="square", edge_m=0.001, corners=(1, 2))
    assert found.shapes[1] == found.shapes[2] == Round(kind="round", radius_m=2.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n", "1:1: expected lines of 'key: value', the first being 'version: 1'; see configs/shapes.yaml"),
        ("", "1:1: expected lines of"),
        ("version: 1\n\tshapes: []\n", "2:1: is not YAML: "),
        ("version: 1\nshapes: [\n", "3:1: is not YAML: "),
        ("version: 1\nshapes: []\n? [a]\n: 1\n", "3:3: expected a plain key such as 'workers: 2', got a list"),
        ("version: 1\nshapes:\n- {kind: round, kind: square}\n", "3:17: kind: stands twice – the first is at "),
        ("version: 1\nshapes: []\nname: {}\n", "3:1: name: unknown key – did you mean 'names'?"),
        ("version: 1\nshapes: []\nxyz: {}\n", "3:1: xyz: unknown key – known: version, shapes, names"),
        (
            "version: 1\nshapes:\n- {kind: square, edge: 1.0}\n",
            "3:18: shapes.0.edge: unknown key – did you mean 'edge_m'?",
        ),
        (
            "version: 1\nshapes:\n- {kind: round, edge_m: 1.0}\n",
            "3:17: shapes.0.edge_m: unknown key – known: kind, radius_m",
        ),
        (
            "version: 1\nshapes:\n- kind: round\n",
            "3:3: shapes.0.radius_m: is missing – add it; configs/shapes.yaml explains every key",
        ),
        ("version: 1\nshapes:\n- {radius_m: 1.0}\n", "3:3: shapes.0: says no kind – add 'kind'; configs/shapes.yaml"),
        (
            "version: 1\nshapes:\n- {kind: rund, radius_m: 1.0}\n",
            "3:10: shapes.0: there is no kind 'rund' – did you mean 'round'?",
        ),
        (
            "version: 1\nshapes:\n- {kind: square, edge_m: 1.0, corners: [1, b]}\n",
            '3:44: shapes.0.corners.1: expected a valid integer, got "b"',
        ),
        ("version: 1\nshapes: []\nnames: {a: {kind: round}}\n", "3:12: names.a.radius_m: is missing"),
        ("version: 2\nshapes: []\n", "1:10: version: expected 1, got 2"),
        ("version: 1\nshapes: 2001-06-31\n", " is not a plain value: day is out of range for month"),
        (b"version: \xff\n", " is not UTF-8 text; save it as UTF-8"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(tmp_path: Path, text: str | bytes, said: str) -> None:
    path = tmp_path / "s.yaml"
    with pytest.raises(ConfigError) as caught:
        read(path, text)
    assert str(caught.value).startswith(f"{path}:{said}")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file"):
        read_nested(Shapes, tmp_path / "none.yaml", example="-")
