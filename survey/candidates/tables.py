"""What each proposal rests on, in words and numbers, and the layer that holds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.candidates.clusters import Together
from survey.candidates.config import CandidatesConfig
from survey.candidates.counts import interval
from survey.candidates.criteria import Criterion, Ground
from survey.candidates.inputs import Inputs
from survey.candidates.polygons import Outlines
from survey.evidence.groups import GROUP_WORDS
from survey.export import Layer
from survey.values import HECTARE_EDGE_M, ORDNANCE_GROUPS

_TOTAL = ""
_KINDS = {
    "minefield_records": "minefield records",
    "accidents": "accidents",
    "craters": "craters",
    "confrontation_lines": "confrontation lines",
    "trenches": "trenches",
    "expert_polygons": "areas drawn by experts",
}


@dataclass(frozen=True, slots=True, eq=False)
class _Hectares:
    """Hectares that a polygon's evidence lies in; smoothing its outline touches more."""

    row: NDArray[np.intp]
    col: NDArray[np.intp]
    outside: int
    """How many of them lie outside the run's grid."""


def rows_of(inputs: Inputs, ground: Ground, outlines: Outlines, rule: CandidatesConfig) -> list[dict[str, Any]]:
    """Return the columns of each proposal. The ids depend on kind and place alone."""
    searched = shapely.intersection(outlines.shape, inputs.searched)
    rows = []
    for kind, shape, seen in zip(outlines.kind, outlines.shape, searched, strict=True):
        corner = shape.representative_point()
        inside = shapely.contains_xy(shape, inputs.place[:, 0], inputs.place[:, 1])
        likely = inputs.probability >= rule.sighting_probability
        cells = _cells(ground, shape)
        enough = (ground.direct >= rule.cha_direct_weight) | (ground.total >= rule.sha_weight)
        within = _hectares(inputs, ground, cells[0], enough[cells[0]] & cells[1])
        held = [c for c in ground.criteria if (c.holds[cells[0]] & cells[1]).any()]
        area, seen_ha = shape.area / 10_000, seen.area / 10_000
        row: dict[str, Any] = {
            "candidate": f"{kind.split()[1]}-E{corner.x:.0f}N{corner.y:.0f}",
            "kind": kind,
            "status": "proposal",
            "basis": "",
            "area_ha": area,
            "searched_share": seen_ha / area,
            "not_searched_ha": max(0.0, area - seen_ha),
            "direct_weight": float((ground.direct[cells[0]] * cells[1]).max()),
            "indirect_weight": float(((ground.total - ground.direct)[cells[0]] * cells[1]).max()),
            "items_confirmed": int((inside & inputs.confirmed).sum()),
            "items_seen": int((inside & ~inputs.confirmed & likely).sum()),
            "items_seen_less_likely": int((inside & ~inputs.confirmed & ~likely).sum()),
            **_expected(inputs, within),
        }
        said = [_said(c, shape, inputs, within, rule, ground.together) for c in held]
        row["basis"] = f"{kind} by the rule of: {rule.standard}. {'; '.join(said)}"
        rows.append(row)
    return rows


def layer_of(rows: list[dict[str, Any]], outlines: Outlines, hashes: Mapping[str, str]) -> Layer:
    """Return the proposals as polygons, each with the hashes of what it was made from."""
    columns: dict[str, NDArray[np.generic]] = {}
    for name in _COLUMNS:
        values = [row[name] for row in rows]
        text, whole = name in _TEXT, name in _WHOLE
        columns[name] = np.array(values, dtype=np.object_ if text else np.int64 if whole else np.float64)
    for name in ("run", "round", "evidence", "patterns", "review", "rule"):
        columns[f"{name}_sha256"] = np.array([hashes.get(name)] * len(rows), dtype=np.object_)
    return Layer("candidates", "Polygon", np.asarray(shapely.to_wkb(outlines.shape), dtype=np.object_), columns)


def _expected(inputs: Inputs, within: _Hectares) -> dict[str, Any]:
    """Return the items of the hectares that a proposal's evidence lies in, whole hectares: risk speaks of those."""
    risk, at = inputs.risk, (within.row, within.col)
    flown = np.isfinite(risk["expected_items"][at])
    out: dict[str, Any] = {
        "hectares": len(flown) + within.outside,
        "hectares_not_flown": int((~flown).sum()) + within.outside,
    }
    for suffix in (_TOTAL, *(f"_{group}" for group in ORDNANCE_GROUPS)):
        bands = ("expected_items", "p_at_least_one", "q05", "q95")
        mean, some, low, high = (risk[f"{band}{suffix}"][at][flown] for band in bands)
        ends = interval(mean, 1 - some, low, high)
        key = f"hectares_items{suffix}"
        out |= {key: float(mean.sum()), f"{key}_q05": ends[0], f"{key}_q95": ends[1]}
    return out


