"""Read a configuration; every error names file, line, key and the near miss in one line."""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from survey.config.base import Expect
from survey.config.nodes import check_keys, compose, construct, mark_of, read_nodes
from survey.errors import ConfigError
from survey.resources import configs_folder

ConfigType = TypeVar("ConfigType", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A key's value and how an error begins that is about the key or about the value."""

    value: Any
    key_place: str
    value_place: str


def load_config(kind: type[ConfigType], path: str | Path | None = None, *, overrides: Sequence[str] = ()) -> ConfigType:
    """Return the defaults of `kind`, replaced by the keys of a file, replaced by `key=value` overrides.

    Args:
        kind: The configuration's class; `RunConfig` has its defaults in `configs/run.yaml`, and so on.
        path: A YAML file with `version` and the keys that differ from the defaults.
        overrides: Items such as 'core_px=512'; values are YAML, a later item wins.

    Raises:
        ConfigError: A key is unknown, missing or twice, or a value does not fit.
    """
    entries = _read(kind, _defaults(kind))
    if path is not None:
        own = _read(kind, Path(path))
        if "version" not in own:
            msg = f"{path}:1:1: version: missing – add 'version: {entries['version'].value}'"
            raise ConfigError(msg)
        entries |= own
    for item in overrides:
        key, entry = _override(item)
        _check_key(kind, key, entry)
        entries[key] = entry
    return _validate(kind, entries)


def _defaults(kind: type[BaseModel]) -> Path:
    """Return the file with the defaults: `RunConfig` → `configs/run.yaml`."""
    return configs_folder() / f"{kind.__name__.removesuffix('Config').lower()}.yaml"


def _read(kind: type[BaseModel], path: Path) -> dict[str, _Entry]:
    """Return the entries of one file, in its order."""
    node = read_nodes(path)
    check_keys(node, path)
    entries: dict[str, _Entry] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        key_place, value_place = (f"{path}:{mark_of(n)}: {key}" for n in (key_node, value_node))
        entries[key] = _Entry(construct(value_node, place=value_place), key_place, value_place)
        _check_key(kind, key, entries[key])
    return entries


def _override(item: str) -> tuple[str, _Entry]:
    """Return the key and the entry of one `key=value`."""
    key, equals, text = item.partition("=")
    place = f"--set {item}"
    if not equals:
        msg = f"{place}: expected key=value"
        raise ConfigError(msg)
    node = compose(text, name=place)
    value = None if node is None else construct(node, place=place)
    return key.strip(), _Entry(value, place, place)


def _check_key(kind: type[BaseModel], key: str, entry: _Entry) -> None:
    """Refuse a key that the configuration does not have, naming the nearest one that it has."""
    if key in kind.model_fields:
        return
    near = difflib.get_close_matches(key, kind.model_fields, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(kind.model_fields)}"
    msg = f"{entry.key_place}: unknown key – {hint}"
    raise ConfigError(msg)


def _validate(kind: type[ConfigType], entries: Mapping[str, _Entry]) -> ConfigType:
    """Check the values; JSON on the way lets strict types take a YAML list as a tuple."""
    values = {key: entry.value for key, entry in entries.items()}
    try:
        return kind.model_validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        key = str(problem["loc"][0]) if problem["loc"] else ""
        if key not in entries:
            said = problem["msg"].removeprefix("Value error, ")
            named = said.partition(": ")[0]  # what does not fit together begins with a key
            place = f"{_defaults(kind)}: {key}" if key else str(_defaults(kind))
            if named in entries:
                place, said = entries[named].value_place, said.removeprefix(f"{named}: ")
            msg = f"{place}: {said}"
            raise ConfigError(msg) from error
        entry = entries[key]
        expected = _expected(kind, key) or problem["msg"].removeprefix("Input should be ")
        got = json.dumps(entry.value, default=str)
        msg = f"{entry.value_place}: expected {expected}, got {got}"
        raise ConfigError(msg) from error


def _expected(kind: type[BaseModel], key: str) -> str | None:
    """Return the field's own words for what belongs there, if it has any."""
    metadata = kind.model_fields[key].metadata
    return next((item.text for item in metadata if isinstance(item, Expect)), None)
