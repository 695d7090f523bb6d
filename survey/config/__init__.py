"""One flat, typed, versioned YAML per kind of run."""

from survey.config.base import Config, Expect
from survey.config.loading import load_config
from survey.config.nested import read_nested
from survey.config.run import RunConfig

__all__ = ["Config", "Expect", "RunConfig", "load_config", "read_nested"]
