"""Pick the engine that a configuration names."""

from typing import Literal

from survey.engine.inprocess import InProcessEngine
from survey.engine.pool import LocalPoolEngine
from survey.engine.ray import RayEngine
from survey.engine.store import JobStore
from survey.engine.task import Engine, Work


def make_engine(work: Work, store: JobStore, *, kind: Literal["local", "ray"] = "local", workers: int = 1) -> Engine:
    """Return the engine: this process for one local worker, a pool for more, or a Ray cluster."""
    if kind == "ray":
        return RayEngine(work, store, workers=workers)
    return InProcessEngine(work) if workers == 1 else LocalPoolEngine(work, store, workers=workers)
