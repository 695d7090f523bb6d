"""This site's recall and false alarms, from tiles drawn by chance and looked at as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from survey.review.decision import Kind
from survey.review.standing import Standing
from survey.review.store import Draw
from survey.review.tiles import tile_at

_DRAWS = 5_000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float | None
    """None where nothing was counted."""
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class StratumCount:
    """What was counted on the reviewed tiles of one stratum."""

    stratum: str
    population: int
    """Tiles of the stratum."""
    reviewed: int
    """Tiles drawn by chance, looked at as a whole, with a verdict on every sighting in them."""
    found: int
    """Items of the run that are items."""
    false_alarms: int
    """Items of the run that are none."""
    missed: int
    """Items that only the reviewers saw."""
    unknown: int
    """Items of the run on which reviewers are unsure or differ."""
    not_judged: int
    """Drawn tiles that a reviewer could not judge: a gap in the figures, for they may hide more than others."""

    @property
    def weight(self) -> float:
        """Tiles of the stratum that each reviewed one stands for."""
        return self.population / self.reviewed if self.reviewed else float("inf")


@dataclass(frozen=True, slots=True)
class SiteCounts:
    """Counts by stratum and what they come to for the site."""

    strata: tuple[StratumCount, ...]
    searched_ha: float
    recall: Estimate
    """Share of the items that reviewers can see in the imagery that the run found. What nobody sees is not in it."""
    recall_beta: tuple[float, float] | None
    """Beta distribution with the mean and variance of recall: as if so many items had been found and missed."""
    false_alarms_per_ha: Estimate
    false_alarms: int
    """Counted on `false_alarms_ha`."""
    false_alarms_ha: float
    """Searched ground that the counted false alarms stand for: unsighted tiles have none without being looked at."""


def site_counts(
    things: Mapping[str, Standing],
    items: Mapping[str, str],
    draws: Sequence[Draw],
    *,
    searched_ha: float,
) -> SiteCounts:
    """Count found, missed and false items on the drawn tiles that were reviewed.

    Only tiles drawn by chance count: what reviewers turn to by themselves is no sample. Each stratum is weighted by
    its share of tiles. Counts are taken as Poisson with Jeffreys' priors, and the interval of recall is that of the
    ratio of their sums.

    Args:
        things: What stands, by subject (`standing`).
        items: Subject of each item of the run, and the tile that it lies in.
        draws: Of one run and one edge of tiles.
        searched_ha: Searched ground of the run.
    """
    by_tile: dict[str, list[str]] = {}
    drawn_tiles = {tile for draw in draws for tile in draw.tiles}
    for subject, tile in items.items():
        if tile in drawn_tiles:
            by_tile.setdefault(tile, []).append(subject)
    edge_m = draws[0].edge_m if draws else 0.0
    drawn_items: dict[str, int] = {}
    for thing in things.values():
        if thing.kind is Kind.MISSED and thing.verdict > 0 and draws:
            place = thing.last.opinion.place
            tile = tile_at(place.x, place.y, edge_m=edge_m)
            drawn_items[tile] = drawn_items.get(tile, 0) + 1
    names = dict.fromkeys(d.stratum for d in draws)
    strata = tuple(
        _count(name, [d for d in draws if d.stratum == name], things, by_tile, drawn_items) for name in names
    )
    return _site(strata, searched_ha)


def _count(
    name: str,
    draws: Sequence[Draw],
    things: Mapping[str, Standing],
    by_tile: Mapping[str, Sequence[str]],
    drawn_items: Mapping[str, int],
) -> StratumCount:
    found = false_alarms = missed = unknown = reviewed = not_judged = 0
    for tile in dict.fromkeys(tile for draw in draws for tile in draw.tiles):
        looked = things.get(tile)
        if looked is None:
            continue
        inside = by_tile.get(tile, ())
        if not looked.verdict or any(subject not in things for subject in inside):
            not_judged += not looked.verdict
            continue
        reviewed += 1
        verdicts = [things[subject].verdict for subject in inside]
        found += verdicts.count(1)
        false_alarms += verdicts.count(-1)
        unknown += verdicts.count(0)
        missed += drawn_items.get(tile, 0)
    return StratumCount(
        name, draws[0].population, reviewed, found, false_alarms, missed, unknown, not_judged=not_judged
    )


def _site(strata: tuple[StratumCount, ...], searched_ha: float) -> SiteCounts:
    recall, beta = _recall(strata)
    sighted = [s for s in strata if s.stratum == "sighted" and s.reviewed]
    alarms = sum(s.false_alarms for s in sighted)
    # Tiles without a sighting hold no false alarm, so a share of the sighted ones stands for that share of all ground.
    area = searched_ha * sum(s.reviewed / s.population for s in sighted)
    rate = Estimate(None, 0.0, float("inf"))
    if area:
        low = float(stats.chi2.ppf(0.025, 2 * alarms) / 2 / area) if alarms else 0.0
        rate = Estimate(alarms / area, low, float(stats.chi2.ppf(0.975, 2 * alarms + 2) / 2 / area))
    return SiteCounts(strata, searched_ha, recall, beta, rate, alarms, area)


def _recall(strata: Sequence[StratumCount]) -> tuple[Estimate, tuple[float, float] | None]:
    """Return recall, and the Beta distribution like it."""
    populated = [s for s in strata if s.population]
    if not populated or any(not s.reviewed for s in populated):
        return Estimate(None, 0.0, 1.0), None
    found = sum(s.weight * s.found for s in populated)
    missed = sum(s.weight * s.missed for s in populated)
    rng = np.random.default_rng(0)
    hits, misses = np.zeros(_DRAWS), np.zeros(_DRAWS)
    for s in populated:
        if s.stratum == "sighted":  # elsewhere nothing can have been found
            hits += s.weight * rng.gamma(s.found + 0.5, size=_DRAWS)
        misses += s.weight * rng.gamma(s.missed + 0.5, size=_DRAWS)
    drawn = hits / (hits + misses)
    low, high = (float(v) for v in np.quantile(drawn, [0.025, 0.975]))
    mean, variance = float(drawn.mean()), float(drawn.var())
    size = max(mean * (1 - mean) / variance - 1, 0.0) if variance else 0.0
    value = found / (found + missed) if found + missed else None
    return Estimate(value, low, high), (mean * size, (1 - mean) * size)
