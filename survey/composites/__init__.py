"""Composites: crops of ground with items, clutter and disturbance laid on them, as a camera would record them."""

from survey.composites.compose import Composer, Recipe, Sample, Spot

__all__ = ["Composer", "Recipe", "Sample", "Spot"]
