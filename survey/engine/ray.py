"""A Ray cluster as engine, for what outgrows one machine. Needs the extra `[cluster]`.

All machines see the run folder, the images and the model under the same paths. Ray listens on every
network interface of its machines: keep its ports behind a firewall.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from survey.engine.attempts import Attempt, Attempts
from survey.engine.receipt import Receipt
from survey.engine.store import JobStore
from survey.engine.task import BlockTask, Work
from survey.errors import EngineError


class _Searcher:
    """The actor: holds the work, and with it whatever the work keeps, such as a loaded model."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def search(self, task: BlockTask) -> list[Receipt]:
        return list(self._work(task))


@dataclass(slots=True)
class RayEngine:
    """Runs tasks in `workers` Ray actors that restart when they die.

    Joins the cluster that `RAY_ADDRESS` names, or starts one on this machine.
    """

    work: Work
    store: JobStore
    workers: int = 1
    num_gpus: float = 0.0
    """GPUs of each actor; Ray sets its CUDA_VISIBLE_DEVICES."""

    def submit(self, tasks: Iterable[BlockTask]) -> Iterator[Receipt]:
        """Run the tasks and give one receipt for each of their blocks, in the order of completion.

        Raises:
            EngineError: Ray is not installed.
            Exception: Whatever the work raised; it is not tried again.
        """
        ray = _connected()
        # Ray's own defaults are no restart and at most one try.
        options = {"max_restarts": -1, "max_task_retries": 3, "num_cpus": 1, "num_gpus": self.num_gpus}
        actor_class = ray.remote(_Searcher).options(**options)
        idle = [actor_class.remote(self.work) for _ in range(self.workers)]
        attempts, running = Attempts(tasks, self.store), dict[Any, tuple[Attempt, Any]]()
        try:
            while True:
                while idle and (attempt := attempts.take()):
                    actor = idle.pop()
                    running[actor.search.remote(attempt.task)] = (attempt, actor)
                if not running:
                    return
                for reference in ray.wait(list(running))[0]:
                    attempt, actor = running.pop(reference)
                    idle.append(actor)
                    yield from _outcome(ray, reference, attempt=attempt, attempts=attempts)
        finally:
            for actor in [*idle, *(actor for _, actor in running.values())]:
                ray.kill(actor)


def _outcome(ray: ModuleType, reference: Any, *, attempt: Attempt, attempts: Attempts) -> list[Receipt]:
    """Return a task's receipts, or what can be said of it if its actor died for good."""
    try:
        receipts: list[Receipt] = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error  # Ray's own words are a traceback
    except ray.exceptions.RayActorError as error:
        cause = f"{type(error).__name__} after Ray's own retries"
        return attempts.died(attempt, delivered=(), cause=cause)
    return receipts


def _connected() -> ModuleType:
    """Return the ray module, connected; nothing is sent outside."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        msg = "engine ray: Ray is not installed; run: pip install 'survey[cluster]'"
        raise EngineError(msg) from error
    if not ray.is_initialized():
        here = {} if os.environ.get("RAY_ADDRESS") else {"include_dashboard": False}
        ray.init(log_to_driver=False, **here)
    module: ModuleType = ray
    return module
