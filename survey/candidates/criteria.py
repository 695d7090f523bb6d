"""Where each kind of evidence holds, cell by cell, and what the rule makes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize

from survey.candidates.clusters import Together, together
from survey.candidates.config import CandidatesConfig
from survey.candidates.inputs import Inputs
from survey.errors import InputError
from survey.values import HECTARE_EDGE_M, ORDNANCE_GROUPS, GroundGrid, HectareGrid

MOST_CELLS = 100_000_000
"""A tenth of a gigabyte for each criterion; beyond, coarser cells are asked for."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Criterion:
    """One kind of evidence, or one layer of it."""

    name: str
    """'confirmed_item', 'sighting', 'cluster', 'risk_ap' .. 'risk_uxo', 'row', or a layer's name."""
    kind: str
    """As the rule's weights call it."""
    direct: bool
    weight: float
    holds: Mask
    """(height, width) cells."""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The rule on cells."""

    cells: GroundGrid
    criteria: tuple[Criterion, ...]
    direct: NDArray[np.float32]
    """(height, width) worth of the direct evidence."""
    total: NDArray[np.float32]
    """Worth of direct and indirect evidence."""
    together: Together
    """What unreviewed sightings stand for together."""


def lay_out(inputs: Inputs, rule: CandidatesConfig) -> Ground:
    """Lay the evidence on cells and add up what it is worth. Of several layers of one kind each counts.

    The risk of a hectare holds on its searched ground only: on other ground it is the prior, which is no evidence. What
    is around items, along rows or in a layer's hectares holds wherever it lies.

    Raises:
        InputError: The run is too large for cells of this size.
    """
    cells = _cells(inputs.grid, rule)
    if cells.height * cells.width > MOST_CELLS:
        msg = f"cell_m: {cells.height} x {cells.width} cells of {rule.cell_m:g} m are too many; take coarser ones"
        raise InputError(msg)
    clusters = together(inputs, rule.cluster_m)
    criteria = tuple(c for c in _criteria(inputs, rule, cells, clusters) if c.weight > 0 and c.holds.any())
    direct, total = np.zeros((2, cells.height, cells.width), np.float32)
    for group in _each_once(criteria):
        worth = np.float32(group[0].weight)
        held = np.any([c.holds for c in group], axis=0)
        total += worth * held
        if group[0].direct:
            direct += worth * held
    return Ground(cells, criteria, direct, total, clusters)


def _each_once(criteria: Sequence[Criterion]) -> list[list[Criterion]]:
    """Return criteria that count once together: the groups' risks are one kind of evidence."""
    risks = [c for c in criteria if c.kind == "risk"]
    return [*([risks] if risks else []), *([c] for c in criteria if c.kind != "risk")]


def _criteria(inputs: Inputs, rule: CandidatesConfig, cells: GroundGrid, clusters: Together) -> list[Criterion]:
    likely = ~inputs.confirmed & (inputs.probability >= rule.sighting_probability)
    enough = clusters.enough(items=rule.cluster_items, sightings=rule.cluster_sightings)
    around: Mapping[str, Any] = {
        "confirmed_item": shapely.buffer(shapely.points(inputs.place[inputs.confirmed]), rule.confirmed_buffer_m),
        "sighting": shapely.buffer(shapely.points(inputs.place[likely]), rule.sighting_buffer_m),
        "cluster": shapely.buffer(shapely.points(inputs.place[enough]), rule.cluster_m),
        "row": np.array([shapely.buffer(inputs.row_cells, rule.row_buffer_m)], dtype=object),
    }
    held = {kind: burn(cells, shapes) for kind, shapes in around.items()}
    if rule.weight("sighting"):
        held["cluster"] &= ~held["sighting"]  # the same sightings once
    own = [
        Criterion(kind, kind, rule.classes[kind] == "direct", rule.weight(kind), holds)  # type: ignore[index]
        for kind, holds in held.items()
    ]
    searched = burn(cells, [inputs.searched], touched=False)
    for group in ORDNANCE_GROUPS:
        level = rule.risk_levels.get(group, 2.0)  # type: ignore[call-overload]
        with np.errstate(invalid="ignore"):
            high = inputs.risk[f"p_at_least_one_{group}"] >= level
        holds = _spread(high, inputs.grid, cells) & searched
        own.append(Criterion(f"risk_{group}", "risk", rule.classes["risk"] == "direct", rule.weight("risk"), holds))
    for layer in inputs.layers:
        least = layer.notable if rule.evidence_items_per_ha is None else rule.evidence_items_per_ha
        holds = _spread(layer.items_per_ha >= least, inputs.grid, cells)
        own.append(Criterion(layer.name, layer.kind, layer.direct, rule.weight(layer.kind), holds))
    return own


def _cells(grid: HectareGrid, rule: CandidatesConfig) -> GroundGrid:
    """Return cells over the run's hectares and as far around as evidence can reach."""
    reach = max(rule.confirmed_buffer_m, rule.sighting_buffer_m, rule.cluster_m, rule.row_buffer_m)
    more = ceil(reach / HECTARE_EDGE_M) + 2  # rows of `survey patterns` may leave the run's hectares
    edge = more * HECTARE_EDGE_M
    wide = HectareGrid(grid.crs, grid.x_min - edge, grid.y_max + edge, grid.rows + 2 * more, grid.cols + 2 * more)
    return GroundGrid(wide, round(HECTARE_EDGE_M / rule.cell_m))


def burn(cells: GroundGrid, shapes: Sequence[Any] | NDArray[np.object_], *, touched: bool = True) -> Mask:
    """Return the cells that shapes touch, or whose centres they hold."""
    full = [shape for shape in shapes if not shape.is_empty]
    size = (cells.height, cells.width)
    if not full:
        return np.zeros(size, np.bool_)
    burnt = rasterize(full, size, transform=cells.transform, all_touched=touched, dtype=np.uint8)
    return np.asarray(burnt, np.bool_)


def _spread(hectares: Mask, grid: HectareGrid, cells: GroundGrid) -> Mask:
    """Return the cells of chosen hectares."""
    out = np.zeros((cells.height, cells.width), np.bool_)
    row = (cells.hectares.y_max - grid.y_max) // HECTARE_EDGE_M * cells.per_edge
    col = (grid.x_min - cells.hectares.x_min) // HECTARE_EDGE_M * cells.per_edge
    fine = np.kron(hectares, np.ones((cells.per_edge, cells.per_edge), np.bool_))
    out[row : row + fine.shape[0], col : col + fine.shape[1]] = fine
    return out
