from collections import Counter
from pathlib import Path

import psutil
import pytest

from survey.engine import BlockState, InProcessEngine, JobStore, LocalPoolEngine, RayEngine, Receipt, make_engine
from survey.errors import EngineError, InputError
from tests.engine import toys


def _states(receipts: list[Receipt]) -> dict[int, BlockState]:
    assert len({r.block_index for r in receipts}) == len(receipts)
    return {r.block_index: r.state for r in sorted(receipts, key=lambda r: r.block_index)}


def _calls(folder: Path) -> Counter[int]:
    return Counter(int(line) for line in (folder / "calls.log").read_text().splitlines())


def test_in_process_keeps_the_order(tmp_path: Path) -> None:
    engine = InProcessEngine(toys.Toy(tmp_path))
    receipts = list(engine.submit([toys.make_task(3, 4), toys.make_task(0)]))
    assert [r.block_index for r in receipts] == [3, 4, 0]


def test_the_pool_gives_what_one_process_gives(tmp_path: Path) -> None:
    tasks = [toys.make_task(*range(n, n + 4)) for n in range(0, 24, 4)]
    engine = LocalPoolEngine(toys.Toy(tmp_path), JobStore(tmp_path), workers=2)
    receipts = sorted(engine.submit(iter(tasks)), key=lambda r: r.block_index)
    alone = tmp_path / "alone"
    alone.mkdir()
    assert receipts == list(InProcessEngine(toys.Toy(alone)).submit(tasks))
    assert set(_calls(tmp_path).values()) == {1}


def test_no_tasks_start_no_process(tmp_path: Path) -> None:
    assert list(LocalPoolEngine(toys.DiesAtBirth(), JobStore(tmp_path), workers=2).submit([])) == []


def test_a_killed_worker_costs_only_what_it_had_not_committed(tmp_path: Path) -> None:
    work = toys.Toy(tmp_path, kills_once=frozenset({2}), kills_after_commit=frozenset({9}))
    tasks = [toys.make_task(*range(6)), toys.make_task(*range(6, 12))]
    receipts = list(LocalPoolEngine(work, JobStore(tmp_path), workers=2).submit(tasks))
    assert _states(receipts) == dict.fromkeys(range(12), BlockState.SEARCHED)
    calls = _calls(tmp_path)
    assert calls[2] == 2
    assert {block: count for block, count in calls.items() if count != 1} == {2: 2}


def test_a_block_that_always_kills_its_worker_is_given_up_and_takes_no_other_along(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    work = toys.Toy(tmp_path, kills_always=frozenset({1}))
    tasks = [toys.make_task(0, 1, 2, 3), toys.make_task(4, 5)]
    receipts = list(LocalPoolEngine(work, store, workers=2).submit(tasks))
    assert _states(receipts) == {
        **dict.fromkeys(range(6), BlockState.SEARCHED),
        1: BlockState.NOT_SEARCHED,
    }
    assert _calls(tmp_path)[1] == 3
    (given_up,) = (r for r in receipts if r.block_index == 1)
    assert given_up.reason == "image0.tif block 1: its worker died 3 times, last by signal 9 (SIGKILL)"
    assert store.check([given_up.key]).redo == {given_up.key: f"was not searched: {given_up.reason}"}


def test_an_error_of_the_work_ends_the_run_and_is_not_tried_again(tmp_path: Path) -> None:
    engine = LocalPoolEngine(toys.Toy(tmp_path, raises=frozenset({1})), JobStore(tmp_path), workers=2)
    with pytest.raises(InputError, match="no such luck") as caught:
        list(engine.submit([toys.make_task(0, 1, 2)]))
    assert str(caught.value) == "image0.tif block 1: no such luck"
    assert "in a worker process" in caught.value.__notes__[0]
    assert _calls(tmp_path)[1] == 1


def test_an_error_that_cannot_cross_processes_still_tells_its_traceback(tmp_path: Path) -> None:
    engine = LocalPoolEngine(toys.raise_unpicklable, JobStore(tmp_path), workers=2)
    with pytest.raises(RuntimeError, match="raise_unpicklable"):
        list(engine.submit([toys.make_task(0)]))


def test_workers_that_cannot_start_are_an_error_not_an_unsearched_block(tmp_path: Path) -> None:
    engine = LocalPoolEngine(toys.DiesAtBirth(), JobStore(tmp_path), workers=2)
    with pytest.raises(EngineError, match=r"signal 9 \(SIGKILL\) before they begin"):
        list(engine.submit([toys.make_task(0), toys.make_task(1)]))


def test_leaving_early_ends_the_workers(tmp_path: Path) -> None:
    receipts = LocalPoolEngine(toys.sleep_forever, JobStore(tmp_path), workers=2).submit([toys.make_task(0, 1)])
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    next(iter(receipts))
    started = [p for p in psutil.Process().children(recursive=True) if p.pid not in before]
    receipts.close()  # type: ignore[attr-defined]
    alive = [p for p in started if p.is_running() and "resource_tracker" not in " ".join(p.cmdline())]
    assert started
    assert alive == []


@pytest.mark.parametrize(
    ("kind", "workers", "expected"),
    [("local", 1, InProcessEngine), ("local", 2, LocalPoolEngine), ("ray", 1, RayEngine)],
)
def test_the_configuration_picks_the_engine(tmp_path: Path, kind: str, workers: int, expected: type) -> None:
    engine = make_engine(toys.Toy(tmp_path), JobStore(tmp_path), kind=kind, workers=workers)  # type: ignore[arg-type]
    assert type(engine) is expected
