"""Read a YAML file whose keys lie in one another; every error names file, line, key and the near miss in one line."""

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from survey.config.nodes import check_keys, construct, mark_of, read_nodes
from survey.errors import ConfigError

Kind = TypeVar("Kind", bound=BaseModel)


def read_nested(kind: type[Kind], path: Path, *, example: str) -> Kind:
    """Read a YAML file whose whole content is one value of `kind`.

    Args:
        kind: The model of the whole.
        path: The file.
        example: File that explains every key.

    Raises:
        ConfigError: The file cannot be read, a key is unknown, missing or twice, or a value does not fit.
    """
    root = read_nodes(path, example=example)
    check_keys(root, path)
    values = construct(root, place=str(path))
    try:  # by way of JSON, where strict types take a list as a tuple
        return kind.model_validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        # An unknown key comes first: what seems missing is often that key, spelt otherwise.
        problem = min(error.errors(include_url=False), key=lambda told: told["type"] != "extra_forbidden")
        msg = f"{path}:{_told(problem, root, kind=kind, example=example)}"
        raise ConfigError(msg) from error


def _told(problem: Any, root: yaml.Node, *, kind: type[BaseModel], example: str) -> str:
    """Return 'line:column: place: what is wrong' of a problem as pydantic tells it."""
    location = problem["loc"]
    of_key = problem["type"] == "extra_forbidden" or location[-1:] == ("[key]",)
    way = _way(root, [part for part in location if part != "[key]"])
    node = root
    if way:
        node = way[-1].key if of_key else way[-1].value
    place = [str(step.part) for step in way]
    match problem["type"]:
        case "extra_forbidden":
            said = f"unknown key – {_near_miss(str(location[-1]), _known(kind, location[:-1]))}"
        case "missing":
            said = f"is missing – add it; {example} explains every key"
            place.append(str(location[-1]))
        case "union_tag_not_found":
            said = f"says no kind – add 'kind'; {example} explains every key"
        case "union_tag_invalid":
            tag, known = problem["ctx"]["tag"], problem["ctx"]["expected_tags"].replace("'", "").split(", ")
            said = f"there is no kind '{tag}' – {_near_miss(tag, known)}"
            node = _way(node, ["kind"])[-1].value
        case "value_error":
            said = problem["msg"].removeprefix("Value error, ")
        case _:
            said = f"expected {problem['msg'].removeprefix('Input should be ')}"
            if isinstance(problem["input"], str | int | float):
                said += f", got {json.dumps(problem['input'])}"
    return ": ".join([mark_of(node), *([".".join(place)] if place else []), said])


@dataclass(frozen=True, slots=True)
class _Step:
    """One key or number on the way to a value."""

    part: str | int
    key: yaml.Node
    value: yaml.Node


def _way(node: yaml.Node, location: Sequence[str | int]) -> list[_Step]:
    """Return the steps of a location that are in the file; of pydantic's, the kind that it tried is not."""
    way: list[_Step] = []
    for part in location:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if str(pair[0].value) == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            pair = (node.value[part],) * 2
        else:
            pair = None
        if pair is not None:
            way.append(_Step(part, *pair))
            node = pair[1]
    return way


def _near_miss(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"


def _known(kind: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """Return the keys of the model that a location leads to."""
    models = [kind]
    for part in location:
        fields = [model.model_fields[str(part)] for model in models if part in model.model_fields]
        if fields:
            models = [inner for field in fields for inner in _models_in(field.annotation)]
        elif tagged := [model for model in models if _tag(model) == part]:
            models = tagged
    return list(dict.fromkeys(name for model in models for name in model.model_fields))


def _tag(model: type[BaseModel]) -> str | None:
    """Return the one value of a model's `kind`, by which a file tells it from others."""
    field = model.model_fields.get("kind")
    return next(iter(get_args(field.annotation)), None) if field is not None else None


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]
