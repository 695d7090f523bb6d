"""Is the risk right about its own uncertainty? Simulated ground with known truth, inferred and scored.

Worlds are point processes without a detector, many hectares of them (`run.py`, `world.py`, `work.py`, `compare.py`).
Flights are pictures through the real one, a few hectares (`flight_run.py`, `flights.py`, `believed.py`, and so on).
"""

from survey.worlds.flight_run import calibrate_flights
from survey.worlds.flights import FlightSettings, fly
from survey.worlds.flown import Flown
from survey.worlds.run import calibrate_risk
from survey.worlds.work import WORK_WORLDS, WorkWorld
from survey.worlds.world import WORLDS, Campaigns, World, simulate

__all__ = [
    "WORK_WORLDS",
    "WORLDS",
    "Campaigns",
    "FlightSettings",
    "Flown",
    "WorkWorld",
    "World",
    "calibrate_flights",
    "calibrate_risk",
    "fly",
    "simulate",
]
