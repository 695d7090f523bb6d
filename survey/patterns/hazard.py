"""What may have been left behind along a row and beyond its ends."""

from dataclasses import dataclass

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from scipy.special import xlog1py, xlogy

from survey.errors import InputError
from survey.patterns.find import FoundRow
from survey.patterns.ground import SearchedGround
from survey.patterns.spacing import LEAST_M

Array = NDArray[np.float64]

DRAWS, KEPT = 4000, 400
STEP_M = 0.5
"""Between places of a row without a regular spacing."""
LEAST_REACH_M = 20.0
CELL_M = 5
"""Edge of a raster cell; divides a hectare's edge, so that cells of all runs share their edges."""
LEAST_PER_HA = 1e-3
"""Expected items per hectare below which a row tells nothing of a cell."""


@dataclass(frozen=True, slots=True)
class Recall:
    """Share of items that a search finds, with its 95 % interval."""

    value: float
    low: float
    high: float

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """Return draws from the Beta distribution of this mean and of the interval's width."""
        mean = float(np.clip(self.value, 0.005, 0.995))
        widest = 0.5 * mean * (1 - mean)
        variance = float(np.clip(((self.high - self.low) / 3.92) ** 2, 1e-8, widest))
        weight = mean * (1 - mean) / variance - 1
        return np.asarray(np.clip(rng.beta(mean * weight, (1 - mean) * weight, count), 1e-3, 1 - 1e-3), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Hazard:
    """P places of a row where an unseen item may lie. Arrays of shape (P,)."""

    along: Array
    """Metres along the row's direction."""
    x: Array
    y: Array
    sigma_m: Array
    """Error of the place, one sigma: the width of the row, and beyond its ends the error of its direction."""
    searched: NDArray[np.bool_]
    beyond: NDArray[np.bool_]
    """Whether the place lies beyond the first or last member."""
    expected: Array
    """Expected unseen items at the place."""
    low: Array
    """5 % and 95 % of it, as the row's density and recall are uncertain."""
    high: Array


def hazard_along(found: FoundRow, points: Array, ground: SearchedGround, *, recall: Recall, seed: int = 0) -> Hazard:
    """Return where unseen items of a row may lie, within it and as far beyond either end as it is long.

    With a regular spacing, places are its vacant teeth, each of which held an item with the same unknown chance q;
    else every half metre. Members seen among the places tell of q × recall. A row of length L goes on beyond an end by
    u with chance L / (L + u) before one looks there (the density of lengths falls with their square: an assumption,
    for nothing is known of how long rows are); searched places there without a sighting speak against it, unsearched
    ones do not.

    Args:
        found: The row.
        points: (N, 2) items that it was found among.
        ground: What was searched.
        recall: Of the search.
        seed: Of the draws.
    """
    row, rng = found.row, np.random.default_rng([seed, len(found.members)])
    occupied, recalls = _draws(found, recall, rng)
    reach = max(row.length_m, LEAST_REACH_M)
    step = found.spacing.metres if found.spacing is not None else STEP_M
    first = (row.start + (found.spacing.phase_m - row.start) % step) if found.spacing is not None else row.start
    numbers = np.arange(-int(reach / step) - 1, int((row.length_m + reach) / step) + 2)
    along = (first + numbers * step).astype(np.float64)
    along = along[(along >= row.start - reach) & (along <= row.end + reach)]
    slack = 0.5 * step if found.spacing is not None else 0.0
    inside = (along >= row.start - slack) & (along <= row.end + slack)
    if found.spacing is not None:
        vacant = ~_taken(found, along, points, step)
        along, inside = along[vacant], inside[vacant]
    places = row.at(along)
    searched = ground.holds(places)
    unseen = occupied * (1 - recalls)
    if found.spacing is not None:  # a tooth without a sighting holds an item less often than a tooth nobody looked at
        unseen /= 1 - occupied * recalls
    chance = np.where(searched, unseen[:, None], occupied[:, None])
    for away, of_side in ((row.start - along, along < row.start), (along - row.end, along > row.end)):
        side = np.flatnonzero(of_side & ~inside)
        side = side[np.argsort(away[side])]
        goes_on = _goes_on(
            away[side], row.length_m, miss=np.where(searched[side], 1 - (occupied * recalls)[:, None], 1)
        )
        chance[:, side] *= goes_on
    low, high = np.quantile(chance, [0.05, 0.95], axis=0)
    lever = (along - 0.5 * (row.start + row.end)) / row.length_m
    sigma = row.sigma_m * np.sqrt(1 + (1 + 12 * lever**2) / len(found.members))
    if found.spacing is not None:  # the comb's own error grows with the teeth from its middle
        low_m, high_m = found.spacing.interval
        sigma = np.hypot(sigma, (high_m - low_m) / 3.92 * np.abs(lever) * row.length_m / step)
    return Hazard(along, places[:, 0], places[:, 1], sigma, searched, ~inside, chance.mean(axis=0), low, high)


def _draws(found: FoundRow, recall: Recall, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return draws of the chance that a place holds an item, and of recall, given the members seen."""
    recalls = recall.draw(DRAWS, rng)
    seen = len(found.members) - 2  # a row ends at members whatever its density
    if found.spacing is not None:
        occupied = rng.random(DRAWS)
        empty = max(found.spacing.places - 2 - seen, 0)
        weight = xlogy(seen, occupied * recalls) + xlog1py(empty, -occupied * recalls)
    else:
        occupied = rng.gamma(seen + 0.5, 1 / found.row.length_m, DRAWS) / recalls * STEP_M
        weight = np.where(occupied <= STEP_M / LEAST_M, 0.0, -1e9)  # nothing is laid closer
        occupied = np.minimum(occupied, 0.999)
    odds = np.exp(weight - weight.max())
    drawn = rng.choice(DRAWS, KEPT, p=odds / odds.sum())
    return occupied[drawn], recalls[drawn]


def _taken(found: FoundRow, along: Array, points: Array, step: float) -> NDArray[np.bool_]:
    """Return at which teeth a member was seen: the nearest to each."""
    taken = np.zeros(len(along), np.bool_)
    for member in found.row.along_across(points[found.members])[0]:
        nearest = int(np.abs(along - member).argmin())
        taken[nearest] |= abs(along[nearest] - member) <= step / 2
    return taken


def _goes_on(away: Array, length: float, *, miss: Array) -> Array:
    """Return (K, P) chances that a row reaches each place, given that none was sighted there.

    Args:
        away: (P,) distances beyond the end, rising.
        length: Of the row.
        miss: (K, P) chance of no sighting at a place that the row reaches.
    """
    reaches = length / (length + away)
    ends_before = -np.diff(np.concatenate([[1.0], reaches]))
    unseen = np.concatenate([np.ones((len(miss), 1)), np.cumprod(miss, axis=1)], axis=1)
    mass = np.concatenate(
        [ends_before * unseen[:, :-1], (reaches[-1:] if len(away) else [1.0]) * unseen[:, -1:]], axis=1
    )
    at_least = np.cumsum(mass[:, ::-1], axis=1)[:, ::-1]
    return np.asarray(at_least[:, 1:] / at_least[:, :1], np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class HazardRaster:
    """Expected unseen items per hectare in cells of `CELL_M`, north up; NaN where no row tells of anything."""

    transform: Affine
    expected: Array
    low: Array
    high: Array


def hazard_raster(hazards: tuple[Hazard, ...]) -> HazardRaster:
    """Spread the places of all rows over cells, each as wide as it is uncertain.

    Raises:
        InputError: There is no row, or the rows lie too far apart for one raster.
    """
    if not hazards:
        msg = "no row was found, so that there is no hazard to map"
        raise InputError(msg)
    x, y, sigma = (np.concatenate([getattr(h, name) for h in hazards]) for name in ("x", "y", "sigma_m"))
    spread = np.hypot(sigma, CELL_M / 2)
    west, south = (int(np.floor((v - 4 * spread).min() / CELL_M)) for v in (x, y))
    east, north = (int(np.ceil((v + 4 * spread).max() / CELL_M)) for v in (x, y))
    shape = (north - south, east - west)
    if shape[0] * shape[1] > 50_000_000:
        msg = f"the rows spread over {shape[0]} x {shape[1]} cells of {CELL_M} m; look for patterns in parts of the run"
        raise InputError(msg)
    sums = np.zeros((3, *shape))
    values = [np.concatenate([getattr(h, name) for h in hazards]) for name in ("expected", "low", "high")]
    for n in range(len(x)):
        half = int(np.ceil(3 * spread[n] / CELL_M))
        row, col = int(north - y[n] // CELL_M) - 1, int(x[n] // CELL_M) - west
        rows = np.arange(max(row - half, 0), min(row + half + 1, shape[0]))
        cols = np.arange(max(col - half, 0), min(col + half + 1, shape[1]))
        from_x, from_y = (west + cols + 0.5) * CELL_M - x[n], (north - rows - 0.5) * CELL_M - y[n]
        weight = np.exp(-0.5 * (from_x[None] ** 2 + from_y[:, None] ** 2) / spread[n] ** 2)
        weight /= weight.sum()
        for k in range(3):
            sums[k, rows[:, None], cols] += values[k][n] * weight
    per_ha = sums * (10_000 / CELL_M**2)
    per_ha[:, per_ha[0] < LEAST_PER_HA] = np.nan
    return HazardRaster(Affine(CELL_M, 0, west * CELL_M, 0, -CELL_M, north * CELL_M), *per_ha)
