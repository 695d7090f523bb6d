"""Rendered ordnance and ground disturbance, and whole simulated flights with known truth."""

from survey.simulate.items import ITEMS, ItemSpec
from survey.simulate.sprites import Sprite, occlude, paste, render_item
from survey.simulate.sun import Sun

__all__ = [
    "ITEMS",
    "ItemSpec",
    "Sprite",
    "Sun",
    "occlude",
    "paste",
    "render_item",
]
