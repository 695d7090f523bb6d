"""A round of risk computed with the decisions so far, beside the page; one at a time."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from survey.errors import SurveyError
from survey.export import read_layer
from survey.page.vectors import ShapeLayer
from survey.rounds import RoundResult, compute_round
from survey.rounds.current import Current, current_of

HECTARES = ("cell", "p_at_least_one", "p_unseen", "expected_items", "q05", "q95", "searched_fraction")
REMAINING = ("p_remaining", "remaining_items", "remaining_q05", "remaining_q95", "worked_fraction")
"""What the page shows of a hectare; a run's own lacks what remains after work."""


class State(StrEnum):
    """Of the computation."""

    IDLE = "idle"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Told:
    """What the page is told of it."""

    state: State = State.IDLE
    shown: str | None = None
    """Name of the round whose hectares the page shows; None: the run's own."""
    written: bool = False
    """False: the latest round had the same inputs."""
    summary: dict[str, Any] | None = None
    """Remaining items, their change and hectares changed, notes."""
    error: str = ""


@dataclass(eq=False)
class Recomputing:
    """The same computation as `survey risk RUN`, in a thread of its own."""

    run: Path
    hectares: ShapeLayer
    """Of the latest round, else of the run."""
    told: Told
    compute: Callable[[Path], RoundResult] = compute_round
    _thread: threading.Thread | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(cls, run: Path, *, crs: str) -> "Recomputing":
        """Return it with the hectares of the run's latest round, or of the run.

        Raises:
            InputError: A round is damaged.
        """
        current = current_of(run)
        return cls(run, hectares_of(current, crs), Told(shown=current.name))

    def start(self, *, crs: str) -> Told:
        """Start, unless it is running already."""
        with self._lock:
            if self.told.state is not State.RUNNING:
                self.told = replace(self.told, state=State.RUNNING, error="")
                self._thread = threading.Thread(target=self._work, args=(crs,), daemon=True, name="round-of-risk")
                self._thread.start()
            return self.told

    def wait(self) -> None:
        """Return when nothing is being computed."""
        if self._thread is not None:
            self._thread.join()

    def _work(self, crs: str) -> None:
        after = replace(self.told, state=State.FAILED, error="the computation broke off; the terminal says why")
        try:
            result = self.compute(self.run)
            self.hectares = hectares_of(current_of(self.run), crs)
            after = Told(State.DONE, result.folder.name, result.written, _summary(result.summary))
        except SurveyError as error:
            after = replace(after, error=str(error))
        finally:
            self.told = after


def hectares_of(current: Current, crs: str) -> ShapeLayer:
    """Return the hectares of a run or a round, weighted by the risk that is there now.

    Raises:
        InputError: They cannot be read.
    """
    hectares = read_layer(current.layers, "hectares").to_crs(crs)
    return ShapeLayer.of(hectares, columns=(*HECTARES, *REMAINING), weight=current.band("p_at_least_one"))


def _summary(summary: dict[str, Any]) -> dict[str, Any]:
    change = summary["change"]
    return {
        "remaining_items": float(summary["remaining_items"]),
        "change": float(change["remaining_items"]),
        "hectares_changed": int(change["hectares"]),
        "hectares": int(summary["hectares"]),
        "notes": list(summary["notes"]),
    }
