import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from survey.engine import BlockState, Receipt, RunIdentity, RunPlan, Session, Shard, open_run, record_session
from survey.errors import OutputError, ResumeError
from survey.files import temporary_beside

IDENTITY = RunIdentity(
    config={"core_px": 1024, "bands": (1, 2, 3), "nodata": float("nan")},
    model="default@" + "a1" * 32,
    inputs=(("a.tif", "11"), ("b.tif", "22")),
    aoi=None,
    versions={"survey": "0.1.0", "torch": "2.14.1"},
)
PLAN = RunPlan(IDENTITY, ("products/risk.tif", "summary.json", "MANIFEST.json"), notes={"workers": 2})


def _tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def _finish(folder: Path, plan: RunPlan = PLAN) -> None:
    with open_run(folder, plan) as run:
        run.store.commit(Receipt("ab" * 32, "image", 0, BlockState.SEARCHED), {"a": np.arange(3)})
    (folder / "products").mkdir(exist_ok=True)
    for name in plan.products:
        (folder / name).write_text(name)
    record_session(folder, Session("2020-01-01T00:00:00Z", 1.0, 1, 0.5))


def test_a_new_folder_states_the_run_and_only_its_owner_may_look(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "run"
    with open_run(folder, PLAN) as run:
        assert (run.resumed, run.run_id, run.store.folder) == (False, IDENTITY.run_id, folder)
    content = json.loads((folder / "run.json").read_text())
    assert content["run_id"] == IDENTITY.run_id
    assert content["identity"]["inputs"] == [["a.tif", "11"], ["b.tif", "22"]]
    assert content["notes"] == {"workers": 2}
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "run.json").stat().st_mode & 0o077 == 0


def test_the_same_run_takes_it_up_and_leaves_run_json_alone(tmp_path: Path) -> None:
    _finish(tmp_path)
    before = _tree(tmp_path)
    with open_run(tmp_path, replace(PLAN, notes={"workers": 8})) as run:
        assert run.resumed
    assert _tree(tmp_path) == before


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (replace(IDENTITY, model="other@" + "b2" * 32), "model: default@a1a1a1a1 → other@b2b2b2b2"),
        (replace(IDENTITY, config={**IDENTITY.config, "core_px": 512}), "core_px: 1024 → 512"),
        (replace(IDENTITY, inputs=(("a.tif", "33"), ("b.tif", "22"))), "input a.tif: other content"),
        (replace(IDENTITY, inputs=(("a.tif", "11"), ("c.tif", "22"))), "input c.tif: new; input b.tif: gone"),
        (replace(IDENTITY, inputs=IDENTITY.inputs[::-1]), "inputs: another order"),
        (replace(IDENTITY, aoi="cd" * 32), "AOI: none → cdcdcdcd"),
        (replace(IDENTITY, versions={"survey": "0.1.0", "torch": "2.15.0"}), "torch: 2.14.1 → 2.15.0"),
        (replace(IDENTITY, config={}, aoi="e", model="m@1"), "; and 1 more"),
    ],
)
def test_another_run_is_refused_with_what_differs(tmp_path: Path, other: RunIdentity, expected: str) -> None:
    _finish(tmp_path)
    before = _tree(tmp_path)
    with pytest.raises(ResumeError) as caught, open_run(tmp_path, replace(PLAN, identity=other)):
        pass
    assert f"holds another run ({expected})" in str(caught.value) or str(caught.value).count(expected) == 1
    assert "--no-resume" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert _tree(tmp_path) == before


def test_starting_over_removes_what_the_run_wrote_and_nothing_else(tmp_path: Path) -> None:
    _finish(tmp_path)
    mine = ["notes.txt", "products/mine.qgz", "products/.risk.backup", "blocks/ab/readme", "blocks/old.json"]
    for name in mine:
        (tmp_path / name).write_text("mine")
    with open_run(tmp_path, replace(PLAN, identity=replace(IDENTITY, aoi="ff")), resume=False) as run:
        assert not run.resumed
    assert sorted(_tree(tmp_path)) == sorted([*mine, "run.json"])
    assert json.loads((tmp_path / "run.json").read_text())["run_id"] == run.run_id != IDENTITY.run_id


def test_starting_over_leaves_no_empty_folders(tmp_path: Path) -> None:
    _finish(tmp_path)
    with open_run(tmp_path, PLAN, resume=False):
        assert sorted(p.name for p in tmp_path.iterdir()) == ["locks", "run.json"]


def test_a_run_json_cannot_make_a_stranger_disappear(tmp_path: Path) -> None:
    folder, victim = tmp_path / "run", tmp_path / "victim.txt"
    _finish(folder)
    victim.write_text("keep")
    content = json.loads((folder / "run.json").read_text())
    content["products"] = ["../victim.txt", str(victim)]
    (folder / "run.json").write_text(json.dumps(content))
    with open_run(folder, PLAN, resume=False):
        pass
    assert victim.read_text() == "keep"
    with pytest.raises(ValueError, match="lies inside the run folder"):
        replace(PLAN, products=("../x",))


