"""Work functions for the engines' tests; a module of its own, so that other processes can import them."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from survey.engine import BlockState, BlockTask, JobStore, Receipt, digest
from survey.errors import InputError


def make_task(*blocks: int, image: int = 0) -> BlockTask:
    keys = tuple(digest(["toy", image, block]) for block in blocks)
    return BlockTask(image, f"image{image}", Path(f"image{image}.tif"), blocks, keys)


@dataclass(frozen=True)
class Toy:
    """Commits the block's number; some blocks kill the process, some raise."""

    folder: Path
    kills_once: frozenset[int] = frozenset()
    kills_always: frozenset[int] = frozenset()
    kills_after_commit: frozenset[int] = frozenset()
    raises: frozenset[int] = frozenset()

    def __call__(self, task: BlockTask) -> Iterator[Receipt]:
        store = JobStore(self.folder)
        for block, key in zip(task.blocks, task.keys, strict=True):
            with (self.folder / "calls.log").open("a") as log:
                log.write(f"{block}\n")
            died_before = self.folder / f"died-{block}"
            if block in self.kills_always or (block in self.kills_once and not died_before.exists()):
                died_before.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            if block in self.raises:
                msg = f"{task.path} block {block}: no such luck"
                raise InputError(msg)
            receipt = Receipt(key, task.image_id, block, BlockState.SEARCHED, counts={"tiles": block})
            receipt = store.commit(receipt, {"block": np.array([block])})
            if block in self.kills_after_commit and not died_before.exists():
                died_before.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            yield receipt


@dataclass(frozen=True)
class DiesAtBirth:
    """Kills every process that unpickles it."""

    def __call__(self, task: BlockTask) -> Iterator[Receipt]:
        raise NotImplementedError

    def __reduce__(self) -> tuple[object, tuple[int, int]]:
        return _kill_child, (os.getpid(), signal.SIGKILL)


def _kill_child(parent: int, number: int) -> None:
    assert os.getpid() != parent
    os.kill(os.getpid(), number)


class Unpicklable(Exception):  # noqa: N818
    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} {second}")


def raise_unpicklable(task: BlockTask) -> Iterator[Receipt]:
    raise Unpicklable(1, 2)


def sleep_forever(task: BlockTask) -> Iterator[Receipt]:
    yield Receipt(task.keys[0], task.image_id, task.blocks[0], BlockState.SEARCHED)
    signal.pause()
