"""Run a command and tell how long it took and how much memory it used."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

SURVEY = (sys.executable, "-c", "from survey.cli import main; main()")
"""The command line of the installation that runs the benchmark."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process cost."""

    exit_code: int
    seconds: float
    cpu_seconds: float
    peak_mb: float
    """Largest resident set of the process, as the kernel counted it."""


def cost_of(command: Sequence[str]) -> Cost:
    """Run a command to its end."""
    began = time.monotonic()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    return Cost(process.returncode, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
