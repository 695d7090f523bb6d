"""Rendered ordnance and ground disturbance, and whole simulated flights with known truth."""

from survey.simulate.disturb import Disturbance, disturb, work_in
from survey.simulate.flight import CRS, ORIGIN, SimulatedFlight, simulate_flight
from survey.simulate.items import ITEMS, ItemSpec
from survey.simulate.scene import PlacedItem, drawn_hidden
from survey.simulate.sprites import Sprite, occlude, paste, render_item
from survey.simulate.sun import Sun
from survey.simulate.terrain import Terrain
from survey.simulate.truth import TrueDisturbances, TrueItems

__all__ = [
    "CRS",
    "ITEMS",
    "ORIGIN",
    "Disturbance",
    "ItemSpec",
    "PlacedItem",
    "SimulatedFlight",
    "Sprite",
    "Sun",
    "Terrain",
    "TrueDisturbances",
    "TrueItems",
    "disturb",
    "drawn_hidden",
    "occlude",
    "paste",
    "render_item",
    "simulate_flight",
    "work_in",
]
