from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.engine import BlockTask, Shard, contiguous_runs
from survey.errors import ConfigError
from tests.engine import toys


@given(st.lists(st.integers()), st.integers(1, 12))
def test_shares_own_every_item_once_and_differ_by_at_most_one(items: list[int], count: int) -> None:
    shares = [Shard(index, count).select(items) for index in range(count)]
    places = [Shard(index, count).select(range(len(items))) for index in range(count)]
    assert sorted(place for share in places for place in share) == list(range(len(items)))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(st.sets(st.integers(0, 60)), st.integers(1, 9))
def test_runs_of_blocks_own_every_block_once_in_order(blocks: set[int], longest: int) -> None:
    runs = contiguous_runs(sorted(blocks), longest=longest)
    assert [block for run in runs for block in run] == sorted(blocks)
    for run in runs:
        assert list(run) == list(range(run[0], run[0] + len(run)))
        assert len(run) <= longest
    for before, after in pairwise(runs):
        assert len(before) == longest or before[-1] + 1 < after[0]


SLURM = {
    "SLURM_ARRAY_TASK_ID": "7",
    "SLURM_ARRAY_TASK_MIN": "1",
    "SLURM_ARRAY_TASK_STEP": "3",
    "SLURM_ARRAY_TASK_COUNT": "4",
}


@pytest.mark.parametrize(
    ("text", "environ", "expected"),
    [
        ("0/1", {}, Shard(0, 1)),
        ("3/16", SLURM, Shard(3, 16)),
        ("auto", SLURM, Shard(2, 4)),
        ("auto", {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "4"}, Shard(3, 4)),
        ("auto/8", {"JOB_COMPLETION_INDEX": "5"}, Shard(5, 8)),
        ("auto", {"AWS_BATCH_JOB_ARRAY_INDEX": "1", "AWS_BATCH_JOB_ARRAY_SIZE": "2"}, Shard(1, 2)),
        ("auto/2", {"AWS_BATCH_JOB_ARRAY_INDEX": "1"}, Shard(1, 2)),
    ],
)
def test_a_share_is_read_from_text_and_environment(text: str, environ: dict[str, str], expected: Shard) -> None:
    assert Shard.parse(text, environ=environ) == expected


@pytest.mark.parametrize(
    ("text", "environ", "message"),
    [
        ("1", {}, "expected i/n such as 0/16, auto or auto/n"),
        ("-1/4", {}, "expected i/n"),
        ("4/4", {}, "shares count from 0"),
        ("0/0", {}, "shares count from 0"),
        ("auto", {}, "does not tell the index"),
        ("auto", {"JOB_COMPLETION_INDEX": "5"}, "does not tell the number of shares"),
        ("auto/4", {"JOB_COMPLETION_INDEX": "5"}, "shares count from 0"),
    ],
)
def test_what_names_no_share_is_refused(text: str, environ: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Shard.parse(text, environ=environ)


def test_a_task_keeps_blocks_and_keys_together() -> None:
    task = toys.make_task(3, 4, 5)
    kept = task.only({task.keys[0], task.keys[2]})
    assert kept is not None
    assert (kept.blocks, kept.keys) == ((3, 5), (task.keys[0], task.keys[2]))
    assert task.only(()) is None
    assert task.split() == [toys.make_task(3), toys.make_task(4), toys.make_task(5)]
    with pytest.raises(ValueError, match="a key for each"):
        BlockTask(0, "i", task.path, (1,), ())
