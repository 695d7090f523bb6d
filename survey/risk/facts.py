"""All that is known of single cells that were worked on."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from survey.risk.belief import Belief
from survey.risk.cells import CellEvidence
from survey.risk.groups import UNIDENTIFIED
from survey.risk.prior import PriorField
from survey.risk.superposition import steep
from survey.risk.work import Taught, Work

_NODES, _MOST_NODES, _MOST_GRADED = 8, 40, 16
"""Nodes of recall; every event adds half a node, or a quarter to each panel of graded ones."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class CellFacts:
    """All that is known of one cell."""

    shape: Array
    """(groups,)."""
    rate: Array
    """(groups,)."""
    p: Array
    """(nodes,) probability to sight an item on searched ground, at nodes of recall."""
    weight: Array
    """(nodes,)."""
    searched: float
    unresolved_ha: float
    """Searched ground whose false alarms the belief does not know of."""
    pieces: tuple[NDArray[np.intp], Array, Array]
    """Kind, area, searched area of its worked ground."""
    log_ratio: Array
    mark: NDArray[np.intp]
    confirmed: NDArray[np.bool_]
    kind: NDArray[np.intp]
    """The last four: of each sighting that was not found."""
    find_mark: NDArray[np.intp]
    find_kind: NDArray[np.intp]
    find_seen: NDArray[np.int8]
    known: NDArray[np.intp]
    """(groups,) items that were found and are still there."""


def facts_of(
    work: Work, evidence: CellEvidence, *, prior: PriorField, belief: Belief, cells: NDArray[np.intp], taught: Taught
) -> Iterator[CellFacts]:
    """Yield what is known of each cell."""
    curved = steep(evidence, prior, belief)
    nodes = cache(lambda graded, count: (belief.graded_nodes if graded else belief.nodes)(count))
    order = np.argsort(evidence.cell, kind="stable")
    pieces = np.argsort(work.cell, kind="stable")
    finds = np.argsort(work.find_cell, kind="stable")
    spans = [
        np.searchsorted(of[by], [cells, cells + 1]).T
        for of, by in ((evidence.cell, order), (work.cell, pieces), (work.find_cell, finds))
    ]
    for cell, s, w, f in zip(cells.tolist(), *spans, strict=True):
        k, a, d = order[s[0] : s[1]], pieces[w[0] : w[1]], finds[f[0] : f[1]]
        graded, events = bool(curved[cell]), len(k) + len(d)
        count = min(_NODES + events // 4, _MOST_GRADED) if graded else min(_NODES + (events + 1) // 2, _MOST_NODES)
        recall, weight = nodes(graded, count)
        known = np.isin(work.kind[a], taught.kinds)  # their false alarms are in the belief
        yield CellFacts(
            shape=prior.shape[cell],
            rate=prior.rate_ha[cell],
            p=evidence.detected(slice(cell, cell + 1), recall)[0],
            weight=weight,
            searched=float(evidence.searched_ha[cell]),
            unresolved_ha=max(float(evidence.searched_ha[cell] - work.searched_ha[a][known].sum()), 0.0),
            pieces=(work.kind[a], work.area_ha[a], work.searched_ha[a]),
            log_ratio=evidence.log_ratio[k],
            mark=evidence.mark[k],
            confirmed=evidence.confirmed[k],
            kind=work.at[k],
            find_mark=work.find_mark[d],
            find_kind=work.find_kind[d],
            find_seen=work.find_seen[d],
            known=np.bincount(work.find_mark[d][~work.find_removed[d]], minlength=UNIDENTIFIED),
        )
