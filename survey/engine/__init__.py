"""Where blocks run, and what is known of them on disk."""

from survey.engine.choice import make_engine
from survey.engine.folder import OpenRun, RunPlan, open_run, read_run
from survey.engine.identity import RunIdentity
from survey.engine.inprocess import InProcessEngine
from survey.engine.keys import block_key, canonical_json, digest
from survey.engine.pool import LocalPoolEngine
from survey.engine.ray import RayEngine
from survey.engine.receipt import BlockState, Receipt
from survey.engine.shard import Shard
from survey.engine.store import JobStore, StoreCheck
from survey.engine.task import BlockTask, Engine, Work, contiguous_runs
from survey.engine.timing import Session, record_session

__all__ = [
    "BlockState",
    "BlockTask",
    "Engine",
    "InProcessEngine",
    "JobStore",
    "LocalPoolEngine",
    "OpenRun",
    "RayEngine",
    "Receipt",
    "RunIdentity",
    "RunPlan",
    "Session",
    "Shard",
    "StoreCheck",
    "Work",
    "block_key",
    "canonical_json",
    "contiguous_runs",
    "digest",
    "make_engine",
    "open_run",
    "read_run",
    "record_session",
]
