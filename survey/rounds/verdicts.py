"""What reviewers said of a run's sightings, as the posterior takes it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyproj
from numpy.typing import NDArray

from survey.errors import InputError
from survey.export.layers import detection_ids
from survey.review import FILE, Place, ReviewStore, Sightings, SiteCounts, carry_over, site_counts, standing, tile_at
from survey.risk import marks_of
from survey.rounds.basis import Basis

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """Of N sightings; empty where nobody reviewed."""

    verdict: NDArray[np.int8]
    """(N,) 1 confirmed, -1 rejected, 0 not known."""
    known_xy: Array
    """(M, 2) of items that reviewers saw and the run did not find."""
    known_error_m: Array
    known_mark: NDArray[np.intp]
    """(M,) place of the group, or `UNIDENTIFIED`."""
    known_class: tuple[str, ...]
    """(M,) as the reviewer called it; '' where nobody said."""
    counts: SiteCounts | None
    """Recall and false alarms from tiles drawn by chance; None without draws."""
    sha256: str | None
    """Of all decisions and draws."""
    decisions: int = 0

    @classmethod
    def none(cls, count: int) -> "Verdicts":
        """Return no verdicts on so many sightings."""
        nothing = np.empty(0, np.intp)
        return cls(np.zeros(count, np.int8), np.empty((0, 2)), np.empty(0), nothing, (), None, None)


def ids_of(basis: Basis) -> list[str]:
    """Return the id of each sighting, as the run's detections.gpkg has it."""
    d = basis.detections
    order = np.lexsort((d.y, d.x, -d.probability, basis.items))
    ids = np.empty(len(d), object)
    ids[order] = detection_ids(d.take(order))
    return [str(name) for name in ids]


def read_verdicts(path: Path, basis: Basis) -> Verdicts:
    """Read a store of decisions and carry them over to the sightings of a run.

    Args:
        path: `review.sqlite`, of this run or of another over the same ground.
        basis: Of the run.

    Raises:
        InputError: There is no such store, or it is damaged.
    """
    if path.name != FILE or not path.is_file():
        fault = "is no" if path.is_file() else "there is no such file: give a"
        msg = f"{path}: {fault} {FILE} as `survey review` keeps it in a run's folder"
        raise InputError(msg)
    with ReviewStore(path.parent, read_only=True) as store:
        decisions, draws = store.decisions(), store.draws()
    told = json.dumps([[asdict(d) for d in decisions], [asdict(d) for d in draws]], sort_keys=True, default=str)
    things = standing(decisions)
    d, ids = basis.detections, ids_of(basis)
    carried = carry_over(
        list(things.values()),
        Sightings(
            basis.searched.grid.crs,
            x=d.x,
            y=d.y,
            position_error_m=d.position_error_m,
            size_m=d.size_m,
            image_ids=[d.images[i] for i in d.image_index],
            detection_ids=ids,
        ),
    )
    own = [draw for draw in draws if draw.run_id == basis.run_id]
    counts = None
    if own:
        best = np.lexsort((d.y, d.x, -d.probability, basis.items))
        best = best[np.unique(basis.items[best], return_index=True)[1]]
        tiles = {ids[n]: tile_at(float(d.x[n]), float(d.y[n]), edge_m=own[0].edge_m) for n in best.tolist()}
        counts = site_counts(things, tiles, own, searched_ha=float(basis.searched.searched.sum()))
    missed = [thing.last.opinion for thing in carried.missed]
    labels = tuple(opinion.label or "" for opinion in missed)
    return Verdicts(
        carried.verdict,
        places_in(basis.searched.grid.crs, [opinion.place for opinion in missed]),
        np.array([opinion.place.position_error_m for opinion in missed], np.float64),
        marks_of(labels, np.arange(len(labels))),
        labels,
        counts,
        hashlib.sha256(told.encode()).hexdigest(),
        len(decisions),
    )


def places_in(crs: str, places: Sequence[Place]) -> Array:
    """Return (N, 2) x and y of places in a CRS."""
    out = np.empty((len(places), 2))
    for n, place in enumerate(places):
        if place.crs == crs:
            out[n] = place.x, place.y
        else:
            out[n] = pyproj.Transformer.from_crs(place.crs, crs, always_xy=True).transform(place.x, place.y)
    return out
