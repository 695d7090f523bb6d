"""Is the risk right about its own uncertainty? Simulated campaigns with known truth, inferred and scored."""

from survey.worlds.run import calibrate_risk
from survey.worlds.work import WORK_WORLDS, WorkWorld
from survey.worlds.world import WORLDS, Campaigns, World, simulate

__all__ = ["WORK_WORLDS", "WORLDS", "Campaigns", "WorkWorld", "World", "calibrate_risk", "simulate"]
