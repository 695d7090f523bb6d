"""`survey trace`: from a sighting or a place to everything that was made of it, with a hash at every step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
from pyproj.exceptions import CRSError

from survey.errors import ConfigError, InputError
from survey.evidence.explain import Explanation, Section
from survey.provenance import ground, steps
from survey.provenance.finished import FinishedRun, open_finished
from survey.provenance.imagery import find_imagery
from survey.provenance.linked import Linked, linked_steps
from survey.rounds.taken import TakenEvidence

NEAR_M = 2.0
"""Items this close to a place, or within three position errors of it, are told of it."""


@dataclass(frozen=True, slots=True)
class Folders:
    """What else was made of a run; None where it is not given."""

    plan: Path | None = None
    patterns: Path | None = None
    candidates: Path | None = None
    evidence: Path | None = None
    """Else the evidence that the risk was computed with, where it still lies as it was."""


def trace_detection(
    detection: str,
    *,
    run: Path,
    images: Sequence[Path] = (),
    folders: Folders | None = None,
    number: int | None = None,
) -> Explanation:
    """Walk from a sighting's pixel to the cell that it counts in, and on to what was planned there.

    Args:
        detection: Id of a sighting, or the first digits of one if no other begins with them.
        run: Folder of a finished run, or of one of its rounds.
        images: Where to look for the imagery before where it was.
        folders: What else was made of the run.
        number: Of the round; 0 is the run before any, None the latest.

    Raises:
        InputError: The run is not finished, or has no such sighting.
    """
    finished = open_finished(run, number)
    table = finished.sightings
    matching = table[table["detection_id"].str.startswith(detection)] if detection else table[:0]
    if len(matching) != 1:
        what = "no sighting has this id" if not len(matching) else f"{len(matching)} sightings' ids begin so"
        msg = f"{detection!r}: {what}; ids are in the layer detections of {run / 'products' / 'detections.gpkg'}"
        raise InputError(msg)
    row = matching.iloc[0]
    found = find_imagery(finished, elsewhere=images)
    sections = [
        steps.pixel(row, found),
        steps.part(finished, row),
        steps.sighting(row),
        steps.model(finished),
        steps.item(row, table),
        steps.verdicts(finished, table[table["item"] == row["item"]]),
        ground.cell(finished, row.geometry.x, row.geometry.y),
        *_linked(finished, (row.geometry.x, row.geometry.y), (int(row["item"]),), folders),
        ground.vouched(finished),
    ]
    return Explanation(f"Sighting {row['detection_id']} of run {finished.identity.run_id}", tuple(sections))


def trace_place(  # noqa: PLR0913 - the public entry point
    x: float,
    y: float,
    *,
    run: Path,
    crs: str | None = None,
    images: Sequence[Path] = (),
    folders: Folders | None = None,
    number: int | None = None,
) -> Explanation:
    """Walk from the pixels that show a place to the cell that holds it, and on to what was planned there.

    Args:
        x: East in metres of the run's CRS, or in units of `crs` (longitude first).
        y: North, likewise.
        run: Folder of a finished run.
        crs: CRS of the place, if another than the run's.
        images: Where to look for the imagery before where it was.
        folders: What else was made of the run.
        number: Of the round; 0 is the run before any, None the latest.

    Raises:
        ConfigError: `crs` is no CRS.
        InputError: The run is not finished, or the place lies outside its grid.
    """
    finished = open_finished(run, number)
    grid = finished.grid
    if crs is not None:
        try:
            x, y = pyproj.Transformer.from_crs(crs, grid.crs, always_xy=True).transform(x, y)
        except CRSError as error:
            msg = f"--crs {crs}: is no CRS; give a code such as EPSG:4326"
            raise ConfigError(msg) from error
    row, col = grid.cells_of(np.array([x]), np.array([y]))
    if not (0 <= row[0] < grid.rows and 0 <= col[0] < grid.cols):
        msg = (
            f"({x:.1f}, {y:.1f}) lies outside the run's cells in {grid.crs}; give a place in it, or its CRS with --crs"
        )
        raise InputError(msg)
    table = finished.sightings
    apart = np.hypot(table.geometry.x - x, table.geometry.y - y)
    near = table.assign(distance_m=apart)  # before the choice: an empty table would take over the other's rows
    near = near[apart <= np.maximum(NEAR_M, 3 * table["position_error_m"])]
    near = near.sort_values(["distance_m", "detection_id"])
    items = tuple(dict.fromkeys(int(n) for n in near["item"]))
    sections = [
        steps.place_pixels(finished, x, y, find_imagery(finished, elsewhere=images)),
        ground.ground(finished, x, y),
        steps.near(near),
        *([steps.verdicts(finished, table[table["item"].isin(items)])] if items else []),
        steps.model(finished),
        ground.cell(finished, x, y),
        *_linked(finished, (x, y), items, folders),
        ground.vouched(finished),
    ]
    return Explanation(f"Place {x:.2f} {y:.2f} ({grid.crs}) of run {finished.identity.run_id}", tuple(sections))


def _linked(
    run: FinishedRun, place: tuple[float, float], items: tuple[int, ...], folders: Folders | None
) -> Iterator[Section]:
    """Yield what other commands made of the run at a place."""
    given: dict[str, Any] = {} if folders is None else {n: getattr(folders, n) for n in Folders.__slots__}
    if given.get("evidence") is None and (taken := TakenEvidence.of(run.current.folder)) is not None:
        given["evidence"] = taken.folder()
    yield from linked_steps(Linked(run, *place, items), **given)
