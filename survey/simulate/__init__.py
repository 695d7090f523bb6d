"""Rendered ordnance and ground disturbance, and whole simulated flights with known truth."""

from survey.simulate.disturb import Disturbance, disturb, work_in
from survey.simulate.items import ITEMS, ItemSpec
from survey.simulate.sprites import Sprite, occlude, paste, render_item
from survey.simulate.sun import Sun

__all__ = [
    "ITEMS",
    "Disturbance",
    "ItemSpec",
    "Sprite",
    "Sun",
    "disturb",
    "occlude",
    "paste",
    "render_item",
    "work_in",
]
