"""What is left out or made coarse before files are given to others.

Under a redaction of places only named columns leave: what is not known to tell no place is dropped. A hectare's name, a
work area's name and a picture's pixels are places too.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.deliver.coarse import cell_boxes, cell_centres, coarse_cells
from survey.deliver.tables import Table
from survey.errors import ConfigError

DEFAULT_M = 1000
HINT = "give coarsen, coarsen:METRES, withhold, people or names"
_PEOPLE = re.compile(
    r"(?i)(^|_)(reviewers?|reviewed_by|notes?|comments?|remarks?|who|by|person|people|operator|pilot|analyst|author|"
    r"owner|user|username|email|phone|address|signature|team_leader|basis)(_|$)|^source$"
)
"""Columns of names, and of text that people wrote or named layers with."""
_NAMES = re.compile(r"(^|_)(image_id|sha256|path|file|source_file)$")
_KEPT: Mapping[str, frozenset[str]] = {
    "detections": frozenset({"class", "score", "probability", "size_m", "model", "run_id"})
    | {"review", "verdict", "status", "state"},
    "patterns": frozenset({"strip", "members", "length_m", "width_m", "p_value", "unseen_within", "unseen_beyond"})
    | {"spacing_m", "spacing_low_m", "spacing_high_m"},
    "work_areas": frozenset({"rank", "planned", "method", "area_ha", "expected_items", "p_at_least_one", "exposure"})
    | {"benefit", "items_found", "exposure_relieved", "team_weeks", "cost", "searched_fraction"}
    | {"ha_searched", "ha_not_searched", "ha_not_flown", "ha_risk_prior", "ha_evidence_prior", "ha_configured_prior"},
    "candidates": frozenset({"kind", "status", "area_ha", "searched_share", "not_searched_ha", "direct_weight"})
    | {"indirect_weight", "items_confirmed", "items_seen", "hectares", "hectares_items"}
    | {"hectares_items_q05", "hectares_items_q95"},
}
"""Columns that leave by layer when places are made coarse; other layers are withheld."""
_ROUND = ("round", "hectares", "worked_ha", "expected_items", "remaining_items", "found_and_removed", "by_group")
"""What leaves of a round's summary: its notes and layers name files and people."""
_NEW_IDS = {
    "detections": "detection_id",
    "patterns": "pattern",
    "work_areas": "work_area",
    "candidates": "candidate",
}


@dataclass(frozen=True, slots=True)
class Redaction:
    """What others do not get."""

    place: Literal["keep", "coarsen", "withhold"] = "keep"
    metres: int = DEFAULT_M
    """Edge of the cells that places are made coarse to."""
    people: bool = False
    """Whether names of people and what they wrote are left out."""
    names: bool = False
    """Whether names and hashes of source files are left out."""

    @classmethod
    def parse(cls, words: Sequence[str]) -> "Redaction":
        """Read `--redact`; a redaction of places leaves out people and file names too, which often tell places.

        Raises:
            ConfigError: A word is not known, or the metres are not whole hectares.
        """
        result = cls()
        for word in words:
            name, colon, size = word.partition(":")
            if name == "coarsen":
                if colon and not (size.isdecimal() and int(size) in range(100, 100_001, 100)):
                    msg = f"--redact {word}: expected a multiple of 100 from 100 to 100000 metres, such as coarsen:1000"
                    raise ConfigError(msg)
                metres = int(size) if colon else DEFAULT_M
                place: Literal["coarsen", "withhold"] = "withhold" if result.place == "withhold" else "coarsen"
                result = replace(
                    result, place=place, metres=max(metres, result.metres if result.place != "keep" else 0)
                )
            elif word == "withhold":
                result = replace(result, place="withhold")
            elif word == "people":
                result = replace(result, people=True)
            elif word == "names":
                result = replace(result, names=True)
            else:
                msg = f"--redact {word}: {HINT}"
                raise ConfigError(msg)
        return replace(result, people=True, names=True) if result.place != "keep" else result

    @property
    def anything(self) -> bool:
        """Whether anything is left out."""
        return self.place != "keep" or self.people or self.names

    @property
    def error_m(self) -> float:
        """How far a coarse place can be from the true one, in metres."""
        return self.metres / 2**0.5


@dataclass(frozen=True, slots=True, eq=False)
class Redacted:
    """The layers that leave, and what does not."""

    tables: tuple[Table, ...]
    withheld: tuple[str, ...]
    """Layers and columns, one line each."""
    pseudonyms: Mapping[str, str]
    """Of source files by their names."""


