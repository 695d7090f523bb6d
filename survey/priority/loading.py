"""Read the settings of a plan."""

from pathlib import Path

from survey.config import read_nested
from survey.priority.config import PriorityConfig


def load_priority(path: Path) -> PriorityConfig:
    """Return the settings of a file; the files that it names are relative to it.

    Raises:
        ConfigError: The file cannot be read, a key is unknown, missing or twice, or a value does not fit.
    """
    return read_nested(PriorityConfig, path, example="configs/priority.yaml")
