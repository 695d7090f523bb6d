"""Campaigns on point processes: truth drawn from a prior, flown, thinned by recall, with clutter added."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from survey.risk import UNIDENTIFIED, Belief, CellEvidence, PriorField
from survey.values import HECTARE_EDGE_M, ORDNANCE_GROUPS

EDGE_CELLS = 10
"""A campaign is 10 x 10 hectares."""
SHARES = np.array([0.5, 0.15, 0.15, 0.2])
"""Of the groups among the items of a world."""
DECAY_M = 400.0
"""Density falls with the distance to a line by e in as many metres."""
SCORE_SHIFT = 1.5
"""Scores are N(1.5, 1) of items and N(0, 1) of false alarms: an area under the ROC curve of 0.86."""
BELIEF = Belief(found=24.5, missed=12.5, alarms=(1.2, 1.2, 1.2, 1.2, 1.2), area_ha=6.0)
"""Recall 0.66 from 36 items, one false alarm per hectare from 6 counted: as much as a small seeded field tells."""
LABELS = Belief(found=24.5, missed=12.5, alarms=(0.1, 0.2, 0.1, 0.1, 5.5), area_ha=6.0, untold=0.8)
"""The same of a model that calls most items, and nearly all false alarms, no class in particular."""
UNEVEN = replace(LABELS, alarms=(0.02, 0.04, 0.02, 0.02, 0.6), area_ha=0.05)
"""The same, with 14 false alarms per hectare on average where grounds differ: few on most, 50 and more on some."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class World:
    """One kind of campaign, and what those who infer get wrong about it."""

    name: str
    mean_items_per_ha: float
    shape: float
    badly_covered: bool = False
    rows: bool = False
    """Items lie in rows across hectares instead of independently."""
    recall_factor: float = 1.0
    """What true recall is multiplied by, unknown to those who infer."""
    recorded: float = 1.0
    """Share of the true expected number that the prior knows of."""
    belief: Belief = BELIEF
    """What the search is drawn from and what is believed of it."""
    shapes: tuple[float, ...] | None = None
    """Gamma shape of each group, so that each has a rate of its own; None: the shape divides as the items do."""

    @property
    def as_assumed(self) -> bool:
        """Whether the world is drawn from what is assumed of it."""
        return not self.rows and self.recall_factor == 1 and self.recorded == 1


WORLDS = (
    World("sparse", 0.1, 0.3),
    World("dense", 5.0, 1.0),
    World("badly covered", 1.0, 0.5, badly_covered=True),
    World("rows", 1.0, 0.5, rows=True),
    World("recall half of what is believed", 1.0, 0.5, recall_factor=0.5),
    World("records name a quarter", 1.0, 0.5, recorded=0.25),
    World("labels that mostly tell nothing", 1.0, 0.5, belief=LABELS),
    World("false alarms differ by ground", 1.0, 0.5, belief=UNEVEN),
    World("groups of rates of their own", 1.0, 0.5, belief=LABELS, shapes=(0.02, 0.3, 0.05, 2.0)),
)


@dataclass(frozen=True, slots=True, eq=False)
class Campaigns:
    """Many campaigns of one world, one row a hectare, campaign after campaign."""

    evidence: CellEvidence
    prior: PriorField
    """What those who infer believe before the search."""
    items: NDArray[np.intp]
    """(cells, groups) true numbers."""
    campaign: NDArray[np.intp]
    """(cells,)."""
    x: Array
    """(K,) of each detection, metres in its campaign."""
    y: Array
    centre: Array
    """(cells, 2) of each hectare, metres in its campaign."""
    line_m: Array
    """(cells,) distance to the line that the density falls with."""
    item_cell: NDArray[np.intp]
    """(I,) hectare of each item."""
    item_group: NDArray[np.intp]
    item_place: Array
    """(I, 2) metres east and north of the south-west corner of its hectare."""
    item_detection: NDArray[np.intp]
    """(I,) place of its detection in `evidence`, -1 where it was not detected."""


@dataclass(frozen=True, slots=True, eq=False)
class _Ground:
    """Hectares as they were flown."""

    searched: Array
    """(cells,) share, from the west."""
    corner: Array
    """(cells, 2) south-west, metres in the campaign."""