def redact(tables: Sequence[Table], redaction: Redaction, *, names: Sequence[str]) -> Redacted:
    """Return the layers that may leave.

    Args:
        tables: All layers.
        redaction: What to leave out.
        names: Of source files, which free text may hold.
    """
    pseudonyms = {name: f"image {n + 1}" for n, name in enumerate(sorted(set(names)))} if redaction.names else {}
    left, told = [], []
    for table in tables:
        where = f"{table.folder or 'run'}: layer {table.name}"
        if redaction.place == "keep":
            gone = [c for c in table.columns if _is_private(c, redaction)]
            left.append(_without(table, gone, pseudonyms))
        elif redaction.place == "withhold":
            if table.name != "detections":
                told.append(f"{where}: withheld")
                continue
            left.append(_coarse(table, redaction))
            gone = [c for c in table.columns if c not in left[-1].columns]
            told.append(f"{where}: without places")
        elif table.name == "hectares" and not table.folder:
            left.append(coarse_cells(table, metres=redaction.metres))
            gone = [c for c in table.columns if c not in left[-1].columns]
            told.append(f"{where}: as cells of {redaction.metres} m")
        elif table.name in _KEPT:
            left.append(_coarse(table, redaction))
            gone = [c for c in table.columns if c not in left[-1].columns]
        else:
            told.append(f"{where}: withheld")
            continue
        if gone:
            told.append(f"{where}: without {', '.join(gone)}")
    return Redacted(tuple(left), tuple(told), pseudonyms)


def redacted_summary(summary: Mapping[str, Any], redacted: Redacted, redaction: Redaction) -> dict[str, Any]:
    """Return the parts of a run's summary that may leave."""
    kept = ["area_ha", "cells", "detections", "risk", "model", "limits", "run_id"]
    result: dict[str, Any] = {name: summary[name] for name in kept if name in summary}
    if "blocks" in summary:
        result["blocks"] = {k: v for k, v in summary["blocks"].items() if isinstance(v, int)}
    if "round" in summary:
        result["round"] = {name: summary["round"][name] for name in _ROUND if name in summary["round"]}
    if redaction.place == "keep" and "grid" in summary:
        result["grid"] = summary["grid"]
    result["images"] = [
        {"name": redacted.pseudonyms.get(i["name"], i["name"]), "gsd_m": i["gsd_m"]}
        for i in summary.get("images", ())
        if "name" in i and "gsd_m" in i
    ]
    return result


def _is_private(column: str, redaction: Redaction) -> bool:
    return (redaction.people and _PEOPLE.search(column) is not None) or (
        redaction.names and _NAMES.search(column) is not None
    )


def _without(table: Table, gone: Sequence[str], pseudonyms: Mapping[str, str]) -> Table:
    """Return a layer without some columns and with pseudonyms of files, also inside of text."""
    columns = {name: values for name, values in table.columns.items() if name not in gone}
    if pseudonyms:
        longest = sorted(pseudonyms, key=len, reverse=True)
        known = re.compile(
            "|".join(re.escape(part) for name in longest for part in (name, name.rpartition(".")[0] or name))
        )
        whole = {**pseudonyms} | {name.rpartition(".")[0] or name: word for name, word in pseudonyms.items()}
        for name, values in columns.items():
            if values.dtype == object:
                columns[name] = np.array([known.sub(lambda m: whole[m[0]], str(v)) for v in values], dtype=object)
    return replace(table, columns=columns)


def _coarse(table: Table, redaction: Redaction) -> Table:
    """Return a layer with its places made coarse, features in an order and with names that tell nothing."""
    placed = np.array([g is not None and not g.is_empty for g in table.geometry], bool)
    table = table.take(np.flatnonzero(placed))
    points = table.name == "detections"
    if redaction.place == "withhold":
        shapes = np.full(len(table), shapely.Point(0, 0), dtype=object)
    else:
        shapes = (cell_centres if points else cell_boxes)(table.geometry, metres=redaction.metres)
    columns: dict[str, NDArray[np.generic]] = {k: v for k, v in table.columns.items() if k in _KEPT[table.name]}
    if points:
        p = np.asarray(table.columns["probability"], np.float64)
        known, item = np.unique(np.asarray(table.columns["item"]), return_inverse=True)
        best = np.zeros(len(known))
        np.maximum.at(best, item, p)
        x, y = shapely.get_coordinates(shapes).T
        order = np.lexsort((-p, item, -best[item], y, x))
        _, first, number = np.unique(item[order], return_index=True, return_inverse=True)
        columns["item"] = np.empty(len(item), np.int64)
        columns["item"][order] = np.argsort(np.argsort(first))[number]
        columns["position_error_m"] = np.full(len(item), redaction.error_m)
    else:
        order = np.arange(len(table)) if "rank" in columns else np.lexsort(shapely.bounds(shapes).T)
    columns = {name: values[order] for name, values in columns.items()}
    columns[_NEW_IDS.get(table.name, "feature")] = np.array([f"R-{n + 1:04d}" for n in range(len(order))], dtype=object)
    return replace(table, geometry=shapes[order], columns=columns)
