"""Decisions handed on: taken in from another run, and written as layers to train on or to open in a GIS."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.errors import InputError
from survey.export import Layer, write_geopackage
from survey.review.decision import Kind
from survey.review.standing import Standing, standing
from survey.review.store import FILE, ReviewStore
from survey.review.travel import images_of, moved, placed


def take_in_decisions(run: Path, other: Path) -> str:
    """Add another run's decisions to a run's store, and say how many were new.

    Raises:
        InputError: The other run has no decisions, or a store is damaged.
    """
    if not (other / FILE).is_file():
        msg = f"{other / FILE}: no such file; name the folder of a run that was reviewed"
        raise InputError(msg)
    with ReviewStore(other, read_only=True) as source, ReviewStore(run) as store:
        told = source.decisions()
        new = store.take_in(told)
    return f"took in {new} of {len(told)} decisions of {other}"


def write_decisions(run: Path, out: Path) -> str:
    """Write what stands after review as a GeoPackage, and say what is in it.

    Its layers: `items` (confirmed, of another class, missed), `hard_negatives` (rejected), `unresolved` (unsure or
    disputed), all points with class and size; `reviewed_tiles`, the squares that were looked at as a whole.

    Raises:
        InputError: The run was not reviewed, or its store is damaged.
    """
    if not (run / FILE).is_file():
        msg = f"{run / FILE}: no such file; judge the run with `survey review {run}` first"
        raise InputError(msg)
    with ReviewStore(run, read_only=True) as store:
        things = sorted(standing(store.decisions()).values(), key=lambda t: t.subject)
    if not things:
        msg = f"{run / FILE}: no decision stands; judge the run with `survey review {run}` first"
        raise InputError(msg)
    crs = Counter(t.last.opinion.place.crs for t in things).most_common(1)[0][0]  # few come from a run in another zone
    points = [t for t in things if t.kind is not Kind.TILE]
    layers = [
        _points("items", [t for t in points if t.verdict > 0], crs),
        _points("hard_negatives", [t for t in points if t.verdict < 0], crs),
        _points("unresolved", [t for t in points if not t.verdict], crs),
        _tiles([t for t in things if t.kind is Kind.TILE and t.verdict], crs),
    ]
    write_geopackage(out, crs=crs, layers=layers, styles={})
    counts = ", ".join(f"{len(layer.geometry)} {layer.name.replace('_', ' ')}" for layer in layers)
    return f"{out}: {counts}"


def _points(name: str, things: Sequence[Standing], crs: str) -> Layer:
    told = [t.last.opinion for t in things]
    columns: dict[str, NDArray[np.generic]] = {
        "subject": _text([o.subject for o in told]),
        "status": _text(["disputed" if t.disputed else str(t.last.opinion.status) for t in things]),
        "class": _text([o.label or "" for o in told]),
        "size_m": np.array([o.size_m if o.size_m is not None else np.nan for o in told], np.float64),
        "position_error_m": np.array([o.place.position_error_m for o in told], np.float64),
        **_provenance(things),
    }
    return Layer(name, "Point", _wkb(shapely.points(placed(things, crs))), columns)


def _tiles(things: Sequence[Standing], crs: str) -> Layer:
    drawn = [shapely.from_wkt(t.last.opinion.geometry) for t in things]
    shapes = np.array([moved(s, t.last.opinion.place.crs, crs) for s, t in zip(drawn, things, strict=True)], object)
    return Layer(
        "reviewed_tiles", "Polygon", _wkb(shapes), {"tile": _text([t.subject for t in things]), **_provenance(things)}
    )


def _provenance(things: Sequence[Standing]) -> dict[str, NDArray[np.generic]]:
    return {
        "reviewers": _text(["; ".join(sorted({d.opinion.reviewer for d in t.opinions})) for t in things]),
        "decided_at": _text([t.last.decided_at for t in things]),
        "note": _text([t.last.opinion.note for t in things]),
        "model": _text([t.last.opinion.model for t in things]),
        "run_id": _text([t.last.opinion.run_id for t in things]),
        "images": _text(["; ".join(images_of(t)) for t in things]),
        "decision": _text([t.last.uid for t in things]),
    }


def _text(values: Sequence[str]) -> NDArray[np.object_]:
    return np.array(values, dtype=np.object_)


def _wkb(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    return np.asarray(shapely.to_wkb(np.asarray(shapes, dtype=object).reshape(-1)), dtype=np.object_)
