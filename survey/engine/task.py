"""The unit that engines hand out, and what an engine is."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from survey.engine.receipt import Receipt


@dataclass(frozen=True, slots=True)
class BlockTask:
    """A run of blocks of one image, read in one ordered pass."""

    image_index: int
    """Number of the image in the run."""
    image_id: str
    path: Path
    """The image's file, for messages; workers on other machines see it under the same path."""
    blocks: tuple[int, ...]
    """Block numbers in ascending order."""
    keys: tuple[str, ...]
    """Each block's key in the job store."""

    def __post_init__(self) -> None:
        if not self.blocks or len(self.blocks) != len(self.keys):
            msg = f"{self.path}: a task has blocks and a key for each, got {len(self.blocks)} and {len(self.keys)}"
            raise ValueError(msg)

    def only(self, keep: Iterable[str]) -> "BlockTask | None":
        """Return the task with the blocks whose keys are in `keep`, or None where none is."""
        wanted = set(keep)
        pairs = [(block, key) for block, key in zip(self.blocks, self.keys, strict=True) if key in wanted]
        if not pairs:
            return None
        return replace(self, blocks=tuple(b for b, _ in pairs), keys=tuple(k for _, k in pairs))

    def split(self) -> list["BlockTask"]:
        """Return one task a block."""
        return [replace(self, blocks=(b,), keys=(k,)) for b, k in zip(self.blocks, self.keys, strict=True)]


Work = Callable[[BlockTask], Iterable[Receipt]]
"""Searches a task's blocks, commits each to the job store and gives its receipt; picklable for other processes."""


class Engine(Protocol):
    """Where tasks run. Receipts come in any order; what depends on order sorts them by block."""

    def submit(self, tasks: Iterable[BlockTask]) -> Iterator[Receipt]:
        """Run the tasks and give one receipt for each of their blocks."""
        ...


def contiguous_runs(blocks: Sequence[int], *, longest: int) -> list[tuple[int, ...]]:
    """Cut ascending block numbers at gaps and after `longest` blocks: each run is one ordered pass.

    Example:
        >>> contiguous_runs([0, 1, 2, 5, 6], longest=2)
        [(0, 1), (2,), (5, 6)]
    """
    runs: list[list[int]] = []
    for block in blocks:
        if runs and runs[-1][-1] + 1 == block and len(runs[-1]) < longest:
            runs[-1].append(block)
        else:
            runs.append([block])
    return [tuple(run) for run in runs]
