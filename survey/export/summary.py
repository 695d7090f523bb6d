"""The run in numbers, for people and for scripts."""

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from survey.files import write_bytes
from survey.values import COVERS, ORDNANCE_GROUPS, Detections, Risk, SearchedArea


def summarise(risk: Risk, *, searched: SearchedArea, detections: Detections, items: NDArray[np.intp]) -> dict[str, Any]:
    """Return the totals of a run as plain numbers; cells are a hectare each.

    Args:
        risk: Posterior of every cell.
        searched: Shares of each cell.
        detections: N sightings.
        items: (N,) item number of each sighting.
    """
    flown = np.isfinite(risk.p_at_least_one)
    best = np.lexsort((-detections.probability, items))
    best = best[np.unique(items[best], return_index=True)[1]]
    classes = np.bincount(detections.class_index[best], minlength=len(detections.classes))
    return {
        "area_ha": {
            "flown": float(searched.flown.sum()),
            "searched": float(searched.searched.sum()),
            "disturbed": float(searched.disturbed.sum()),
            "cover": _cover(searched),
        },
        "cells": int(flown.sum()),
        "detections": {
            "sightings": len(detections),
            "items": len(best),
            "items_by_class": {n: int(c) for n, c in zip(detections.classes, classes, strict=True)},
        },
        "grid": {"crs": risk.grid.crs, "x_min": risk.grid.x_min, "y_max": risk.grid.y_max, "shape": risk.grid.shape},
        "risk": {
            "expected_items": float(risk.expected_items[flown].sum(dtype=np.float64)),
            "expected_items_by_group": {
                group: float(getattr(risk, f"expected_items_{group}")[flown].sum(dtype=np.float64))
                for group in ORDNANCE_GROUPS
            },
            "highest_p_at_least_one": float(risk.p_at_least_one[flown].max()) if flown.any() else None,
            "highest_p_unseen": float(risk.p_unseen[flown].max()) if flown.any() else None,
        },
    }


def _cover(searched: SearchedArea) -> dict[str, float] | None:
    """Return the hectares under each cover, None where cover was not asked for."""
    if searched.cover is None:
        return None
    return {name: float(share.sum()) for name, share in zip(COVERS, searched.cover, strict=True)}


def write_summary(path: Path, *, summary: Mapping[str, Any]) -> None:
    """Write a plain mapping as JSON with sorted keys; numbers that are not finite become null.

    The content is the caller's: times do not belong in it, or two runs of the same input would differ.
    """
    text = json.dumps(_plain(summary), indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    write_bytes(path, text.encode() + b"\n")


def _plain(value: Any) -> Any:
    """Return a value that JSON knows; what it cannot hold is left for `json` to refuse by name."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and not isfinite(value) else value
