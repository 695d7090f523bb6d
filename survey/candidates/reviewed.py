"""What reviewers decided, from their store or from the file that `survey review --export` writes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from survey.errors import InputError
from survey.export import read_layer
from survey.review import FILE, Decision, Kind, Opinion, Place, ReviewStore, Sightings, Standing, Status, standing
from survey.review import carry_over as carry
from survey.review.travel import placed

Array = NDArray[np.float64]
_LAYERS = {"items": (1, Kind.MISSED, Status.MISSED_ITEM), "hard_negatives": (-1, Kind.SIGHTING, Status.REJECTED)}
"""Verdict of what a layer of the file holds, and a kind and status that go with it: for places, any would do."""


@dataclass(frozen=True, slots=True, eq=False)
class Reviewed:
    """Decisions on N sightings, and items that reviewers saw and the search did not."""

    verdict: NDArray[np.int8]
    """(N,) 1 confirmed, -1 rejected, 0 not judged or not settled."""
    missed: Array
    """(M, 2) places."""


def read_review(path: Path, table: Any) -> Reviewed:
    """Read decisions and carry them over to the sightings of a run, as `survey risk` does.

    Args:
        path: `review.sqlite`, or a GeoPackage with the layers `items` (what is an item) and `hard_negatives`.
        table: The N sightings, all with a place.

    Raises:
        InputError: It is neither.
        SurveyError: A decision cannot be placed in the run's CRS.
    """
    if path.name == FILE and path.is_file():
        with ReviewStore(path.parent, read_only=True) as store:
            things = list(standing(store.decisions()).values())
    elif path.suffix == ".sqlite" or not path.is_file():
        msg = f"{path}: is no {FILE} and no file; name one, or write one with `survey review RUN --export FILE`"
        raise InputError(msg)
    else:
        things = [thing for layer in _LAYERS for thing in _things(path, layer)]
    crs = table.crs.to_string()
    shapes = np.asarray(table.geometry.array, dtype=object)
    carried = carry(
        things,
        Sightings(
            crs,
            x=np.asarray(shapely.get_x(shapes), np.float64),
            y=np.asarray(shapely.get_y(shapes), np.float64),
            position_error_m=table["position_error_m"].to_numpy(np.float64),
            size_m=table["size_m"].to_numpy(np.float64),
            image_ids=[str(name) for name in table["image_id"]],
            detection_ids=[str(name) for name in table["detection_id"]],
        ),
    )
    return Reviewed(carried.verdict, placed(carried.missed, crs))


def _things(path: Path, layer: str) -> Iterator[Standing]:
    """Yield what the rows of a layer say."""
    table = read_layer(path, layer)
    crs = table.crs.to_string()
    verdict, kind, status = _LAYERS[layer]
    for _, row in table.iterrows():
        size = float(row["size_m"])
        opinion = Opinion(
            kind,
            status,
            str(row["subject"]),
            Place(crs, row.geometry.x, row.geometry.y, float(row["position_error_m"])),
            reviewer="as exported",
            label=str(row["class"] or "anomaly"),
            size_m=size if size > 0 else None,
            seen={"images": str(row.get("images") or "").split("; ")},
        )
        decision = Decision(str(row["decision"]), str(row["decided_at"]), None, opinion)
        yield Standing(str(row["subject"]), kind, (decision,), verdict, disputed=False)
