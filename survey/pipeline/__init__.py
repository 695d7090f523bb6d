"""The one place that puts the stages together."""

from survey.pipeline.plan import Plan, plan_run
from survey.pipeline.run import RunResult, run

__all__ = ["Plan", "RunResult", "plan_run", "run"]
