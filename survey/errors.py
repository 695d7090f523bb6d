"""Errors that a user can act on: each says what happened, where, and what to do about it."""

import errno
from typing import ClassVar


class SurveyError(Exception):
    """Root of every error that `survey` raises on purpose.

    The message is one line: what, where (file, window, key) and the remedy.
    """

    exit_code: ClassVar[int] = 2


class InputError(SurveyError, ValueError):
    """An input file cannot be used as it is."""


class GeoreferenceError(InputError):
    """An image has no usable place on the ground (no CRS, no geotransform)."""


class ConfigError(SurveyError, ValueError):
    """A configuration file or a `--set` has a key or a value that does not fit."""


class ModelError(SurveyError, ValueError):
    """A model folder is incomplete, damaged, or unknown."""


class ResumeError(SurveyError, RuntimeError):
    """An output folder holds a run with other inputs, another model or other parameters."""


class OutputError(SurveyError, RuntimeError):
    """Results cannot be written where they should go."""


class TrainingError(SurveyError, RuntimeError):
    """Training cannot go on (non-finite loss, out of memory, unusable data list)."""


class EngineError(SurveyError, RuntimeError):
    """The processes that should search cannot be started."""


_REMEDIES = {
    errno.ENOENT: "check the path",
    errno.ENOTDIR: "check the path: a part of it is a file",
    errno.EISDIR: "name a file, not a folder",
    errno.EACCES: "name a place that you may read and write, or change its permissions",
    errno.EPERM: "name a place that you may read and write, or change its permissions",
    errno.EROFS: "name a place that can be written to",
    errno.ENOSPC: "make room and run the same command again: it goes on",
    errno.EDQUOT: "make room and run the same command again: it goes on",
    errno.EMFILE: "allow more open files (ulimit -n) or use fewer workers",
    errno.ENAMETOOLONG: "use a shorter name",
}


def explain(error: OSError) -> str:
    """Return one line on an error of the operating system: where, what, and what to do about it."""
    where = f"{error.filename}: " if error.filename is not None else ""
    what = error.strerror or str(error) or type(error).__name__
    return f"{where}{what}; {remedy(error)}"


def remedy(error: OSError) -> str:
    """Return what to do about an error of the operating system."""
    return _REMEDIES.get(error.errno or 0, "check the disk and the path, and run the same command again")
