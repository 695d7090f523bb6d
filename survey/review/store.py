"""`review.sqlite` in a run's folder: decisions are added, never changed or removed."""

import json
import os
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from survey.errors import InputError, OutputError
from survey.files import OWNER_FILE
from survey.review.decision import Decision, Opinion, Status
from survey.review.rows import LATER, VERSION, as_json, create_tables, decision_of, opinion_of, row_of, write_row

FILE = "review.sqlite"
_WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Draw:
    """Tiles drawn by chance from one stratum of the searched ground."""

    run_id: str
    seed: int
    stratum: str
    """'empty': without a sighting; 'sighted': with one."""
    population: int
    """Tiles of the stratum, of which `tiles` were drawn without replacement."""
    edge_m: float
    """Edge of a tile in metres."""
    tiles: tuple[str, ...]
    """Names of the tiles, in the order of the draw."""


class ReviewStore:
    """The decisions on one run.

    Several processes may write at a time, on one machine: SQLite's write-ahead log does not work over network file
    systems. What `add` returned is on the disk, whatever kills the process afterwards.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        """Open the store of a run's folder; make it if there is none.

        Args:
            folder: Run folder.
            read_only: Never write; without a file there are no decisions.

        Raises:
            InputError: The file is damaged or not of this program.
            OutputError: There can be no such file.
        """
        self.path = folder / FILE
        self.read_only = read_only
        self._lock = threading.Lock()
        self._known: list[Decision] = []
        self._last = 0
        self._database = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; its write-ahead log is then part of it."""
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def decisions(self) -> tuple[Decision, ...]:
        """Return all decisions in the order of their times."""
        with self._lock:
            self._catch_up()
            return tuple(sorted(self._known, key=lambda d: (d.decided_at, d.uid)))

    def add(self, opinion: Opinion) -> Decision:
        """Add a decision; it replaces the one that this reviewer has on the same thing in the same round.

        Raises:
            OutputError: The store is read-only.
        """
        if opinion.status is Status.TAKEN_BACK:
            msg = "a decision is taken back by `take_back`"
            raise ValueError(msg)
        with self._writing() as database:
            before = self._standing(opinion.subject, opinion.reviewer, opinion.blind_round)
            return self._insert(database, opinion, previous=before.uid if before is not None else None)

    def take_back(self, uid: str, *, reviewer: str) -> Decision:
        """Add a row by which a decision does not stand any more; the one before it stands again.

        Raises:
            InputError: There is no such decision that stands, or it is another reviewer's.
            OutputError: The store is read-only.
        """
        with self._writing() as database:
            gone = _taken_back(self._known)
            found = next((d for d in self._known if d.uid == uid and d.uid not in gone), None)
            if found is None or found.opinion.status is Status.TAKEN_BACK:
                msg = f"{self.path}: no decision {uid} stands; reload the page"
                raise InputError(msg)
            if found.opinion.reviewer != reviewer:
                msg = f"decision {uid} is {found.opinion.reviewer}'s; only its reviewer can take it back"
                raise InputError(msg)
            row = row_of(found) | {"status": Status.TAKEN_BACK, "note": "", "geometry": None}
            return self._insert(database, opinion_of(row), previous=uid)

    def take_in(self, decisions: Iterable[Decision]) -> int:
        """Add decisions of another store as they are, those known left out; return how many were new."""
        with self._writing() as database:
            known = {d.uid for d in self._known}
            new = [d for d in {d.uid: d for d in decisions}.values() if d.uid not in known]
            for decision in new:
                write_row(database, decision)
            return len(new)

    def record(self, draw: Draw) -> None:
        """Keep a draw; one that is known already is not kept twice."""
        with self._writing() as database:
            database.execute(
                "INSERT OR IGNORE INTO draws (drawn_at, run_id, seed, stratum, population, edge_m, tiles)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    _stamp(_now()),
                    draw.run_id,
                    draw.seed,
                    draw.stratum,
                    draw.population,
                    draw.edge_m,
                    as_json(draw.tiles),
                ),
            )

    def draws(self) -> tuple[Draw, ...]:
        """Return all draws in their order."""
        with self._lock:
            if self._database is None:
                return ()
            query = "SELECT run_id, seed, stratum, population, edge_m, tiles FROM draws ORDER BY id"
            rows = [dict(row) for row in self._database.execute(query)]
            return tuple(Draw(**row | {"tiles": tuple(json.loads(row["tiles"]))}) for row in rows)

    def _standing(self, subject: str, reviewer: str, blind_round: int) -> Decision | None:
        """Return the reviewer's latest decision on a thing that was not taken back."""
        gone = _taken_back(self._known)
        own = [
            d
            for d in self._known
            if (d.opinion.subject, d.opinion.reviewer, d.opinion.blind_round) == (subject, reviewer, blind_round)
            and d.uid not in gone
            and d.opinion.status is not Status.TAKEN_BACK
        ]
        return max(own, key=lambda d: d.decided_at, default=None)

    def _insert(self, database: sqlite3.Connection, opinion: Opinion, *, previous: str | None) -> Decision:
        latest = max((d.decided_at for d in self._known), default="")
        stamp = _stamp(_now())
        if stamp <= latest:  # the clock was set back: the order of decisions must not turn round
            stamp = _stamp(datetime.fromisoformat(latest) + timedelta(microseconds=1))
        decision = Decision(secrets.token_hex(16), stamp, previous, opinion)
        write_row(database, decision)
        return decision

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection inside a transaction that sees every decision, also those of other processes."""
        with self._lock:
            if self.read_only or self._database is None:
                msg = f"{self.path}: is open for reading only; start the review without --read-only"
                raise OutputError(msg)
            try:
                self._database.execute("BEGIN IMMEDIATE")
                try:
                    self._catch_up()
                    yield self._database
                except BaseException:
                    self._database.execute("ROLLBACK")
                    raise
                self._database.execute("COMMIT")
            except sqlite3.OperationalError as error:
                msg = f"{self.path}: cannot be written ({error}); check the disk and whether another process holds it"
                raise OutputError(msg) from error
            self._catch_up()

    def _catch_up(self) -> None:
        """Read the decisions added since the last time."""
        if self._database is None:
            return
        for row in self._database.execute(LATER, (self._last,)):
            self._known.append(decision_of(dict(row)))
            self._last = row["id"]

    def _open(self) -> sqlite3.Connection | None:
        if self.read_only and not self.path.exists():
            return None
        try:
            database = self._connect()
            version = int(database.execute("PRAGMA user_version").fetchone()[0])
            if version == 0 and not self.read_only:
                version = create_tables(database)
            database.execute("SELECT count(*) FROM decisions").fetchone()
        except sqlite3.DatabaseError as error:
            msg = f"{self.path}: cannot be opened as a store of decisions ({error}); restore it from a copy"
            raise InputError(msg) from error
        if version != VERSION:
            msg = f"{self.path}: has version {version}, this program knows {VERSION}; use the program that wrote it"
            raise InputError(msg)
        return database

    def _connect(self) -> sqlite3.Connection:
        where = self.path.absolute().as_uri()
        if self.read_only:
            return _connect_read_only(where)
        _make_private(self.path)
        database = _connected(where)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        return database


def _connected(where: str) -> sqlite3.Connection:
    database = sqlite3.connect(where, uri=True, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
    database.row_factory = sqlite3.Row
    return database


def _connect_read_only(where: str) -> sqlite3.Connection:
    """Follow a store that others write; where not even its log can be shared, on read-only media, take it as it is."""
    database = _connected(f"{where}?mode=ro")
    try:
        database.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError:
        database.close()
        return _connected(f"{where}?immutable=1")
    return database


def _make_private(path: Path) -> None:
    """Make an empty file that only its owner reads; SQLite gives its log and index the same mode."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, OWNER_FILE))
    except OSError as error:
        msg = f"{path}: cannot be written ({error.strerror}); use --read-only, or a folder where you may write"
        raise OutputError(msg) from error


def _taken_back(decisions: Sequence[Decision]) -> set[str]:
    return {str(d.previous) for d in decisions if d.opinion.status is Status.TAKEN_BACK}


def _now() -> datetime:
    return datetime.now(UTC)


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
