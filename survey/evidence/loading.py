"""Read the layers' YAML; an error names the line of the very value, however deep it lies."""

import difflib
import json
import sys
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from survey.config.marks import mark_of, refuse_twice
from survey.errors import ConfigError
from survey.evidence.config import EvidenceConfig

ConfigType = TypeVar("ConfigType", bound=BaseModel)


def load_evidence(path: str | Path) -> EvidenceConfig:
    """Return the configuration in a file; the paths in it are relative to the file's folder.

    Raises:
        ConfigError: The file cannot be read, a key is unknown, missing or twice, or a value does not fit.
    """
    path = Path(path)
    return load_nested(EvidenceConfig, path, example="configs/evidence.yaml").below(path.parent)


def load_nested(kind: type[ConfigType], path: Path, *, example: str) -> ConfigType:
    """Return a configuration whose keys lie in one another.

    Args:
        kind: Its class; the classes of what lies deeper are of the same module or known to it.
        path: The file.
        example: File that explains every key.

    Raises:
        ConfigError: The file cannot be read, a key is unknown, missing or twice, or a value does not fit.
    """
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if not isinstance(root, yaml.MappingNode):
            msg = f"{path}:1:1: expected lines of 'key: value'; see {example}"
            raise ConfigError(msg)
        refuse_twice(root, path)
        values = yaml.safe_load(text)
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise ConfigError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{path}: is not UTF-8 text; save it as UTF-8"
        raise ConfigError(msg) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else f"{path}"
        msg = f"{place}: is not YAML: {getattr(error, 'problem', None) or 'syntax error'}"
        raise ConfigError(msg) from error
    try:
        return kind.model_validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        raise ConfigError(_explained(error, root, path, kind=kind, example=example)) from error


def _explained(error: ValidationError, root: yaml.Node, path: Path, *, kind: type[BaseModel], example: str) -> str:
    """Return the first problem with the line and column of the nearest node that exists."""
    problems: list[Any] = error.errors(include_url=False)
    problem = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])  # a typing error misses too
    node, place = root, list[str]()
    for part in problem["loc"]:
        child = _child(node, part)
        if child is None and problem["type"] in {"missing", "union_tag_not_found"} and part == problem["loc"][-1]:
            place.append(str(part))
        if child is not None:  # pydantic also names the variant that it tried, which is no key
            node = child
            place.append(str(part))
    said = problem["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if problem["type"] == "extra_forbidden":
        key = str(problem["loc"][-1])
        near = difflib.get_close_matches(key, _known(kind, top=len(problem["loc"]) == 1), n=1)
        said = "unknown key" + (f" – did you mean '{near[0]}'?" if near else f"; see {example}")
    elif problem["type"] == "missing":
        said = f"missing; see {example}"
    elif problem["type"] == "union_tag_invalid":
        node, known = (
            _child(node, "kind") or node,
            [tag.strip(" '") for tag in problem["ctx"]["expected_tags"].split(",")],
        )
        near = difflib.get_close_matches(problem["ctx"]["tag"], known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"
        said = f"there is no kind '{problem['ctx']['tag']}' – {hint}"
    got = (
        f", got {problem['input']!r}"
        if problem["type"] != "extra_forbidden" and isinstance(problem.get("input"), str | int | float)
        else ""
    )
    return ": ".join([f"{path}:{mark_of(node)}", *([".".join(place)] if place else []), f"{said}{got}"])


def _child(node: yaml.Node, part: str | int) -> yaml.Node | None:
    """Return what lies below a node under a key or number."""
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        item: yaml.Node = node.value[part]
        return item
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if str(key.value) == str(part)), None)
    return None


def _known(kind: type[BaseModel], *, top: bool) -> list[str]:
    """Return the keys that could have been meant: those of the file, or all that lie deeper."""
    values = vars(sys.modules[kind.__module__]).values()
    kinds = [v for v in values if isinstance(v, type) and issubclass(v, BaseModel)]
    return sorted({name for k in kinds if (k is kind) == top for name in k.model_fields})