def test_a_foreign_folder_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").write_text("mine")
    for resume in (True, False):
        with (
            pytest.raises(ResumeError, match=r"holds files but no run \(thesis\.doc"),
            open_run(tmp_path, PLAN, resume=resume),
        ):
            pass
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.doc"]
    with pytest.raises(ResumeError, match="is a file"), open_run(tmp_path / "thesis.doc", PLAN):
        pass


@pytest.mark.parametrize("text", ["", "{}", '{"version": 1, "identity": []}', "[]"])
def test_a_foreign_run_json_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    for resume in (True, False):
        with (
            pytest.raises(ResumeError, match="is damaged or not of this program"),
            open_run(tmp_path, PLAN, resume=resume),
        ):
            pass
    assert (tmp_path / "run.json").read_text() == text


def test_a_run_killed_before_its_run_json_can_begin_again(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "run.lock").touch()
    (tmp_path / ".run.123.tmp.json").write_text('{"half')
    with open_run(tmp_path, PLAN) as run:
        assert not run.resumed
    assert sorted(p.name for p in tmp_path.iterdir()) == ["locks", "run.json"]


def test_half_written_files_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    _finish(tmp_path)
    whole = _tree(tmp_path)
    rubbish = ["products/.risk.99.tmp.tif", "products/.risk.99.tmp.tif.ovr", ".summary.99.tmp.json"]
    rubbish += [f"blocks/ab/.{'ab' * 32}.99.tmp.npz"]
    names = ("products/risk.tif", "run.json", f"blocks/ab/{'ab' * 32}.npz")
    rubbish += [str(temporary_beside(Path(name))) for name in names]
    rubbish += [str(temporary_beside(Path("products/risk.tif"), purpose=".streamed"))]
    for name in [*rubbish, "products/.other.99.tmp.tif"]:
        (tmp_path / name).write_text("half")
    with open_run(tmp_path, PLAN):
        pass
    assert sorted(_tree(tmp_path)) == sorted([*whole, "products/.other.99.tmp.tif"])


def test_two_processes_cannot_work_in_one_folder_and_a_death_frees_it(tmp_path: Path) -> None:
    code = (
        "import sys, signal\n"
        "from pathlib import Path\n"
        "from survey.engine.lock import locked\n"
        "with locked(Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
        "    signal.pause()\n"
    )
    lock = tmp_path / "locks" / "run.lock"
    child = subprocess.Popen([sys.executable, "-c", code, str(lock)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"held\n"
    for shard in (None, Shard(0, 2)):
        with (
            pytest.raises(ResumeError, match="another process works in this folder"),
            open_run(tmp_path, PLAN, shard=shard),
        ):
            pass
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    with open_run(tmp_path, PLAN) as run:
        assert not run.resumed


def test_shares_work_side_by_side_but_no_share_twice_and_no_whole_run_among_them(tmp_path: Path) -> None:
    with open_run(tmp_path, PLAN, shard=Shard(0, 2)) as first, open_run(tmp_path, PLAN, shard=Shard(1, 2)) as second:
        assert (first.resumed, second.resumed) == (False, True)
        for shard in (Shard(1, 2), None):
            with pytest.raises(ResumeError, match="another process"), open_run(tmp_path, PLAN, shard=shard):
                pass
    with (
        pytest.raises(ResumeError, match="start over once without --shard"),
        open_run(tmp_path, PLAN, resume=False, shard=Shard(0, 2)),
    ):
        pass


def test_shares_write_products_one_after_the_other(tmp_path: Path) -> None:
    told: list[str] = []

    def second() -> None:
        with open_run(tmp_path, PLAN, shard=Shard(1, 2)) as run, run.products_lock():
            told.append("second")

    thread = threading.Thread(target=second)
    with open_run(tmp_path, PLAN, shard=Shard(0, 2)) as run, run.products_lock():
        thread.start()
        thread.join(timeout=0.2)
        told.append("first")
    thread.join(timeout=60)
    assert told == ["first", "second"]


def test_a_folder_that_cannot_be_made_is_told_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"cannot be made .*; name one"), open_run(tmp_path / "file" / "out", PLAN):
        pass


def test_an_error_inside_a_run_keeps_its_own_type(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), open_run(tmp_path, PLAN):
        raise BlockingIOError


def test_sessions_add_up_in_timing_json(tmp_path: Path) -> None:
    record_session(tmp_path, Session("2020-01-01T00:00:00Z", 1.5, 3, 0.5, redone={"k": "was not searched: x"}))
    record_session(tmp_path, Session("2020-01-02T00:00:00Z", 2.5, 4, 0.5, shard=str(Shard(1, 2))))
    sessions = json.loads((tmp_path / "timing.json").read_text())["sessions"]
    assert [(s["seconds"], s["shard"]) for s in sessions] == [(1.5, None), (2.5, "1/2")]


def test_decisions_of_reviewers_outlive_starting_over_and_do_not_stand_in_its_way(tmp_path: Path) -> None:
    _finish(tmp_path)
    (tmp_path / "review.sqlite").write_text("decided")
    with open_run(tmp_path, PLAN, resume=False):
        assert (tmp_path / "review.sqlite").read_text() == "decided"
    (tmp_path / "run.json").unlink()  # as when starting over is killed before the new run is stated
    with open_run(tmp_path, PLAN) as run:
        assert not run.resumed
        assert (tmp_path / "review.sqlite").read_text() == "decided"
