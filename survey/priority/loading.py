"""Read a nested configuration; every error names file, line, key and the near miss in one line."""

import difflib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from survey.config.marks import mark_of, refuse_twice
from survey.errors import ConfigError
from survey.priority.config import PriorityConfig


def load_priority(path: Path) -> PriorityConfig:
    """Return the settings of a file; the files that it names are relative to it.

    Raises:
        ConfigError: The file cannot be read, a key is unknown, missing or twice, or a value does not fit.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise ConfigError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{path}: is not UTF-8 text; save it as UTF-8"
        raise ConfigError(msg) from error
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        msg = f"{path}{place}: is not YAML: {getattr(error, 'problem', None) or error}"
        raise ConfigError(msg) from error
    if not isinstance(node, yaml.MappingNode):
        msg = f"{path}:1:1: expected lines of 'key: value'"
        raise ConfigError(msg)
    refuse_twice(node, path)
    try:  # by way of JSON, where strict types take a list as a tuple
        return PriorityConfig.model_validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        # an unknown key explains a missing one better than the other way round
        first = min(error.errors(include_url=False), key=lambda e: e["type"] != "extra_forbidden")
        where, key = _place(node, first["loc"], of_key=first["type"] == "extra_forbidden")
        msg = f"{path}:{where}: {key + ': ' if key else ''}{_problem(first)}"
        raise ConfigError(msg) from error


def _place(node: yaml.Node, location: Sequence[int | str], *, of_key: bool) -> tuple[str, str]:
    """Return 'line:column' of the deepest node on the way to a location, and the location in words.

    Args:
        node: The whole file.
        location: Keys and positions, as pydantic tells them; '[key]' at the end means the key itself.
        of_key: Whether the last key is wrong rather than its value.
    """
    at = node
    of_key = of_key or location[-1:] == ("[key]",)
    path = [part for part in location if part != "[key]"]
    for depth, part in enumerate(path, start=1):
        if isinstance(at, yaml.MappingNode):
            pairs = {str(key.value): (key, value) for key, value in at.value}
            if part not in pairs:
                break
            key, value = pairs[str(part)]
            at = key if of_key and depth == len(path) else value
        elif isinstance(at, yaml.SequenceNode) and isinstance(part, int) and part < len(at.value):
            at = at.value[part]
    return mark_of(at), ".".join(map(str, path))


def _problem(error: Any) -> str:
    """Return in words what is wrong and, of a key, what may have been meant."""
    if error["type"] == "missing":
        return "is missing – add it; configs/priority.yaml explains every key"
    if error["type"] == "extra_forbidden":
        *parents, key = error["loc"]
        known = list(_kind(parents).model_fields)
        near = difflib.get_close_matches(str(key), known, n=1)
        return f"unknown key – {f'did you mean {near[0]!r}?' if near else 'known: ' + ', '.join(known)}"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error":
        return str(message)
    return f"expected {message.removeprefix('Input should be ')}, got {json.dumps(error['input'], default=str)}"


def _kind(location: Sequence[int | str]) -> type[BaseModel]:
    """Return the model that a location lies in."""
    kind: type[BaseModel] = PriorityConfig
    for part in location:
        if part in kind.model_fields:
            kind = _model_in(kind.model_fields[str(part)].annotation) or kind
    return kind


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((kind for part in get_args(annotation) if (kind := _model_in(part))), None)
