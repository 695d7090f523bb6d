"""How many rows there are, and how surely each is more than chance."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from survey.errors import InputError
from survey.patterns.ground import SearchedGround
from survey.patterns.rows import PARAMETERS, Row, memberships, refine
from survey.patterns.seeds import best_row
from survey.patterns.settings import PatternSettings
from survey.patterns.spacing import Spacing, estimate_spacing

Array = NDArray[np.float64]

MOST_ITEMS = 5000
MOST_ROWS = 100


@dataclass(frozen=True, slots=True, eq=False)
class FoundRow:
    """A row with what speaks for it."""

    row: Row
    members: NDArray[np.intp]
    """Items that more likely than not belong to it, in their order along it."""
    gain: float
    """Log likelihood over clutter alone when it was found, nats."""
    p_value: float
    """Share of sites of the same items without rows whose best row gains as much: corrected for the whole search."""
    spacing: Spacing | None
    """None where the members do not lie regularly."""


def find_rows(points: Array, ground: SearchedGround, *, settings: PatternSettings) -> tuple[FoundRow, ...]:
    """Return the rows that items lie in, surest first.

    The best row is taken, its members are put aside, and so on, as long as the row lowers BIC and its p-value is at
    most `level`; then all rows are fitted together. The p-value is the greater of two: against items strewn evenly
    over the searched ground, and against items moved by up to `jitter_m`, for items that are crowded are no row. Each
    null is the best row of a whole site with all items, so the chance of any false row is at most `level`.

    Args:
        points: (N, 2) items in metres, each item once.
        ground: Where they were searched for.
        settings: What counts as a row.

    Raises:
        InputError: There are too many items to look at all lines.
    """
    if len(points) > MOST_ITEMS:
        msg = f"{len(points)} items are more than the {MOST_ITEMS} that rows are sought in; take the likelier ones only"
        raise InputError(msg)
    nulls: Array | None = None
    rows: list[Row] = []
    facts: list[tuple[float, float]] = []
    left = np.arange(len(points))
    while len(rows) < MOST_ROWS:
        found = best_row(points[left], ground.area_m2, settings=settings)
        if found is None or 2 * found[1] <= PARAMETERS * np.log(len(points)):
            break
        row, gain = found
        nulls = _nulls(points, ground, settings) if nulls is None else nulls
        p_value = float(((nulls >= gain).sum(axis=1).max() + 1) / (settings.simulations + 1))
        if p_value > settings.level:
            break
        own = memberships(points[left], [row], ground.area_m2)[:, 0] > 0.5
        rows.append(_of_all(row, len(left), len(points)))
        facts.append((gain, p_value))
        left = left[~own]
    return _together(points, rows, facts, ground=ground, settings=settings)


def _nulls(points: Array, ground: SearchedGround, settings: PatternSettings) -> Array:
    """Return (2, simulations) gains of the best row where there is none."""
    out = np.zeros((2, settings.simulations))
    for n in range(settings.simulations):
        rng = np.random.default_rng([settings.seed, n])
        sites = (ground.strew(len(points), rng), ground.jitter(points, settings.jitter_m, rng))
        for kind, site in enumerate(sites):
            found = best_row(site, ground.area_m2, settings=settings)
            out[kind, n] = found[1] if found is not None else 0.0
    return out


def _of_all(row: Row, of: int, count: int) -> Row:
    """Return a row with its share among all items rather than those that were left."""
    return Row(row.x, row.y, row.angle, row.start, row.end, row.sigma_m, row.share * of / count)


def _together(
    points: Array,
    rows: list[Row],
    facts: list[tuple[float, float]],
    *,
    ground: SearchedGround,
    settings: PatternSettings,
) -> tuple[FoundRow, ...]:
    """Fit all rows together; where one is lost on the way, keep them as they were found."""
    joint = refine(points, rows, ground.area_m2, settings=settings) if rows else ()
    final = list(joint) if len(joint) == len(rows) else rows
    chance = memberships(points, final, ground.area_m2)
    found = []
    for n, (row, (gain, p_value)) in enumerate(zip(final, facts, strict=True)):
        own = np.flatnonzero(chance[:, n] > 0.5)
        along = row.along_across(points[own])[0]
        order = np.argsort(along, kind="stable")
        spacing = estimate_spacing(along[order], seed=settings.seed)
        found.append(FoundRow(row, own[order], gain, p_value, spacing))
    return tuple(found)
