"""Why a hectare has the risk that it has: prior, search, sightings and posterior, in words and numbers."""

from survey.explain.cell import explain_cell

__all__ = ["explain_cell"]
