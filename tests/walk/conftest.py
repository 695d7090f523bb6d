"""The finished run that these tests look at."""

from tests.finished import config, finished, model

__all__ = ["config", "finished", "model"]
