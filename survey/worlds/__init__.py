"""Is the risk right about its own uncertainty? Simulated campaigns with known truth, inferred and scored."""

from survey.worlds.flight_run import calibrate_flights
from survey.worlds.flights import FlightSettings, Flown, fly
from survey.worlds.run import calibrate_risk
from survey.worlds.world import WORLDS, Campaigns, World, simulate

__all__ = [
    "WORLDS",
    "Campaigns",
    "FlightSettings",
    "Flown",
    "World",
    "calibrate_flights",
    "calibrate_risk",
    "fly",
    "simulate",
]
