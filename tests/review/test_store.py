import os
import signal
import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from survey.errors import InputError, OutputError
from survey.review import FILE, Draw, Kind, Opinion, Place, ReviewStore, Status, standing
from tests.review.opinions import opinion


def test_decisions_come_back_as_they_were_given(tmp_path: Path) -> None:
    given = opinion(
        "d7",
        Status.RELABELLED,
        label="at_mine",
        note="half\nburied",
        seen={"images": ["a"], "scales_m": [2.5]},
        model="m",
    )
    with ReviewStore(tmp_path) as store:
        added = store.add(given)
    with ReviewStore(tmp_path) as store:
        assert store.decisions() == (added,)
        assert added.opinion == given
        assert added.previous is None


def test_a_second_decision_names_the_one_it_replaces(tmp_path: Path) -> None:
    with ReviewStore(tmp_path) as store:
        first = store.add(opinion(status=Status.UNSURE))
        other = store.add(opinion(reviewer="Olena"))
        second = store.add(opinion(status=Status.REJECTED))
        assert (other.previous, second.previous) == (None, first.uid)
        assert len(store.decisions()) == 3


def test_taking_back_adds_a_row_and_lets_the_decision_before_stand_again(tmp_path: Path) -> None:
    with ReviewStore(tmp_path) as store:
        store.add(opinion(status=Status.CONFIRMED))
        second = store.add(opinion(status=Status.REJECTED))
        undo = store.take_back(second.uid, reviewer="Aygun")
        assert undo.previous == second.uid
        assert standing(store.decisions())["d1"].verdict == 1
        third = store.add(opinion(status=Status.REJECTED))
        assert third.previous == store.decisions()[0].uid
        assert len(store.decisions()) == 4
        for wrong in (second.uid, undo.uid, "0" * 32):
            with pytest.raises(InputError, match="stands"):
                store.take_back(wrong, reviewer="Aygun")
        with pytest.raises(InputError, match="Aygun's"):
            store.take_back(third.uid, reviewer="Olena")


def test_rows_cannot_be_changed_or_removed(tmp_path: Path) -> None:
    with ReviewStore(tmp_path) as store:
        store.add(opinion())
        store.record(Draw("r1", 1, "empty", 10, 10.0, ("tile-10-E0-N0",)))
    database = sqlite3.connect(tmp_path / FILE)
    for statement in ("UPDATE decisions SET status = 'rejected'", "DELETE FROM decisions", "DELETE FROM draws"):
        with pytest.raises(sqlite3.IntegrityError, match="only added"):
            database.execute(statement)
    database.close()


def test_the_order_holds_when_the_clock_is_set_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ReviewStore(tmp_path) as store:
        first = store.add(opinion())
        monkeypatch.setattr("survey.review.store._now", lambda: datetime(2000, 1, 1, tzinfo=UTC))
        second = store.add(opinion(status=Status.REJECTED))
        assert store.decisions() == (first, second)


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with ReviewStore(tmp_path) as store:
            store.add(opinion())
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert set(modes) == {FILE, f"{FILE}-wal", f"{FILE}-shm"}
    assert set(modes.values()) == {0o600}
    assert [path.name for path in tmp_path.iterdir()] == [FILE], "closed, the file is whole by itself"


def test_two_processes_see_each_other(tmp_path: Path) -> None:
    with ReviewStore(tmp_path) as one, ReviewStore(tmp_path) as other, ReviewStore(tmp_path, read_only=True) as reader:
        one.add(opinion())
        other.add(opinion("d2"))
        one.add(opinion("d3"))
        assert [d.opinion.subject for d in other.decisions()] == ["d1", "d2", "d3"]
        assert reader.decisions() == one.decisions() == other.decisions()


def test_read_only_writes_nothing(tmp_path: Path) -> None:
    with ReviewStore(tmp_path, read_only=True) as store:
        assert not store.decisions()
        assert not store.draws()
    assert not any(tmp_path.iterdir())
    with ReviewStore(tmp_path) as store:
        kept = store.add(opinion())
    with ReviewStore(tmp_path, read_only=True) as store:
        for write in (
            lambda: store.add(opinion()),
            lambda: store.take_back(kept.uid, reviewer="Aygun"),
            lambda: store.record(Draw("r", 1, "empty", 1, 10.0, ())),
        ):
            with pytest.raises(OutputError, match="reading only"):
                write()
        assert store.decisions() == (kept,)


def test_stores_join_without_doubling(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with ReviewStore(tmp_path / "a") as a, ReviewStore(tmp_path / "b") as b:
        a.add(opinion())
        b.add(opinion("d2", reviewer="Olena"))
        assert a.take_in(b.decisions()) == 1
        assert a.take_in(b.decisions()) == 0
        assert [d.opinion.subject for d in a.decisions()] == ["d1", "d2"]


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database" * 100)
    with pytest.raises(InputError, match=r"review\.sqlite: cannot be opened"):
        ReviewStore(tmp_path)
    (tmp_path / FILE).unlink()
    with ReviewStore(tmp_path) as store:
        store.add(opinion())
    database = sqlite3.connect(tmp_path / FILE)
    database.execute("PRAGMA user_version = 9")
    database.close()
    with pytest.raises(InputError, match="version 9"):
        ReviewStore(tmp_path)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"kind": Kind.TILE}, "cannot be confirmed"),
        ({"reviewer": "  "}, "reviewer's name"),
        ({"reviewer": "a\x1b[2J"}, "control"),
        ({"note": "x" * 4001}, "4000"),
        ({"label": "x" * 101}, "100"),
        ({"seen": {"images": ["x" * 20_001]}}, "20000"),
        ({"status": Status.RELABELLED, "label": None}, "needs a class"),
        ({"size_m": float("nan")}, "size"),
        ({"x": float("inf")}, "finite"),
        ({"geometry": "POLYGON((0 0, 1 1"}, "WKT"),
        ({"geometry": "POLYGON((0 0, 1 1, 1 0, 0 1, 0 0))"}, "crosses itself"),
        ({"blind_round": -1}, "blind round"),
    ],
)
def test_what_does_not_fit_is_refused(part: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        opinion(**part)  # type: ignore[arg-type]


_WRITER = """
import sys
from pathlib import Path
from survey.review import Kind, Opinion, Place, ReviewStore, Status
store = ReviewStore(Path(sys.argv[1]))
for n in range(1_000_000):
    store.add(Opinion(Kind.SIGHTING, Status.CONFIRMED, f"d{n}", Place("EPSG:32638", 0.0, 0.0, 0.0), "Aygun"))
    print(n, flush=True)
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    acknowledged = 0
    for _ in range(2):
        child = subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        told = [child.stdout.readline() for _ in range(20)]
        child.send_signal(signal.SIGKILL)
        told += child.stdout.read().splitlines()
        child.wait()
        child.stdout.close()
        acknowledged += len([line for line in told if line.strip()])
    with ReviewStore(tmp_path) as store:
        assert len(store.decisions()) >= acknowledged >= 40
    database = sqlite3.connect(tmp_path / FILE)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def test_an_opinion_is_a_value() -> None:
    place = Place("EPSG:32638", 0.0, 0.0, 0.1)
    assert Opinion(Kind.TILE, Status.TILE_REVIEWED, "tile-10-E0-N0", place, "Aygun").blind_round == 0
