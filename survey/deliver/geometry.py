"""Every geometry is checked before it leaves, and what was wrong with it is told."""

from dataclasses import dataclass, replace

import numpy as np

from survey.deliver.tables import IDS, Table
from survey.geometry import Failure, repair_features

_BY_THEMSELVES = frozenset({"images"})
"""Flights overlap, and two cameras on one grid have one footprint: nothing is wrong with that."""


@dataclass(frozen=True, slots=True, eq=False)
class Checked:
    """A layer that passes the checks, and what was wrong."""

    table: Table
    failures: tuple[Failure, ...]

    @property
    def changed(self) -> bool:
        """Whether the layer differs from what was read."""
        return any(not f.outcome.startswith("kept") for f in self.failures)


def checked(table: Table) -> Checked:
    """Repair or set aside what GICHD's geometry checks refuse; overlaps are told and kept, for people to judge."""
    groups = [slice(n, n + 1) for n in range(len(table))] if table.name in _BY_THEMSELVES else [slice(None)]
    index, ids, shapes, told = [], list[str](), list[object](), list[Failure]()
    for group in groups:
        given = np.arange(len(table))[group]
        found = repair_features(table.ids[group], table.geometry[group])
        index.append(given[found.index])
        ids += found.ids
        shapes += list(found.geometry)
        told += [replace(f, position=int(given[f.position])) for f in found.failures]
    geometry = np.empty(len(shapes), dtype=object)
    geometry[:] = shapes
    result = table.take(np.concatenate([np.empty(0, np.intp), *index]), geometry=geometry)
    column = IDS.get(table.name, "")
    if column in table.columns:
        result = replace(result, columns={**result.columns, column: np.array(ids, dtype=object)})
    return Checked(result, tuple(told))
