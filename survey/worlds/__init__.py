"""Is the risk right about its own uncertainty? Simulated campaigns with known truth, inferred and scored."""

from survey.worlds.run import calibrate_risk
from survey.worlds.world import WORLDS, Campaigns, World, simulate

__all__ = ["WORLDS", "Campaigns", "World", "calibrate_risk", "simulate"]
