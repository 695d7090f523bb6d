"""The default engine: this process, one task after the other."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from survey.engine.receipt import Receipt
from survey.engine.task import BlockTask, Work


@dataclass(frozen=True, slots=True)
class InProcessEngine:
    """Runs tasks where it is called."""

    work: Work

    def submit(self, tasks: Iterable[BlockTask]) -> Iterator[Receipt]:
        """Run the tasks in their order and give one receipt for each of their blocks."""
        for task in tasks:
            yield from self.work(task)
