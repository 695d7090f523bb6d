"""Every geometry is checked before it leaves, and what was wrong with it is told."""

from dataclasses import dataclass, replace

import numpy as np

from survey.deliver.tables import IDS, Table
from survey.geometry import Failure, Fault, repair_features

_MAY_OVERLAP = frozenset({"images", "candidates"})
"""Flights overlap; overlaps between candidates are judged by who proposes them."""


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
    repaired = repair_features(table.ids, table.geometry, overlapping="keep", long_steps="keep")
    told = repaired.failures
    if table.name in _MAY_OVERLAP:
        told = tuple(f for f in told if f.fault is not Fault.OVERLAP)
    result = table.take(repaired.index, geometry=repaired.geometry)
    column = IDS.get(table.name, "")
    if column in table.columns:
        result = replace(result, columns={**result.columns, column: np.array(repaired.ids, dtype=object)})
    return Checked(result, told)
