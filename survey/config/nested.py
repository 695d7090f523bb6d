"""Read a YAML file of nested entries; every error names file, line, key and the near miss in one line."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from survey.config.marks import refuse_twice
from survey.errors import ConfigError

Kind = TypeVar("Kind", bound=BaseModel)


def read_nested(kind: type[Kind], path: Path, *, tagged: Mapping[str, type[BaseModel]]) -> Kind:
    """Read a YAML file whose whole content is one value of `kind`.

    Args:
        kind: The model of the whole.
        path: The file.
        tagged: Models of entries by the value of the key that tells them apart.

    Raises:
        ConfigError: It is not YAML, a key is unknown, missing or twice, or a value does not fit.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except UnicodeDecodeError as error:
        msg = f"{path}: is not UTF-8 text; save it as UTF-8"
        raise ConfigError(msg) from error
    except yaml.YAMLError as error:
        msg = f"{path}: is not YAML: {error}"
        raise ConfigError(msg) from error
    if not isinstance(node, yaml.MappingNode):
        msg = f"{path}:1: expected lines of 'key: value', the first being 'version: 1'"
        raise ConfigError(msg)
    refuse_twice(node, path)
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = min(error.errors(include_url=False), key=lambda told: told["type"] != "extra_forbidden")
        # An unknown key comes first: what seems missing is often that key, spelt otherwise.
        said = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            owner = next((tagged[part] for part in map(str, reversed(first["loc"][:-1])) if part in tagged), kind)
            said = f"unknown key – {_near_miss(str(first['loc'][-1]), owner)}"
        elif first["type"] == "missing":
            said = "is missing; add it"
        place = ".".join(str(part) for part in first["loc"] if part not in tagged)
        msg = f"{path}:{_line(node, first['loc'])}: {place}: {said}"
        raise ConfigError(msg) from error


def _near_miss(key: str, owner: type[BaseModel]) -> str:
    near = difflib.get_close_matches(key, owner.model_fields, n=1)
    return f"did you mean '{near[0]}'?" if near else f"known: {', '.join(owner.model_fields)}"


def _line(node: yaml.Node, place: Sequence[str | int]) -> int:
    """Return the line, from 1, of the innermost node that a place in the content leads to."""
    line = node.start_mark.line
    for part in place:  # parts that name no node are names of models
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line
        elif isinstance(node, yaml.MappingNode):
            inner = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if inner is not None:
                node, line = inner[1], inner[0].start_mark.line
    return int(line) + 1