def _hectares(inputs: Inputs, ground: Ground, cells: tuple[slice, slice], chosen: NDArray[np.bool_]) -> _Hectares:
    """Return the hectares that chosen cells of a window lie in."""
    grid, wide, per_edge = inputs.grid, ground.cells.hectares, ground.cells.per_edge
    row, col = np.nonzero(chosen)
    row = (row + cells[0].start) // per_edge - (wide.y_max - grid.y_max) // HECTARE_EDGE_M
    col = (col + cells[1].start) // per_edge - (grid.x_min - wide.x_min) // HECTARE_EDGE_M
    row, col = np.unique(np.column_stack([row, col]), axis=0).T
    known = (row >= 0) & (row < grid.rows) & (col >= 0) & (col < grid.cols)
    return _Hectares(row[known], col[known], int((~known).sum()))


def _cells(ground: Ground, shape: Any) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
    """Return the window of the cells around a polygon, and which of them it holds the centre of."""
    west, south, east, north = shape.bounds
    (first_col, last_col), (first_row, last_row) = ~ground.cells.transform * (
        np.array([west, east]),
        np.array([north, south]),
    )
    rows = slice(max(0, int(first_row)), min(ground.cells.height, int(last_row) + 1))
    cols = slice(max(0, int(first_col)), min(ground.cells.width, int(last_col) + 1))
    row, col = np.mgrid[rows, cols]
    x, y = ground.cells.transform * (col + 0.5, row + 0.5)
    return (rows, cols), shapely.contains_xy(shape, x, y)


def _said(
    criterion: Criterion, shape: Any, inputs: Inputs, within: _Hectares, rule: CandidatesConfig, together: Together
) -> str:
    ranked = f"({'direct' if criterion.direct else 'indirect'}, worth {criterion.weight:g})"
    at = (within.row, within.col)
    match criterion.kind:
        case "confirmed_item":
            near = _near(shape, inputs, inputs.confirmed, rule.confirmed_buffer_m)
            by = "review" if inputs.round is None else "review or found on the ground"
            return f"{_many(near, 'item')} confirmed by {by} within {rule.confirmed_buffer_m:g} m {ranked}"
        case "sighting":
            likely = ~inputs.confirmed & (inputs.probability >= rule.sighting_probability)
            count = _many(_near(shape, inputs, likely, rule.sighting_buffer_m), "unreviewed sighting")
            reach = f"within {rule.sighting_buffer_m:g} m"
            return f"{count} of probability {rule.sighting_probability:g} or more {reach} {ranked}"
        case "cluster":
            enough = together.enough(items=rule.cluster_items, sightings=rule.cluster_sightings)
            near = shapely.distance(shape, shapely.points(inputs.place)) <= rule.cluster_m
            most = int(np.argmax(np.where(enough & near, together.items, -1.0)))
            what = f"{together.sightings[most]} unreviewed sightings within {rule.cluster_m:g} m that stand for"
            return f"{what} {together.items[most]:.2g} expected items together, {rule.cluster_items:g} asked {ranked}"
        case "risk":
            group = criterion.name.removeprefix("risk_")
            p = inputs.risk[f"p_at_least_one_{group}"][at]
            level = dict(rule.risk_levels)[group]  # type: ignore[index]
            high = p[np.isfinite(p) & (p >= level) & (inputs.risk["searched_fraction"][at] > 0)]
            what = f"P(at least one of the group {GROUP_WORDS[group]}) of up to {high.max(initial=0.0):.2f}"
            return f"{what} in {_many(high.size, 'hectare')}, {level:g} asked {ranked}"
        case "row":
            return f"places along laid rows with {rule.row_items_per_ha:g} or more unseen items per hectare {ranked}"
        case _:
            layer = next(known for known in inputs.layers if known.name == criterion.name)
            added = float(layer.items_per_ha[at].max(initial=0.0))
            return f"{_KINDS[layer.kind]} '{layer.name}' add up to {added:.3g} items per hectare {ranked}"


def _near(shape: Any, inputs: Inputs, which: NDArray[np.bool_], reach_m: float) -> int:
    """Return how many of some items lie in a polygon or so near that they are evidence for it."""
    return int((shapely.distance(shape, shapely.points(inputs.place[which])) <= reach_m).sum())


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


_ITEMS = tuple(
    f"hectares_items{suffix}{end}"
    for suffix in (_TOTAL, *(f"_{group}" for group in ORDNANCE_GROUPS))
    for end in ("", "_q05", "_q95")
)
_TEXT = frozenset({"candidate", "kind", "status", "basis"})
_WHOLE = frozenset({"items_confirmed", "items_seen", "items_seen_less_likely", "hectares", "hectares_not_flown"})
_COLUMNS = (
    "candidate", "kind", "status", "basis", "area_ha", "searched_share", "not_searched_ha", "direct_weight",
    "indirect_weight", "items_confirmed", "items_seen", "items_seen_less_likely", "hectares", "hectares_not_flown",
    *_ITEMS,
)  # fmt: skip
