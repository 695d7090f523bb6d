"""One share of the work, for array jobs of any scheduler."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from survey.errors import ConfigError

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Shard:
    """Share `index` of `count`, counted from 0."""

    index: int
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            msg = f"--shard {self.index}/{self.count}: shares count from 0, so the last of n is n-1/n"
            raise ConfigError(msg)

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    @classmethod
    def parse(cls, text: str, *, environ: Mapping[str, str] | None = None) -> "Shard":
        """Return the share that 'i/n' names; 'auto' or 'auto/n' takes it from the scheduler's environment.

        Known are Slurm arrays, Kubernetes indexed jobs and AWS Batch arrays; Kubernetes does not tell
        the number of shares, so it needs 'auto/n'.

        Raises:
            ConfigError: The text is no share, or the environment names none.
        """
        if match := re.fullmatch(r"([0-9]+)/([0-9]+)", text):
            return cls(int(match[1]), int(match[2]))
        if match := re.fullmatch(r"auto(?:/([0-9]+))?", text):
            index, count = _scheduled(os.environ if environ is None else environ)
            count = int(match[1]) if match[1] else count
            if index is None or count is None:
                lacking = "the index" if index is None else "the number of shares"
                msg = f"--shard {text}: the environment does not tell {lacking}; give it as i/n or auto/n"
                raise ConfigError(msg)
            return cls(index, count)
        msg = f"--shard {text}: expected i/n such as 0/16, auto or auto/n"
        raise ConfigError(msg)

    def select(self, items: Sequence[Item]) -> tuple[Item, ...]:
        """Deal the items round robin and return this share's.

        Deal the whole plan, not what is left of it: then the shares never depend on what others did.
        """
        return tuple(items[self.index :: self.count])


def _scheduled(environ: Mapping[str, str]) -> tuple[int | None, int | None]:
    """Return (index, count) as far as a scheduler's variables tell them."""

    def number(name: str) -> int | None:
        text = environ.get(name, "")
        return int(text) if text.isdecimal() else None

    if (task := number("SLURM_ARRAY_TASK_ID")) is not None:
        first, step = number("SLURM_ARRAY_TASK_MIN") or 0, number("SLURM_ARRAY_TASK_STEP") or 1
        return (task - first) // step, number("SLURM_ARRAY_TASK_COUNT")
    if (index := number("JOB_COMPLETION_INDEX")) is not None:
        return index, None
    return number("AWS_BATCH_JOB_ARRAY_INDEX"), number("AWS_BATCH_JOB_ARRAY_SIZE")
