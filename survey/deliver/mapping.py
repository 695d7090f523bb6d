"""The user's mapping from what a run knows to the fields of an information system."""

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from survey.config.base import Config, Expect
from survey.errors import ConfigError

Column = NDArray[np.generic]
Kind = Literal["ordnance", "anomaly", "crater", "trench", "disturbed_soil", "row"]


class ImsmaConfig(Config):
    """Keys of configs/imsma.yaml."""

    version: Literal[1]
    organisation: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,20}$"), Expect("letters and digits, at most 20")]
    geo_safe: Annotated[Literal["yes", "no", "don't know"], Expect('"yes", "no" or "don\'t know", in quotes')]
    kinds: Annotated[tuple[Kind, ...], Expect("a list of ordnance, anomaly, crater, trench, disturbed_soil and row")]
    least_probability: Annotated[float, Field(ge=0, le=1), Expect("a number from 0 to 1")]
    least_ground_m2: Annotated[float, Field(gt=0), Expect("a number above 0")]
    evidence_points: Annotated[dict[str, Any], Expect("lines of 'field: column'")]
    hazardous_areas: Annotated[dict[str, Any], Expect("lines of 'field: column'")]


def mapped(rows: Mapping[str, Column], fields: Mapping[str, Any], *, where: str) -> dict[str, Column]:
    """Return the columns of the target.

    Args:
        rows: Columns that there are, of shape (N,).
        fields: Of the target, each with a column's name, `value`, or `from` with `words` and `otherwise`.
        where: Key that an error names.

    Raises:
        ConfigError: A field names no column, or is not written as it should be.
    """
    count = len(next(iter(rows.values())))
    return {field: _filled(rows, rule, count=count, where=f"{where}.{field}") for field, rule in fields.items()}


def _filled(rows: Mapping[str, Column], rule: Any, *, count: int, where: str) -> Column:
    if isinstance(rule, str):
        return _column(rows, rule, where=where)
    if isinstance(rule, dict) and set(rule) == {"value"} and isinstance(rule["value"], str | int | float):
        return np.array([rule["value"]] * count, dtype=object if isinstance(rule["value"], str) else np.float64)
    if isinstance(rule, dict) and set(rule) <= {"from", "words", "otherwise"} and isinstance(rule.get("from"), str):
        values, words = _column(rows, rule["from"], where=where), rule.get("words", {})
        if not isinstance(words, dict):
            msg = f"{where}.words: expected lines of 'value: word'"
            raise ConfigError(msg)
        told = {str(value): str(word) for value, word in words.items()}
        return np.array([told.get(str(v), str(rule.get("otherwise", v))) for v in values], dtype=object)
    msg = f"{where}: expected a column's name, {{value: text}}, or {{from: column, words: {{a: b}}, otherwise: c}}"
    raise ConfigError(msg)


def _column(rows: Mapping[str, Column], name: str, *, where: str) -> Column:
    if name in rows:
        return rows[name]
    near = difflib.get_close_matches(name, rows, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(rows)}"
    msg = f"{where}: there is no column '{name}' – {hint}"
    raise ConfigError(msg)
