"""Read the layers' YAML; an error names the line of the very value, however deep it lies."""

import difflib
import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from survey.errors import ConfigError
from survey.evidence.config import EvidenceConfig


def load_evidence(path: str | Path) -> EvidenceConfig:
    """Return the configuration in a file; the paths in it are relative to the file's folder.

    Raises:
        ConfigError: The file cannot be read, a key is unknown, missing or twice, or a value does not fit.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if not isinstance(root, yaml.MappingNode):
            msg = f"{path}:1:1: expected lines of 'key: value'; see configs/evidence.yaml"
            raise ConfigError(msg)
        _refuse_twice(root, path)
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
        config = EvidenceConfig.model_validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        raise ConfigError(_explained(error, root, path)) from error
    return config.below(path.parent)


def _refuse_twice(node: yaml.Node, path: Path) -> None:
    """Refuse a key that stands twice in one mapping, of which YAML would silently keep the last."""
    if isinstance(node, yaml.MappingNode):
        first: dict[str, str] = {}
        for key, value in node.value:
            name = str(key.value)
            if name in first:
                msg = f"{path}:{_mark(key)}: {name}: stands twice – the first is at {path}:{first[name]}"
                raise ConfigError(msg)
            first[name] = _mark(key)
            _refuse_twice(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_twice(item, path)


def _explained(error: ValidationError, root: yaml.Node, path: Path) -> str:
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
        near = difflib.get_close_matches(key, _known(top=len(problem["loc"]) == 1), n=1)
        said = "unknown key" + (f" – did you mean '{near[0]}'?" if near else "; see configs/evidence.yaml")
    elif problem["type"] == "missing":
        said = "missing; see configs/evidence.yaml"
    got = (
        f", got {problem['input']!r}"
        if problem["type"] != "extra_forbidden" and isinstance(problem.get("input"), str | int | float)
        else ""
    )
    return f"{path}:{_mark(node)}: {'.'.join(place)}: {said}{got}"


def _child(node: yaml.Node, part: str | int) -> yaml.Node | None:
    """Return what lies below a node under a key or number."""
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
        item: yaml.Node = node.value[part]
        return item
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if str(key.value) == str(part)), None)
    return None


def _known(*, top: bool) -> list[str]:
    """Return the keys that could have been meant: those of the file, or all that lie deeper."""
    from survey.evidence import config  # noqa: PLC0415 - only on an error

    kinds = [value for value in vars(config).values() if isinstance(value, type) and hasattr(value, "model_fields")]
    return sorted({name for kind in kinds if (kind is EvidenceConfig) == top for name in kind.model_fields})


def _mark(node: yaml.Node) -> str:
    """Return 'line:column', both counted from 1."""
    return f"{node.start_mark.line + 1}:{node.start_mark.column + 1}"