def simulate(world: World, *, hectares: int, rng: np.random.Generator, belief: Belief | None = None) -> Campaigns:
    """Draw campaigns of at least so many hectares.

    Recall and false-alarm rates are drawn anew for every hectare from `belief`, so that hectares of a world are
    independent repetitions and a test of their ranks holds. None: the world's own.
    """
    belief = belief or world.belief
    campaigns = -(-hectares // EDGE_CELLS**2)
    cells = campaigns * EDGE_CELLS**2
    campaign = np.repeat(np.arange(campaigns), EDGE_CELLS**2)
    row, col = np.divmod(np.arange(cells) % EDGE_CELLS**2, EDGE_CELLS)
    corner = np.column_stack([col, row]) * HECTARE_EDGE_M
    centre = corner + HECTARE_EDGE_M / 2
    line = np.abs(centre[:, 0] - rng.uniform(0, EDGE_CELLS * HECTARE_EDGE_M, campaigns)[campaign])
    decay = np.exp(-line / DECAY_M)
    mean = world.mean_items_per_ha * decay / decay.mean()
    shape = world.shape * SHARES if world.shapes is None else np.array(world.shapes)
    rate = shape / (mean[:, None] * SHARES)
    searched = _searched(world, cells, rng)
    if world.rows:
        cell, group, place = _rows(world, campaigns, rng)
    else:
        items = rng.poisson(rng.gamma(np.broadcast_to(shape, rate.shape)) / rate)
        cell, group = _each(items)
        place = corner[cell] + rng.uniform(0, HECTARE_EDGE_M, (len(cell), 2))
    ground = _Ground(searched, corner)
    evidence, where, seen = _sighted(ground, (cell, group, place), belief=belief, factor=world.recall_factor, rng=rng)
    truth = np.zeros((cells, len(SHARES)), np.intp)
    np.add.at(truth, (cell, group), 1)
    prior = PriorField(np.tile(shape, (cells, 1)), rate / world.recorded)
    detection = np.where(seen, np.cumsum(seen) - 1, -1)
    inside = place - corner[cell]
    return Campaigns(
        evidence, prior, truth, campaign, where[:, 0], where[:, 1], centre, line, cell, group, inside, detection
    )


def _sighted(
    ground: _Ground,
    items: tuple[NDArray[np.intp], NDArray[np.intp], Array],
    *,
    belief: Belief,
    factor: float,
    rng: np.random.Generator,
) -> tuple[CellEvidence, Array, NDArray[np.bool_]]:
    """Return what a search says of items and false alarms, the (K, 2) place of each, and which items were seen.

    Args:
        ground: Hectares.
        items: (cell, group, place) of each.
        belief: Recall and false-alarm rates of every hectare are drawn from it.
        factor: What recall is multiplied by.
        rng: Draws all.
    """
    searched, corner = ground.searched, ground.corner
    cell, group, place = items
    cells = len(searched)
    recall = rng.beta(belief.found, belief.missed, cells) * factor
    flown = place[:, 0] - corner[cell, 0] < searched[cell] * HECTARE_EDGE_M
    seen = flown & (rng.random(len(cell)) < recall[cell])
    told = np.where(rng.random(len(cell)) < belief.untold, UNIDENTIFIED, group)
    rates = rng.gamma(belief.alarms, 1 / belief.area_ha, (cells, len(belief.alarms)))
    false_cell, false_mark = _each(rng.poisson(rates * searched[:, None]))
    strewn = rng.uniform(0, HECTARE_EDGE_M, (len(false_cell), 2))
    strewn[:, 0] *= searched[false_cell]
    score = np.concatenate([rng.normal(SCORE_SHIFT, 1, seen.sum()), rng.normal(0, 1, len(false_cell))])
    at = np.concatenate([cell[seen], false_cell])
    where = np.concatenate([place[seen], corner[false_cell] + strewn])
    evidence = CellEvidence(
        searched,
        log_ratio=SCORE_SHIFT * score - SCORE_SHIFT**2 / 2,
        cell=at,
        mark=np.concatenate([told[seen], false_mark]),
        confirmed=np.zeros(len(at), bool),
    )
    return evidence, where, seen


def _searched(world: World, cells: int, rng: np.random.Generator) -> Array:
    """Return the searched share of each hectare: some not at all, some in part, some whole."""
    kind = rng.random(cells)
    if world.badly_covered:
        return np.where(kind < 0.5, 0.0, rng.uniform(0, 0.4, cells))
    return np.where(kind < 0.2, 0.0, np.where(kind < 0.5, rng.uniform(0.3, 1, cells), 1.0))


def _each(counts: NDArray[np.integer]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the row and the column of every single one of a table of counts."""
    row, col = np.nonzero(counts)
    times = counts[row, col]
    return np.repeat(row, times), np.repeat(col, times)


def _rows(world: World, campaigns: int, rng: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp], Array]:
    """Return (cell, group, place) of items laid in rows of one group, 100-500 m long, an item every 4-8 m.

    As many as the world has items; they lie anywhere, for rows do not ask for the line.
    """
    edge_m = EDGE_CELLS * HECTARE_EDGE_M
    per_row = 300 / 6
    owner = np.repeat(np.arange(campaigns), rng.poisson(world.mean_items_per_ha * EDGE_CELLS**2 / per_row, campaigns))
    count = len(owner)
    start, angle = rng.uniform(0, edge_m, (count, 2)), rng.uniform(0, 2 * np.pi, count)
    step, group = rng.uniform(4, 8, count), rng.choice(2, count, p=[0.7, 0.3])
    number = (rng.uniform(100, 500, count) / step).astype(np.intp)
    row = np.repeat(np.arange(count), number)
    along = (np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number)) * step[row]
    place = start[row] + along[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])[row]
    place %= edge_m  # a row that leaves the campaign comes in on the other side
    col, line = (np.minimum(place // HECTARE_EDGE_M, EDGE_CELLS - 1).astype(np.intp)).T
    return owner[row] * EDGE_CELLS**2 + line * EDGE_CELLS + col, group[row], place


assert len(SHARES) == len(ORDNANCE_GROUPS)
