"""Where a node stands in a YAML file, and keys that stand twice."""

from pathlib import Path

import yaml

from survey.errors import ConfigError


def mark_of(node: yaml.Node) -> str:
    """Return 'line:column' of a node, both from 1."""
    return f"{node.start_mark.line + 1}:{node.start_mark.column + 1}"


def refuse_twice(node: yaml.Node, path: Path) -> None:
    """Refuse a mapping with one key twice, however deep: YAML would drop the first without a word.

    Raises:
        ConfigError: One has; the message has both places.
    """
    seen: dict[str, str] = {}
    for child in node.value if isinstance(node, yaml.MappingNode | yaml.SequenceNode) else ():
        key, value = child if isinstance(child, tuple) else (None, child)
        if key is not None:
            if key.value in seen:
                msg = f"{path}:{mark_of(key)}: {key.value}: stands twice – the first is at {path}:{seen[key.value]}"
                raise ConfigError(msg)
            seen[str(key.value)] = mark_of(key)
        refuse_twice(value, path)
