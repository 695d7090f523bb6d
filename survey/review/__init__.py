"""Experts' judgement of what a run found and did not find."""

from survey.review.agreement import Agreement, agreement
from survey.review.counts import Estimate, SiteCounts, StratumCount, site_counts
from survey.review.decision import Decision, Kind, Opinion, Place, Status
from survey.review.standing import Standing, standing
from survey.review.store import FILE, Draw, ReviewStore
from survey.review.tiles import draw_tiles, searched_tiles, tile_at, tile_box
from survey.review.travel import Carried, Sightings, carry_over

__all__ = [
    "FILE",
    "Agreement",
    "Carried",
    "Decision",
    "Draw",
    "Estimate",
    "Kind",
    "Opinion",
    "Place",
    "ReviewStore",
    "Sightings",
    "SiteCounts",
    "Standing",
    "Status",
    "StratumCount",
    "agreement",
    "carry_over",
    "draw_tiles",
    "searched_tiles",
    "site_counts",
    "standing",
    "tile_at",
    "tile_box",
]
