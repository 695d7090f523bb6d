"""Processes on this machine that may die: each has its own pipe, so it is known what died with it.

`concurrent.futures` gives up all tasks when one worker dies; here only that worker's task comes again.
"""

import multiprocessing
import pickle
import signal
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from survey.engine.attempts import Attempt, Attempts
from survey.engine.receipt import Receipt
from survey.engine.store import JobStore
from survey.engine.task import BlockTask, Work
from survey.errors import EngineError

MAX_START_FAILURES = 3
"""Workers that die in a row before they are ready: the fault lies in the installation, not in a block."""

_STOP_SECONDS = 5.0


@dataclass(slots=True, eq=False)
class _Worker:
    """A process, its pipe, and what it is at."""

    process: BaseProcess
    pipe: Connection
    ready: bool = False
    attempt: Attempt | None = None
    delivered: set[str] = field(default_factory=set)

    @property
    def cause(self) -> str:
        """How the process ended."""
        self.process.join()
        code = self.process.exitcode or 0
        return f"signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"exit status {code}"


@dataclass(slots=True)
class LocalPoolEngine:
    """Runs tasks in `workers` spawned processes and replaces those that die."""

    work: Work
    store: JobStore
    workers: int = 2

    def submit(self, tasks: Iterable[BlockTask]) -> Iterator[Receipt]:
        """Run the tasks and give one receipt for each of their blocks, in the order of completion.

        Raises:
            EngineError: Workers cannot be started.
            Exception: Whatever the work raised; it is not tried again.
        """
        pool = _Pool(pickle.dumps(self.work), Attempts(tasks, self.store), self.workers)
        try:
            yield from pool.run()
        finally:
            pool.stop()


class _Pool:
    """The processes of one `submit`."""

    def __init__(self, work: bytes, attempts: Attempts, size: int) -> None:
        self._work, self._attempts, self._size = work, attempts, size
        self._workers: list[_Worker] = []
        self._start_failures = 0

    def run(self) -> Iterator[Receipt]:
        while True:
            self._hand_out()
            busy = {worker.pipe: worker for worker in self._workers if worker.attempt}
            if not busy:
                return
            for pipe in wait(list(busy)):
                assert isinstance(pipe, Connection)
                yield from self._listen(busy[pipe])

    def stop(self) -> None:
        """End every process: those that wait leave when their pipe closes, the others are killed."""
        for worker in self._workers:
            worker.pipe.close()
            if worker.attempt:
                worker.process.terminate()
        for worker in self._workers:
            worker.process.join(_STOP_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()

    def _hand_out(self) -> None:
        """Give every free worker a task, starting workers as long as there are tasks for them."""
        idle = [worker for worker in self._workers if worker.attempt is None]
        while (idle or len(self._workers) < self._size) and (attempt := self._attempts.take()):
            worker = idle.pop() if idle else self._start()
            worker.attempt, worker.delivered = attempt, set()
            try:
                worker.pipe.send(attempt.task)
            except OSError:
                continue  # it died while idle: its pipe says so in `_listen`

    def _start(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, self._work), daemon=True)
        process.start()
        theirs.close()  # so that our end hears when the process ends
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _listen(self, worker: _Worker) -> Iterator[Receipt]:
        """Take one message of a worker, or its end."""
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            yield from self._bury(worker)
            return
        worker.ready, self._start_failures = True, 0
        match message:
            case Receipt():
                worker.delivered.add(message.key)
                yield message
            case BaseException():
                raise message
            case "done":
                worker.attempt = None

    def _bury(self, worker: _Worker) -> list[Receipt]:
        """Remove a dead worker and see to its task."""
        self._workers.remove(worker)
        worker.pipe.close()
        cause = worker.cause
        if not worker.ready:
            self._start_failures += 1
            if self._start_failures >= MAX_START_FAILURES:
                msg = (
                    f"worker processes end by {cause} before they begin; run with workers=1, "
                    "and from a script call survey.run under `if __name__ == '__main__':`"
                )
                raise EngineError(msg)
        assert worker.attempt is not None
        return self._attempts.died(worker.attempt, delivered=worker.delivered, cause=cause)


def _serve(pipe: Connection, work: bytes) -> None:
    """Run tasks from the pipe until it closes; the body of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    try:
        for message in _messages(work, _tasks(pipe)):
            pipe.send(message)
    except (BrokenPipeError, ConnectionResetError):
        return  # the parent is gone or wants no more


def _tasks(pipe: Connection) -> Iterator[BlockTask]:
    """Give tasks until the parent closes its end."""
    while True:
        try:
            yield pipe.recv()
        except (EOFError, ConnectionResetError):
            return


def _messages(work_bytes: bytes, tasks: Iterable[BlockTask]) -> Iterator[Receipt | Exception | str]:
    """Give what the parent shall hear: 'ready', receipts, 'done' after each task, or one error."""
    try:
        work: Work = pickle.loads(work_bytes)  # noqa: S301 - written by the parent process
        yield "ready"
        for task in tasks:
            yield from work(task)
            yield "done"
    except Exception as error:  # noqa: BLE001 - the parent raises it
        yield _portable(error)


def _portable(error: Exception) -> Exception:
    """Return the error with its traceback as a note, or a stand-in if it cannot cross a process border."""
    text = "".join(traceback.format_exception(error))
    error.add_note(f"in a worker process:\n{text}")
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - made in this line
    except Exception:  # noqa: BLE001 - whatever an exception's own pickling does
        return RuntimeError(text)
    return error
