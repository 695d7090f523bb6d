"""Which features may carry to other ground: told from the features' spread and signs block by block."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.prior.measures import auc_roc

Array = NDArray[np.float64]

LEAST_OF_EACH = 10
"""Contaminated and other cells that a block needs to have a sign of its own."""
PLACE = 1e-6
"""Share of a feature's variance inside blocks below which it has one value a block and names the place."""


def carrying(
    names: Sequence[str],
    values: Array,
    label: NDArray[np.bool_],
    blocks: NDArray[np.str_],
    *,
    elsewhere: Array | None = None,
) -> list[dict[str, Any]]:
    """Return for each feature what speaks for and against it on other ground.

    `within` is the share of its variance inside blocks; `blocks` how many blocks have enough cells of both kinds, and
    `agreeing` in how many of them it ranks the same way round; `auc_within` the mean AUC-ROC over them, by their
    contaminated cells; `shift` the AUC-ROC with which it alone tells rows of the other table from those of this one
    (0.5: not at all), and `beyond` the share of them outside this table's range. Labels of the other table are not
    looked at.

    Args:
        names: K features.
        values: (N, K).
        label: (N,).
        blocks: (N,).
        elsewhere: (M, K) of another table.
    """
    judged = [
        inside
        for inside in (blocks == name for name in np.unique(blocks))
        if min(label[inside].sum(), (~label[inside]).sum()) >= LEAST_OF_EACH
    ]
    return [
        {"column": name, **_inside(values[:, k], label, blocks, judged)}
        | (_outside(values[:, k], elsewhere[:, k]) if elsewhere is not None else {})
        for k, name in enumerate(names)
    ]


def _inside(
    value: Array, label: NDArray[np.bool_], blocks: NDArray[np.str_], judged: Sequence[NDArray[np.bool_]]
) -> dict[str, Any]:
    known = np.isfinite(value)
    total = float(np.var(value[known])) if known.any() else 0.0
    _, block, cells = np.unique(blocks[known], return_inverse=True, return_counts=True)
    left = value[known] - (np.bincount(block, value[known]) / cells)[block] if known.any() else value[known]
    aucs = [(auc_roc(value[m & known], label[m & known]), int(label[m & known].sum())) for m in judged]
    aucs = [(auc, weight) for auc, weight in aucs if np.isfinite(auc)]
    mean = float(np.average([a for a, _ in aucs], weights=[w for _, w in aucs])) if aucs else None
    return {
        "within": float(np.mean(left**2) / total) if total > 0 else None,
        "auc_within": mean,
        "blocks": len(aucs),
        "agreeing": sum((a - 0.5) * (mean - 0.5) > 0 for a, _ in aucs) if mean is not None else 0,
    }


def _outside(here: Array, there: Array) -> dict[str, Any]:
    a, b = here[np.isfinite(here)], there[np.isfinite(there)]
    other = np.append(np.zeros(len(a), np.bool_), np.ones(len(b), np.bool_))
    auc = auc_roc(np.append(a, b), other)
    return {
        "shift": auc if np.isfinite(auc) else None,
        "beyond": float(np.mean((b < a.min()) | (b > a.max()))) if len(a) and len(b) else None,
        "unknown": float(np.mean(~np.isfinite(there))) if len(there) else None,
    }
