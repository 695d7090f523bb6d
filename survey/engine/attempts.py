"""What is tried again after a worker died, and when a block is given up."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from survey.engine.receipt import BlockState, Receipt
from survey.engine.store import JobStore
from survey.engine.task import BlockTask

MAX_ATTEMPTS = 3
"""A block whose worker died this often is not searched."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A task and how many workers it has outlived."""

    task: BlockTask
    deaths: int = 0


class Attempts:
    """The tasks that are still to be handed out."""

    def __init__(self, tasks: Iterable[BlockTask], store: JobStore) -> None:
        self._fresh = iter(tasks)
        self._again: deque[Attempt] = deque()
        self._store = store

    def take(self) -> Attempt | None:
        """Return the next task to run, or None when there is none for now."""
        if self._again:
            return self._again.popleft()
        task = next(self._fresh, None)
        return None if task is None else Attempt(task)

    def died(self, attempt: Attempt, *, delivered: Iterable[str], cause: str) -> list[Receipt]:
        """Deal with a task whose worker died.

        What it had committed counts. The rest comes again block by block, so that a block which kills
        its worker takes no other with it; after `MAX_ATTEMPTS` it is given up.

        Args:
            attempt: The task as handed out.
            delivered: Keys of the receipts that had come before.
            cause: What is known of the death.

        Returns:
            Receipts that were committed but never came, and those of blocks given up.
        """
        rest = attempt.task.only(set(attempt.task.keys) - set(delivered))
        if rest is None:
            return []
        receipts = list(self._store.check(rest.keys).done.values())
        rest = rest.only(set(rest.keys) - {receipt.key for receipt in receipts})
        deaths = attempt.deaths + 1
        for task in rest.split() if rest else []:
            if deaths < MAX_ATTEMPTS:
                self._again.append(Attempt(task, deaths))
            else:
                receipts.append(self._give_up(task, cause=cause))
        return receipts

    def _give_up(self, task: BlockTask, *, cause: str) -> Receipt:
        """Record that a block was not searched."""
        reason = f"{task.path} block {task.blocks[0]}: its worker died {MAX_ATTEMPTS} times, last by {cause}"
        return self._store.commit(Receipt(task.keys[0], task.image_id, task.blocks[0], BlockState.NOT_SEARCHED, reason))
