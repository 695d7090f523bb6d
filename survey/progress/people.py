"""Progress for people: bars on a terminal, log lines elsewhere."""

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

from survey.progress.base import SilentProgress
from survey.progress.words import closing_lines, hectares, time_left

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress

LOG_INTERVAL_S = 10.0
"""Log lines about blocks come at most this often."""


class LogProgress(SilentProgress):
    """Plain lines, for files and schedulers."""

    def __init__(self, stream: TextIO | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream or sys.stderr
        self._clock = clock
        self._began = self._told = clock()
        self._blocks = self._finished = 0
        self._area_ha = self._searched_ha = 0.0

    def start(self, *, run_id: str, images: int, blocks: int, finished: int, area_ha: float) -> None:
        """Write the size of the run."""
        self._began = self._told = self._clock()
        self._blocks, self._finished, self._area_ha = blocks, finished, area_ha
        before = f", {finished} searched before" if finished else ""
        self._line(f"run {run_id}: {images} images, {blocks} blocks{before}, {hectares(area_ha)} to search")

    def block(self, *, image: str, block: int, area_ha: float, detections: int) -> None:  # noqa: ARG002 - protocol
        """Write how far the run is, at most every ten seconds and at the last block."""
        self._finished += 1
        self._searched_ha += area_ha
        now = self._clock()
        if now - self._told < LOG_INTERVAL_S and self._finished < self._blocks:
            return
        self._told = now
        pace = self._searched_ha / max(now - self._began, 1e-9)
        left = time_left(self._area_ha - self._searched_ha, pace)
        self._line(
            f"{self._finished}/{self._blocks} blocks, {hectares(self._searched_ha)} of {hectares(self._area_ha)}, "
            f"{pace * 3600:.1f} ha/h, {left} left"
        )

    def unread(self, *, image: str, block: int, reason: str) -> None:
        """Write which block was not searched."""
        self._finished += 1
        self._line(f"not searched: {image} block {block}: {reason}")

    def phase(self, text: str) -> None:
        """Write what is done next."""
        self._line(text)

    def product(self, path: Path) -> None:
        """Write the product's path."""
        self._line(f"wrote {path}")

    def warning(self, message: str) -> None:
        """Write the warning."""
        self._line(f"warning: {message}")

    def done(self, summary: Mapping[str, object]) -> None:
        """Write what was searched and seen, and what was not."""
        for line in closing_lines(summary):
            self._line(line)

    def _line(self, text: str) -> None:
        self._stream.write(f"survey: {text}\n")
        self._stream.flush()


class TerminalProgress(SilentProgress):
    """A bar on the terminal: blocks, ha, ha/h, time left; messages above it."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - only a terminal pays for it
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

        self._bars: RichProgress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f} blocks  {task.fields[pace]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._task = self._bars.add_task("searching", total=0, pace="", visible=False)
        self._began = time.monotonic()
        self._area_ha = self._searched_ha = 0.0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

    def start(self, *, run_id: str, images: int, blocks: int, finished: int, area_ha: float) -> None:
        """Show the bar."""
        self._began, self._area_ha = time.monotonic(), area_ha
        self._print(f"run {run_id}: {images} images, {hectares(area_ha)} to search")
        self._bars.update(self._task, total=blocks, completed=finished, visible=True)

    def block(self, *, image: str, block: int, area_ha: float, detections: int) -> None:  # noqa: ARG002 - protocol
        """Move the bar."""
        self._searched_ha += area_ha
        pace = self._searched_ha / max(time.monotonic() - self._began, 1e-9)
        left = time_left(self._area_ha - self._searched_ha, pace)
        text = f"{hectares(self._searched_ha)} of {hectares(self._area_ha)}  {pace * 3600:.1f} ha/h  {left} left"
        self._bars.update(self._task, advance=1, pace=text)

    def unread(self, *, image: str, block: int, reason: str) -> None:
        """Move the bar and say what was not searched."""
        self._bars.update(self._task, advance=1)
        self._print(f"not searched: {image} block {block}: {reason}")

    def phase(self, text: str) -> None:
        """Say what is done next."""
        self._print(text)

    def product(self, path: Path) -> None:
        """Say what was written."""
        self._print(f"wrote {path}")

    def warning(self, message: str) -> None:
        """Say the warning."""
        self._print(f"warning: {message}")

    def done(self, summary: Mapping[str, object]) -> None:
        """Say what was searched and seen, and what was not."""
        for line in closing_lines(summary):
            self._print(line)

    def _print(self, text: str) -> None:
        self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)
