"""YAML as nodes, which know where they stand; every error names file, line and column."""

import re
from pathlib import Path
from typing import Any

import yaml

from survey.errors import ConfigError


class _Loader(yaml.SafeLoader):
    """YAML 1.1 as everyone expects it: `1e-3` is a number too."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def read_nodes(path: Path, *, example: str | None = None) -> yaml.MappingNode:
    """Return what a file of 'key: value' holds.

    Args:
        path: The file.
        example: File that explains every key, for an error to name.

    Raises:
        ConfigError: The file cannot be read, or is something else.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise ConfigError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{path}: is not UTF-8 text; save it as UTF-8"
        raise ConfigError(msg) from error
    node = compose(text, name=str(path))
    if not isinstance(node, yaml.MappingNode):
        hint = f"; see {example}" if example else ""
        msg = f"{path}:1:1: expected lines of 'key: value', the first being 'version: 1'{hint}"
        raise ConfigError(msg)
    return node


def compose(text: str, *, name: str) -> yaml.Node | None:
    """Parse YAML into nodes; None of nothing.

    Raises:
        ConfigError: It is no YAML; `name` says whose it is.
    """
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark and not name.startswith("--") else name
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "syntax error"
        msg = f"{place}: is not YAML: {problem}"
        raise ConfigError(msg) from error
    return node


def construct(node: yaml.Node, *, place: str) -> Any:
    """Turn a node into plain Python.

    Raises:
        ConfigError: It holds something else, a 31st of June for instance; `place` says where.
    """
    loader = _Loader("")
    try:
        return loader.construct_document(node)
    except (yaml.YAMLError, ValueError, TypeError) as error:
        problem = getattr(error, "problem", None) or str(error)
        msg = f"{place}: is not a plain value: {problem}"
        raise ConfigError(msg) from error
    finally:
        loader.dispose()


def mark_of(node: yaml.Node) -> str:
    """Return 'line:column' of a node, both from 1."""
    return f"{node.start_mark.line + 1}:{node.start_mark.column + 1}"


def check_keys(node: yaml.Node, path: Path) -> None:
    """Refuse keys that are no words, and one key twice in a mapping, however deep: YAML would drop the first unsaid.

    Raises:
        ConfigError: There is one; of two the message has both places.
    """
    seen: dict[str, str] = {}
    for child in node.value if isinstance(node, yaml.MappingNode | yaml.SequenceNode) else ():
        key, value = child if isinstance(child, tuple) else (None, child)
        if key is not None:
            if not isinstance(key, yaml.ScalarNode):
                msg = f"{path}:{mark_of(key)}: expected a plain key such as 'workers: 2', got a list or a mapping"
                raise ConfigError(msg)
            if key.value in seen:
                msg = f"{path}:{mark_of(key)}: {key.value}: stands twice – the first is at {path}:{seen[key.value]}"
                raise ConfigError(msg)
            seen[str(key.value)] = mark_of(key)
        check_keys(value, path)
