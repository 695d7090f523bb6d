"""The progress that fits who is listening."""

import sys

from survey.progress.base import Progress
from survey.progress.events import JsonProgress
from survey.progress.people import LogProgress, TerminalProgress


def choose_progress(*, json_events: bool = False) -> Progress:
    """Return JSON events if asked for, bars if standard error is a terminal, log lines otherwise."""
    if json_events:
        return JsonProgress()
    return TerminalProgress() if sys.stderr.isatty() else LogProgress()
