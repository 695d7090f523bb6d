"""The one place that puts the stages together."""

from survey.pipeline.execute import RunResult, run
from survey.pipeline.info import ImageInfo, describe
from survey.pipeline.laying import count_laid
from survey.pipeline.plan import Plan, plan_run

__all__ = ["ImageInfo", "Plan", "RunResult", "count_laid", "describe", "plan_run", "run"]
