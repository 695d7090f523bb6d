"""The tables of `review.sqlite`, and decisions as rows of them."""

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from survey.review.decision import Decision, Kind, Opinion, Place, Status

VERSION = 1
"""Of the tables."""
COLUMNS = (
    "uid, decided_at, previous, kind, status, subject, crs, x, y, position_error_m, reviewer, label, size_m, geometry, "
    "note, seen, model, run_id, blind_round"
)
LATER = f"SELECT id, {COLUMNS} FROM decisions WHERE id > ? ORDER BY id"  # noqa: S608 - names of our own
"""Decisions behind a row's number."""
_SCHEMA = f"""
CREATE TABLE decisions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, uid TEXT NOT NULL UNIQUE, decided_at TEXT NOT NULL, previous TEXT,
    kind TEXT NOT NULL, status TEXT NOT NULL, subject TEXT NOT NULL,
    crs TEXT NOT NULL, x REAL NOT NULL, y REAL NOT NULL, position_error_m REAL NOT NULL,
    reviewer TEXT NOT NULL, label TEXT, size_m REAL, geometry TEXT, note TEXT NOT NULL, seen TEXT NOT NULL,
    model TEXT NOT NULL, run_id TEXT NOT NULL, blind_round INTEGER NOT NULL
) STRICT;
CREATE TABLE draws (
    id INTEGER PRIMARY KEY AUTOINCREMENT, drawn_at TEXT NOT NULL, run_id TEXT NOT NULL, seed INTEGER NOT NULL,
    stratum TEXT NOT NULL, population INTEGER NOT NULL, edge_m REAL NOT NULL, tiles TEXT NOT NULL,
    UNIQUE (run_id, seed, stratum, edge_m, tiles)
) STRICT;
CREATE TRIGGER decisions_stay BEFORE UPDATE ON decisions BEGIN SELECT RAISE(ABORT, 'decisions are only added'); END;
CREATE TRIGGER decisions_last BEFORE DELETE ON decisions BEGIN SELECT RAISE(ABORT, 'decisions are only added'); END;
CREATE TRIGGER draws_stay BEFORE UPDATE ON draws BEGIN SELECT RAISE(ABORT, 'draws are only added'); END;
CREATE TRIGGER draws_last BEFORE DELETE ON draws BEGIN SELECT RAISE(ABORT, 'draws are only added'); END;
PRAGMA user_version = {VERSION};
"""


def create_tables(database: sqlite3.Connection) -> int:
    """Make the tables, unless another process was faster."""
    database.execute("BEGIN IMMEDIATE")
    version = int(database.execute("PRAGMA user_version").fetchone()[0])
    if version == 0:
        for statement in _statements(_SCHEMA):
            database.execute(statement)
    database.execute("COMMIT")
    return version or VERSION


def _statements(script: str) -> Iterator[str]:
    """Yield the statements of a script; `executescript` would commit before the first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def row_of(decision: Decision) -> dict[str, Any]:
    """Return a decision as a row."""
    o = decision.opinion
    return {
        "uid": decision.uid,
        "decided_at": decision.decided_at,
        "previous": decision.previous,
        "kind": str(o.kind),
        "status": str(o.status),
        "subject": o.subject,
        "crs": o.place.crs,
        "x": o.place.x,
        "y": o.place.y,
        "position_error_m": o.place.position_error_m,
        "reviewer": o.reviewer,
        "label": o.label,
        "size_m": o.size_m,
        "geometry": o.geometry,
        "note": o.note,
        "seen": as_json(o.seen),
        "model": o.model,
        "run_id": o.run_id,
        "blind_round": o.blind_round,
    }


def write_row(database: sqlite3.Connection, decision: Decision) -> None:
    """Add a decision."""
    row = row_of(decision)
    marks = ", ".join(f":{name}" for name in row)
    database.execute(f"INSERT INTO decisions ({COLUMNS}) VALUES ({marks})", row)  # noqa: S608 - names of our own


def opinion_of(row: dict[str, Any]) -> Opinion:
    """Return the opinion in a row."""
    return Opinion(
        kind=Kind(row["kind"]),
        status=Status(row["status"]),
        subject=row["subject"],
        place=Place(row["crs"], row["x"], row["y"], row["position_error_m"]),
        reviewer=row["reviewer"],
        label=row["label"],
        size_m=row["size_m"],
        geometry=row["geometry"],
        note=row["note"],
        seen=json.loads(row["seen"]),
        model=row["model"],
        run_id=row["run_id"],
        blind_round=row["blind_round"],
    )


def decision_of(row: dict[str, Any]) -> Decision:
    """Return a row as a decision."""
    return Decision(row["uid"], row["decided_at"], row["previous"], opinion_of(row))


def as_json(value: object) -> str:
    """Return a value as text that is the same for the same value."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
