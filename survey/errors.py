"""Errors that a user can act on: each says what happened, where, and what to do about it."""

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


class TrainingError(SurveyError, RuntimeError):
    """Training cannot go on (non-finite loss, out of memory, unusable data list)."""


class EngineError(SurveyError, RuntimeError):
    """The processes that should search cannot be started."""
