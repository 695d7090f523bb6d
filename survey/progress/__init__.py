"""How a run tells what it does: bars on a terminal, log lines elsewhere, JSON events for machines."""

from survey.progress.base import Progress, SilentProgress
from survey.progress.choice import choose_progress
from survey.progress.events import JsonProgress
from survey.progress.people import LogProgress, TerminalProgress
from survey.progress.words import closing_lines, hectares, time_left

__all__ = [
    "JsonProgress",
    "LogProgress",
    "Progress",
    "SilentProgress",
    "TerminalProgress",
    "choose_progress",
    "closing_lines",
    "hectares",
    "time_left",
]
