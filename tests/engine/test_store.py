import hashlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from survey.engine import BlockState, JobStore, Receipt, block_key
from survey.engine.parts import pack, unpack
from survey.errors import InputError, ResumeError
from survey.values import Window

KEY = "ab" * 32
RECEIPT = Receipt(KEY, "image", 3, BlockState.SEARCHED, counts={"tiles": 4, "valid_px": 100})
ARRAYS: dict[str, NDArray[Any]] = {
    "codes": np.arange(6, dtype=np.uint8).reshape(2, 3),
    "score": np.array([0.5], np.float32),
}


def _key(**changed: object) -> str:
    content: dict[str, object] = {
        "image_sha256": "1",
        "window": Window(0, 0, 4, 4),
        "plan": {"core_px": 512},
        "model_sha256": "2",
        "parameters": {"bands": (1, 2, 3), "nodata": None},
        "algorithm": "1",
    }
    return block_key(**{**content, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changed",
    [
        {"image_sha256": "x"},
        {"window": Window(0, 0, 4, 5)},
        {"plan": {"core_px": 256}},
        {"model_sha256": "x"},
        {"parameters": {"bands": (1, 2, 3), "nodata": 0}},
        {"algorithm": "2"},
    ],
)
def test_whatever_decides_a_block_changes_its_key(changed: dict[str, object]) -> None:
    assert _key() == _key(parameters={"nodata": None, "bands": [1, 2, 3]})
    assert len(_key()) == 64
    assert _key(**changed) != _key()


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,8}", fullmatch=True),
        hnp.arrays(
            st.sampled_from([np.uint8, np.int32, np.float32, np.float64, np.bool_]), hnp.array_shapes(min_dims=0)
        ),
        max_size=4,
    )
)
def test_a_part_gives_its_arrays_back_and_depends_on_nothing_else(arrays: dict[str, NDArray[Any]]) -> None:
    content = pack(arrays)
    shuffled = {name: np.array(arrays[name], order="F") for name in reversed(arrays)}
    assert pack(shuffled) == content
    back = unpack(content)
    assert back.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].dtype == array.dtype
        assert back[name].shape == array.shape


def test_a_part_holds_no_date(monkeypatch: pytest.MonkeyPatch) -> None:
    content = pack(ARRAYS)
    monkeypatch.setattr(time, "time", lambda: 2e9)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(2e9))
    assert pack(ARRAYS) == content


def test_objects_and_rubbish_are_refused() -> None:
    with pytest.raises(ValueError, match="Object arrays"):
        pack({"a": np.array([object()])})
    with pytest.raises(InputError, match="3 bytes is no archive"):
        unpack(b"abc")


def test_a_commit_is_found_again(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    receipt = store.commit(RECEIPT, ARRAYS)
    assert receipt.part == hashlib.sha256(store.part_path(KEY).read_bytes()).hexdigest()
    assert store.part_path(KEY) == tmp_path / "blocks" / "ab" / f"{KEY}.npz"
    check = store.check([KEY, "cd" * 32])
    assert check.done == {KEY: receipt}
    assert check.redo == {}
    np.testing.assert_array_equal(store.load(receipt)["codes"], ARRAYS["codes"])


def test_the_same_commit_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        JobStore(tmp_path / name).commit(RECEIPT, ARRAYS)
    a, b = ({p.name: p.read_bytes() for p in (tmp_path / n / "blocks" / "ab").iterdir()} for n in ("a", "b"))
    assert a == b
    assert len(a) == 2


def test_a_block_without_a_part_is_done_too(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    receipt = store.commit(RECEIPT)
    assert store.check([KEY]).done == {KEY: receipt}
    assert store.load(receipt) == {}


def test_an_unreadable_block_is_tried_again(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    store.commit(Receipt(KEY, "image", 3, BlockState.NOT_SEARCHED, "a.tif [0:4, 0:4]: truncated"))
    check = store.check([KEY])
    assert check.done == {}
    assert check.redo == {KEY: "was not searched: a.tif [0:4, 0:4]: truncated"}


@pytest.mark.parametrize("damage", ["missing", "changed", "receipt", "stranger", "version"])
def test_damage_makes_a_block_undone_and_is_told(tmp_path: Path, damage: str) -> None:
    store = JobStore(tmp_path)
    receipt = store.commit(RECEIPT, ARRAYS)
    part, paper = store.part_path(KEY), store.receipt_path(KEY)
    if damage == "missing":
        part.unlink()
    elif damage == "changed":
        part.write_bytes(part.read_bytes()[:-1] + b"x")
    elif damage == "receipt":
        paper.write_text(paper.read_text()[:-10])
    elif damage == "stranger":
        paper.write_text(replace(receipt, key="cd" * 32).to_json())
    else:
        paper.write_text(receipt.to_json().replace('"version":1', '"version":2'))
    check = store.check([KEY])
    assert check.done == {}
    assert list(check.redo) == [KEY]
    if damage in {"missing", "changed"}:
        with pytest.raises(ResumeError, match="run the same command again"):
            store.load(receipt)
    assert store.commit(RECEIPT, ARRAYS) == receipt
    assert store.check([KEY]).done == {KEY: receipt}


def test_a_receipt_states_a_reason_exactly_when_nothing_was_searched() -> None:
    with pytest.raises(ValueError, match="a reason belongs to"):
        Receipt(KEY, "image", 0, BlockState.NOT_SEARCHED)
    with pytest.raises(ValueError, match="a reason belongs to"):
        Receipt(KEY, "image", 0, BlockState.SEARCHED, "why")


def test_a_kill_at_any_moment_leaves_only_whole_commits(tmp_path: Path) -> None:
    code = (
        "import sys, itertools, numpy as np\n"
        "from pathlib import Path\n"
        "from survey.engine import *\n"
        "store = JobStore(Path(sys.argv[1]))\n"
        "print('go', flush=True)\n"
        "for n in itertools.count():\n"
        "    receipt = Receipt(digest(n), 'i', n, BlockState.SEARCHED)\n"
        "    store.commit(receipt, {'a': np.full(20000, n)})\n"
    )
    whole = 0
    for turn in range(4):
        folder = tmp_path / str(turn)
        child = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.03 + 0.017 * turn)
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        keys = [p.stem for p in folder.glob("blocks/*/*.json") if not p.name.startswith(".")]
        check = JobStore(folder).check(keys)
        assert check.redo == {}
        for receipt in check.done.values():
            assert JobStore(folder).load(receipt)["a"].tolist() == [receipt.block_index] * 20000
        whole += len(check.done)
    assert whole > 0
