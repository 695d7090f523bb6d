"""A YAML file as nodes, which know their line and column; what YAML would pass over in silence is refused."""

import re
from pathlib import Path
from typing import Any

import yaml

from survey.errors import ConfigError, remedy

_MERGE = "tag:yaml.org,2002:merge"
_TEXT = "tag:yaml.org,2002:str"
_UNFIT = (ValueError, TypeError, AttributeError, LookupError)
"""What PyYAML raises where a value is not of its tag: '2027-13-01', '!!bool x'."""
_REMEDIES = {
    "'\\t'": "indent with spaces",
    "alias": "put a text that begins with * in quotes",
    "anchor": "put a text that begins with & in quotes",
    "cannot start any token": "put the text in quotes",
    "escape character": "write \\ as / or \\\\",
    "quoted scalar": "close the quotes",
    "flow": "close each [ with ] and each { with }",
    "another document": "keep one, without '---'",
    "mapping values": "indent what belongs together alike, and put a text with ': ' in it in quotes",
    "block": "indent what belongs together alike",
    "expected ':'": "write 'key: value'",
    "not allowed": "delete them",
}
"""What to do, by words of what PyYAML says; the first that fits."""


class _Loader(yaml.SafeLoader):
    """YAML 1.1 as everyone expects it: `1e-3` is a number too, and what is no value has a place."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return a node's value."""
        try:
            return super().construct_object(node, deep=deep)
        except _UNFIT as error:
            raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from error


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def mark_of(node: yaml.Node) -> str:
    """Return 'line:column' of a node, both from 1."""
    return f"{node.start_mark.line + 1}:{node.start_mark.column + 1}"


def read_document(path: Path, *, first: str = "version: 1", remark: str = "") -> yaml.MappingNode:
    """Return the one mapping that a file consists of.

    Args:
        path: The file.
        first: The line that such a file begins with.
        remark: What to add where it is something else, such as a file to follow.

    Raises:
        ConfigError: The file cannot be read or is no such mapping, or a key in it is twice or no plain word.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}; {remedy(error)}"
        raise ConfigError(msg) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        msg = f"{path}:{line}: is not UTF-8 text; save it as UTF-8"
        raise ConfigError(msg) from error
    node = compose(text, name=str(path))
    if not isinstance(node, yaml.MappingNode):
        msg = f"{path}:1:1: expected lines of 'key: value', the first being '{first}'{remark}"
        raise ConfigError(msg)
    return node


def compose(text: str, *, name: str) -> yaml.Node | None:
    """Parse YAML into nodes.

    Args:
        text: The YAML.
        name: What an error begins with: the file, or the option that the text was given with.

    Raises:
        ConfigError: It is not YAML, or a key in it is twice or no plain word.
    """
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=_Loader)
        if node is not None:
            _check_keys(node, name=name)
    except yaml.YAMLError as error:
        msg = f"{_place(error, name, text=text)}: is not YAML: {_problem(error)}"
        raise ConfigError(msg) from error
    except RecursionError as error:
        msg = f"{name}: is nested too deeply; write it with fewer levels"
        raise ConfigError(msg) from error
    return node


def construct(node: yaml.Node, *, name: str, key: str = "") -> Any:
    """Turn a node into plain Python; keys are text as it is written, also where it looks like a number or a day.

    Args:
        node: From `compose`. Its merged mappings (`<<`) are filled in, so that places can be looked up there.
        name: As in `compose`.
        key: What the node is the value of, for errors.

    Raises:
        ConfigError: A value is not what its form or its tag says.
    """
    loader = _Loader("")
    try:
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        msg = f"{_place(error, name)}: {f'{key}: ' if key else ''}is not a plain value: {_problem(error)}"
        raise ConfigError(msg) from error
    finally:
        loader.dispose()


def _check_keys(node: yaml.Node, *, name: str, above: tuple[str, ...] = (), around: tuple[yaml.Node, ...] = ()) -> None:
    """Refuse keys that stand twice in a mapping, however deep: YAML would drop the first without a word."""
    if any(node is outer for outer in around):
        msg = f"{_at(name, node)}: refers to itself; write out what is meant"
        raise ConfigError(msg)
    seen: dict[str, str] = {}
    for position, child in enumerate(node.value if isinstance(node, yaml.CollectionNode) else ()):
        key, value = child if isinstance(child, tuple) else (None, child)
        word = str(position)
        if key is not None:
            if not isinstance(key, yaml.ScalarNode):
                msg = f"{_at(name, key)}: expected a plain key such as 'workers: 2', got a list or a mapping as key"
                raise ConfigError(msg)
            word = str(key.value)
            if word in seen:
                place = f"{_at(name, key)}: {'.'.join((*above, word))}"
                msg = f"{place}: stands twice – the first is at {seen[word]}; keep one"
                raise ConfigError(msg)
            seen[word] = _at(name, key)
            if key.tag != _MERGE:
                key.tag = _TEXT
        _check_keys(value, name=name, above=(*above, word), around=(*around, node))


def _at(name: str, node: yaml.Node) -> str:
    return name if name.startswith("--") else f"{name}:{mark_of(node)}"


def _place(error: yaml.YAMLError, name: str, *, text: str = "") -> str:
    mark = getattr(error, "problem_mark", None)
    if name.startswith("--"):
        return name
    if isinstance(error, yaml.reader.ReaderError):
        return f"{name}:{text.count(chr(10), 0, error.position) + 1}"
    return name if mark is None else f"{name}:{mark.line + 1}:{mark.column + 1}"


def _problem(error: yaml.YAMLError) -> str:
    said = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "syntax error").removeprefix("but ")
    whole = f"{getattr(error, 'context', None)} {said}"
    hint = next((told for words, told in _REMEDIES.items() if words in whole), None)
    return said if hint is None else f"{said}; {hint}"
