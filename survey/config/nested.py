"""Read YAML whose keys lie in one another; every error names file, line, key and the near miss in one line."""

import difflib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

from survey.config.document import construct, mark_of, read_document
from survey.errors import ConfigError

ConfigType = TypeVar("ConfigType", bound=BaseModel)

_VARIANT = "kind"
"""Key that tells variants of an entry apart, in every model."""
_EXPECTED = {
    "tuple_type": "a list such as [a, b]",
    "list_type": "a list such as [a, b]",
    "dict_type": "lines of 'key: value'",
    "model_type": "lines of 'key: value'",
    "model_attributes_type": "lines of 'key: value'",
}
_SHOWN = 60
"""Characters of a wrong value that an error repeats."""


def read_nested(kind: type[ConfigType], path: Path, *, example: str) -> ConfigType:
    """Return the configuration that a file holds. Files that it names are left as they are written.

    Args:
        kind: Model of the whole.
        path: The file.
        example: File that shows every key, such as 'configs/evidence.yaml'.

    Raises:
        ConfigError: The file cannot be read, a key is unknown, missing or twice, or a value does not fit.
    """
    root = read_document(path, remark=f"; see {example}")
    values = construct(root, name=str(path))
    try:  # by way of JSON, where strict types take a list as a tuple
        return kind.model_validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        # What seems missing is often an unknown key, spelt otherwise.
        problem = min(error.errors(include_url=False), key=lambda told: told["type"] != "extra_forbidden")
        msg = f"{path}:{_explained(problem, root, kind=kind, example=example)}"
        raise ConfigError(msg) from error


def _explained(problem: Any, root: yaml.Node, *, kind: type[BaseModel], example: str) -> str:
    """Return 'line:column: key: what is wrong' of one of pydantic's problems."""
    named = problem["loc"]
    said = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "value_error":  # what does not fit together begins with a key
        within = tuple(said.partition(": ")[0].split("."))
        if len(_path(root, (*named, *within))) == len(_path(root, named)) + len(within):
            named, said = (*named, *within), said.partition(": ")[2]
    elif problem["type"] == "missing":
        said = f"is missing – add it; see {example}"
    elif problem["type"] == "extra_forbidden":
        said = f"unknown key – {_hint(str(named[-1]), list(_owner(kind, named[:-1]).model_fields))}"
    elif problem["type"] == "union_tag_not_found":
        named, said = (*named, _VARIANT), f"is missing – add it; see {example}"
    elif problem["type"] == "union_tag_invalid":
        known = [tag.strip(" '") for tag in problem["ctx"]["expected_tags"].split(",")]
        named, said = (*named, _VARIANT), f"there is no kind '{problem['ctx']['tag']}'"
        said = f"{said} – {_hint(problem['ctx']['tag'], known)}"
    else:
        fit = said.removeprefix("Input should be ")
        fit = f"a number {fit}" if fit.startswith(("less ", "greater ")) else fit
        said = said if fit == said else f"expected {_EXPECTED.get(problem['type'], fit)}"
        said = f"{said}, got {_shown(problem['input'])}"
    steps = _path(root, named)
    key, value = steps[-1][1:] if steps else (root, root)
    words = [str(part) for part, _, _ in steps]
    if problem["type"] in {"missing", "union_tag_not_found"}:
        words.append(str(named[-1]))
    about_key = problem["type"] == "extra_forbidden" or "[key]" in named
    return ": ".join([mark_of(key if about_key else value), *([".".join(words)] if words else []), said])


def _path(node: yaml.Node, place: Sequence[str | int]) -> list[tuple[str | int, yaml.Node, yaml.Node]]:
    """Return the parts of a place that are in the file, each with the nodes of its key and its value.

    Other parts are pydantic's own: the variant that it tried, '[key]', and what is missing.
    """
    steps = list[tuple[str | int, yaml.Node, yaml.Node]]()
    for part in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            steps.append((part, node, node))
        elif isinstance(node, yaml.MappingNode):
            pairs = {key.value: (key, value) for key, value in node.value}  # the last counts, after a merge
            if part in pairs:
                key, node = pairs[part]
                steps.append((part, key, node))
    return steps


def _owner(kind: type[BaseModel], place: Sequence[str | int]) -> type[BaseModel]:
    """Return the model that holds what lies at a place."""
    owner, variants = kind, [kind]
    for part in place:
        if part in owner.model_fields:
            variants = list(_models(owner.model_fields[str(part)].annotation)) or variants
            owner = variants[0]
        else:
            owner = next((v for v in variants if part in _tags(v)), owner)
    return owner


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _tags(kind: type[BaseModel]) -> tuple[Any, ...]:
    return get_args(kind.model_fields[_VARIANT].annotation) if _VARIANT in kind.model_fields else ()


def _hint(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"
